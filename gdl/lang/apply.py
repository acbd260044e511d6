"""Ops applied to values: literals adapt to their neighbours, types are inferred, mismatches become diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gdl.diagnostics import Edit
from gdl.errors import calls as call_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node, constant
from gdl.lang.context import Context, Frame, is_library
from gdl.lang.mismatch import explain
from gdl.lang.values import (
    POISON,
    Argument,
    Builtin,
    Function,
    Instance,
    Partial,
    Poisoned,
    Undecided,
    describe,
    is_static,
)
from gdl.ops.table import TABLE, Op, apply, bind_attrs, infer
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.match import Mismatch
from gdl.types.sizes import Poly
from gdl.types.tensor import DTYPE_CLASSES, DTYPES, TensorType, tensor

#: How the operators of the language are named in the op table.
OPERATORS = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "remainder", "@": "matmul",
    "**": "power", "==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater",
    ">=": "greater_equal", "and": "logical_and", "or": "logical_or",
}  # fmt: skip


#: What a node costs in evaluations, and each result of a composite op.
_NODE_COST, _EXPANDED_COST = 4, 50


def _results(type: TensorType | tuple[TensorType, ...]) -> int:
    return len(type) if isinstance(type, tuple) else 1


def apply_op(
    cx: Context,
    frame: Frame,
    entry: Op,
    inputs: Sequence[Argument],
    attrs: Mapping[str, Any],
    span: Span,
    shown: str = "",
) -> Any:
    """The node (or tuple of nodes, for some composites) of an op on evaluated arguments."""
    shown = shown or entry.name
    nodes = adapt(cx, frame, entry, inputs, span)
    given = dict(attrs)
    if entry.random and given.get("key"):
        cx.steered += 1
    elif entry.random:
        given["key"] = cx.key(frame.scope, frame.owner or entry.name)
    try:
        full = bind_attrs(entry, given)
        type, guards = infer(entry, [n.type for n in nodes], full)
        origin = (span, *frame.calls)
        if entry.expand is None:
            node = Node(entry.name, nodes, full, type, origin, frame.scope)
        else:
            node = apply(entry.name, nodes, full, origin=origin, scope=frame.scope)
    except Mismatch as mismatch:
        cx.fail(explain(entry, shown, mismatch, nodes, inputs, span), frame)
    cx.count(span, frame, _NODE_COST if entry.expand is None else _EXPANDED_COST * _results(type))
    cx.guard(guards, frame, span)
    if entry.random:
        cx.drawn.append(node)
    if len(nodes) > 1 and entry.elementwise and not is_library(span):
        _warn_if_larger(cx, shown, node, inputs, span)
    return node


def adapt(cx: Context, frame: Frame, entry: Op, inputs: Sequence[Argument], span: Span) -> list[Node]:
    """Every argument as a node; static ones take the dtype that their neighbours and the signature ask for."""
    patterns = _patterns(entry, len(inputs))
    dtypes: dict[str, str] = {}
    for pattern, argument in zip(patterns, inputs):
        if isinstance(argument.value, Node) and pattern not in DTYPES:
            dtypes.setdefault(pattern, argument.value.type.dtype)
    if _makes_float(entry, dtypes, [a.value for a in inputs]):
        inputs = [_as_float(cx, frame, a) for a in inputs]
        dtypes = dict.fromkeys(dtypes, "f32")
    for pattern, argument in zip(patterns, inputs):
        if pattern not in dtypes and "f32" in DTYPE_CLASSES.get(pattern, ()) and _has_float(argument.value):
            dtypes[pattern] = "f32"  # literals among themselves: 2 * [0.5, 1.5]
    nodes = []
    neighbour = next((a.span for a in inputs if isinstance(a.value, Node) and a.span), None)
    for pattern, argument in zip(patterns, inputs):
        wanted = pattern if pattern in DTYPES else dtypes.get(pattern)
        nodes.append(as_node(cx, frame, argument, wanted, pattern, neighbour))
        if pattern not in DTYPES:
            dtypes.setdefault(pattern, nodes[-1].type.dtype)
    return nodes


def _patterns(entry: Op, count: int) -> list[str]:
    params = entry.tensor_params
    if entry.variadic:
        return [params[0].type.dtype or "f32"] * count  # type: ignore[union-attr]
    return [p.type.dtype or "f32" for p in params[:count]]  # type: ignore[union-attr]


def _makes_float(entry: Op, dtypes: Mapping[str, str], values: Sequence[Any]) -> bool:
    """Whether integers become f32 next to a literal.

    They do where that loses nothing: u8, which is for storage, beside a fraction; and what `/` divides by a literal,
    for `/` gives a float anyway.
    """
    if not entry.elementwise or entry.signature.results[0].dtype not in ("n", "f") or "u8" not in dtypes.values():
        return (
            entry.dtype_rule is not None
            and any(isinstance(v, float) for v in values)
            and not {"f32", "f64"} & set(dtypes.values())
        )
    return any(isinstance(v, float) for v in values) or (entry.dtype_rule is not None and any(map(is_static, values)))


def _has_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, tuple) and any(map(_has_float, value)))


def _as_float(cx: Context, frame: Frame, argument: Argument) -> Argument:
    if isinstance(argument.value, Node) and not argument.value.type.is_float and argument.span is not None:
        cast = apply_op(cx, frame, TABLE["cast"], [argument], {"dtype": "f32"}, argument.span)
        return Argument(cast, argument.span, argument.name)
    return argument


def as_node(
    cx: Context,
    frame: Frame,
    argument: Argument,
    dtype: str | None = None,
    pattern: str = "t",
    neighbour: Span | None = None,
) -> Node:
    """A value as a tensor: a node as it is, a static number or list as a constant.

    `neighbour` is the place of the operand to which a literal adapts.
    """
    value, span = argument.value, argument.span
    if isinstance(value, Node):
        return value
    assert span is not None
    if value is POISON:
        raise Poisoned
    if isinstance(value, Poly):
        chosen = (
            dtype
            if dtype in ("f32", "f64", "i32", "i64")
            else "i64"
            if "i64" in DTYPE_CLASSES.get(pattern, ())
            else "f32"
        )
        return Node("size", (), {"size": value}, tensor(chosen), (span, *frame.calls), frame.scope)
    if isinstance(value, Undecided):
        return _undecided(cx, frame, value, span)
    if is_static(value) and value is not None and not isinstance(value, str):
        return _literal(cx, frame, value, span, dtype, pattern, neighbour)
    if isinstance(value, (Partial, Function, Op)):
        _fail_waiting(cx, frame, value, span)
    if isinstance(value, Builtin):
        cx.fail(call_errors.wrong_value(span, "a tensor", describe(value), f"call it: {value.name}(...)"), frame)
    if isinstance(value, tuple) and any(isinstance(v, Node) for v in value):
        cx.fail(call_errors.wrong_value(span, "one tensor", f"{len(value)} of them",
                                        "join them with concat([...], axis=0) or stack([...])"), frame)  # fmt: skip
    help = (
        f"apply it: {value.path}(x)" if isinstance(value, Instance) else "numbers and lists of numbers become tensors"
    )
    cx.fail(call_errors.wrong_value(span, "a tensor", describe(value), help), frame)


def _fail_waiting(cx: Context, frame: Frame, value: Partial | Function | Op, span: Span) -> None:
    callee = value.callee if isinstance(value, Partial) else value
    what = callee.definition.what if isinstance(callee, Function) else ""
    if what == "optimizer":
        help = "an optimizer stands in a train block: minimize loss with " + " ".join(span.text.split())
        cx.fail(call_errors.wrong_value(span, "a tensor", describe(callee), help), frame)
    label = value.name.lower() if what == "layer" else ""
    cx.fail(call_errors.waits_for_tensors(span, value.name, _first_tensor(value), label), frame)


def _first_tensor(value: Partial | Function | Op) -> str:
    callee = value.callee if isinstance(value, Partial) else value
    params = (
        callee.definition.params
        if isinstance(callee, Function)
        else callee.signature.params
        if isinstance(callee, Op)
        else ()
    )
    return next((p.name for p in params if isinstance(p.type, ast.TypeExpr)), "its arguments")


def _literal(
    cx: Context, frame: Frame, value: Any, span: Span, dtype: str | None, pattern: str, neighbour: Span | None
) -> Node:
    shape = list_shape(value)
    if shape is None:
        cx.fail(type_errors.ragged(span), frame)
    flat = flatten(value)
    if any(isinstance(v, Poly) for v in flat):
        return _sizes_as_node(cx, frame, flat, span, dtype)
    natural = (
        "bool"
        if flat and all(isinstance(v, bool) for v in flat)
        else "i64"
        if all(isinstance(v, int) for v in flat)
        else "f32"
    )
    if not flat:
        natural = "f32"
    if dtype is None:
        allowed = DTYPE_CLASSES.get(pattern, DTYPES)
        dtype = natural if natural in allowed else "f32"
    for v in flat:
        if not _fits(v, dtype):
            beside = " ".join(neighbour.text.split()) if neighbour else ""
            cx.fail(type_errors.literal_dtype(span, v, dtype, beside), frame)
    origin = (span, *frame.calls)
    node = constant(_converted(value, dtype), dtype, shape, origin=origin, scope=frame.scope)
    return node


def _undecided(cx: Context, frame: Frame, value: Undecided, span: Span) -> Node:
    """A comparison of sizes as a bool[], worked out when they are known."""
    both = [Argument(as_node(cx, frame, Argument(side, span), "i64"), span) for side in (value.left, value.right)]
    compared = apply_op(cx, frame, TABLE[OPERATORS[value.op]], both, {}, span)
    if not compared.type.rank:
        return compared
    return apply_op(cx, frame, TABLE["any" if value.op == "!=" else "all"], [Argument(compared, span)], {}, span)


def _sizes_as_node(cx: Context, frame: Frame, flat: list[Any], span: Span, dtype: str | None) -> Node:
    parts = [Argument(as_node(cx, frame, Argument(v, span), dtype or "i64"), span) for v in flat]
    return apply_op(cx, frame, TABLE["stack"], parts, {"axis": 0}, span)


#: Finite numbers from here on would become infinities.
_LARGEST = {"f32": 3.4028235677973362e38, "f64": 1.7976931348623157e308}


def _fits(value: Any, dtype: str) -> bool:
    if dtype == "bool" or isinstance(value, bool):
        return dtype == "bool" and isinstance(value, bool)
    if dtype in ("f32", "f64"):
        return isinstance(value, (int, float)) and not _LARGEST[dtype] < abs(value) < float("inf")
    limits = {"u8": (0, 255), "i32": (-(2**31), 2**31 - 1), "i64": (-(2**63), 2**63 - 1)}[dtype]
    return isinstance(value, int) and limits[0] <= value <= limits[1]


def _converted(value: Any, dtype: str) -> Any:
    if isinstance(value, tuple):
        return tuple([_converted(v, dtype) for v in value])
    return float(value) if dtype in ("f32", "f64") else value


def list_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of nested tuples, () for a number, None where they are ragged."""
    if not isinstance(value, tuple):
        return ()
    shapes = {list_shape(v) for v in value}
    if len(shapes) > 1 or None in shapes:
        return None
    return (len(value), *(shapes.pop() if shapes else ()))


