"""Indices held against the axes that they point into, where both are known before a number is computed."""

from __future__ import annotations

from collections.abc import Iterable

from gdl.diagnostics import Label
from gdl.errors import types as errors
from gdl.graph.node import Node
from gdl.lang.context import Context, blame_caller
from gdl.lang.feeds import Bound
from gdl.ops.table import TABLE
from gdl.types import sizes


def hold_indices_inside(cx: Context, nodes: Iterable[Node], bound: Bound) -> None:
    """E0309 where the values that a field or constant is known to hold lie outside the axis that they count."""
    for node in nodes:
        rule = TABLE[node.op].points_into if node.op in TABLE else None
        if rule is None:
            continue
        at, dim = rule(*[i.type for i in node.inputs], **node.attrs)
        size, found = sizes.substitute(dim.size, bound.sizes), _reach(node.inputs[at], bound)
        if found is None or not isinstance(size, int) or (found[0] >= 0 and found[1] < size):
            continue
        low, high, source = found
        labels = []
        if source.op == "input":
            name = source.attrs["name"]
            told = f"`{name}` holds {errors.shown_range(low, high)}"
            labels.append(Label(bound.field_span(name) or source.span, told))
        elif source.span is not None:
            labels.append(Label(source.span, f"this can be {errors.shown_range(low, high)}"))
        if dim.origin is not None:
            labels.append(Label(dim.origin, f"{size} comes from here"))
        cx.report(blame_caller(errors.outside_axis(node.span, low, high, size, labels), node.origin[1:], cx.body_of))


def _reach(node: Node, bound: Bound) -> tuple[int, int, Node] | None:
    """The least and the greatest whole number that a node holds, and the node that they come from."""
    while True:
        node = bound.values.get(node, node)
        if node.op == "input":
            classes = bound.classes(node.attrs["name"])
            return (0, classes - 1, node) if classes else None
        if node.op == "constant":
            values = _numbers(node.attrs["value"])
            return (min(values), max(values), node) if values and not node.type.is_float else None
        known = TABLE[node.op].holds if node.op in TABLE else None
        if known is not None:
            span = known(*[i.type for i in node.inputs], **node.attrs)
            return (*span, node) if span is not None else None
        if node.op not in TABLE or len(node.inputs) != 1 or not _keeps_all(node):
            return None
        (node,) = node.inputs


def _keeps_all(node: Node) -> bool:
    """Whether the result has every element of the input, whole numbers that stay what they are."""
    is_widened = node.op == "cast" and node.type.dtype in ("i32", "i64") and not node.inputs[0].type.is_float
    return is_widened or TABLE[node.op].keeps


def _numbers(value: object) -> list[int]:
    if isinstance(value, tuple):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []
