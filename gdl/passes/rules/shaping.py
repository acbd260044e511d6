"""Moves of elements that undo each other or move nothing, and sums of what repeats."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from gdl.graph.node import Node
from gdl.passes.rules.rule import Make, Rule, scalar, splat
from gdl.types.match import normal_axes


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
    if _leads_with_ones(x, node):
        return make("reshape", (x,), shape=node.type.shape)
    if x.op == "reshape" and _leads_with_ones(x.inputs[0], x):
        return make("broadcast_to", x.inputs, shape=node.type.shape)
    return None


def _leads_with_ones(x: Node, longer: Node) -> bool:
    return longer.type.shape == (1,) * (longer.type.rank - x.type.rank) + x.type.shape


def broadcast_number(node: Node, make: Make) -> Node | None:
    """A number broadcast is `full` of it."""
    return _full(node, splat(node.inputs[0]), make)


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


def sum_of_one(node: Node, make: Make) -> Node | None:
    """A sum over no axes is x, over axes of size 1 a reshape of it."""
    (x,) = node.inputs
    if any(x.type.shape[a] != 1 for a in normal_axes(node.attrs["axis"], x.type.rank)):
        return None
    return make("reshape", (x,), shape=node.type.shape)


def sum_of_negative(node: Node, make: Make) -> Node | None:
    """sum(-x) = -sum(x), but for the sign of a zero"""
    (x,) = node.inputs
    return make("negative", (make("sum", x.inputs, **node.attrs),)) if x.op == "negative" else None


def sum_of_repeated(node: Node, make: Make) -> Node | None:
    """The sum over an axis of n equal elements is n times the element: to rounding."""
    (repeated,) = node.inputs
    summed = normal_axes(node.attrs["axis"], repeated.type.rank)
    value = splat(repeated)
    if value is not None:
        count = prod([repeated.type.shape[a] for a in summed])
        return _full(node, value * count, make) if isinstance(count, int) and node.type.is_float else None
    if repeated.op != "broadcast_to":
        return None
    (x,) = repeated.inputs
    new = repeated.type.rank - x.type.rank  # axes before those of x
    over = [a for a in summed if a < new or (x.type.shape[a - new] == 1 and repeated.type.shape[a] != 1)]
    count = prod([repeated.type.shape[a] for a in over])
    if not over or not isinstance(count, int) or 0 in repeated.type.shape:
        return None
    # What remains: x without its repetition, summed over the axes that did not repeat, in the shape of the result.
    inner = make("sum", (x,), axis=tuple([a - new for a in summed if a >= new]), keepdims=True)
    once = [1 if a in summed else size for a, size in enumerate(repeated.type.shape)]
    spread = make("broadcast_to", (make("multiply", (inner, scalar(count, x))),), shape=tuple(once))
    return make("reshape", (spread,), shape=node.type.shape)


def _full(node: Node, value: float | None, make: Make) -> Node | None:
    """`full` of a value in the shape of the node, where its float attribute can hold the value."""
    if value is None or (not node.type.is_float and float(value) != value):
        return None
    if not node.type.rank:
        return scalar(value, node)
    return make("full", (), shape=node.type.shape, value=float(value), dtype=node.type.dtype)


def view_of_full(node: Node, make: Make) -> Node | None:
    """Any part or arrangement of equal elements is `full` of them."""
    (x,) = node.inputs
    return _full(node, splat(x), make) if x.op == "full" else None


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
    "sum": (sum_of_one, sum_of_negative, sum_of_repeated),
}