def flatten(value: Any) -> list[Any]:
    if not isinstance(value, tuple):
        return [value]
    return [leaf for item in value for leaf in flatten(item)]


def _warn_if_larger(cx: Context, shown: str, node: Node, inputs: Sequence[Argument], span: Span) -> None:
    """W0303: operands of different rank that stretch each other are nearly always [n, 1] - [n]."""
    operands = node.inputs
    shapes = [operand.type.shape for operand in operands]
    counted = [i for i, operand in enumerate(operands) if operand.op not in ("constant", "size")]
    ranked = sorted(counted, key=lambda i: len(shapes[i]))
    if node.type.shape in shapes or len(ranked) < 2 or len(shapes[ranked[0]]) == len(shapes[ranked[-1]]):
        return
    texts = [a.span.text if a.span else "" for a in inputs]
    help, fix = "", ()
    flat, tall = ranked[0], ranked[-1]
    if len(shapes[tall]) == 2 and shapes[tall][1] == 1 and len(shapes[flat]) == 1:
        column = (texts[tall] if texts[tall].isidentifier() else f"({texts[tall]})") + "[:, 0]"
        place = inputs[tall].span
        fix = (Edit(place, column),) if place is not None else ()
        each = _written(shown, [column if i == tall else text for i, text in enumerate(texts)])
        is_row = [len(shape) == 1 for shape in shapes]
        pairs = _written(shown, [f"expand({t}, axis=0)" if row else t for t, row in zip(texts, is_row)])
        help = f"for one error per example write {each}. For all pairs say so: {pairs}"
    made = [None if n.is_leaf else next((s for s in n.origin if not is_library(s)), None) for n in operands]
    origins = type_errors.value_origins(*[(t, n.type, s) for t, n, s in zip(texts, operands, made)], at=span)
    types = _written(shown, [str(operand.type) for operand in operands])
    cx.warn(type_errors.larger_than_operands(span, types, len(operands), node.type, origins, help, fix))


def _written(shown: str, operands: Sequence[str]) -> str:
    """Operands with their operator, or in a call."""
    return f" {shown} ".join(operands) if shown in OPERATORS else f"{shown}({', '.join(operands)})"
