"""Indexing as NumPy writes it: integers, slices, `...`, `none` for a new axis, and one integer tensor to gather by."""

from __future__ import annotations

from typing import Any

from gdl.errors import calls as call_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.apply import apply_op, as_node
from gdl.lang.context import Context, Frame
from gdl.lang.values import Argument, describe
from gdl.ops.table import TABLE
from gdl.syntax import ast
from gdl.types.sizes import Poly


def index_value(cx: Context, frame: Frame, value: Any, expr: ast.Index) -> Any:
    """`value[items]` for a tensor, a static list, or the several results of a call."""
    if isinstance(value, tuple) and len(expr.items) == 1:
        picked = _static_index(cx, frame, value, expr)
        if picked is not NotImplemented:
            return picked
    node = as_node(cx, frame, Argument(value, expr.value.span))
    items = [_item(cx, frame, item) for item in expr.items]
    gathers = [i for i, item in enumerate(items) if isinstance(item, Node)]
    if not gathers:
        return _sliced(cx, frame, node, tuple(items), expr)
    if len(gathers) > 1:
        cx.fail(
            call_errors.bad_static(
                expr.span, "one index can be a tensor, not several", "gather along one axis after the other"
            ),
            frame,
        )
    return _gathered(cx, frame, node, items, gathers[0], expr)


def _static_index(cx: Context, frame: Frame, value: tuple[Any, ...], expr: ast.Index) -> Any:
    item = expr.items[0]
    if isinstance(item, ast.Slice):
        bounds = [None if b is None else cx.evaluate(frame, b) for b in (item.start, item.stop, item.step)]
        if all(b is None or isinstance(b, int) for b in bounds) and bounds[2] != 0:
            return value[slice(*bounds)]
        return NotImplemented
    if isinstance(item, ast.Ellipsis_):
        return NotImplemented
    at = cx.evaluate(frame, item)
    if not isinstance(at, int) or isinstance(at, bool):
        return NotImplemented
    if not -len(value) <= at < len(value):
        cx.fail(type_errors.index_error(expr.span, f"index {at} is outside a list of {len(value)}"), frame)
    return value[at]


def _item(cx: Context, frame: Frame, item: ast.Expr) -> Any:
    """One entry of an index as the op `slice` takes it, or a node to gather by."""
    if isinstance(item, ast.Ellipsis_):
        return "..."
    if isinstance(item, ast.Slice):
        bounds = [None if b is None else _bound(cx, frame, b) for b in (item.start, item.stop, item.step)]
        if bounds[2] == 0:
            cx.fail(
                type_errors.index_error(
                    item.span, "the step of a slice can't be 0", help="x[::2] takes every second element"
                ),
                frame,
            )
        return ("slice", *bounds)
    value = cx.evaluate(frame, item)
    if value is None:
        return "new"
    if isinstance(value, (int, Poly)) and not isinstance(value, bool):
        return value
    node = as_node(cx, frame, Argument(value, item.span), None, "t")
    if node.type.dtype not in ("i32", "i64"):
        help = (
            "where(mask, x, 0) keeps the shape" if node.type.dtype == "bool" else f"convert it: i64({item.span.text})"
        )
        cx.fail(type_errors.wrong_dtype(item.span, "an index", ("i64", "i32"), node.type, help), frame)
    return node


def _bound(cx: Context, frame: Frame, expr: ast.Expr) -> Any:
    value = cx.evaluate(frame, expr)
    if value is None or (isinstance(value, (int, Poly)) and not isinstance(value, bool)):
        return value
    cx.fail(
        call_errors.not_static(
            expr.span,
            "the bound of a slice",
            describe(value),
            "slices have fixed bounds; gather(x, indices) takes what a tensor names",
        ),
        frame,
    )


def _sliced(cx: Context, frame: Frame, node: Node, items: tuple[Any, ...], expr: ast.Index) -> Node:
    return apply_op(cx, frame, TABLE["slice"], [Argument(node, expr.value.span)], {"index": items}, expr.span, "[...]")


def _gathered(cx: Context, frame: Frame, node: Node, items: list[Any], at: int, expr: ast.Index) -> Any:
    if any(item == "..." for item in items[:at]):
        axis = at - len(items)
    else:
        axis = sum(1 for item in items[:at] if item != "new" and not isinstance(item, int))
    rest = [("slice", None, None, None) if isinstance(i, Node) else i for i in items]
    if any(i != ("slice", None, None, None) for i in rest):
        node = _sliced(cx, frame, node, tuple(rest), expr)
    arguments = [Argument(node, expr.value.span), Argument(items[at], expr.items[at].span)]
    return apply_op(cx, frame, TABLE["gather"], arguments, {"axis": axis}, expr.span, "[...]")
