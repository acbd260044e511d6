"""Random draws. What they depend on is the run's seed, the path of what draws, and the step."""

from __future__ import annotations

from typing import Any

from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.extents import axes_of, known_dtype, refuse, shown
from gdl.ops.lazy import np
from gdl.ops.samples import sample
from gdl.ops.table import op
from gdl.types.tensor import TensorType

# A kernel takes its generator first: its caller decides what the draws depend on. `key` tells the draws of one path
# apart; it is part of the node, so that draws with different keys are never shared.
_SIGNATURE = '(shape: shape, dtype: string = "f32", key: string = "") -> dtype[...]'
_SAMPLES = [sample(shape=(3, 4)), sample(shape=(), dtype="f64"), sample(shape=(0, 2))]
_DRAWN = "a draw depends on no tensor"


def _drawn(shape: Any, dtype: str, key: str) -> TensorType:
    return TensorType(known_dtype(dtype, ("f32", "f64")), axes_of(shape))


@op(_SIGNATURE, samples=_SAMPLES, random=True, flat=_DRAWN)
def standard_normal(generator, shape, dtype="f32", key="", out=None):
    """Independent draws from the normal distribution with mean 0 and variance 1.

    Shapes: [*shape].
    Example: standard_normal([2, 3])
    """
    return generator.standard_normal(shape, NUMPY_NAME[dtype], out)


@op(_SIGNATURE, samples=_SAMPLES, random=True, flat=_DRAWN)
def standard_uniform(generator, shape, dtype="f32", key="", out=None):
    """Independent draws from the uniform distribution over [0, 1): 0 included, 1 not.

    Shapes: [*shape].
    Example: standard_uniform([2, 3]) < 1.0
    """
    return generator.random(shape, NUMPY_NAME[dtype], out)


@op(_SIGNATURE, samples=_SAMPLES, random=True, flat=_DRAWN)
def standard_truncated_normal(generator, shape, dtype="f32", key="", out=None):
    """Independent draws from the normal distribution, given that they lie within [-2, 2].

    What falls outside is drawn again, which is exact. Their standard deviation is 0.8796.

    Shapes: [*shape].
    Example: abs(standard_truncated_normal([2, 3])) <= 2.0
    """
    out = np.empty(shape, NUMPY_NAME[dtype]) if out is None else out
    generator.standard_normal(out.shape, out.dtype, out)
    flat = out.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2)
    while outside.size:
        again = generator.standard_normal(outside.size, out.dtype)
        flat[outside] = again
        outside = outside[np.abs(again) > 2]
    return out


@op(_SIGNATURE, samples=[sample(shape=(3, 3)), sample(shape=(2, 5), dtype="f64"), sample(shape=(3, 3, 2, 4))],
    random=True, flat=_DRAWN)  # fmt: skip
def orthogonal(generator, shape, dtype="f32", key="", out=None):
    """A random matrix with orthonormal columns (rows, where there are fewer), uniform over all of them.

    The leading axes together are the rows. Computed in f64.
    Reference: Saxe, McClelland and Ganguli, 2014; the uniform distribution as in Mezzadri, 2007.
    Shapes: [*shape].
    Example: norm(orthogonal([3, 2]), axis=0) ~= [1.0, 1.0]
    """
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.where(np.diagonal(r) < 0, -1.0, 1.0)
    matrix = (q if rows >= columns else q.T).reshape(shape)
    if out is None:
        return matrix.astype(NUMPY_NAME[dtype])
    np.copyto(out, matrix, casting="same_kind")
    return out


@standard_normal.shape
@standard_uniform.shape
@standard_truncated_normal.shape
@orthogonal.shape
def _(shape, dtype, key):
    return _drawn(shape, dtype, key)


@orthogonal.require
def _(shape, dtype, key):
    if len(shape) < 2:
        raise refuse(f"an orthogonal matrix needs at least two axes, got the shape {shown(shape)}")
