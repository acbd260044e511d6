"""Sums over leading or trailing axes as products with ones: BLAS streams through memory where NumPy's loop does not.

Measured, f32, one core, microseconds by `np.add.reduce` and by this: [100, 10] axis 0: 3.7, 0.9; axis 1: 2.8, 0.9.
[1000, 128] axis 0: 27, 6; axis 1: 41, 8. [25088, 32] axis 0: 710, 116; axis 1: 611, 116.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.lazy import np
from gdl.types.match import normal_axes
from gdl.types.tensor import TensorType

#: Longer rows are left to NumPy, which sums them in pairs and so loses fewer digits.
_LONGEST_ROW = 4096


def blas_sum(x: TensorType, axis: object, keepdims: bool) -> Callable[[Any, Any], Any] | None:
    """A kernel `k(x, out)` for the sum over these axes, or None where it is not for BLAS. Sizes are integers."""
    axes = normal_axes(axis, x.rank)
    count, shape = len(axes), x.shape
    if not x.is_float or count == 0 or 0 in shape:
        return None
    if count == x.rank:
        return _whole(x, keepdims)
    if axes == tuple(range(count)):
        rows, columns = prod(shape[:count]), prod(shape[count:])  # type: ignore[type-var]
        ones, result = (1, rows), (1, columns)
    elif axes == tuple(range(x.rank - count, x.rank)) and prod(shape[-count:]) <= _LONGEST_ROW:  # type: ignore[operator, type-var]
        rows, columns = prod(shape[:-count]), prod(shape[-count:])  # type: ignore[type-var]
        ones, result = (columns, 1), (rows, 1)
    else:
        return None
    keep = x.rank > 2 or keepdims  # a vector of ones takes the axis away
    weights = np.ones(ones if keep else (max(ones),), NUMPY_NAME[x.dtype])
    return _kernel(weights, axes, keepdims, (rows, columns), result, x.rank == 2)


def _whole(x: TensorType, keepdims: bool) -> Callable[[Any, Any], Any] | None:
    """A short vector's sum is a dot product with ones."""
    if x.rank > 1 or keepdims or x.shape[0] > _LONGEST_ROW:  # type: ignore[operator]
        return None
    ones, dot = np.ones(x.shape, NUMPY_NAME[x.dtype]), np.dot
    return lambda x, out: dot(ones, x, out)


def _kernel(
    ones: Any,
    axes: tuple[int, ...],
    keepdims: bool,
    matrix: tuple[Any, Any],
    result: tuple[Any, Any],
    is_matrix: bool,
) -> Callable[[Any, Any], Any]:
    dot, plain = np.dot, np.add.reduce
    leading = axes[0] == 0

    def of_matrix(x: Any, out: Any) -> Any:
        if not x.flags.forc:
            return plain(x, axis=axes, keepdims=keepdims, out=out)
        return dot(ones, x, out) if leading else dot(x, ones, out)

    def of_tensor(x: Any, out: Any) -> Any:
        if not x.flags.c_contiguous:
            return plain(x, axis=axes, keepdims=keepdims, out=out)
        x, out = x.reshape(matrix), out.reshape(result)
        return dot(ones, x, out) if leading else dot(x, ones, out)

    return of_matrix if is_matrix else of_tensor
