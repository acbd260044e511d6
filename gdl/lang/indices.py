"""Indices held against the axes that they point into, where both are known before a number is computed."""

from __future__ import annotations

from collections.abc import Mapping

from gdl.diagnostics import Label
from gdl.errors import types as errors
from gdl.graph.node import Graph, Node, topological
from gdl.lang.context import Context, blame_caller
from gdl.lang.feeds import Bound
from gdl.ops.table import TABLE


def hold_indices_inside(cx: Context, graph: Graph, bound: Bound) -> None:
    """E0309 where the values that a field or constant is known to hold lie outside the axis that they count."""
    order = topological(graph.roots)
    reach = _reach(order, bound)
    for node in order:
        rule = TABLE[node.op].points_into if node.op in TABLE else None
        if rule is None:
            continue
        at, dim = rule(*[i.type for i in node.inputs], **node.attrs)
        found = reach.get(node.inputs[at])
        if found is None or not isinstance(dim.size, int) or (found[0] >= 0 and found[1] < dim.size):
            continue
        low, high, source = found
        labels = []
        if source.op == "input":
            name = source.attrs["name"]
            labels.append(
                Label(bound.field_span(name) or source.span, f"`{name}` holds {errors.shown_range(low, high)}")
            )
        elif source.span is not None:
            labels.append(Label(source.span, f"this can be {errors.shown_range(low, high)}"))
        if dim.origin is not None:
            labels.append(Label(dim.origin, f"{dim.size} comes from here"))
        cx.report(
            blame_caller(errors.outside_axis(node.span, low, high, dim.size, labels), node.origin[1:], cx.body_of)
        )


def _reach(order: list[Node], bound: Bound) -> Mapping[Node, tuple[int, int, Node]]:
    """The least and the greatest whole number that a node holds, and the node that they come from."""
    fields = bound.data.header.fields if bound.data is not None else {}
    inputs = {name for name, _ in bound.inputs}
    reach: dict[Node, tuple[int, int, Node]] = {}
    for node in order:
        if node.op == "input" and node.attrs["name"] in inputs:
            classes = fields[node.attrs["name"]].classes
            if classes:
                reach[node] = (0, classes - 1, node)
        elif node.op == "constant":
            values = _numbers(node.attrs["value"])
            if values and not node.type.is_float:
                reach[node] = (min(values), max(values), node)
        elif node.op in TABLE:
            known = TABLE[node.op].holds
            span = known(*[i.type for i in node.inputs], **node.attrs) if known is not None else None
            if span is not None:
                reach[node] = (*span, node)
            elif len(node.inputs) == 1 and node.inputs[0] in reach and _keeps_all(node):
                reach[node] = reach[node.inputs[0]]
    return reach


def _keeps_all(node: Node) -> bool:
    """Whether the result has every element of the input, whole numbers that stay what they are."""
    is_widened = node.op == "cast" and node.type.dtype in ("i32", "i64") and not node.inputs[0].type.is_float
    return is_widened or TABLE[node.op].keeps


def _numbers(value: object) -> list[int]:
    if isinstance(value, tuple):
        return [number for item in value for number in _numbers(item)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []
