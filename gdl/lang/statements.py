"""Statements of a body: bindings, variables, nets, updates, static `for` and `if`, `require`, `return`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gdl.diagnostics import Edit
from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.apply import as_node, flatten
from gdl.lang.context import Context, Frame
from gdl.lang.declared import ABSENT, typed
from gdl.lang.scan import execute_next, execute_yield
from gdl.lang.tensors import declare_name, execute_net, execute_update, execute_variable
from gdl.lang.values import POISON, Argument, Function, Instance, Partial, Poisoned, describe
from gdl.ops.table import show_static
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.tensor import Dim

#: A `for` that runs longer than this is refused: it is unrolled into the graph.
MAX_ITERATIONS = 1_000_000


#: What is likely a slip of the pen: says where else the spoilt name is used. Other messages are long enough.
_HIDING = ("E0101", "E0103")


class Returned(Exception):
    """Carries a body's value out of nested `for` and `if`."""

    def __init__(self, value: Any):
        self.value = value


def run_body(cx: Context, frame: Frame, statements: Sequence[ast.Statement]) -> Any:
    """The value that the body returns, None without `return`. Raises Poisoned where a mistake spoils it."""
    foresee(frame, statements)
    try:
        run_statements(cx, frame, statements)
    except Returned as returned:
        return returned.value
    return None


def foresee(frame: Frame, statements: Sequence[ast.Statement]) -> None:
    """Note which names are bound further down, for uses that come before."""
    for statement in statements:
        for name in bound_names(statement):
            if name not in frame.names:
                frame.pending.setdefault(name, []).append(statement)


def bound_names(statement: ast.Statement) -> tuple[str, ...]:
    if isinstance(statement, ast.Bind):
        return statement.targets
    if isinstance(statement, (ast.Variable, ast.State, ast.Net, ast.Metric, ast.Placeholder)):
        return (statement.name,)
    return ()


def name_spans(statement: Any) -> tuple[Span, ...]:
    """Where the `bound_names` stand."""
    return statement.target_spans if isinstance(statement, ast.Bind) else (statement.name_span,)


def run_statements(cx: Context, frame: Frame, statements: Sequence[ast.Statement]) -> None:
    for statement in statements:
        execute(cx, frame, statement)


#: Names that mean something in every body and can't be given another meaning.
RESERVED = ("training", "none")


def execute(cx: Context, frame: Frame, statement: ast.Statement) -> None:
    """One statement, unless a forward use ran it already. A mistake poisons the names it binds."""
    if id(statement) in frame.done:
        frame.done.discard(id(statement))
        return
    names = bound_names(statement)
    for name in names:
        waiting = frame.pending.get(name)
        if waiting and waiting[0] is statement:
            _arrive(frame, name, waiting, statement)
    said = len(cx.diagnostics)
    frame.working.append((names[0] if names else "", statement))
    try:
        _refuse_reserved(cx, frame, statement, names)
        _carry_out(cx, frame, statement)
        if names and cx.seen is not None:
            for name, span in zip(names, name_spans(statement)):
                cx.note(span, frame.names.get(name, POISON))
    except Poisoned:
        for name in names or spoilt_names(statement):
            frame.names[name] = POISON
        if names:
            _note_later_uses(cx, said, names[0], statement)
        if frame.loop is not None:
            frame.loop.failed = True
        if frame.what != "program" and _decides_result(statement):
            raise
    finally:
        frame.working.pop()


def spoilt_names(statement: ast.Statement) -> Iterator[str]:
    """What an `if` or `for` that went wrong would have bound."""
    for inner in _inner(statement):
        yield from bound_names(inner)
        yield from spoilt_names(inner)


def _decides_result(statement: ast.Statement) -> bool:
    """Whether a body can't go on without the statement."""
    return isinstance(statement, (ast.Return, ast.Require)) or any(map(_decides_result, _inner(statement)))


def _inner(statement: ast.Statement) -> Sequence[ast.Statement]:
    if isinstance(statement, ast.If):
        return (*statement.body, *statement.orelse)
    return statement.body if isinstance(statement, ast.For) else ()


def _carry_out(cx: Context, frame: Frame, statement: ast.Statement) -> None:
    try:
        _FORMS[type(statement)](cx, frame, statement)
    except sizes.TooComplex:
        cx.fail(errors.size_too_complex(statement.span, sizes.MAX_PARTS), frame)


def _refuse_reserved(cx: Context, frame: Frame, statement: Any, names: Sequence[str]) -> None:
    for name in names:
        if name in RESERVED:
            cx.fail(name_errors.reserved(name_spans(statement)[names.index(name)], name), frame)


def _arrive(frame: Frame, name: str, waiting: list[ast.Statement], statement: ast.Statement) -> None:
    waiting.pop(0)
    if not waiting:
        del frame.pending[name]


