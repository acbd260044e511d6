"""Checking a program as a whole: its text, its gradients, and the checkpoints that it loads. Needs no numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gdl.autodiff import Kinds, expand, is_certain
from gdl.collection import uncollected
from gdl.diagnostics import Diagnostic, Label
from gdl.errors import CheckpointError, DataError, GdlError, ProgramError
from gdl.errors import checkpoint as errors
from gdl.errors.data import not_to_be_had
from gdl.graph.node import Graph
from gdl.lang import check
from gdl.lang.check import check_examples as find_examples
from gdl.lang.context import Context
from gdl.lang.program import Action, Computation, Load, Program, Repeat, Test
from gdl.resources import is_file_name, open_source
from gdl.source import Source
from gdl.syntax import ast
from gdl.train import checkpoint
from gdl.train.data import SOURCES, DataOptions, describe
from gdl.train.variables import model_types
from gdl.types.record import DataHeader, SourceCall


@dataclass(frozen=True)
class Checked:
    """A program's text with all that the checker says of it. `lowered` is None where there are errors; its graphs may
    hold requests for gradients."""

    source: Source
    lowered: Program | None
    diagnostics: tuple[Diagnostic, ...]

    @cached_property
    def program(self) -> Program | None:
        """The program with its gradients worked out. Checking has said that they can be; else ProgramError says why."""
        if self.lowered is None:
            return None
        program, wrong = expanded_gradients(self.lowered)
        if wrong:
            raise ProgramError(*wrong)
        return program

    def require(self) -> Program:
        """The program. Raises the errors where there are any, as `error_of` classes them."""
        if self.program is None:
            raise error_of(self.diagnostics)
        return self.program


def error_of(diagnostics: Sequence[Diagnostic]) -> GdlError:
    """The errors among the diagnostics: DataError or CheckpointError where all are of that kind, else ProgramError."""
    wrong = [d for d in diagnostics if d.is_error]
    if all(d.code.startswith("E061") for d in wrong):
        return DataError(*wrong)
    if all(d.code.startswith("E07") for d in wrong):
        return CheckpointError(*wrong)
    return ProgramError(*wrong)


def check_program(
    source: Source,
    options: DataOptions,
    hypers: Mapping[str, Any] | None = None,
    absent: frozenset[str] = frozenset(),
) -> Checked:
    """The program of a text, its hypers set. `absent` are data sources, as called, that turned out not to be there."""
    return Checked(source, *_checked(source, options, hypers, absent))


def diagnose(
    source: Source,
    options: DataOptions,
    hypers: Mapping[str, Any] | None = None,
    read: Callable[[Path], Source] = open_source,
    begun: Callable[[Context, ast.Module], None] = lambda cx, module: None,
) -> tuple[Diagnostic, ...]:
    """What `check_program` says of a text, sooner: nothing is made that only a run needs. For `read` and `begun` see
    `gdl.lang.check`."""
    return _checked(source, options, hypers, read=read, begun=begun, is_to_run=False)[1]


@uncollected
def _checked(
    source: Source, options: DataOptions, hypers: Mapping[str, Any] | None, absent: frozenset[str] = frozenset(),
    **how: Any,
) -> tuple[Program | None, tuple[Diagnostic, ...]]:  # fmt: skip
    def header(call: SourceCall) -> DataHeader:
        if str(call) in absent:
            raise not_to_be_had(str(call), ["it could not be fetched"])
        return describe(call, options)

    program, diagnostics = check(source, hypers=hypers or {}, describe=header, sources=SOURCES, **how)
    found = list(diagnostics)
    if program is not None:
        wrong = wrong_gradients(program) + _wrong_loads(program, options)
        found += [d for d in wrong if d not in found]
        program = None if wrong else program
    return program, tuple(found)


def check_examples(source: Source, options: DataOptions) -> Checked | None:
    """The examples in the doc comments of a program without mistakes, as its tests: what is wrong in one is a failure
    of that one. None where it has none."""

    def one(test: Test) -> Test:
        try:
            return replace(test, computation=replace(test.computation, graph=expand(test.computation.graph)))
        except ProgramError as error:
            nothing = Computation(Graph(()), (), ())
            return replace(test, computation=nothing, expectations=(), failures=error.diagnostics)

    program = find_examples(source, describe=lambda call: describe(call, options), sources=SOURCES)
    return program and Checked(source, replace(program, tests=tuple(map(one, program.tests))), ())


# ---- gradients ---------------------------------------------------------------------------------------------------


def wrong_gradients(program: Program) -> list[Diagnostic]:
    """What is wrong with a program's gradients. They are taken only where something may be."""
    graphs: list[Graph] = []

    def noted(computation: Computation) -> Computation:
        graphs.append(computation.graph)
        return computation

    _each_computation(program, noted)
    kinds: Kinds = {}
    return [] if all(is_certain(graph, kinds) for graph in graphs) else expanded_gradients(program)[1]


