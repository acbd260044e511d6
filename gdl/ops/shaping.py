"""The same elements in another arrangement: shapes, orders of axes, parts and borders."""

from __future__ import annotations

from typing import Any

from gdl.ops.extents import agree, axes_of, divides, is_size, refuse, representable, resized, shown, whole_axis
from gdl.ops.lazy import np
from gdl.ops.samples import normal, sample
from gdl.ops.slicing import numpy_index, sliced, span, whole
from gdl.ops.table import op
from gdl.types import sizes
from gdl.types.match import Mismatch, normal_axes
from gdl.types.tensor import Dim, TensorType

# ---- reshape -----------------------------------------------------------------------------------------------------


@op("(x: t[*a], shape: shape) -> t[...]", view=True, keeps=True, samples=[
    sample(normal(2, 6), shape=(3, 4)), sample(normal(2, 3, 4), shape=(2, -1)), sample(normal(6), shape=(1, 6, 1)),
    sample(normal(1, 1), shape=()), sample(normal(0, 3), shape=(3, 0)),
])  # fmt: skip
def reshape(x, shape, out=None):
    """The elements of x, last axis fastest, in another shape; one size may be -1: what is left.

    A view of a contiguous x. Of any other the elements must be copied: into `out`, where it is given (contiguous).

    Shapes: as many elements as before: the result is [*shape].
    Errors: the elements do not fit the shape; more than one size is -1, or one that could be any number.
    Example: reshape([1, 2, 3, 4, 5, 6], [2, -1]) == [[1, 2, 3], [4, 5, 6]]
    """
    if out is None:
        return np.reshape(x, shape)
    np.copyto(out.reshape(x.shape), x)
    return out


