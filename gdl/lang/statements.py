"""Statements of a body: bindings, variables, nets, updates, static `for` and `if`, `require`, `return`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.apply import apply_op, as_node
from gdl.lang.bind import is_initializer
from gdl.lang.context import Context, Frame, PendingUpdate
from gdl.lang.scan import execute_next, execute_yield
from gdl.lang.values import POISON, Argument, Function, Instance, Partial, Poisoned, describe
from gdl.ops.table import TABLE, show_static
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.match import Bindings, Guard, Mismatch, build
from gdl.types.tensor import MAX_RANK, Dim, TensorType

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
            span = statement.target_spans[names.index(name)] if isinstance(statement, ast.Bind) else statement.name_span
            cx.fail(name_errors.reserved(span, name), frame)


def _arrive(frame: Frame, name: str, waiting: list[ast.Statement], statement: ast.Statement) -> None:
    waiting.pop(0)
    if not waiting:
        del frame.pending[name]


def _note_later_uses(cx: Context, said: int, name: str, statement: ast.Statement) -> None:
    """One cause, one error: says on how many later lines the spoilt name is used."""
    if len(cx.diagnostics) == said or cx.diagnostics[said].code not in _HIDING:
        return
    text = re.sub(r"#[^\n]*|\"(\\.|[^\"\\\n])*\"", lambda m: " " * len(m.group()), statement.span.source.text)
    uses = {text.count("\n", 0, m.start()) for m in re.finditer(rf"(?<![\w.]){re.escape(name)}\b", text) if m.start() >= statement.span.end}
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
        cx.fail(name_errors.misplaced(s.value.span, f"the layer {value.name} without its input", "in a plain binding",
                                      f"write net {s.targets[0]} = {s.value.span.text}"), frame)  # fmt: skip
    _set(cx, frame, s.targets[0], value, s.target_spans[0] if s.target_spans else s.span)


def _of_declared_type(cx: Context, frame: Frame, s: ast.Bind, value: Any) -> Node:
    assert s.type is not None
    declared = _typed(cx, frame, s.type)
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
    if isinstance(value, Node) and not value.name and not value.is_leaf:
        value.name = name
    frame.names[name] = value
    frame.spans[name] = span
    if frame.members is not None and isinstance(value, (Node, Instance)):
        frame.members.setdefault(name, value)


def declared_type(cx: Context, frame: Frame, expr: ast.TypeExpr) -> TensorType:
    """A type as declared, its symbols being what the names around it mean."""
    b = Bindings(statics=_Statics(cx, frame))  # type: ignore[arg-type]
    if expr.dtype in frame.dtypes:
        b.dtypes[expr.dtype] = TensorType(frame.dtypes[expr.dtype])
    elif expr.dtype in ("f", "n", "i", "t"):
        cx.fail(errors.bad_static(expr.span, f"`{expr.dtype}` stands for several dtypes; a tensor has one", "write f32"), frame)
    try:
        type = build(expr, b)
    except Mismatch as m:
        cx.fail(errors.bad_static(expr.span, m.text or "this is no size"), frame)
    if type.rank > MAX_RANK:
        cx.fail(errors.bad_static(expr.span, f"a tensor has at most {MAX_RANK} axes, got {type.rank}"), frame)
    for axis, dim in zip(expr.axes, type.dims):
        if isinstance(dim.size, int) and dim.size < 0:
            cx.fail(errors.bad_static(axis.span, f"a size can't be negative, got {dim.size}", "look at the hypers and dims that it is made of"), frame)
    dims = type.dims
    if frame.what != "program" and len(expr.axes) == len(dims):  # a parameter that is a number names no axis
        dims = tuple([d if a.label or not isinstance(d.size, int) else replace(d, label=None) for a, d in zip(expr.axes, dims)])
    return TensorType(type.dtype, dims, expr.dtype_span or expr.span)


class _Statics:
    """Sizes by name, looked up in a frame: what a declared type's symbols mean."""

    def __init__(self, cx: Context, frame: Frame):
        self.cx, self.frame = cx, frame

    def __getitem__(self, name: str) -> Any:
        from_frame = self.frame.names.get(name, _ABSENT)
        if from_frame is _ABSENT and name in self.frame.pending:
            from_frame = _ABSENT
        if from_frame is _ABSENT and self.frame.what in ("def", "layer", "optimizer"):
            from_frame = self.cx.top.names.get(name, _ABSENT) if self.frame.library is self.cx.main else _ABSENT
        if from_frame is POISON:
            raise Poisoned
        if from_frame is _ABSENT or isinstance(from_frame, (bool, Node, str, float)) or from_frame is None:
            raise _UnknownSize(name)
        return from_frame


