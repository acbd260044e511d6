"""Reductions over one axis, several, or all of them (`axis=none`); `keepdims` leaves axes of size 1 in their place."""

from __future__ import annotations

from collections.abc import Callable
from math import prod as product
from typing import Any

from gdl.graph.node import Node, constant
from gdl.ops.blas_sum import blas_sum
from gdl.ops.comparison import equal
from gdl.ops.conversion import cast
from gdl.ops.cumulative import linear_recurrence
from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.lazy import np
from gdl.ops.samples import Sample, booleans, distinct, normal, sample, values
from gdl.ops.table import Op, apply, each_element, op
from gdl.types.match import Mismatch, normal_axes
from gdl.types.tensor import TensorType

_REDUCTION = "(x: n[*a], axis: ints | none = none, keepdims: bool = false) -> n[reduce(a, axis, keepdims)]"
_TRUTH = "(x: bool[*a], axis: ints | none = none, keepdims: bool = false) -> bool[reduce(a, axis, keepdims)]"
_INDEX = "(x: n[*a], axis: int, keepdims: bool = false) -> i64[reduce(a, axis, keepdims)]"


def _reduced(draw) -> list[Sample]:  # type: ignore[no-untyped-def]
    """Every way to reduce, with results also where another axis is empty."""
    return [
        sample(draw(2, 3)),
        sample(draw(2, 3), axis=0),
        sample(draw(2, 3), axis=-1, keepdims=True),
        sample(draw(2, 3, 4), axis=(0, -1)),
        sample(draw(2, 3, 4), axis=(2, 1), keepdims=True),
        sample(draw(2, 3), keepdims=True),
        sample(draw(2, 3), axis=()),
        sample(draw(1, 3), axis=0),
        sample(draw(0, 3), axis=1),
        sample(draw()),
    ]


def _emptied(draw) -> list[Sample]:  # type: ignore[no-untyped-def]
    """Reductions over nothing."""
    return [sample(draw(2, 0), axis=1), sample(draw(0, 3)), sample(draw(2, 0, 3), axis=(0, 1), keepdims=True)]


def _kept(g: Node, x: Node, axis: object, keepdims: bool) -> Node:
    """A reduction's result, or its gradient, as `keepdims` leaves it: it broadcasts against x."""
    gone = normal_axes(axis, x.type.rank)
    if keepdims or not gone:
        return g
    return apply("reshape", [g], {"shape": tuple([1 if i in gone else s for i, s in enumerate(x.type.shape)])})


# ---- sums and products -------------------------------------------------------------------------------------------


@op(_REDUCTION, samples=[*_reduced(normal), *_emptied(normal)])
def sum_(x, axis=None, keepdims=False, out=None):
    """The sum; 0 of nothing.

    Example: sum([[1.0, 2.0], [3.0, 4.0]]) == 10.0
    Example: sum([[1.0, 2.0], [3.0, 4.0]], axis=0) == [4.0, 6.0]
    """
    return np.add.reduce(x, axis=axis, dtype=x.dtype, keepdims=keepdims, out=out)


@sum_.special
def _(out_type, x, axis, keepdims):
    return blas_sum(x, axis, keepdims)


@sum_.grad
def _(g, out, x, axis, keepdims):
    return _kept(g, x, axis, keepdims)


_ZEROS = [
    sample(values([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0]]), axis=1),
    sample(values([[2.0, 0.0, 3.0], [0.0, 4.0, 5.0]])),
]


@op(_REDUCTION, samples=[*_reduced(normal), *_emptied(normal), *_ZEROS])
def prod(x, axis=None, keepdims=False, out=None):
    """The product; 1 of nothing.

    Example: prod([[1.0, 2.0], [3.0, 4.0]], axis=1) == [2.0, 12.0]
    """
    return np.multiply.reduce(x, axis=axis, dtype=x.dtype, keepdims=keepdims, out=out)


@prod.grad
def _(g, out, x, axis, keepdims):
    """Times the product of all others, found without dividing: right also where factors are 0."""
    g, rest = _kept(g, x, axis, keepdims), x
    for each in normal_axes(axis, x.type.rank):
        g = g * _others(rest, each)
        rest = prod(rest, axis=each, keepdims=True)
    return g


def _others(x: Node, axis: int) -> Node:
    """The product along an axis of everything but the element itself: all before it times all behind it."""
    nothing = apply("broadcast_to", [constant(0.0, x.type.dtype)], {"shape": x.type.shape})
    before, behind = [
        linear_recurrence(x, nothing, axis=axis, reverse=reverse, initial=1.0) for reverse in (False, True)
    ]
    return before * behind


# ---- extremes ----------------------------------------------------------------------------------------------------


def _needs_elements(entry: Op) -> Op:
    """There must be something to choose from."""

    @entry.require
    def _(x: TensorType, axis: object, keepdims: bool) -> None:
        for each in normal_axes(axis, x.rank):
            if x.dims[each].size == 0:
                raise Mismatch("require", text=f"{entry.name} of nothing has no value: axis {each} of {x} has size 0")

    return entry


def _tied(draw_first: list[float], slopes: list[list[float]]) -> Sample:
    return sample(values([draw_first, [0.0, 5.0, -1.0]]), axis=1, smooth=False, gradients=(slopes,))


@op(_REDUCTION, samples=[
        *_reduced(distinct), _tied([4.0, 1.0, 4.0], [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]),
    ])  # fmt: skip
def max_(x, axis=None, keepdims=False, out=None):
    """The largest; nan if there is one. Equal largest share the gradient evenly.

    Errors: the axis is empty.
    Example: max([[1.0, 2.0], [4.0, 3.0]], axis=1) == [2.0, 4.0]
    """
    return np.maximum.reduce(x, axis=axis, keepdims=keepdims, out=out)


