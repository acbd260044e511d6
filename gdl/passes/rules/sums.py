"""Sums of little, of what repeats, and of what has a common factor."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from gdl.graph.node import Node
from gdl.passes.rules.rule import Make, Rule, either_way, scalar, splat
from gdl.passes.rules.shaping import full_of
from gdl.types.match import normal_axes


def sum_of_one(node: Node, make: Make) -> Node | None:
    """A sum over no axes is x, over axes of size 1 a reshape of it."""
    (x,) = node.inputs
    if any(x.type.shape[a] != 1 for a in normal_axes(node.attrs["axis"], x.type.rank)):
        return None
    return make("reshape", (x,), shape=node.type.shape)


def plain_sum(node: Node, make: Make) -> Node | None:
    """A sum that names its axes from the front and drops them, reshaped: so that equal sums look equal."""
    (x,) = node.inputs
    axes = normal_axes(node.attrs["axis"], x.type.rank)
    if node.attrs["axis"] == axes and not node.attrs["keepdims"]:
        return None
    return make("reshape", (make("sum", (x,), axis=axes, keepdims=False),), shape=node.type.shape)


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
        return full_of(node, value * count, make) if isinstance(count, int) and node.type.is_float else None
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


def sum_of_multiple(node: Node, make: Make) -> Node | None:
    """sum(a * x) = a * sum(x) where a does not vary on the summed axes: to rounding, of finite numbers"""
    (product,) = node.inputs
    if product.op != "multiply":
        return None
    for a, x in either_way(product.inputs):
        if _varies_elsewhere(a, node):
            return make("multiply", (_without_axes(a, node, make), _summed(x, node, make)))
    return None


def sum_of_quotient(node: Node, make: Make) -> Node | None:
    """sum(x / a) = sum(x) / a where a does not vary on the summed axes: to rounding, of finite numbers"""
    (quotient,) = node.inputs
    if quotient.op != "divide":
        return None
    x, a = quotient.inputs
    if x.type.dtype != quotient.type.dtype or not _varies_elsewhere(a, node):
        return None
    return make("divide", (_summed(x, node, make), _without_axes(a, node, make)))


def times_sum_of_deviations(node: Node, make: Make) -> Node | None:
    """a * sum(x - mean(x)) = 0, the mean being over the axes that are summed: to rounding, of finite numbers.

    It is what a normalisation's gradient has for its mean through the variance.
    """
    for _, total in either_way(node.inputs):
        total = _reshaped(total)
        if total.op == "sum" and total.inputs[0].op == "subtract" and _is_mean_of(*total.inputs[0].inputs, total):
            return full_of(node, 0.0, make)
    return None


def _is_mean_of(x: Node, mean: Node, total: Node) -> bool:
    """Whether `mean` is that of x over the axes of a sum, as it broadcasts against x."""
    if x.type.shape != total.inputs[0].type.shape:
        return False
    axes = normal_axes(total.attrs["axis"], x.type.rank)
    kept = tuple([1 if axis in axes else size for axis, size in enumerate(x.type.shape)])
    count = prod([x.type.shape[axis] for axis in axes])
    if (1,) * (x.type.rank - mean.type.rank) + mean.type.shape != kept or not isinstance(count, int):
        return False
    mean = _reshaped(mean)
    if mean.op == "divide":
        divided, is_count = mean.inputs[0], splat(mean.inputs[1]) == count
    elif mean.op == "multiply":
        divided, is_count = next(
            ((a, c * count == 1) for a, b in either_way(mean.inputs) if (c := splat(b))), (mean, False)
        )
    else:
        return False
    divided = _reshaped(divided)
    return (
        is_count
        and divided.op == "sum"
        and divided.inputs[0] is x
        and normal_axes(divided.attrs["axis"], x.type.rank) == axes
    )


def _reshaped(x: Node) -> Node:
    """What a reshape is of, or x."""
    return x.inputs[0] if x.op == "reshape" else x


#: Rows that a sum of products is cut into: longer ones would lose digits, shorter ones are not worth a call.
_LONGEST_ROW, _SHORTEST_ROW = 4096, 256


def sum_of_products(node: Node, make: Make) -> Node | None:
    """The sum of all x * y is the sum of products of rows by columns, which BLAS computes in one pass: to rounding."""
    (product,) = node.inputs
    if product.op != "multiply" or node.type.rank or not node.type.is_float:
        return None
    x, y = product.inputs
    count = prod(product.type.shape)
    if not isinstance(count, int) or x.type.shape != y.type.shape:
        return None
    row = next((n for n in range(min(count, _LONGEST_ROW), _SHORTEST_ROW - 1, -1) if count % n == 0), 0)
    if not row:
        return None
    if row == count:
        return make("matmul", (make("reshape", (x,), shape=(row,)), make("reshape", (y,), shape=(row,))))
    rows = make("reshape", (x,), shape=(count // row, 1, row))
    columns = make("reshape", (y,), shape=(count // row, row, 1))
    parts = make("reshape", (make("matmul", (rows, columns)),), shape=(count // row,))
    return make("sum", (parts,), axis=(0,), keepdims=False)


def _own_axes(x: Node, node: Node) -> list[int]:
    """The axes of x, which is broadcast to what the node sums, that the node sums."""
    rank = node.inputs[0].type.rank
    new = rank - x.type.rank
    return [axis - new for axis in normal_axes(node.attrs["axis"], rank) if axis >= new]


def _varies_elsewhere(a: Node, node: Node) -> bool:
    """Whether `a` is the same all along the axes that the node sums."""
    return a.type.shape != node.inputs[0].type.shape and all(a.type.shape[axis] == 1 for axis in _own_axes(a, node))


def _without_axes(a: Node, node: Node, make: Make) -> Node:
    gone = _own_axes(a, node)
    return make("reshape", (a,), shape=tuple([size for axis, size in enumerate(a.type.shape) if axis not in gone]))


def _summed(x: Node, node: Node, make: Make) -> Node:
    return make("sum", (x,), axis=tuple(_own_axes(x, node)), keepdims=False)


SUMS: Mapping[str, tuple[Rule, ...]] = {
    "multiply": (times_sum_of_deviations,),
    "sum": (sum_of_one, plain_sum, sum_of_negative, sum_of_repeated, sum_of_multiple, sum_of_quotient, sum_of_products),
}
