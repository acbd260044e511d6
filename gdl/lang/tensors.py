"""What owns a value that lasts: `variable`, `state`, `net`, and the `update` of a state."""

from __future__ import annotations

from typing import Any

from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.apply import apply_op, as_node
from gdl.lang.bind import is_initializer
from gdl.lang.context import Context, Frame, PendingUpdate
from gdl.lang.declared import typed
from gdl.lang.values import POISON, Argument, Function, Instance, Partial, Poisoned, describe
from gdl.ops.table import TABLE
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.tensor import Dim, TensorType


def execute_variable(cx: Context, frame: Frame, s: ast.Variable | ast.State) -> None:
    trained = isinstance(s, ast.Variable)
    if frame.what not in ("program", "layer", "optimizer") or (trained and frame.what == "optimizer"):
        what, help = ("a variable", "make it a layer") if trained else ("a state", "make it a layer")
        cx.fail(
            name_errors.misplaced(s.span, what, f"in {'an' if frame.what[0] in 'aeo' else 'a'} {frame.what}", help),
            frame,
        )
    if s.name in frame.names and s.name in frame.spans:
        cx.fail(name_errors.declared_twice(s.name_span, s.name, frame.spans[s.name]), frame)
    type = _optimizer_type(cx, frame, s) or typed(cx, frame, s.type)
    if trained and not type.is_float:
        cx.fail(
            type_errors.wrong_dtype(
                s.name_span,
                f"variable `{s.name}`",
                ("f32", "f64"),
                type,
                "only floats can be trained; a tensor that is kept but not trained is a state",
            ),
            frame,
        )
    leaf = cx.declare_variable(
        frame, s.name, type, lambda path: initial_value(cx, frame, s, type, path), trained, s.name_span
    )
    declare_name(frame, s.name, leaf, s.name_span)
    if not trained:
        frame.states[s.name] = leaf


def _optimizer_type(cx: Context, frame: Frame, s: ast.Variable | ast.State) -> TensorType | None:
    """In an optimizer `f[...]` and `f32[...]` stand for the type of the variable that it trains."""
    if frame.what != "optimizer" or not any(isinstance(a.size, ast.Ellipsis_) for a in s.type.axes):
        return None
    like = next(v for v in frame.names.values() if isinstance(v, Node) and v.op == "variable")
    dtype = s.type.dtype or "f32"
    return TensorType(frame.dtypes.get(dtype, dtype), tuple([Dim(d.size) for d in like.type.dims]))


def declare_name(frame: Frame, name: str, value: Any, span: Span) -> None:
    frame.names[name] = value
    frame.spans[name] = span
    if frame.members is not None:
        frame.members[name] = value


def initial_value(cx: Context, frame: Frame, s: ast.Variable | ast.State, type: TensorType, path: str) -> Node:
    """The graph of a variable's first value: an initializer gets shape and dtype from the variable."""
    body = Frame("def", frame.library, dict(frame.names), path, False, (*frame.calls,), owner="initial")
    callee = cx.evaluate(body, s.init.callee if isinstance(s.init, ast.Call) else s.init)
    value = _initializer_call(cx, body, callee, s.init, type)
    span = s.init.span
    node = as_node(cx, body, Argument(value, span), type.dtype, "t")
    if node.type.dtype != type.dtype:
        if not (node.type.is_float and type.is_float):
            cx.fail(type_errors.declared_type(span, s.name, type, node.type, "its first value is"), body)
        node = apply_op(cx, body, TABLE["cast"], [Argument(node, span)], {"dtype": type.dtype}, span)
    if node.type.rank == 0 and type.rank > 0:
        node = apply_op(cx, body, TABLE["broadcast_to"], [Argument(node, span)], {"shape": type.shape}, span)
    if node.type.shape != type.shape:
        cx.fail(type_errors.declared_type(span, s.name, type, node.type, "its first value is"), body)
    return node


def _initializer_call(cx: Context, frame: Frame, callee: Any, init: ast.Expr, type: TensorType) -> Any:
    if is_initializer(callee):
        return cx.initialise(frame, callee, init, type)
    return cx.evaluate(frame, init) if isinstance(init, ast.Call) else callee


def execute_net(cx: Context, frame: Frame, s: ast.Net) -> None:
    value = cx.evaluate(frame, s.value)
    if isinstance(value, Function) and value.definition.what == "layer":
        value = Partial(value, (), s.value.span)
    if isinstance(value, Instance):
        cx.fail(
            errors.wrong_value(
                s.value.span,
                "a new layer",
                describe(value),
                f"it has the name {value.path} already: use that, or a plain binding",
            ),
            frame,
        )
    if not (
        isinstance(value, Partial) and isinstance(value.callee, Function) and value.callee.definition.what == "layer"
    ):
        cx.fail(
            errors.wrong_value(
                s.value.span, "a layer", describe(value), "as in net f = Dense(10); a value needs no `net`"
            ),
            frame,
        )
    if s.name in frame.names and s.name in frame.spans:
        cx.fail(name_errors.declared_twice(s.name_span, s.name, frame.spans[s.name]), frame)
    cx.require_statics(frame, value.callee, value.args, s.value.span)
    cx.make_instance(frame, value.callee, value.args, s.name, s.name_span)


def execute_update(cx: Context, frame: Frame, s: ast.Update) -> None:
    target = frame.states.get(s.name)
    if frame.what == "optimizer" and target is None:
        candidate = frame.names.get(s.name)
        target = candidate if isinstance(candidate, Node) and candidate.op == "variable" else None
    if frame.what == "scan":
        cx.fail(
            name_errors.misplaced(
                s.span,
                "`update`",
                "in a scan",
                "a state changes once a step: update it outside, by what the scan yields",
            ),
            frame,
        )
    if target is None:
        cx.fail(name_errors.not_updatable(s.name_span, s.name, _why_no_state(frame, s.name), frame.states), frame)
    if s.name in frame.updated:
        cx.fail(name_errors.updated_twice(s.name_span, s.name, frame.updated[s.name]), frame)
    frame.updated[s.name] = s.name_span
    node = as_node(cx, frame, Argument(cx.evaluate(frame, s.value), s.value.span), target.type.dtype)
    if node.type != target.type:
        if node.type.rank == 0 and node.type.dtype == target.type.dtype:
            node = apply_op(
                cx, frame, TABLE["broadcast_to"], [Argument(node, s.value.span)], {"shape": target.type.shape}, s.span
            )
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