@op(_REDUCTION, samples=[
        *_reduced(distinct), _tied([1.0, 4.0, 1.0], [[0.5, 0.0, 0.5], [0.0, 0.0, 1.0]]),
    ])  # fmt: skip
def min_(x, axis=None, keepdims=False, out=None):
    """The smallest; nan if there is one. Equal smallest share the gradient evenly.

    Errors: the axis is empty.
    Example: min([[1.0, 2.0], [4.0, 3.0]], axis=1, keepdims=true) == [[1.0], [3.0]]
    """
    return np.minimum.reduce(x, axis=axis, keepdims=keepdims, out=out)


def _extreme_gradient(g: Node, out: Node, x: Node, axis: object, keepdims: bool) -> tuple[Node]:
    chosen = cast(equal(x, _kept(out, x, axis, keepdims)), dtype=x.type.dtype)
    return chosen * (_kept(g, x, axis, keepdims) / sum_(chosen, axis=axis, keepdims=True))


#: NumPy's extremes along the last axis cost 50 to 80 ns a row; up to so many columns it pays to turn the matrix first,
#: folded in half where there are more. Measured, microseconds: [100, 10] 8.1 and 2.1, [4096, 16] 449 and 48,
#: [4096, 32] 212 and 92, [4096, 64] 239 and 155.
_FEW_COLUMNS, _FEW_ROWS = 32, 16
_MORE_COLUMNS, _MANY_ROWS = 64, 512


def _of_short_rows(extreme: str) -> Callable[..., Callable[..., Any] | None]:
    """For few columns: the matrix turned, then element by element along the first axis."""

    def rule(out_type: TensorType, x: TensorType, axis: object, keepdims: bool) -> Callable[..., Any] | None:
        if normal_axes(axis, x.rank) != (x.rank - 1,) or 0 in x.shape:
            return None
        rows, columns = product(x.shape[:-1]), x.shape[-1]  # type: ignore[type-var]
        halves = columns > _FEW_COLUMNS  # type: ignore[operator]
        if columns == 1 or columns > _MORE_COLUMNS or rows < (_MANY_ROWS if halves else _FEW_ROWS):  # type: ignore[operator]
            return None
        width = columns - columns // 2 if halves else columns  # type: ignore[operator]
        ufunc, copyto = getattr(np, extreme), np.copyto
        reduce = ufunc.reduce

        def run(x: Any, out: Any, scratch: Any) -> None:
            memory, matrix = scratch.view(x.dtype), x.reshape(rows, columns)
            turned = memory[: rows * width].reshape(width, rows)  # type: ignore[operator]
            if halves:
                matrix = ufunc(matrix[:, :width], matrix[:, -width:], out=memory[rows * width :].reshape(rows, width))  # type: ignore[operator]
            copyto(turned, matrix.T)
            reduce(turned, 0, None, out.reshape(rows))

        run.scratch_bytes = rows * width * (1 + halves) * np.dtype(NUMPY_NAME[x.dtype]).itemsize  # type: ignore[attr-defined, operator]
        return run

    return rule


for _entry, _extreme in ((max_, "maximum"), (min_, "minimum")):
    _needs_elements(_entry).grad(_extreme_gradient)
    _entry.special(_of_short_rows(_extreme))


# ---- places ------------------------------------------------------------------------------------------------------

_ALONG: list[Sample] = [
    sample(distinct(2, 3), axis=1),
    sample(distinct(2, 3), axis=0, keepdims=True),
    sample(distinct(2, 3, 2), axis=-2),
    sample(distinct(0, 3), axis=1),
    sample(distinct(2, 1), axis=1),
    sample(values([[1.0, 4.0, 4.0], [2.0, 2.0, 2.0]]), axis=1),
]


@op(_INDEX, samples=_ALONG, flat="an index moves in steps")
def argmax(x, axis, keepdims=False, out=None):
    """The index of the largest along an axis, the first of equals; that of a nan if there is one.

    Errors: the axis is empty.
    Example: argmax([[1.0, 2.0], [4.0, 3.0]], axis=1) == [1, 0]
    """
    return np.argmax(x, axis=axis, keepdims=keepdims, out=out)


@op(_INDEX, samples=_ALONG, flat="an index moves in steps")
def argmin(x, axis, keepdims=False, out=None):
    """The index of the smallest along an axis, the first of equals; that of a nan if there is one.

    Errors: the axis is empty.
    Example: argmin([[1.0, 2.0], [4.0, 3.0]], axis=1) == [0, 1]
    """
    return np.argmin(x, axis=axis, keepdims=keepdims, out=out)


for _entry in (argmax, argmin):
    _needs_elements(_entry)

    @_entry.values
    def _(x, axis, keepdims):
        size = x.dims[axis].size
        return (0, size - 1) if isinstance(size, int) else None


# ---- truth -------------------------------------------------------------------------------------------------------


@op(_TRUTH, samples=[*_reduced(booleans), *_emptied(booleans)], flat="the result is true or false")
def any_(x, axis=None, keepdims=False, out=None):
    """True where at least one is; false of nothing.

    Example: any([[true, false], [false, false]], axis=1) == [true, false]
    """
    return np.logical_or.reduce(x, axis=axis, keepdims=keepdims, out=out)


@op(_TRUTH, samples=[*_reduced(booleans), *_emptied(booleans)], flat="the result is true or false")
def all_(x, axis=None, keepdims=False, out=None):
    """True where each one is; true of nothing.

    Example: all([[true, true], [true, false]], axis=1) == [true, false]
    """
    return np.logical_and.reduce(x, axis=axis, keepdims=keepdims, out=out)


for _entry in (sum_, prod, max_, min_, argmax, argmin, any_, all_):
    _entry.flops(each_element)