class _UnknownSize(KeyError):
    pass


_ABSENT = object()


def _typed(cx: Context, frame: Frame, expr: ast.TypeExpr) -> TensorType:
    """`declared_type`, with unknown sizes told."""
    try:
        return declared_type(cx, frame, expr)
    except _UnknownSize as unknown:
        name = unknown.args[0]
        if name in cx.broken and frame.library is cx.main:
            raise Poisoned from None
        known = [n for n, v in {**cx.top.names, **frame.names}.items() if not isinstance(v, (Node, Instance, bool, str))]
        cx.fail(name_errors.unknown_size(_place_of(expr, name), name, name_errors.closest(name, known)), frame)


def _place_of(expr: ast.TypeExpr, name: str) -> Span:
    todo: list[Any] = [axis.size for axis in expr.axes]
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Name) and node.name == name:
            return node.span
        if isinstance(node, ast.Chain):
            todo += [node.first, *[t.operand for t in node.rest]]
        elif isinstance(node, ast.Call):
            todo += [a.value for a in node.args]
        elif isinstance(node, ast.Unary):
            todo.append(node.operand)
    return expr.span


# ---- declarations in bodies --------------------------------------------------------------------------------------


def _variable(cx: Context, frame: Frame, s: ast.Variable | ast.State) -> None:
    trained = isinstance(s, ast.Variable)
    if frame.what not in ("program", "layer", "optimizer") or (trained and frame.what == "optimizer"):
        what, help = ("a variable", "make it a layer") if trained else ("a state", "make it a layer")
        cx.fail(name_errors.misplaced(s.span, what, f"in {'an' if frame.what[0] in 'aeo' else 'a'} {frame.what}", help), frame)
    if s.name in frame.names and s.name in frame.spans:
        cx.fail(name_errors.declared_twice(s.name_span, s.name, frame.spans[s.name]), frame)
    type = _optimizer_type(cx, frame, s) or _typed(cx, frame, s.type)
    if trained and not type.is_float:
        cx.fail(type_errors.wrong_dtype(s.name_span, f"variable `{s.name}`", ("f32", "f64"), type,
                                        "only floats can be trained; a tensor that is kept but not trained is a state"), frame)  # fmt: skip
    leaf = cx.declare_variable(frame, s.name, type, lambda path: initial_value(cx, frame, s, type, path), trained, s.name_span)
    _declare(frame, s.name, leaf, s.name_span)
    if not trained:
        frame.states[s.name] = leaf


def _optimizer_type(cx: Context, frame: Frame, s: ast.Variable | ast.State) -> TensorType | None:
    """In an optimizer `f[...]` and `f32[...]` stand for the type of the variable that it trains."""
    if frame.what != "optimizer" or not any(isinstance(a.size, ast.Ellipsis_) for a in s.type.axes):
        return None
    like = next(v for v in frame.names.values() if isinstance(v, Node) and v.op == "variable")
    dtype = s.type.dtype or "f32"
    return TensorType(frame.dtypes.get(dtype, dtype), tuple([Dim(d.size) for d in like.type.dims]))


def _declare(frame: Frame, name: str, value: Any, span: Span) -> None:
    frame.names[name] = value
    frame.spans[name] = span
    if frame.members is not None:
        frame.members[name] = value


