"""Elementwise functions: exponentials and logarithms, roots and circles, activations."""

from __future__ import annotations

import math
from typing import Any

from gdl.ops.beside import beside
from gdl.ops.conversion import cast
from gdl.ops.error_function import erf_kernel
from gdl.ops.lazy import np
from gdl.ops.samples import distinct, kink, normal, pairs, positive, sample, singles, values
from gdl.ops.table import op

_FLOAT = "(x: f[*a]) -> f[*a]"


def _result(out: Any, *inputs: Any) -> Any:
    """Where a kernel of several steps writes: `out`, or a new array."""
    if out is not None:
        return out
    return np.empty(np.broadcast_shapes(*[np.shape(i) for i in inputs]), np.result_type(*inputs))


# ---- exponentials and logarithms ---------------------------------------------------------------------------------


@op(_FLOAT, samples=singles(normal), elementwise=True, ufunc="exp")
def exp(x):
    """e^x

    Example: exp([0.0, 1.0]) ~= [1.0, 2.7182818]
    """
    return np.exp(x)


@exp.grad
def _(g, out, x):
    return g * out


@op(_FLOAT, samples=singles(positive), elementwise=True, ufunc="log")
def log(x):
    """The natural logarithm; -inf at 0, nan below.

    Example: log([1.0, 2.7182818]) ~= [0.0, 1.0]
    """
    return np.log(x)


@log.grad
def _(g, out, x):
    return g / x


@op(_FLOAT, samples=singles(positive), elementwise=True, ufunc="log1p")
def log1p(x):
    """log(1 + x), exact also where x is tiny.

    Example: log1p([0.0, 1e-10]) ~= [0.0, 1e-10]
    """
    return np.log1p(x)


@log1p.grad
def _(g, out, x):
    return g / (1.0 + x)


@op(_FLOAT, samples=singles(normal), elementwise=True, ufunc="expm1")
def expm1(x):
    """e^x - 1, exact also where x is tiny.

    Example: expm1([0.0, 1e-10]) ~= [0.0, 1e-10]
    """
    return np.expm1(x)


@expm1.grad
def _(g, out, x):
    return g * (out + 1.0)


_EQUAL = sample(values([0.5, -2.0]), values([0.5, -2.0]))


@op("(x: f[*a], y: f[*b]) -> f[broadcast(a, b)]", samples=[*pairs(normal), _EQUAL], elementwise=True)
def logaddexp(x, y, out=None):
    """log(e^x + e^y), without overflow.

    Example: logaddexp([0.0, 1000.0], [0.0, 1000.0]) ~= [log(2.0), 1000.0 + log(2.0)]
    """
    out = _result(out, x, y)
    larger = np.maximum(x, y)
    np.subtract(np.minimum(x, y), larger, out=out)
    np.fmin(out, 0.0, out=out)  # two equal infinities differ by nan, which fmin ignores
    np.exp(out, out=out)
    np.log1p(out, out=out)
    return np.add(out, larger, out=out)


@logaddexp.grad
def _(g, out, x, y):
    return g * sigmoid(x - y), g * sigmoid(y - x)


# ---- roots and circles -------------------------------------------------------------------------------------------


@op(_FLOAT, samples=singles(positive), elementwise=True, ufunc="sqrt")
def sqrt(x):
    """The square root; nan below 0.

    Example: sqrt([0.0, 4.0, 9.0]) == [0.0, 2.0, 3.0]
    """
    return np.sqrt(x)


@sqrt.grad
def _(g, out, x):
    return 0.5 * g / out


@op(_FLOAT, samples=singles(positive), elementwise=True)
def rsqrt(x, out=None):
    """1 / sqrt(x)

    Example: rsqrt([1.0, 4.0]) == [1.0, 0.5]
    """
    out = np.sqrt(x, out=_result(out, x))
    return np.reciprocal(out, out)


@rsqrt.grad
def _(g, out, x):
    return -0.5 * g * out * out * out


@op(_FLOAT, samples=singles(normal), elementwise=True, ufunc="sin")
def sin(x):
    """The sine of an angle in radians.

    Example: sin([0.0, 3.1415927 / 2]) ~= [0.0, 1.0]
    """
    return np.sin(x)


@sin.grad
def _(g, out, x):
    return g * cos(x)


@op(_FLOAT, samples=singles(normal), elementwise=True, ufunc="cos")
def cos(x):
    """The cosine of an angle in radians.

    Example: cos([0.0, 3.1415927]) ~= [1.0, -1.0]
    """
    return np.cos(x)


@cos.grad
def _(g, out, x):
    return -g * sin(x)


# ---- activations -------------------------------------------------------------------------------------------------


@op(_FLOAT, samples=singles(normal), elementwise=True, ufunc="tanh")
def tanh(x):
    """The hyperbolic tangent.

    Example: tanh([-1000.0, 0.0, 1000.0]) == [-1.0, 0.0, 1.0]
    """
    return np.tanh(x)


@tanh.grad
def _(g, out, x):
    return g * (1.0 - out * out)


#: Where 1 / (1 + e^-x) is still a normal number, as is e^-x.
SIGMOID_FLOOR = {4: -87.0, 8: -708.0}


@op(_FLOAT, samples=singles(normal), elementwise=True)
def sigmoid(x, out=None):
    """1 / (1 + e^-x). It never falls below the smallest normal number, so its logarithm is finite.

    Example: sigmoid([0.0, 1000.0]) == [0.5, 1.0]
    """
    out = _result(out, x)
    np.maximum(x, beside(SIGMOID_FLOOR[out.itemsize], out.shape, out.dtype), out=out)  # e^-x must not overflow
    np.negative(out, out)
    np.exp(out, out)
    np.add(out, beside(1.0, (), out.dtype), out)
    return np.divide(beside(1.0, (), out.dtype), out, out)


@sigmoid.grad
def _(g, out, x):
    return g * out * (1.0 - out)


_AT_ZERO = kink([-1.0, 0.0, 2.0], gradients=([0.0, 0.0, 1.0],))


@op(_FLOAT, samples=[*singles(distinct), _AT_ZERO], elementwise=True)
def relu(x, out=None):
    """x where it is positive, else 0. Its gradient at 0 is 0.

    Example: relu([-2.0, 0.0, 3.0]) == [0.0, 0.0, 3.0]
    """
    return np.maximum(x, beside(0.0, np.shape(x), np.result_type(x)), out=out)


@relu.grad
def _(g, out, x):
    return g * cast(out > 0, dtype=x.type.dtype)


@op(_FLOAT, samples=singles(normal), elementwise=True)
def erf(x, out=None):
    """The error function: 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.

    Example: erf([0.0, 1.0]) ~= [0.0, 0.8427008]
    """
    return erf_kernel(x, _result(out, x))


@erf.grad
def _(g, out, x):
    return g * (2.0 / math.sqrt(math.pi)) * exp(-(x * x))