def expanded_gradients(program: Program) -> tuple[Program, list[Diagnostic]]:
    """The program with its gradients worked out, and what is wrong with them."""
    wrong: dict[Diagnostic, None] = {}

    def one(computation: Computation) -> Computation:
        try:
            return replace(computation, graph=expand(computation.graph))
        except ProgramError as error:
            wrong.update(dict.fromkeys(error.diagnostics))
            return computation

    return _each_computation(program, one), list(wrong)


def _each_computation(program: Program, change: Callable[[Computation], Computation]) -> Program:
    """The program with its graphs changed. Those of nodes that no procedure uses are shown as well."""
    trains = tuple([replace(train, body=_each_minimize(train.body, change)) for train in program.trains])
    evals = {name: replace(block, computation=change(block.computation)) for name, block in program.evals.items()}
    tests = tuple([replace(test, computation=change(test.computation)) for test in program.tests])
    for nodes in program.nodes.values():
        change(Computation(Graph(tuple(nodes.values())), (), ()))
    return replace(program, trains=trains, evals=evals, tests=tests)


def _each_minimize(body: tuple[Action, ...], change: Any) -> tuple[Action, ...]:
    def changed(action: Action) -> Action:
        if isinstance(action, Repeat):
            return replace(action, body=_each_minimize(action.body, change))
        return replace(action, computation=change(action.computation))

    return tuple([changed(action) for action in body])


# ---- checkpoints that the program loads --------------------------------------------------------------------------


def find_checkpoint(load: Load, options: DataOptions) -> Path:
    """The file that a `load` names: beside the program, else below the current folder."""
    if not is_file_name(load.file):
        raise errors.unreadable(load.file[:100], "that is no file name")
    folders = [folder for folder in (options.program_dir, Path.cwd()) if folder is not None]
    paths = [folder / load.file for folder in folders]
    return next((path for path in paths if path.is_file()), paths[-1])


def fit_checkpoint(program: Program, load: Load, path: Path, peek: checkpoint.Peek) -> Mapping[str, str]:
    """Variable -> tensor of the file, for all variables of the load's target. Errors: CheckpointError, E0701."""
    match = checkpoint.fit(model_types(program), peek.types, load.maps, load.target)
    if match.is_complete and match.total:
        return match.pairs
    hypers = {name: hyper.value for name, hyper in program.hypers.items()}
    saved = peek.meta.get("hypers")
    raise CheckpointError(errors.does_not_fit(
        load.span, load.file, len(match.pairs), match.total, match.rows,
        target=load.target, program_hypers=hypers, file_hypers=saved if isinstance(saved, dict) else {},
    ))  # fmt: skip


def _wrong_loads(program: Program, options: DataOptions) -> list[Diagnostic]:
    return [diagnostic for load in program.loads for diagnostic in _wrong_load(program, load, options)]


def _wrong_load(program: Program, load: Load, options: DataOptions) -> Iterator[Diagnostic]:
    try:
        path = find_checkpoint(load, options)
        fit_checkpoint(program, load, path, checkpoint.peek(path))
    except GdlError as error:
        for diagnostic in error.diagnostics:
            labels = diagnostic.labels or ((Label(load.file_span),) if load.file_span else ())
            yield replace(diagnostic, labels=labels)
