"""Conversion between dtypes, and the end of a gradient's path."""

from __future__ import annotations

from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.lazy import np
from gdl.ops.samples import booleans, integers, normal, sample, values
from gdl.ops.table import Zero, op


@op("(x: t[*a], dtype: string) -> dtype[*a]", samples=[
        sample(normal(2, 3), dtype="f64"),
        sample(normal(2, 3), dtype="f32"),
        sample(values([-2.7, -0.5, 0.5, 2.7]), dtype="i32"),
        sample(values([-2.7, -0.5, 0.5, 2.7]), dtype="i64"),
        sample(integers(0, 256, 4), dtype="u8"),
        sample(values([0.0, -1.0, 0.5]), dtype="bool"),
        sample(booleans(3), dtype="f64"),
        sample(normal(), dtype="f64"),
        sample(normal(0, 2), dtype="i64"),
    ], elementwise=True)  # fmt: skip
def cast(x, dtype, out=None):
    """x as another dtype. Floats lose their fraction on the way to integers; everything but 0 becomes true.

    What does not fit (nan or 300 as u8, 1e300 as f32) has no defined integer, and is infinite as a float.

    A dtype's name is short for it: i32(x).
    Example: i32([-1.5, 0.0, 2.5]) == [-1, 0, 2]
    Example: cast([-1.5, 0.0, 2.5], "bool") == [true, false, true]
    """
    if out is None:
        return np.asarray(x).astype(NUMPY_NAME[dtype])
    np.copyto(out, x, casting="unsafe")
    return out


@cast.grad
def _(g, out, x, dtype):
    if not out.type.is_float:
        return Zero(f"{dtype} has no gradient: it does not vary smoothly")
    return cast(g, dtype=x.type.dtype) if x.type.is_float else Zero(f"{x.type.dtype} has no gradient")


@op("(x: t[*a]) -> t[*a]", samples=[sample(normal(2, 3)), sample(normal()), sample(normal(0, 2))],
    view=True, keeps=True, flat="stop_gradient ends the path here")  # fmt: skip
def stop_gradient(x):
    """x itself, as a constant: no gradient passes.

    Example: stop_gradient([1.0, 2.0]) == [1.0, 2.0]
    """
    return x