def initial_value(cx: Context, frame: Frame, s: ast.Variable | ast.State, type: TensorType, path: str) -> Node:
    """The graph of a variable's first value: an initializer gets shape and dtype from the variable."""
    body = Frame("def", frame.library, dict(frame.names), path, False, (*frame.calls,), owner="initial")
    value = _initializer_call(cx, body, s.init, type)
    span = s.init.span
    node = as_node(cx, body, Argument(value, span), type.dtype, "t")
    if node.type.dtype != type.dtype:
        if not (node.type.is_float and type.is_float):
            cx.fail(type_errors.declared_type(span, s.name, type, node.type, "its first value is"), frame)
        node = apply_op(cx, body, TABLE["cast"], [Argument(node, span)], {"dtype": type.dtype}, span)
    if node.type.rank == 0 and type.rank > 0:
        node = apply_op(cx, body, TABLE["broadcast_to"], [Argument(node, span)], {"shape": type.shape}, span)
    if node.type.shape != type.shape:
        cx.fail(type_errors.declared_type(span, s.name, type, node.type, "its first value is"), frame)
    return node


def _initializer_call(cx: Context, frame: Frame, init: ast.Expr, type: TensorType) -> Any:
    callee = cx.evaluate(frame, init.callee if isinstance(init, ast.Call) else init)
    if is_initializer(callee):
        return cx.initialise(frame, callee, init, type)
    return cx.evaluate(frame, init) if isinstance(init, ast.Call) else callee


def _net(cx: Context, frame: Frame, s: ast.Net) -> None:
    value = cx.evaluate(frame, s.value)
    if isinstance(value, Function) and value.definition.what == "layer":
        value = Partial(value, (), s.value.span)
    if isinstance(value, Instance):
        cx.fail(errors.wrong_value(s.value.span, "a new layer", describe(value), f"it has the name {value.path} already: use that, or a plain binding"), frame)
    if not (isinstance(value, Partial) and isinstance(value.callee, Function) and value.callee.definition.what == "layer"):
        cx.fail(errors.wrong_value(s.value.span, "a layer", describe(value), "as in net f = Dense(10); a value needs no `net`"), frame)
    if s.name in frame.names and s.name in frame.spans:
        cx.fail(name_errors.declared_twice(s.name_span, s.name, frame.spans[s.name]), frame)
    cx.make_instance(frame, value.callee, value.args, s.name, s.name_span)


def _update(cx: Context, frame: Frame, s: ast.Update) -> None:
    target = frame.states.get(s.name)
    if frame.what == "optimizer" and target is None:
        candidate = frame.names.get(s.name)
        target = candidate if isinstance(candidate, Node) and candidate.op == "variable" else None
    if frame.what == "scan":
        cx.fail(name_errors.misplaced(s.span, "`update`", "in a scan", "a state changes once a step: update it outside, by what the scan yields"), frame)
    if target is None:
        cx.fail(name_errors.not_updatable(s.name_span, s.name, _why_no_state(frame, s.name), frame.states), frame)
    if s.name in frame.updated:
        cx.fail(name_errors.updated_twice(s.name_span, s.name, frame.updated[s.name]), frame)
    frame.updated[s.name] = s.name_span
    node = as_node(cx, frame, Argument(cx.evaluate(frame, s.value), s.value.span), target.type.dtype)
    if node.type != target.type:
        if node.type.rank == 0 and node.type.dtype == target.type.dtype:
            node = apply_op(cx, frame, TABLE["broadcast_to"], [Argument(node, s.value.span)], {"shape": target.type.shape}, s.span)
        else:
            cx.fail(type_errors.declared_type(s.value.span, s.name, target.type, node.type, "its next value is"), frame)
    cx.updates.append(PendingUpdate(target, node))


def _why_no_state(frame: Frame, name: str) -> str:
    known = frame.names.get(name)
    if known is None:
        return "there is no state of this name"
    if known is POISON:
        raise Poisoned
    if isinstance(known, Node) and known.op == "variable":
        return "it is a variable, which only `minimize` changes"
    return f"it is {describe(known)}, no state"


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
            cx.fail(errors.not_static(expr.span, "the range of `for`", describe(value), "use numbers or hypers; over an axis use scan"), frame)
        bounds.append(value)
    if bounds[1] - bounds[0] > MAX_ITERATIONS:
        cx.fail(errors.bad_static(s.span, f"this `for` would run {bounds[1] - bounds[0]} times; the limit is {MAX_ITERATIONS}",
                                  "a `for` is unrolled; over an axis use scan"), frame)  # fmt: skip
    return range(bounds[0], bounds[1])


