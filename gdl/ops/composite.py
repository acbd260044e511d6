"""What is built from other ops, in ways that depend on static arguments: joining, splitting, axes of size 1, orders."""

from __future__ import annotations

from typing import Any

from gdl.graph.node import Node
from gdl.ops.extents import agree, divides, fit, refuse, shown, whole_axis, whole_number
from gdl.ops.indexing import argsort, take_along_axis
from gdl.ops.samples import distinct, normal, sample
from gdl.ops.shaping import broadcast_to, concat, reshape, slice_, transpose
from gdl.ops.slicing import span, whole
from gdl.ops.table import composite, show_static
from gdl.types import sizes
from gdl.types.match import Guard, Mismatch, normal_axes
from gdl.types.sizes import Size
from gdl.types.tensor import Dim

# ---- axes of size 1 ----------------------------------------------------------------------------------------------


@composite("(x: t[*a], axis: ints) -> t[...]", samples=[
    sample(normal(2, 3), axis=0), sample(normal(2, 3), axis=-1), sample(normal(3), axis=(0, 2)),
    sample(normal(), axis=0),
])  # fmt: skip
def expand(x, axis):
    """x with new axes of size 1 at the given places of the result.

    Shapes: a new axis of size 1 at each of the places.
    Example: expand([1, 2], axis=1) == [[1], [2]]
    """
    listed = axis if isinstance(axis, tuple) else (axis,)
    new = normal_axes(axis, x.type.rank + len(listed))
    shape = list(x.type.shape)
    for at in new:
        shape.insert(at, 1)
    return reshape(x, shape=tuple(shape))


@composite("(x: t[*a], axis: ints | none = none) -> t[...]", samples=[
    sample(normal(1, 3, 1)), sample(normal(1, 3, 1), axis=0), sample(normal(1, 3, 1), axis=(0, -1)), sample(normal(2)),
])  # fmt: skip
def squeeze(x, axis):
    """x without the given axes of size 1, or without any.

    Shapes: the other axes, in their order.
    Errors: an axis to be squeezed has another size than 1.
    Example: squeeze([[1], [2]], axis=1) == [1, 2]
    """
    gone = _literal_ones(x) if axis is None else normal_axes(axis, x.type.rank)
    return reshape(x, shape=tuple([size for i, size in enumerate(x.type.shape) if i not in gone]))


@squeeze.require
def _(x, axis):
    for i in () if axis is None else normal_axes(axis, x.rank):
        if x.dims[i].size != 1:
            raise refuse(f"only axes of size 1 can be squeezed; axis {i} of {x} has size {x.dims[i].size}")


def _literal_ones(x: Node) -> list[int]:
    return [i for i, size in enumerate(x.type.shape) if size == 1]


@composite("(x: t[*a]) -> t[...]", samples=[sample(normal(2, 3, 4)), sample(normal(3)), sample(normal(0, 2, 2))])
def flatten(x):
    """x with all axes after the first made one: a row for each example.

    Shapes: x [n, *s]: the result is [n, prod(s)].
    Errors: x has no axes.
    Example: flatten([[[1, 2], [3, 4]]]) == [[1, 2, 3, 4]]
    """
    return reshape(x, shape=(x.type.shape[0], sizes.product(x.type.shape[1:])))


@flatten.require
def _(x):
    if not x.rank:
        raise refuse(f"flatten keeps the first axis, and {x} has none; reshape(x, [1]) makes one")


# ---- orders of axes ----------------------------------------------------------------------------------------------


@composite("(x: t[*a], axis1: int, axis2: int) -> t[...]", samples=[
    sample(normal(2, 3, 4), axis1=0, axis2=-1), sample(normal(2, 3), axis1=1, axis2=1),
])  # fmt: skip
def swapaxes(x, axis1, axis2):
    """x with two axes exchanged.

    Shapes: those of x, two of them exchanged.
    Example: swapaxes([[1, 2, 3]], 0, 1) == [[1], [2], [3]]
    """
    order = list(range(x.type.rank))
    i, j = whole_axis(axis1, x.type.rank), whole_axis(axis2, x.type.rank)
    order[i], order[j] = j, i
    return transpose(x, axes=tuple(order))


