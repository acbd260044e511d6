"""`check`: text to a checked program with its procedures as graphs, or to diagnostics. Computes no number."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gdl.collection import uncollected
from gdl.diagnostics import Diagnostic
from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.errors import procedures as procedure_errors
from gdl.graph.node import Node
from gdl.lang.calls import call_initializer, make_instance, require_statics
from gdl.lang.context import Context, Frame
from gdl.lang.declarations import declare
from gdl.lang.expressions import evaluate, evaluate_condition
from gdl.lang.imports import unused
from gdl.lang.inline_tests import lower_examples, lower_test
from gdl.lang.lookup import is_known
from gdl.lang.modules import Loader
from gdl.lang.procedures import head, lower_eval, lower_load, lower_train
from gdl.lang.program import Eval, Load, Program, Save, Test, Train, covers
from gdl.lang.statements import execute, foresee, run_statements
from gdl.lang.uncalled import check_uncalled
from gdl.lang.values import Poisoned
from gdl.resources import open_source
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.docs import Example, examples_of
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.record import DataHeader, SourceCall

# What expressions, statements and calls need of each other: methods, for a context that held them would hold itself,
# and all that it made, until the collector comes.
Context.evaluate, Context.execute, Context.condition = evaluate, execute, evaluate_condition  # type: ignore[method-assign]
Context.make_instance, Context.initialise = make_instance, call_initializer  # type: ignore[method-assign]
Context.require_statics, Context.is_known = require_statics, is_known  # type: ignore[method-assign]

#: Python frames needed to evaluate expressions and calls at their deepest: MAX_NESTING and MAX_CALLS limit both.
_STACK = 20_000


@uncollected
def check(
    source: Source,
    *,
    hypers: Mapping[str, Any] | None = None,
    describe: Callable[[SourceCall], DataHeader],
    sources: Mapping[str, Any] | None = None,
    read: Callable[[Path], Source] = open_source,
    begun: Callable[[Context, ast.Module], None] = lambda cx, module: None,
    is_to_run: bool = True,
) -> tuple[Program | None, list[Diagnostic]]:
    """The checked program, None where it has errors, and everything there is to say about it.

    `hypers` override the program's defaults; `describe` reads the headers of its data sources, `sources` are those that
    exist by name. `read` gives the text of an imported file; `begun` is handed the context and the tree first. Not
    `is_to_run`: the program lacks what its optimizers make, which takes a fifth of the time.
    """
    cx, module = open_context(source, hypers or {}, describe, sources or {}, read=read)
    cx.is_to_run = is_to_run
    begun(cx, module)
    return _checked(cx, module, is_text=True)


def check_module(
    source: Source,
    module: ast.Module,
    given: Mapping[str, Any],
    *,
    hypers: Mapping[str, Any] | None = None,
    describe: Callable[[SourceCall], DataHeader],
    sources: Mapping[str, Any] | None = None,
) -> tuple[Program | None, list[Diagnostic]]:
    """As `check`, of items that were parsed before, maybe from many texts. `given` are names that nothing declares."""
    cx, module = open_context(source, hypers or {}, describe, sources or {}, module)
    cx.declared.update(given)
    return _checked(cx, module, is_text=False)


@uncollected
def check_examples(
    source: Source,
    *,
    hypers: Mapping[str, Any] | None = None,
    describe: Callable[[SourceCall], DataHeader],
    sources: Mapping[str, Any] | None = None,
) -> Program | None:
    """The examples in the doc comments of a program without mistakes, as its tests; None where it has none.

    They see what the program defines, imports and declares. Its own blocks have no part in it.
    """
    cx, module = open_context(source, hypers or {}, describe, sources or {})
    examples = examples_of(module)
    blocks = (ast.Train, ast.Eval, ast.Test, ast.Load)
    cx.main.statements = tuple([s for s in cx.main.statements if not isinstance(s, blocks)])
    return _checked(cx, module, is_text=False, examples=examples)[0] if examples else None


def _checked(
    cx: Context, module: ast.Module, is_text: bool, examples: Sequence[Example] = ()
) -> tuple[Program | None, list[Diagnostic]]:
    source = cx.main.source
    with deep_stack():
        program = _check(cx, module, examples)
    if is_text and not any(d.is_error for d in cx.diagnostics):
        cx.diagnostics += unused(module, source)
    found = _in_order(cx.diagnostics, source)
    return (None if any(d.is_error for d in found) else program), found


def open_context(
    source: Source,
    hypers: Mapping[str, Any],
    describe: Callable[[SourceCall], DataHeader],
    sources: Mapping[str, Any],
    module: ast.Module | None = None,
    read: Callable[[Path], Source] = open_source,
) -> tuple[Context, ast.Module]:
    """A context in which nothing is evaluated yet, and the tree of the text, unless that is given."""
    loader = Loader(read)
    main, module = loader.main(source, module)
    cx = Context(main, loader, hypers, describe, sources)
    cx.broken = module.broken
    for problem in loader.diagnostics:
        cx.report(problem)
    cx.unparsed = [d.span for d in loader.diagnostics if d.code.startswith("E00") and d.span is not None]
    return cx, module


def _check(cx: Context, module: ast.Module, examples: Sequence[Example]) -> Program:
    cx.remembers = cx.seen is None  # an editor wants to see each value
    data = declare(cx)
    tops: dict[bool, Frame] = {}
    trains: list[Train] = []
    evals: dict[str, Eval] = {}
    tests: list[Test] = []
    loads: list[Load] = []
    guards: list[tuple[Guard, tuple[Span, ...]]] = []
    statements = cx.main.statements
    trained = any(isinstance(s, ast.Train) for s in statements)
    for training in (True, False) if trained else (False,):
        cx.start_mode(training)
        foresee(cx.top, statements)
        run_statements(cx, cx.top, statements)
        tops[training] = cx.top
        guards += cx.guards
        if training:
            trains = _each(cx, ast.Train, lower_train)
        else:
            for found in _each(cx, ast.Eval, lower_eval):
                evals[found.name] = found
            tests = _each(cx, ast.Test, lower_test) + lower_examples(cx, examples)
            loads = _each(cx, ast.Load, lower_load, [s for item in statements for s in _with_loads(item)])
    check_uncalled(cx)
    _hold_procedures_together(cx, trains, evals, loads)
    return Program(
        source=cx.main.source, hypers=cx.hypers, data=data,
        placeholders={name: node.type for name, node in cx.placeholders.items()}, variables=cx.variables,
        layers=cx.layers, loads=tuple(loads), trains=tuple(trains), evals=evals, tests=tuple(tests),
        nodes={mode: {n: v for n, v in top.names.items() if isinstance(v, Node)} for mode, top in tops.items()},
        guards=tuple(dict.fromkeys(guards)), files=tuple(cx.loader.files),
    )  # fmt: skip


def _with_loads(item: ast.Item) -> Sequence[Any]:
    """A `load` in a train block holds for the program, as one outside does."""
    return item.body if isinstance(item, ast.Train) else (item,)


def _each(cx: Context, form: type, lower: Callable[..., Any], among: Sequence[Any] | None = None) -> list[Any]:
    found = []
    for item in cx.main.statements if among is None else among:
        if isinstance(item, form):
            try:
                found.append(lower(cx, item))
            except Poisoned:
                continue
            except sizes.TooComplex:
                cx.report(call_errors.size_too_complex(item.span, sizes.MAX_PARTS))
    return found


def _hold_procedures_together(
    cx: Context, trains: list[Train], evals: Mapping[str, Eval], loads: Sequence[Load]
) -> None:
    """What can be said only when all blocks are known: evals that run, values saved by, variables never trained."""
    declared = [s.name for s in cx.main.statements if isinstance(s, ast.Eval)]
    _hold_names_apart(cx)
    for at, train in enumerate(trains):
        trains[at] = train = replace(train, saves=tuple([_resolved(save, train, evals) for save in train.saves]))
        for run in train.runs:
            if run.eval not in declared:
                cx.report(procedure_errors.unknown_eval(run.span, run.eval, declared))  # type: ignore[arg-type]
        for save in train.saves:
            reported = [v.name for r in train.runs if r.eval in evals for v in evals[r.eval].values]
            if save.best is not None and save.best not in reported and all(r.eval in evals for r in train.runs):
                cx.report(procedure_errors.never_reported(save.span, save.best, reported))  # type: ignore[arg-type]
            measures = evals[save.best_eval].values if save.best_eval else ()
            if any(v.name == save.best and v.is_array for v in measures):
                cx.report(procedure_errors.best_of_an_array(save.span, save.best))  # type: ignore[arg-type]
    if trains and not any(d.is_error for d in cx.diagnostics):
        trained = {path for train in trains for path in trained_by(train.body)}
        for path, info in cx.variables.items():
            if not info.trained or path in trained:
                continue
            if any(load.freeze and covers(load.target, path) for load in loads):
                cx.variables[path] = replace(info, frozen=True)
            else:
                cx.report(procedure_errors.never_trained(info.span, path))


def _hold_names_apart(cx: Context) -> None:
    """E0102 for two blocks of one name."""
    first: dict[tuple[type, str | None], ast.Train | ast.Eval] = {}
    for item in cx.main.statements:
        if isinstance(item, (ast.Train, ast.Eval)):
            before = first.setdefault((type(item), item.name), item)
            if before is not item:
                name = item.name or "train"
                help = "" if item.name else "give the blocks names: train warmup { ... }"
                cx.report(
                    name_errors.declared_twice(
                        item.name_span or head(item), name, before.name_span or head(before), help
                    )
                )


def _resolved(save: Save, train: Train, evals: Mapping[str, Eval]) -> Save:
    """`save best NAME` with the eval that reports it: the share of a boolean metric is to grow, else to shrink."""
    for run in train.runs:
        for value in evals[run.eval].values if run.eval in evals else ():
            if value.name == save.best:
                return replace(save, best_eval=run.eval, larger_is_better=value.is_share)
    return save


def trained_by(body: tuple[Any, ...]) -> Iterator[str]:
    """Paths of the variables that the actions of a train block train."""
    for action in body:
        if hasattr(action, "body"):
            yield from trained_by(action.body)
        else:
            yield from action.variables


def _in_order(diagnostics: list[Diagnostic], source: Source) -> list[Diagnostic]:
    """By place in the text, the program's own file first."""

    def place(d: Diagnostic) -> tuple[bool, str, int]:
        return (
            d.span is None or d.span.source is not source,
            d.span.source.name if d.span else "",
            d.span.start if d.span else 0,
        )

    return sorted(diagnostics, key=place)


@contextmanager
def deep_stack() -> Iterator[None]:
    """Room for the deepest expression that the named limits allow."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _STACK))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