def _for(cx: Context, frame: Frame, s: ast.For) -> None:
    outer, said = frame.names.get(s.name, _ABSENT), len(cx.diagnostics)
    for i in iterations(cx, frame, s):
        cx.count(s.span, frame)
        frame.names[s.name] = i
        run_statements(cx, frame, s.body)
        if len(cx.diagnostics) > said:
            break  # what is wrong the first time is told once
    if outer is _ABSENT:
        frame.names.pop(s.name, None)
    else:
        frame.names[s.name] = outer


def _if(cx: Context, frame: Frame, s: ast.If) -> None:
    run_statements(cx, frame, s.body if cx.condition(frame, s.test, "the condition of `if`") else s.orelse)


def _require(cx: Context, frame: Frame, s: ast.Require) -> None:
    value = cx.evaluate(frame, s.test)
    op = None if isinstance(value, Node) else getattr(value, "op", None)
    if op == "==":
        cx.guard([Guard(Dim(value.left, None, s.test.span), Dim(value.right, None, s.test.span))], frame, s.span)
        return
    if not isinstance(value, bool):
        cx.fail(errors.not_static(s.test.span, "what is required", f"`{value}`" if op else describe(value),
                                  "require is decided before running: compare sizes, hypers and numbers"), frame)  # fmt: skip
    if value:
        return
    text = _filled(cx, frame, s) if s.message else f"`{s.test.span.text}` does not hold{_operand_values(frame, s.test)}"
    where = frame.calls[0] if frame.calls else s.span
    cx.fail(errors.requirement(where, text, origin=s.span if where is not s.span and cx.is_users(s.span) else None), replace_calls(frame))


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
        value = frame.names.get(m.group(1), _ABSENT)
        return m.group() if value is _ABSENT else str(value.type if isinstance(value, Node) else value)

    return re.sub(r"\{(\w+)\}", fill, s.message or "")


def _metric(cx: Context, frame: Frame, s: ast.Metric) -> None:
    node = as_node(cx, frame, Argument(cx.evaluate(frame, s.value), s.value.span))
    if not node.name and not node.is_leaf:
        node.name = s.name
    _declare(frame, s.name, node, s.name_span)


def _placeholder(cx: Context, frame: Frame, s: ast.Placeholder) -> None:
    type = _typed(cx, frame, s.type)
    if s.name not in cx.placeholders:
        cx.placeholders[s.name] = Node("input", (), {"name": s.name}, type, (s.name_span,), "", s.name)
    elif cx.placeholders[s.name].span != s.name_span:
        cx.fail(name_errors.declared_twice(s.name_span, s.name, cx.placeholders[s.name].span), frame)
    _declare(frame, s.name, cx.placeholders[s.name], s.name_span)


def _elsewhere(cx: Context, frame: Frame, s: Any) -> None:
    """Declarations that were read before, blocks that are lowered after: all of them stand at the top level."""
    if not any(s is item for item in cx.main.statements):
        keyword = type(s).__name__.lower()
        cx.fail(name_errors.misplaced(s.span, f"`{keyword}`", "inside `if` or `for`", "move it to the top level of the file"), frame)


_FORMS: dict[type, Callable[[Context, Frame, Any], None]] = {
    ast.Bind: _bind,
    ast.Variable: _variable,
    ast.State: _variable,
    ast.Net: _net,
    ast.Update: _update,
    ast.Return: _return,
    ast.For: _for,
    ast.If: _if,
    ast.Require: _require,
    ast.Metric: _metric,
    ast.Placeholder: _placeholder,
    ast.Next: execute_next,
    ast.Yield: execute_yield,
    **{form: _elsewhere for form in (ast.Dim, ast.Hyper, ast.Data, ast.Train, ast.Eval, ast.Test, ast.Load, ast.Definition, ast.Import)},
}