@composite("(x: t[*a], source: ints, destination: ints) -> t[...]", samples=[
    sample(normal(2, 3, 4), source=0, destination=-1), sample(normal(2, 3, 4), source=(0, 1), destination=(2, 0)),
])  # fmt: skip
def moveaxis(x, source, destination):
    """x with axes moved to other places; the others stay in order.

    Shapes: those of x in the new order.
    Errors: `source` and `destination` name unequally many axes.
    Example: shape(moveaxis(zeros([2, 3, 4]), 0, -1)) == [3, 4, 2]
    """
    rank = x.type.rank
    moved = {whole_axis(d, rank): whole_axis(s, rank) for s, d in zip(_listed(source), _listed(destination))}
    others = iter([a for a in range(rank) if a not in moved.values()])
    return transpose(x, axes=tuple([moved[at] if at in moved else next(others) for at in range(rank)]))


@moveaxis.require
def _(x, source, destination):
    if len(normal_axes(source, x.rank)) != len(normal_axes(destination, x.rank)):
        raise refuse(f"`source` and `destination` must name as many axes, "
                     f"got {show_static(source)} and {show_static(destination)}")  # fmt: skip


def _listed(axes: Any) -> tuple[int, ...]:
    return axes if isinstance(axes, tuple) else (axes,)


# ---- joins and parts ---------------------------------------------------------------------------------------------


@composite("(xs: t[...], axis: int = 0) -> t[...]", variadic=True, samples=[
    sample(normal(2, 3), normal(2, 3)), sample(normal(2), normal(2), normal(2), axis=-1), sample(normal(), normal()),
])  # fmt: skip
def stack(*xs, axis):
    """The tensors, all of one shape, along a new axis.

    Shapes: a new axis, of as many elements as there are tensors.
    Errors: no tensor at all, or unequal shapes.
    Example: stack([[1, 2], [3, 4]], axis=1) == [[1, 3], [2, 4]]
    """
    axis = whole_axis(axis, xs[0].type.rank + 1)
    return concat(*[expand(x, axis=axis) for x in xs], axis=axis)


@stack.require
def _(*xs, axis):
    if not xs:
        raise refuse("stack needs at least one tensor")
    whole_axis(axis, xs[0].rank + 1)
    guards: list[Guard] = []
    for i, x in enumerate(xs[1:], 1):
        if x.rank != xs[0].rank:
            raise Mismatch("rank", str(xs[0]), x, (f"xs[{i}]",), f"stack needs equal shapes, got {xs[0]} and {x}")
        for expected, dim in zip(xs[0].dims, x.dims):
            guards += agree(expected, dim, ("xs[0]", f"xs[{i}]"))
    return guards


#: Into so many parts a tensor may be split.
MAX_PARTS = 1_000


