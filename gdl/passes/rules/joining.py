"""Parts put together: what the gradients of `split` and of several slices of one tensor leave behind."""

from __future__ import annotations

from collections.abc import Mapping

from gdl.graph.node import Node
from gdl.passes.rules.rule import Make, Rule
from gdl.types.match import normal_axis

Ranges = tuple[tuple[int, int], ...]  # start and stop on every axis


def neighbours(node: Node, make: Make) -> Node | None:
    """Zeros with x in a place, plus zeros with y beside it, are zeros with concat(x, y): but for the sign of a zero"""
    x, y = node.inputs
    if x.op != "scatter_slice" or y.op != "scatter_slice":
        return None
    left, right = _ranges(x), _ranges(y)
    axis = _touching(left, right) if left and right else None
    if left is None or right is None or axis is None:
        return None
    if left[axis][0] > right[axis][0]:
        x, y, left, right = y, x, right, left
    joined = make("concat", (*x.inputs, *y.inputs), axis=axis)
    ranges = [*left[:axis], (left[axis][0], right[axis][1]), *left[axis + 1 :]]
    index = tuple([("slice", start, stop, None) for start, stop in ranges])
    return make("scatter_slice", (joined,), shape=node.type.shape, index=index)


def part_is_all(node: Node, make: Make) -> Node | None:
    """Zeros with x in place of all of them are x"""
    whole = tuple([(0, size) for size in node.type.shape])
    return node.inputs[0] if _ranges(node) == whole else None


def concat_of_one(node: Node, make: Make) -> Node | None:
    """concat(x) = x"""
    return node.inputs[0] if len(node.inputs) == 1 else None


def concat_of_concat(node: Node, make: Make) -> Node | None:
    """concat(concat(x, y), z) = concat(x, y, z)"""
    axis = normal_axis(node.attrs["axis"], node.type.rank)
    flat = [part for x in node.inputs for part in (x.inputs if _joins(x, axis) else (x,))]
    return make("concat", flat, axis=axis) if len(flat) > len(node.inputs) else None


def concat_of_merged(node: Node, make: Make) -> Node | None:
    """concat of [.., h, k] as [.., h * k] is their concat as [.., h, k], so reshaped: what must be moved moves once.

    Heads of attention, turned back, are joined so.
    """
    axis = normal_axis(node.attrs["axis"], node.type.rank)
    if axis != node.type.rank - 1 or any(x.op != "reshape" for x in node.inputs):
        return None
    sources = [x.inputs[0] for x in node.inputs]
    width = sources[0].type.shape[-1:]
    for x, source in zip(node.inputs, sources):
        shape = source.type.shape
        if len(shape) != node.type.rank + 1 or shape[:-2] != x.type.shape[:-1] or shape[-1:] != width:
            return None
    return make("reshape", (make("concat", sources, axis=axis),), shape=node.type.shape)


def _joins(node: Node, axis: int) -> bool:
    return node.op == "concat" and normal_axis(node.attrs["axis"], node.type.rank) == axis


def _ranges(scatter: Node) -> Ranges | None:
    """Where a `scatter_slice` puts its input: known if its index is made of ranges and its sizes are numbers."""
    shape, index = scatter.type.shape, list(scatter.attrs["index"])
    if "..." in index:
        at = index.index("...")
        index[at : at + 1] = [("slice", None, None, None)] * (len(shape) - len(index) + 1)
    index += [("slice", None, None, None)] * (len(shape) - len(index))
    if not all(isinstance(e, tuple) and all(b is None or isinstance(b, int) for b in e[1:]) for e in index):
        return None
    if not all(isinstance(size, int) for size in shape):
        return None
    found = [slice(*e[1:]).indices(size) for e, size in zip(index, shape)]
    return tuple([(a, b) for a, b, step in found]) if all(step == 1 and a <= b for a, b, step in found) else None


def _touching(left: Ranges, right: Ranges) -> int | None:
    """The one axis on which two ranges lie side by side, being equal on all others."""
    different = [axis for axis, (a, b) in enumerate(zip(left, right)) if a != b]
    if len(different) != 1:
        return None
    (axis,) = different
    (a, b), (c, d) = left[axis], right[axis]
    return axis if b == c or d == a else None


JOINING: Mapping[str, tuple[Rule, ...]] = {
    "add": (neighbours,),
    "scatter_slice": (part_is_all,),
    "concat": (concat_of_one, concat_of_concat, concat_of_merged),
}