def _note_later_uses(cx: Context, said: int, name: str, statement: ast.Statement) -> None:
    """One cause, one error: says on how many later lines the spoilt name is used."""
    if len(cx.diagnostics) == said or cx.diagnostics[said].code not in _HIDING:
        return
    text = re.sub(r"#[^\n]*|\"(\\.|[^\"\\\n])*\"", lambda m: " " * len(m.group()), statement.span.source.text)
    uses = {
        text.count("\n", 0, m.start())
        for m in re.finditer(rf"(?<![\w.]){re.escape(name)}\b", text)
        if m.start() >= statement.span.end
    }
    if uses:
        lines = "line; it is" if len(uses) == 1 else "lines; they are"
        note = f"`{name}` is used on {len(uses)} later {lines} not reported again"
        cx.diagnostics[said] = replace(cx.diagnostics[said], notes=(*cx.diagnostics[said].notes, note))


# ---- bindings ----------------------------------------------------------------------------------------------------


def _bind(cx: Context, frame: Frame, s: ast.Bind) -> None:
    value = cx.evaluate(frame, s.value)
    if len(s.targets) > 1:
        if not isinstance(value, tuple):
            cx.fail(errors.number_of_values(s.span, len(s.targets), 1), frame)
        if len(value) != len(s.targets):
            cx.fail(errors.number_of_values(s.span, len(s.targets), len(value)), frame)
        for name, each, span in zip(s.targets, value, s.target_spans or (s.span,) * len(s.targets)):
            _set(cx, frame, name, each, span)
        return
    if s.type is not None:
        value = _of_declared_type(cx, frame, s, value)
    if isinstance(value, Partial) and isinstance(value.callee, Function) and value.callee.definition.what == "layer":
        what, start = f"the layer {value.name} without its input", s.span.start
        help, fix = f"write net {s.targets[0]} = {s.value.span.text}", Edit(Span(s.span.source, start, start), "net ")
        cx.fail(name_errors.misplaced(s.value.span, what, "in a plain binding", help, (fix,)), frame)
    _set(cx, frame, s.targets[0], value, s.target_spans[0] if s.target_spans else s.span)


def _of_declared_type(cx: Context, frame: Frame, s: ast.Bind, value: Any) -> Node:
    assert s.type is not None
    declared = typed(cx, frame, s.type)
    node = as_node(cx, frame, Argument(value, s.value.span), declared.dtype)
    pairs = [pair for pair in zip(declared.dims, node.type.dims) if pair[0].size != pair[1].size]
    wrong = any(sizes.equal(a.size, b.size) is False for a, b in pairs)
    if wrong or declared.dtype != node.type.dtype or declared.rank != node.type.rank:
        cx.fail(type_errors.declared_type(s.value.span, s.targets[0], declared, node.type), frame)
    cx.guard([Guard(*pair) for pair in pairs], frame, s.span)
    return node


def _set(cx: Context, frame: Frame, name: str, value: Any, span: Span) -> None:
    if name in frame.states or isinstance(frame.names.get(name), Instance):
        help = f"a state changes when the step ends: update {name} = ..." if name in frame.states else ""
        cx.fail(name_errors.declared_twice(span, name, frame.spans.get(name), help), frame)
    if isinstance(value, Node) and not value.name and (not value.is_leaf or value.op == "constant"):
        value.name = name
    frame.names[name] = value
    frame.spans[name] = span
    if frame.members is not None and isinstance(value, (Node, Instance)):
        frame.members.setdefault(name, value)


def _return(cx: Context, frame: Frame, s: ast.Return) -> None:
    values, failed = [], False
    for expr in s.values:
        try:
            value = cx.evaluate(frame, expr)
            if not isinstance(value, Node) and not isinstance(value, tuple):
                value = as_node(cx, frame, Argument(value, expr.span))
            values.append(value)
        except Poisoned:
            failed = True
    if failed:
        raise Poisoned
    raise Returned(values[0] if len(values) == 1 else tuple(values))


def iterations(cx: Context, frame: Frame, s: ast.For) -> range:
    """The numbers that the variable of a `for` takes."""
    bounds = []
    for expr in (s.start, s.stop):
        value = cx.evaluate(frame, expr)
        if not isinstance(value, int) or isinstance(value, bool):
            cx.fail(
                errors.not_static(
                    expr.span, "the range of `for`", describe(value), "use numbers or hypers; over an axis use scan"
                ),
                frame,
            )
        bounds.append(value)
    if bounds[1] - bounds[0] > MAX_ITERATIONS:
        cx.fail(
            errors.bad_static(
                s.span,
                f"this `for` would run {bounds[1] - bounds[0]} times; the limit is {MAX_ITERATIONS}",
                "a `for` is unrolled; over an axis use scan",
            ),
            frame,
        )
    return range(bounds[0], bounds[1])


