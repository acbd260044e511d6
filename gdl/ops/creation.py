"""Tensors made from numbers alone."""

from __future__ import annotations

from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.extents import axes_of, fit, known_dtype, refuse, representable, whole_number
from gdl.ops.lazy import np
from gdl.ops.samples import sample
from gdl.ops.table import op
from gdl.types import sizes
from gdl.types.tensor import Dim, TensorType

_CONSTANT = "it depends on no tensor"


@op("(shape: shape, value: float, dtype: string = \"f32\") -> dtype[...]", samples=[
    sample(shape=(2, 3), value=0.5), sample(shape=(), value=-2, dtype="f64"),
    sample(shape=(0, 2), value=1, dtype="i32"),
    sample(shape=(3,), value=255, dtype="u8"), sample(shape=(2,), value=1, dtype="bool"),
], flat=_CONSTANT)  # fmt: skip
def full(shape, value, dtype="f32", out=None):
    """One number everywhere.

    Shapes: [*shape].
    Errors: a size is negative; `dtype` is no dtype, or has no such value.
    Example: full([2, 2], 7) == [[7.0, 7.0], [7.0, 7.0]]
    """
    out = np.empty(shape, NUMPY_NAME[dtype]) if out is None else out
    out.fill(value)
    return out


@full.shape
def _(shape, value, dtype):
    representable("value", value, known_dtype(dtype))
    return TensorType(dtype, axes_of(shape))


@op("(start: int, stop: int | none = none, step: int = 1, dtype: string = \"i64\") -> dtype[...]", samples=[
    sample(start=5), sample(start=2, stop=11, step=3), sample(start=3, stop=-4, step=-2, dtype="i32"),
    sample(start=4, stop=1),
    sample(start=0, stop=3, dtype="f32"),
], flat=_CONSTANT)  # fmt: skip
def arange(start, stop=None, step=1, dtype="i64", out=None):
    """Whole numbers from start up to, not including, stop; from 0 up to start where only one is given.

    Shapes: [ceil_div(stop - start, step)].
    Errors: `step` is 0, or does not lead from `start` to `stop`.
    Example: arange(3) == [0, 1, 2]
    Example: arange(10, 4, -2) == [10, 8, 6]
    """
    start, stop = (0, start) if stop is None else (start, stop)
    numbers = np.arange(start, stop, step, NUMPY_NAME[dtype])
    if out is None:
        return numbers
    out[...] = numbers
    return out


@arange.shape
def _(start, stop, step, dtype):
    known_dtype(dtype, ("f32", "f64", "i32", "i64"))
    start, stop = (0, start) if stop is None else (start, stop)
    if whole_number("step", step) == 0:
        raise refuse("`step` must not be 0")
    low, high = (start, stop) if step > 0 else (stop, start)
    if sizes.at_most(low, high) is False:
        return TensorType(dtype, (Dim(0),))
    size = sizes.ceil_div(high - low, abs(step))
    guards = fit(low, Dim(high), f"`stop` {stop} can't be reached from `start` {start} in steps of {step}")
    return TensorType(dtype, (Dim(size, sizes.is_symbol(size)),)), guards


@arange.values
def _(start, stop, step, dtype):
    start, stop = (0, start) if stop is None else (start, stop)
    if not all(isinstance(size, int) for size in (start, stop, step)):
        return None
    numbers = range(start, stop, step)
    return (min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1])) if numbers else None


@op("(n: int, m: int | none = none, dtype: string = \"f32\") -> dtype[...]", samples=[
    sample(n=3), sample(n=2, m=4, dtype="f64"), sample(n=3, m=1, dtype="i64"), sample(n=0, m=2, dtype="bool"),
], flat=_CONSTANT)  # fmt: skip
def eye(n, m=None, dtype="f32", out=None):
    """n rows of m (or n) zeros with ones on the main diagonal.

    Shapes: [n, m].
    Errors: a size is negative; `dtype` is no dtype.
    Example: eye(2, 3) == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    out = np.empty((n, n if m is None else m), NUMPY_NAME[dtype]) if out is None else out
    out.fill(0)
    np.fill_diagonal(out, 1)
    return out


@eye.shape
def _(n, m, dtype):
    return TensorType(known_dtype(dtype), axes_of((n, n if m is None else m), "n, m"))