@composite("(x: t[*a], parts: ints, axis: int = 0) -> t[...]", samples=[
    sample(normal(6, 2), parts=3), sample(normal(2, 6), parts=2, axis=-1), sample(normal(6), parts=(1, 0, 5)),
    sample(normal(0, 2), parts=2),
])  # fmt: skip
def split(x, parts, axis):
    """x cut along an axis: into so many equal parts, or into parts of the given sizes.

    Shapes: along the axis size // parts, or the given sizes.
    Errors: `parts` does not divide the axis, or the parts do not add up to it.
    Example: split([1, 2, 3, 4], 2)[1] == [3, 4]
    Example: split([1, 2, 3, 4], [1, 3])[1] == [2, 3, 4]
    """
    axis = whole_axis(axis, x.type.rank)
    lengths = parts if isinstance(parts, tuple) else (x.type.shape[axis] // parts,) * parts
    results, start = [], 0
    for length in lengths:
        index = whole(x.type.rank)
        index[axis] = span(start, start + length)
        results.append(slice_(x, index=tuple(index)))
        start = start + length
    return tuple(results)


def _even_parts(size: Size, count: int) -> str:
    """Into how many equal parts an axis goes, and the sizes of nearly equal ones."""
    if not isinstance(size, int) or not 0 < count <= size < 10_000:
        return ""
    counts = [str(n) for n in range(2, size) if size % n == 0]
    even = f"{size} splits into {', '.join(counts[:-1])} or {counts[-1]}" if len(counts) > 1 else ""
    even = f"{even or f'{size} splits into {size}'} equal parts"
    nearly = shown(tuple([size // count + (part < size % count) for part in range(count)]))
    return f"{even}; for parts of any sizes name these: {nearly}" if count <= 10 else even


@split.require
def _(x, parts, axis):
    axis = whole_axis(axis, x.rank)
    dim = x.dims[axis]
    if not isinstance(parts, tuple):
        count = whole_number("parts", parts, at_least=1)
        if count > MAX_PARTS:
            raise refuse(f"`parts` is at most {MAX_PARTS:,}, got {count:,}; every part is a node of its own")
        text = f"axis {axis} of {x} has size {dim.size}, which does not split into {count} equal parts"
        return divides(count, dim, text, _even_parts(dim.size, count))
    if not parts or any(sizes.at_most(0, length) is False for length in parts):
        raise refuse(f"`parts` must be sizes, at least one and none negative, got {shown(parts)}")
    total = sum(parts[1:], parts[0])
    if sizes.equal(total, dim.size) is False:
        raise refuse(f"axis {axis} of {x} has size {dim.size}, but the parts {shown(parts)} make {total}")
    return agree(Dim(total), dim, ("parts", "x"))


@composite("(x: t[*a], repeats: ints) -> t[...]", samples=[
    sample(normal(2, 3), repeats=(2, 1)), sample(normal(2, 3), repeats=2), sample(normal(2), repeats=(3, 1, 2)),
    sample(normal(2), repeats=0), sample(normal(), repeats=(2,)),
])  # fmt: skip
def tile(x, repeats):
    """x laid out so many times along each axis; axes are counted from the last, missing ones are 1.

    Shapes: every axis times its repeats.
    Errors: `repeats` is negative.
    Example: tile([1, 2], 2) == [1, 2, 1, 2]
    Example: tile([1, 2], [2, 1]) == [[1, 2], [1, 2]]
    """
    counts = _listed(repeats)
    rank = max(len(counts), x.type.rank)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - x.type.rank) + x.type.shape
    pairs = reshape(x, shape=tuple([size for n in shape for size in (1, n)]))
    repeated = broadcast_to(pairs, shape=tuple([size for r, n in zip(counts, shape) for size in (r, n)]))
    return reshape(repeated, shape=tuple([r * n for r, n in zip(counts, shape)]))


@tile.require
def _(x, repeats):
    if any(sizes.at_most(0, count) is False for count in _listed(repeats)):
        raise refuse(f"`repeats` must not be negative, got {shown(_listed(repeats))}")


# ---- orders of elements ------------------------------------------------------------------------------------------


@composite("(x: t[*a], axis: int = -1, descending: bool = false) -> t[*a]", samples=[
    sample(distinct(3, 4)), sample(distinct(3, 4), axis=0, descending=True), sample(distinct(2, 0)),
])  # fmt: skip
def sort(x, axis, descending):
    """x with the elements of each line along an axis in order; nan counts as greater than any number.

    Example: sort([3, 1, 2]) == [1, 2, 3]
    Example: sort([3, 1, 2], descending=true) == [3, 2, 1]
    """
    return take_along_axis(x, argsort(x, axis=axis, descending=descending), axis=axis)


@composite("(x: t[*a], k: int, axis: int = -1) -> (t[...], i64[...])", samples=[
    sample(distinct(3, 4), k=2), sample(distinct(3, 4), k=3, axis=0), sample(distinct(4), k=0),
    sample(distinct(4), k=4),
])  # fmt: skip
def topk(x, k, axis):
    """The k greatest elements of each line along an axis, greatest first, and where they stand.

    Shapes: both results have k elements along the axis.
    Errors: `k` is negative or more than the axis has.
    Example: topk([10, 30, 20], 2)[0] == [30, 20]
    Example: topk([10, 30, 20], 2)[1] == [1, 2]
    """
    index = whole(x.type.rank)
    index[whole_axis(axis, x.type.rank)] = span(0, k)
    places = slice_(argsort(x, axis=axis, descending=True), index=tuple(index))
    return take_along_axis(x, places, axis=axis), places


@topk.require
def _(x, k, axis):
    axis = whole_axis(axis, x.rank)
    if sizes.at_most(0, k) is False:
        raise refuse(f"`k` must not be negative, got {k}")
    return fit(k, x.dims[axis], f"the {k} greatest are more than axis {axis} of {x} has")