def _for(cx: Context, frame: Frame, s: ast.For) -> None:
    outer, said = frame.names.get(s.name, ABSENT), len(cx.diagnostics)
    for i in iterations(cx, frame, s):
        cx.count(s.span, frame)
        frame.names[s.name] = i
        run_statements(cx, frame, s.body)
        if len(cx.diagnostics) > said:
            break  # what is wrong the first time is told once
    if outer is ABSENT:
        frame.names.pop(s.name, None)
    else:
        frame.names[s.name] = outer


def _if(cx: Context, frame: Frame, s: ast.If) -> None:
    run_statements(cx, frame, s.body if cx.condition(frame, s.test, "the condition of `if`") else s.orelse)


def _require(cx: Context, frame: Frame, s: ast.Require) -> None:
    value = cx.evaluate(frame, s.test)
    op = None if isinstance(value, Node) else getattr(value, "op", None)
    if op == "==":
        pairs = zip(flatten(value.left), flatten(value.right))
        cx.guard([Guard(*[Dim(side, None, s.test.span) for side in pair]) for pair in pairs], frame, s.span)
        return
    if not isinstance(value, bool):
        cx.fail(
            errors.not_static(
                s.test.span,
                "what is required",
                f"`{value}`" if op else describe(value),
                "require is decided before running: compare sizes, hypers and numbers",
            ),
            frame,
        )
    if value:
        return
    text = _filled(cx, frame, s) if s.message else f"`{s.test.span.text}` does not hold{_operand_values(frame, s.test)}"
    where = frame.calls[0] if frame.calls else s.span
    cx.fail(
        errors.requirement(where, text, origin=s.span if where is not s.span and cx.is_users(s.span) else None),
        replace_calls(frame),
    )


def replace_calls(frame: Frame) -> Frame:
    """The frame of the caller, for blame: the requirement is the callee's, the mistake the caller's."""
    return Frame(frame.what, frame.library, {}, calls=frame.calls[1:])


def _operand_values(frame: Frame, test: ast.Expr) -> str:
    """`: n is 3`, for the names in a condition."""
    found = {}
    todo: list[Any] = [test]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and isinstance(frame.names.get(node.name), (int, float, str, sizes.Poly)):
            found[node.name] = show_static(frame.names[node.name])
        elif isinstance(node, ast.Chain):
            todo += [*[term.operand for term in reversed(node.rest)], node.first]
        elif isinstance(node, ast.Unary):
            todo.append(node.operand)
    return f": {', '.join(f'{name} is {value}' for name, value in found.items())}" if found else ""


def _filled(cx: Context, frame: Frame, s: ast.Require) -> str:
    """The text of a `require` with {names} replaced by their values."""

    def fill(m: re.Match[str]) -> str:
        value = frame.names.get(m.group(1), ABSENT)
        if isinstance(value, (tuple, bool)) or value is None:
            return show_static(value)
        return m.group() if value is ABSENT else str(value.type if isinstance(value, Node) else value)

    return re.sub(r"\{(\w+)\}", fill, s.message or "")


def _metric(cx: Context, frame: Frame, s: ast.Metric) -> None:
    node = as_node(cx, frame, Argument(cx.evaluate(frame, s.value), s.value.span))
    if not node.name and not node.is_leaf:
        node.name = s.name
    declare_name(frame, s.name, node, s.name_span)


def _placeholder(cx: Context, frame: Frame, s: ast.Placeholder) -> None:
    type = typed(cx, frame, s.type)
    if s.name not in cx.placeholders:
        cx.placeholders[s.name] = Node("input", (), {"name": s.name}, type, (s.name_span,), "", s.name)
    elif cx.placeholders[s.name].span != s.name_span:
        cx.fail(name_errors.declared_twice(s.name_span, s.name, cx.placeholders[s.name].span), frame)
    declare_name(frame, s.name, cx.placeholders[s.name], s.name_span)


def _elsewhere(cx: Context, frame: Frame, s: Any) -> None:
    """Declarations that were read before, blocks that are lowered after: all of them stand at the top level."""
    if not any(s is item for item in cx.main.statements):
        keyword = type(s).__name__.lower()
        cx.fail(
            name_errors.misplaced(
                s.span, f"`{keyword}`", "inside `if` or `for`", "move it to the top level of the file"
            ),
            frame,
        )


_FORMS: dict[type, Callable[[Context, Frame, Any], None]] = {
    ast.Bind: _bind,
    ast.Variable: execute_variable,
    ast.State: execute_variable,
    ast.Net: execute_net,
    ast.Update: execute_update,
    ast.Return: _return,
    ast.For: _for,
    ast.If: _if,
    ast.Require: _require,
    ast.Metric: _metric,
    ast.Placeholder: _placeholder,
    ast.Next: execute_next,
    ast.Yield: execute_yield,
    **{
        form: _elsewhere
        for form in (ast.Dim, ast.Hyper, ast.Data, ast.Train, ast.Eval, ast.Test, ast.Load, ast.Definition, ast.Import)
    },
}
