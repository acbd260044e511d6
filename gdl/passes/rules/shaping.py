"""Moves of elements that undo each other or move nothing. Exact."""

from __future__ import annotations

from collections.abc import Mapping

from gdl.graph.node import Node
from gdl.passes.rules.rule import Make, Rule, scalar, splat


def same_shape(node: Node, make: Make) -> Node | None:
    """A reshape or broadcast to the shape that x has already is x."""
    (x,) = node.inputs
    return x if x.type.shape == node.type.shape else None


def twice(node: Node, make: Make) -> Node | None:
    """reshape(reshape(x, a), b) = reshape(x, b); broadcast_to likewise"""
    (inner,) = node.inputs
    return make(node.op, inner.inputs, shape=node.type.shape) if inner.op == node.op else None


def new_axes_only(node: Node, make: Make) -> Node | None:
    """A broadcast that only adds leading axes of size 1 is a reshape; after such a reshape it is a broadcast of x."""
    (x,) = node.inputs
    if leads_with_ones(x, node):
        return make("reshape", (x,), shape=node.type.shape)
    if x.op == "reshape" and leads_with_ones(x.inputs[0], x):
        return make("broadcast_to", x.inputs, shape=node.type.shape)
    return None


def leads_with_ones(x: Node, longer: Node) -> bool:
    """Whether a shape is another's with new axes of size 1 in front."""
    return longer.type.shape == (1,) * (longer.type.rank - x.type.rank) + x.type.shape


def broadcast_number(node: Node, make: Make) -> Node | None:
    """A number broadcast is `full` of it."""
    return full_of(node, splat(node.inputs[0]), make)


def transposed_twice(node: Node, make: Make) -> Node | None:
    """transpose(transpose(x, a), b) is one transpose, or x"""
    (x,) = node.inputs
    order = _order(node)
    if order == tuple(range(len(order))):
        return x
    if x.op != "transpose":
        return None
    inner = _order(x)
    return make("transpose", x.inputs, axes=tuple([inner[a] for a in order]))


def whole_slice(node: Node, make: Make) -> Node | None:
    """x[:, ...] = x"""
    everything = all(e == "..." or (isinstance(e, tuple) and e[1:] in _WHOLE) for e in node.attrs["index"])
    return node.inputs[0] if everything else None


_WHOLE = ((None, None, None), (None, None, 1), (0, None, None), (0, None, 1))


def full_of(node: Node, value: float | None, make: Make) -> Node | None:
    """`full` of a value in the shape of the node, where its float attribute can hold the value."""
    if value is None or (not node.type.is_float and float(value) != value):
        return None
    if not node.type.rank:
        return scalar(value, node)
    return make("full", (), shape=node.type.shape, value=float(value), dtype=node.type.dtype)


def view_of_full(node: Node, make: Make) -> Node | None:
    """Any part or arrangement of equal elements is `full` of them."""
    (x,) = node.inputs
    return full_of(node, splat(x), make) if x.op == "full" else None


def _order(node: Node) -> tuple[int, ...]:
    rank, axes = node.type.rank, node.attrs["axes"]
    if axes is None:
        return tuple(reversed(range(rank)))
    return tuple([a % rank for a in (axes if isinstance(axes, tuple) else (axes,))])


SHAPING: Mapping[str, tuple[Rule, ...]] = {
    "reshape": (same_shape, twice),
    "broadcast_to": (same_shape, twice, broadcast_number, new_axes_only),
    "transpose": (transposed_twice,),
    "slice": (whole_slice,),
}