@reshape.shape
def _(x, shape):
    total = sizes.product(x.shape)
    holes = [i for i, size in enumerate(shape) if size == -1]
    if len(holes) > 1:
        raise refuse(f"only one size of a shape can be -1, got {shown(shape)}")
    known = axes_of([size for size in shape if size != -1])
    covered = sizes.product([d.size for d in known])
    text = f"{x} has {total} elements, which do not fit the shape {shown(shape)}"
    if holes:
        if covered == 0:
            raise refuse(f"the -1 in {shown(shape)} could be any number, for there are no elements")
        guards = divides(covered, Dim(total), text)
        known = (*known[: holes[0]], *axes_of([total // covered]), *known[holes[0] :])
    else:
        if sizes.equal(total, covered) is False:
            raise refuse(f"{text} ({covered} elements)")
        guards = agree(Dim(total), Dim(covered), ("x", "shape"))
    return TensorType(x.dtype, _surviving(x.dims, known), x.origin), guards


def _surviving(old: tuple[Dim, ...], new: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The new axes, where leading or trailing ones are the old ones with their labels and origins."""
    kept = list(new)
    front = 0
    while front < min(len(old), len(new)) and old[front] == new[front]:
        kept[front] = old[front]
        front += 1
    back = 1
    while back <= min(len(old), len(new)) - front and old[-back] == new[-back]:
        kept[-back] = old[-back]
        back += 1
    return tuple(kept)


@reshape.special
def _(out_type, x, shape):
    return lambda x, out=None: reshape.kernel(x, out_type.shape, out)  # no -1: with no elements NumPy can't resolve it


@reshape.grad
def _(g, out, x, shape):
    return reshape(g, shape=x.type.shape)


# ---- order of axes -----------------------------------------------------------------------------------------------


@op("(x: t[*a], axes: ints | none = none) -> t[...]", view=True, keeps=True, samples=[
    sample(normal(2, 3)), sample(normal(2, 3, 4), axes=(1, 2, 0)), sample(normal(2, 3, 4), axes=(0, -1, 1)),
    sample(normal()),
])  # fmt: skip
def transpose(x, axes):
    """The axes of x in the given order, or in reverse.

    Shapes: axis i of the result is axis axes[i] of x.
    Errors: `axes` does not name each axis once.
    Example: transpose([[1, 2, 3], [4, 5, 6]]) == [[1, 4], [2, 5], [3, 6]]
    Example: shape(transpose(zeros([2, 3, 4]), [1, 0, 2])) == [3, 2, 4]
    """
    return np.transpose(x, axes)


@transpose.shape
def _(x, axes):
    return TensorType(x.dtype, tuple([x.dims[a] for a in _order(axes, x.rank)]), x.origin)


def _order(axes: Any, rank: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(reversed(range(rank)))
    listed = axes if isinstance(axes, tuple) else (axes,)
    if len(normal_axes(listed, rank)) != rank:
        raise refuse(f"`axes` must name each of the {rank} axes once, got {shown(listed)}")
    return tuple([a % rank for a in listed])


@transpose.grad
def _(g, out, x, axes):
    order = _order(axes, x.type.rank)
    return transpose(g, axes=tuple([order.index(a) for a in range(len(order))]))


@op("(x: t[*a], axis: ints) -> t[*a]", view=True, keeps=True, samples=[
    sample(normal(3), axis=0), sample(normal(2, 3, 2), axis=(0, -1)), sample(normal(2, 0), axis=1),
])  # fmt: skip
def flip(x, axis):
    """x with the order of elements reversed along one or more axes.

    Example: flip([[1, 2], [3, 4]], axis=0) == [[3, 4], [1, 2]]
    """
    return np.flip(x, axis)


@flip.require
def _(x, axis):
    normal_axes(axis, x.rank)


@flip.grad
def _(g, out, x, axis):
    return flip(g, axis=axis)


# ---- broadcasting ------------------------------------------------------------------------------------------------


@op("(x: t[*a], shape: shape) -> t[...]", view=True, keeps=True, samples=[
    sample(normal(3), shape=(2, 3)), sample(normal(2, 1, 3), shape=(2, 4, 3)), sample(normal(), shape=(2, 2)),
    sample(normal(2, 3), shape=(2, 3)), sample(normal(1, 3), shape=(0, 3)),
])  # fmt: skip
def broadcast_to(x, shape):
    """x repeated along new leading axes and along its axes of size 1, without copying.

    Shapes: axes are matched from the last; the result is [*shape].
    Errors: x has more axes than the shape, or an axis that is neither 1 nor the size wanted.
    Example: broadcast_to([[1], [2]], [2, 3]) == [[1, 1, 1], [2, 2, 2]]
    """
    return np.broadcast_to(x, shape)


@broadcast_to.shape
def _(x, shape):
    target = axes_of(shape)
    if x.rank > len(target):
        raise refuse(f"{x} has more axes than the shape {shown(shape)}")
    dims, guards = list(target), []
    for i, dim in enumerate(x.dims, len(target) - x.rank):
        if dim.size == target[i].size:
            dims[i] = dim
        elif dim.size == 1:
            dims[i] = Dim(target[i].size, dim.label or target[i].label)
        elif sizes.equal(dim.size, target[i].size) is False:
            raise Mismatch("broadcast", dim, target[i], ("x", "shape"))
        else:
            guards += agree(dim, target[i], ("x", "shape"))
    return TensorType(x.dtype, tuple(dims), x.origin), guards


@broadcast_to.grad
def _(g, out, x, shape):
    return g  # summed over the repeated axes by the engine


# ---- parts -------------------------------------------------------------------------------------------------------

_ROWS = (("slice", 1, None, None),)
_MIXED = ("...", ("slice", None, None, -2), "new", 1)


@op("(x: t[*a], index: any) -> t[...]", view=True, samples=[
    sample(normal(4, 3), index=_ROWS), sample(normal(2, 5, 3), index=_MIXED), sample(normal(4), index=(-1,)),
    sample(normal(2, 3), index=()), sample(normal(5), index=(("slice", -3, 9, 2),)),
    sample(normal(3, 2), index=(span(1, 1),)),
])  # fmt: skip
def slice_(x, index):
    """x[index], as NumPy writes it: numbers, slices, new axes and `...`.

    Shapes: as NumPy's: a number drops its axis, a slice start:stop:step leaves ceil_div(stop - start, step).
    Errors: an index or a bound outside of its axis; more indices than axes; a second `...`; a step of 0.
    Example: [[1, 2, 3], [4, 5, 6]][:, 1:] == [[2, 3], [5, 6]]
    """
    return x[numpy_index(index)]


@slice_.shape
def _(x, index):
    dims, guards = sliced(x.dims, index)
    return TensorType(x.dtype, dims, x.origin), guards


@slice_.grad
def _(g, out, x, index):
    return scatter_slice(g, shape=x.type.shape, index=index)


@op("(g: n[*a], shape: shape, index: any) -> n[...]", samples=[
    sample(normal(3, 3), shape=(4, 3), index=_ROWS), sample(normal(2, 3, 1), shape=(2, 5, 3), index=_MIXED),
    sample(normal(), shape=(4,), index=(-1,)), sample(normal(0, 2), shape=(3, 2), index=(span(1, 1),)),
])  # fmt: skip
def scatter_slice(g, shape, index, out=None):
    """Zeros of the given shape with g at the index: the adjoint of `slice`.

    Shapes: the result is [*shape].
    Example: scatter_slice([1.0, 2.0], [4], [["slice", 1, 3, 1]]) == [0.0, 1.0, 2.0, 0.0]
    """
    out = np.empty(shape, g.dtype) if out is None else out
    out.fill(0)
    out[numpy_index(index)] = g
    return out


@scatter_slice.shape
def _(g, shape, index):
    dims = axes_of(shape)
    part, guards = sliced(dims, index)
    if len(part) != g.rank:
        raise refuse(f"{g} does not fit the part {shown(part)} of {shown(shape)}")
    for expected, dim in zip(part, g.dims):
        guards += agree(expected, dim, ("shape", "g"))
    return TensorType(g.dtype, dims, g.origin), guards


@scatter_slice.grad
def _(upstream, out, g, shape, index):
    return slice_(upstream, index=index)


# ---- borders and joins -------------------------------------------------------------------------------------------


@op("(x: t[*a], widths: any, value: float = 0) -> t[...]", samples=[
    sample(normal(2, 3), widths=((1, 0), (2, 1))), sample(normal(3), widths=((0, 0),)),
    sample(normal(2, 0), widths=((0, 0), (1, 1))),
    sample(normal(2, 2, 2), widths=((0, 0), (1, 1), (0, 2)), value=1),
])  # fmt: skip
def pad(x, widths, value=0.0, out=None):
    """x with `value` added before and after each axis: widths [(before, after), ...].

    Shapes: axis i becomes before + size + after.
    Errors: `widths` is no pair [before, after] for each axis, or negative.
    Example: pad([1, 2], [[1, 2]]) == [0, 1, 2, 0, 0]
    """
    if out is None:
        out = np.empty([n + before + after for n, (before, after) in zip(x.shape, widths)], x.dtype)
    inner = out
    for axis, (before, after) in enumerate(widths):  # no element is written twice
        lines = np.moveaxis(inner, axis, 0)
        end = len(lines) - after
        lines[:before], lines[end:] = value, value
        inner = np.moveaxis(lines[before:end], 0, axis)
    inner[...] = x
    return out


@pad.shape
def _(x, widths, value):
    pairs = _pairs(widths, x)
    representable("value", value, x.dtype)
    dims = [resized(dim, before + dim.size + after) for dim, (before, after) in zip(x.dims, pairs)]
    return TensorType(x.dtype, tuple(dims), x.origin)


def _pairs(widths: Any, x: TensorType) -> list[tuple[Any, Any]]:
    """The widths, after verification."""
    wanted = f"`widths` must be a pair [before, after] for each of the {x.rank} axes of {x}"
    if not isinstance(widths, (tuple, list)) or len(widths) != x.rank:
        raise refuse(f"{wanted}, got {_shown_widths(widths)}")
    for pair in widths:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(map(is_size, pair)):
            raise refuse(f"{wanted}, got {_shown_widths(widths)}")
        if any(sizes.at_most(0, width) is False for width in pair):
            raise refuse(f"`widths` must not be negative, got {_shown_widths(widths)}")
    return [(before, after) for before, after in widths]


def _shown_widths(value: Any) -> str:
    return f"[{', '.join(map(_shown_widths, value))}]" if isinstance(value, (tuple, list)) else str(value)


@pad.grad
def _(g, out, x, widths, value):
    return slice_(g, index=tuple([span(before, before + n) for n, (before, _) in zip(x.type.shape, widths)]))


@op("(xs: t[...], axis: int = 0) -> t[...]", variadic=True, samples=[
    sample(normal(2, 3), normal(1, 3)), sample(normal(2, 1), normal(2, 3), normal(2, 0), axis=-1), sample(normal(3)),
])  # fmt: skip
def concat(*xs, axis=0, out=None):
    """The tensors one after the other along an axis that they have.

    Shapes: all axes but the one are equal, and that one becomes the sum.
    Errors: no tensor at all, unequal ranks, or other axes than `axis` that differ.
    Example: concat([[1, 2], [3]], axis=0) == [1, 2, 3]
    """
    return np.concatenate(xs, axis, out=out)


@concat.shape
def _(*xs, axis):
    if not xs:
        raise refuse("concat needs at least one tensor")
    first = xs[0]
    axis = whole_axis(axis, first.rank)
    dims, guards = list(first.dims), []
    for i, x in enumerate(xs[1:], 1):
        if x.rank != first.rank:
            raise Mismatch("rank", str(first), x, (f"xs[{i}]",), f"concat needs equal ranks, got {first} and {x}")
        for a in range(first.rank):
            if a != axis:
                guards += agree(first.dims[a], x.dims[a], ("xs[0]", f"xs[{i}]"))
    dims[axis] = resized(dims[axis], sum([x.dims[axis].size for x in xs[1:]], first.dims[axis].size))
    return TensorType(first.dtype, tuple(dims), first.origin), guards


@concat.grad
def _(g, out, *xs, axis):
    axis %= g.type.rank
    parts, start = [], 0
    for x in xs:
        stop = start + x.type.dims[axis].size
        index = whole(g.type.rank)
        index[axis] = span(start, stop)
        parts.append(slice_(g, index=tuple(index)))
        start = stop
    return tuple(parts)
