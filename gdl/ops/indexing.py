"""Elements picked by computed indices, and what is added back to where they came from.

An index outside its axis stops the run, which names the index and the size; negative ones never wrap around.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.extents import agree, axes_of, known_dtype, resized, whole_axis
from gdl.ops.lazy import np
from gdl.ops.samples import distinct, integers, normal, sample, values
from gdl.ops.table import Zero, op
from gdl.types.match import Guard, Mismatch
from gdl.types.tensor import Dim, TensorType

_NO_PATH = Zero("indices are whole numbers: nothing changes smoothly with them")


def verify_range(indices: Any, size: int) -> None:
    """Raises IndexError for an index outside an axis of the given size."""
    if not indices.size:
        return
    low, high = indices.min(), indices.max()
    if low < 0 or high >= size:
        wrong = low if low < 0 else high
        where = [int(i) for i in np.argwhere(indices == wrong)[0]]
        place = f" at {where}" if where else ""
        raise IndexError(f"the index {wrong}{place} is outside an axis of size {size}")


def _verifier(indices: TensorType, size: int) -> Callable[[Any], None]:
    """`verify_range` for indices of this type, of which there are some: at a fourth of the cost while all is well."""
    unsigned = f"u{4 if indices.dtype == 'i32' else 8}"

    def verify(indices: Any) -> None:
        magnitudes = indices.view(unsigned)  # where negative ones are the largest
        if magnitudes.item(magnitudes.argmax()) >= size:
            verify_range(indices, size)

    return verify


# ---- whole slices ------------------------------------------------------------------------------------------------


@op("(x: t[*a], indices: i[*s], axis: int = 0) -> t[...]", samples=[
    sample(normal(4, 3), integers(0, 4, 2, 2)), sample(normal(2, 5, 3), integers(0, 5, 7), axis=1),
    sample(normal(3, 4), integers(0, 4), axis=-1), sample(normal(4, 3), integers(0, 4, 0, dtype="i32")),
    sample(normal(3, 2), values([1, 1, 1], "i64")),
])  # fmt: skip
def gather(x, indices, axis=0, out=None):
    """The slices of x at the indices along an axis, which the axes of the indices replace.

    Shapes: x [..., n, ...], n standing at the axis: the result is [..., *s, ...].
    Errors: an index outside of the axis stops the run and is named.
    Example: gather([10, 20, 30], [2, 0, 2]) == [30, 10, 30]
    Example: gather([[1, 2], [3, 4]], [1], axis=1) == [[2], [4]]
    """
    verify_range(indices, x.shape[axis])
    return np.take(x, indices, axis=axis, out=out, mode="clip")  # "raise" would copy through a buffer


@gather.shape
def _(x, indices, axis):
    axis = whole_axis(axis, x.rank)
    return TensorType(x.dtype, (*x.dims[:axis], *indices.dims, *x.dims[axis + 1 :]), x.origin)


@gather.indexed
def _(x, indices, axis):
    return 1, x.dims[axis]


@gather.special
def _(out_type, x, indices, axis):
    if 0 in indices.shape:
        return None
    verify = _verifier(indices, x.shape[axis])

    def run(x: Any, indices: Any, out: Any) -> None:
        verify(indices)
        x.take(indices, axis, out, "clip")

    return run


@gather.grad
def _(g, out, x, indices, axis):
    axis %= x.type.rank
    return scatter_add(indices, g, size=x.type.shape[axis], axis=axis), _NO_PATH


@op("(indices: i[*s], updates: n[*a], size: int, axis: int = 0) -> n[...]", samples=[
    sample(integers(0, 4, 2, 2), normal(2, 2, 3), size=4), sample(integers(0, 5, 7), normal(2, 7, 3), size=5, axis=1),
    sample(integers(0, 4), normal(3), size=4, axis=-1), sample(integers(0, 4, 0), normal(0, 3), size=4),
    sample(values([1, 1, 1], "i64"), normal(3, 2), size=3),
])  # fmt: skip
def scatter_add(indices, updates, size, axis=0, out=None):
    """Zeros with an axis of the given size, to which the updates are added at the indices: the adjoint of `gather`.

    Updates that meet at one index are added in their order. A negative axis counts from the end of the result.

    Shapes: updates [..., *s, ...], s standing at the axis: the result is [..., size, ...].
    Errors: an index outside of 0 .. size - 1 stops the run and is named.
    Example: scatter_add([2, 0, 2], [1.0, 10.0, 100.0], size=3) == [10.0, 0.0, 101.0]
    """
    verify_range(indices, size)
    axis %= updates.ndim - indices.ndim + 1
    before, after = updates.shape[:axis], updates.shape[axis + indices.ndim :]
    out = np.empty((*before, size, *after), updates.dtype) if out is None else out
    out.fill(0)
    width = int(np.prod(after))
    rows = np.arange(int(np.prod(before)))[:, None] * size + indices.reshape(-1)
    places = rows[:, :, None] * width + np.arange(width)
    np.add.at(out.reshape(-1), places.reshape(-1), updates.reshape(-1))  # fast in one dimension only
    return out


@scatter_add.shape
def _(indices, updates, size, axis):
    rank = updates.rank - indices.rank + 1
    if rank < 1:
        raise Mismatch("rank", "the axes of indices and more", updates, ("updates",))
    axis = whole_axis(axis, rank)
    guards: list[Guard] = []
    for expected, dim in zip(indices.dims, updates.dims[axis:]):
        guards += agree(expected, dim, ("indices", "updates"))
    dims = (*updates.dims[:axis], *axes_of((size,), "size"), *updates.dims[axis + indices.rank :])
    return TensorType(updates.dtype, dims, updates.origin), guards


@scatter_add.flops
def _(out, indices, updates, **attrs):
    return prod(updates.shape)


@scatter_add.indexed
def _(indices, updates, size, axis):
    return 0, Dim(size)


@scatter_add.grad
def _(g, out, indices, updates, size, axis):
    return _NO_PATH, gather(g, indices, axis=axis)


# ---- single elements ---------------------------------------------------------------------------------------------


@op("(x: t[*a], indices: i[*b], axis: int) -> t[*b]", samples=[
    sample(normal(4, 3), integers(0, 3, 4, 1), axis=-1),
    sample(normal(4, 3), integers(0, 4, 6, 3, dtype="i32"), axis=0),
    sample(normal(2, 4, 3), integers(0, 4, 2, 2, 3), axis=1), sample(normal(3), integers(0, 3, 0), axis=0),
    sample(normal(2, 2), values([[1, 1, 1], [0, 0, 1]], "i64"), axis=1),
])  # fmt: skip
def take_along_axis(x, indices, axis, out=None):
    """For each index the element of x at that place of its own line along the axis.

    Errors: x and indices have unequal ranks; an index outside of the axis stops the run and is named.
    Example: take_along_axis([[3, 1, 2], [4, 6, 5]], [[1], [0]], axis=1) == [[1], [4]]
    """
    verify_range(indices, x.shape[axis])
    return np.take(x.reshape(-1), _flat_places(indices, x.shape, axis), out=out, mode="clip")


def _flat_places(indices: Any, shape: tuple[int, ...], axis: int) -> Any:
    """Where in the flattened array each index of a line points."""
    stride, starts = _lines_of(indices.shape, shape, axis)
    return indices * np.int64(stride) + starts


def _lines_of(indices: tuple[int, ...], shape: tuple[int, ...], axis: int) -> tuple[int, Any]:
    """From one element of a line to the next in the flattened array; for each index, where its line starts."""
    axis %= len(shape)
    before, stride = prod(shape[:axis]), prod(shape[axis + 1 :])
    starts = np.arange(before)[:, None] * (shape[axis] * stride) + np.arange(stride)
    return stride, np.repeat(starts[:, None], indices[axis], axis=1).reshape(indices)


def _places_kernel(indices: TensorType, shape: tuple[int, ...], axis: int) -> Callable[[Any], Any]:
    """`_flat_places` for these shapes, the range verified: what does not depend on the indices is computed here."""
    stride, starts = _lines_of(indices.shape, shape, axis)  # type: ignore[arg-type]
    verify, add, step = _verifier(indices, shape[axis]), np.add, np.int64(stride)

    def places(indices: Any) -> Any:
        verify(indices)
        return add(indices if stride == 1 else indices * step, starts)

    return places


def _lines(x: TensorType, indices: TensorType, axis: Any, args: tuple[str, str]) -> tuple[int, list[Guard]]:
    """The axis from 0, and what remains to be verified of the other axes, which must agree."""
    if x.rank != indices.rank:
        text = f"{args[0]} and {args[1]} need equal ranks, got {x} and {indices}"
        raise Mismatch("rank", str(x), indices, args[1:], text)
    axis = whole_axis(axis, x.rank)
    others = [i for i in range(x.rank) if i != axis]
    return axis, [g for i in others for g in agree(x.dims[i], indices.dims[i], args)]


@take_along_axis.shape
def _(x, indices, axis):
    axis, guards = _lines(x, indices, axis, ("x", "indices"))
    dims = (*x.dims[:axis], indices.dims[axis], *x.dims[axis + 1 :])
    return TensorType(x.dtype, dims, x.origin), guards


@take_along_axis.indexed
def _(x, indices, axis):
    return 1, x.dims[axis]


@take_along_axis.special
def _(out_type, x, indices, axis):
    if 0 in indices.shape:
        return None
    places = _places_kernel(indices, x.shape, axis)
    return lambda x, indices, out: x.reshape(-1).take(places(indices), None, out, "clip")


@take_along_axis.grad
def _(g, out, x, indices, axis):
    return put_along_axis_add(indices, g, size=x.type.dims[axis].size, axis=axis), _NO_PATH


@op("(indices: i[*a], updates: n[*b], size: int, axis: int) -> n[...]", samples=[
    sample(integers(0, 3, 4, 1), normal(4, 1), size=3, axis=-1),
    sample(integers(0, 4, 6, 3), normal(6, 3), size=4, axis=0),
    sample(integers(0, 4, 2, 2, 3), normal(2, 2, 3), size=4, axis=1),
    sample(integers(0, 3, 0), normal(0), size=3, axis=0),
    sample(values([[1, 1, 1], [0, 0, 1]], "i64"), normal(2, 3), size=2, axis=1),
])  # fmt: skip
def put_along_axis_add(indices, updates, size, axis, out=None):
    """Zeros with an axis of the given size, each update added at its index in its own line: the adjoint of
    `take_along_axis`.

    Shapes: updates [..., m, ...], m standing at the axis: the result is [..., size, ...].
    Errors: updates and indices have unequal ranks; an index outside of 0 .. size - 1 stops the run and is named.
    Example: put_along_axis_add([[1], [0]], [[5.0], [7.0]], size=3, axis=1) == [[0.0, 5.0, 0.0], [7.0, 0.0, 0.0]]
    """
    verify_range(indices, size)
    shape = list(updates.shape)
    shape[axis] = size
    out = np.empty(shape, updates.dtype) if out is None else out
    out.fill(0)
    np.add.at(out.reshape(-1), _flat_places(indices, out.shape, axis).reshape(-1), updates.reshape(-1))
    return out


@put_along_axis_add.shape
def _(indices, updates, size, axis):
    axis, guards = _lines(updates, indices, axis, ("updates", "indices"))
    guards += agree(indices.dims[axis], updates.dims[axis], ("indices", "updates"))
    dims = list(updates.dims)
    dims[axis] = resized(dims[axis], axes_of((size,), "size")[0].size)
    return TensorType(updates.dtype, tuple(dims), updates.origin), guards


@put_along_axis_add.flops
def _(out, indices, updates, **attrs):
    return prod(updates.shape)


@put_along_axis_add.indexed
def _(indices, updates, size, axis):
    return 0, Dim(size)


@put_along_axis_add.special
def _(out_type, indices, updates, size, axis):
    if indices.shape[axis] != 1 or 0 in indices.shape:
        return None  # only where each line gets one update can none meet another
    places = _places_kernel(indices, out_type.shape, axis)

    def put(indices: Any, updates: Any, out: Any) -> None:
        out.fill(0)
        out.reshape(-1)[places(indices)] = updates

    return put


@put_along_axis_add.grad
def _(g, out, indices, updates, size, axis):
    return _NO_PATH, take_along_axis(g, indices, axis=axis)


# ---- orders and classes ------------------------------------------------------------------------------------------


@op("(x: t[*a], axis: int = -1, descending: bool = false) -> i64[*a]", samples=[
    sample(distinct(3, 4)), sample(distinct(3, 4), axis=0, descending=True), sample(values([2.0, 1.0, 2.0, 1.0])),
    sample(values([2.0, 1.0, 2.0, 1.0]), descending=True), sample(distinct(2, 0)), sample(values([3, 1, 2], "i32")),
], flat="an order is made of whole numbers")  # fmt: skip
def argsort(x, axis=-1, descending=False):
    """The indices that sort x along an axis. Equal elements keep their order; nan counts as greater than any number.

    Example: argsort([30, 10, 20]) == [1, 2, 0]
    """
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(backwards, axis)


@argsort.require
def _(x, axis, descending):
    whole_axis(axis, x.rank)


@op("(indices: i[*s], depth: int, dtype: string = \"f32\") -> dtype[*s, depth]", samples=[
    sample(integers(0, 4, 3), depth=4), sample(integers(0, 2, 2, 3, dtype="i32"), depth=2, dtype="i64"),
    sample(integers(0, 3), depth=3),
    sample(integers(0, 3, 0), depth=3, dtype="bool"), sample(values([2, 2], "i64"), depth=3, dtype="f64"),
], flat="a class is a whole number")  # fmt: skip
def one_hot(indices, depth, dtype="f32", out=None):
    """For each index a row of zeros with a one at the index.

    Errors: `depth` is negative, `dtype` is no dtype; an index outside of 0 .. depth - 1 stops the run and is named.
    Example: one_hot([1, 0], 3) == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    verify_range(indices, depth)
    out = np.empty((*indices.shape, depth), NUMPY_NAME[dtype]) if out is None else out
    out.fill(0)
    out.reshape(-1)[np.arange(indices.size) * depth + indices.reshape(-1)] = 1
    return out


@one_hot.shape
def _(indices, depth, dtype):
    return TensorType(known_dtype(dtype), (*indices.dims, *axes_of((depth,), "depth")))


@one_hot.indexed
def _(indices, depth, dtype):
    return 0, Dim(depth)
