"""Elementwise arithmetic and functions of one or two tensors."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from gdl.graph.node import Node, constant
from gdl.ops.comparison import equal, greater, greater_equal, logical_and, where
from gdl.ops.conversion import cast
from gdl.ops.error_function import erf_kernel
from gdl.ops.lazy import np
from gdl.ops.samples import Sample, between, distinct, integers, normal, positive, sample, values
from gdl.ops.table import Zero, op
from gdl.types.match import Mismatch
from gdl.types.tensor import TensorType

_BINARY = "(x: n[*a], y: n[*b]) -> n[broadcast(a, b)]"
_FLOATS = "(x: f[*a], y: f[*b]) -> f[broadcast(a, b)]"
_SAME = "(x: n[*a]) -> n[*a]"
_FLOAT = "(x: f[*a]) -> f[*a]"


def _pairs(draw: Any, other: Any = None) -> list[Sample]:
    """Two tensors in every way that they can broadcast."""
    other = other or draw
    same, stretched, scalars = ((2, 3), (2, 3)), ((2, 1), (1, 3)), ((), ())
    shapes = [same, ((2, 3), (3,)), stretched, ((1, 3), (2, 1, 1)), ((), (4,)), ((), (0, 3)), scalars]
    return [sample(draw(*a), other(*b)) for a, b in shapes]


def _singles(draw: Any) -> list[Sample]:
    return [sample(draw(2, 3)), sample(draw()), sample(draw(0, 2)), sample(draw(1, 4, 1))]


def _kink(at: list[float], slopes: list[float]) -> Sample:
    """A sample that includes the point without derivative, and the gradient there."""
    return sample(values(at), smooth=False, gradients=(slopes,))


def _result(out: Any, *inputs: Any) -> Any:
    """Where a kernel of several steps writes: `out`, or a new array."""
    if out is not None:
        return out
    return np.empty(np.broadcast_shapes(*[np.shape(i) for i in inputs]), np.result_type(*inputs))


# ---- arithmetic --------------------------------------------------------------------------------------------------


@op(_BINARY, samples=_pairs(normal), elementwise=True, commutative=True, ufunc="add")
def add(x, y):
    """x + y"""
    return np.add(x, y)


@add.grad
def _(g, out, x, y):
    return g, g


@op(_BINARY, samples=_pairs(normal), elementwise=True, ufunc="subtract")
def subtract(x, y):
    """x - y"""
    return np.subtract(x, y)


@subtract.grad
def _(g, out, x, y):
    return g, -g


@op(_BINARY, samples=_pairs(normal), elementwise=True, commutative=True, ufunc="multiply")
def multiply(x, y):
    """x * y"""
    return np.multiply(x, y)


@multiply.grad
def _(g, out, x, y):
    return g * y, g * x


@op("(x: t[*a], y: t[*b]) -> f[broadcast(a, b)]", samples=_pairs(positive), elementwise=True, ufunc="divide")
def divide(x, y):
    """x / y, always a float: f32 where both are integers. A float divided by zero is infinite or nan."""
    quotient = np.divide(x, y)
    return quotient if quotient.dtype == np.result_type(x) else quotient.astype("float32")


@divide.dtype
def _(x: TensorType, y: TensorType) -> str:
    return x.dtype if x.is_float else "f32"


@divide.require
def _(x: TensorType, y: TensorType) -> None:
    if x.dtype == "bool":
        raise Mismatch("dtype", ("f32", "f64", "i32", "i64", "u8"), x, ("x",))


@divide.grad
def _(g, out, x, y):
    return g / y, -(g * out) / y


def _check_divisor(y: Any) -> None:
    divisor = np.asarray(y)
    if divisor.dtype.kind == "i" and not divisor.all():
        raise ZeroDivisionError("an integer is divided by zero: integers have no infinity to stand for the result")


#: Quotients between 2.09 and 2.6, away from the steps; and whole numbers of either sign.
_QUOTIENTS = [
    *_pairs(partial(between, 2.2, 2.6), partial(between, 1.0, 1.05)),
    sample(integers(-9, 10, 2, 3), integers(1, 5, 3)),
    sample(integers(-9, 10, 4), integers(-5, 0)),
]


@op(_BINARY, samples=_QUOTIENTS, elementwise=True, flat="a floor division moves in steps")
def floor_divide(x, y, out=None):
    """x / y rounded down. An integer divided by zero stops the run."""
    _check_divisor(y)
    return np.floor_divide(x, y, out=out)


@op(_BINARY, samples=_QUOTIENTS, elementwise=True)
def remainder(x, y, out=None):
    """x - y * floor(x / y), which has the sign of y. An integer divided by zero stops the run."""
    _check_divisor(y)
    return np.remainder(x, y, out=out)


@remainder.grad
def _(g, out, x, y):
    return g, -g * (x // y)


_ZERO_BASE = sample(
    values([0.0, 0.0, 0.0, 0.0]), values([3.0, 2.0, 1.0, 0.0]), smooth=False,
    gradients=([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
)  # fmt: skip
_NEGATIVE_BASE = sample(
    values([-2.0, -2.0, -2.0]), values([3.0, 2.0, 0.0]), smooth=False,
    gradients=([12.0, -4.0, 0.0], [math.nan, math.nan, math.nan]),
)  # fmt: skip


@op(_BINARY, samples=[
        *_pairs(positive), sample(integers(-3, 4, 5), integers(0, 4, 5)), _ZERO_BASE, _NEGATIVE_BASE,
    ], elementwise=True, ufunc="power")  # fmt: skip
def power(x, y):
    """x to the power of y. A negative number has real powers only at whole y."""
    return np.power(x, y)


@power.grad
def _(g, out, x, y):
    if y.op == "constant":
        return _power_at(y.attrs["value"], g, x, y), Zero("the exponent is a constant")
    at_zero = equal(x, _scalar(0, x))
    lowered = where(logical_and(at_zero, equal(y, _scalar(0, y))), _scalar(1, y), y - 1)  # 0 ** 0 is flat in x, not inf
    return g * y * x**lowered, g * out * log(where(at_zero, _scalar(1, x), x))  # 0 ** y is flat in y


def _power_at(c: Any, g: Node, x: Node, y: Node) -> Node | Zero:
    """The gradient at x for a constant exponent: no power of x below 0 appears where c is a natural number."""
    if c == 0:
        return Zero("x ** 0 is 1 everywhere")
    if c == 1:
        return g
    return g * 2.0 * x if c == 2 else g * y * x ** (y - 1 if isinstance(c, tuple) else c - 1)


def _scalar(value: float, neighbour: Node) -> Node:
    return constant(value, neighbour.type.dtype)


@op(_SAME, samples=_singles(normal), elementwise=True, ufunc="negative")
def negative(x):
    """-x"""
    return np.negative(x)


@negative.grad
def _(g, out, x):
    return -g


@op(_SAME, samples=[*_singles(distinct), _kink([-1.0, 0.0, 2.0], [-1.0, 0.0, 1.0])], elementwise=True, ufunc="absolute")
def abs_(x):
    """The absolute value. Its gradient at 0 is 0."""
    return np.absolute(x)


@abs_.grad
def _(g, out, x):
    return g * sign(x)


@op(_SAME, samples=_singles(distinct), elementwise=True, ufunc="sign", flat="a sign is constant on both sides of 0")
def sign(x):
    """-1, 0 or 1."""
    return np.sign(x)


@op(_FLOAT, samples=_singles(distinct), elementwise=True, ufunc="floor", flat="floor moves in steps")
def floor(x):
    """The next whole number below."""
    return np.floor(x)


@op(_FLOAT, samples=_singles(distinct), elementwise=True, ufunc="ceil", flat="ceil moves in steps")
def ceil(x):
    """The next whole number above."""
    return np.ceil(x)


@op(_FLOAT, samples=_singles(distinct), elementwise=True, ufunc="rint", flat="round moves in steps")
def round_(x):
    """The nearest whole number, halves to the even one."""
    return np.rint(x)


# ---- exponentials and logarithms ---------------------------------------------------------------------------------


@op(_FLOAT, samples=_singles(normal), elementwise=True, ufunc="exp")
def exp(x):
    """e^x"""
    return np.exp(x)


@exp.grad
def _(g, out, x):
    return g * out


@op(_FLOAT, samples=_singles(positive), elementwise=True, ufunc="log")
def log(x):
    """The natural logarithm; -inf at 0, nan below."""
    return np.log(x)


@log.grad
def _(g, out, x):
    return g / x


@op(_FLOAT, samples=_singles(positive), elementwise=True, ufunc="log1p")
def log1p(x):
    """log(1 + x), exact also where x is tiny."""
    return np.log1p(x)


@log1p.grad
def _(g, out, x):
    return g / (1.0 + x)


@op(_FLOAT, samples=_singles(normal), elementwise=True, ufunc="expm1")
def expm1(x):
    """e^x - 1, exact also where x is tiny."""
    return np.expm1(x)


@expm1.grad
def _(g, out, x):
    return g * (out + 1.0)


@op(_FLOATS, samples=[*_pairs(normal), sample(values([0.5, -2.0]), values([0.5, -2.0]))], elementwise=True)
def logaddexp(x, y, out=None):
    """log(e^x + e^y), without overflow."""
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


@op(_FLOAT, samples=_singles(positive), elementwise=True, ufunc="sqrt")
def sqrt(x):
    """The square root; nan below 0."""
    return np.sqrt(x)


@sqrt.grad
def _(g, out, x):
    return 0.5 * g / out


@op(_FLOAT, samples=_singles(positive), elementwise=True)
def rsqrt(x, out=None):
    """1 / sqrt(x)"""
    out = np.sqrt(x, out=_result(out, x))
    return np.divide(1.0, out, out=out)


@rsqrt.grad
def _(g, out, x):
    return -0.5 * g * out * out * out


@op(_FLOAT, samples=_singles(normal), elementwise=True, ufunc="sin")
def sin(x):
    """The sine of an angle in radians."""
    return np.sin(x)


@sin.grad
def _(g, out, x):
    return g * cos(x)


@op(_FLOAT, samples=_singles(normal), elementwise=True, ufunc="cos")
def cos(x):
    """The cosine of an angle in radians."""
    return np.cos(x)


@cos.grad
def _(g, out, x):
    return -g * sin(x)


# ---- activations -------------------------------------------------------------------------------------------------


@op(_FLOAT, samples=_singles(normal), elementwise=True, ufunc="tanh")
def tanh(x):
    """The hyperbolic tangent."""
    return np.tanh(x)


@tanh.grad
def _(g, out, x):
    return g * (1.0 - out * out)


#: Where 1 / (1 + e^-x) is still a normal number, as is e^-x.
_SIGMOID_FLOOR = {4: -87.0, 8: -708.0}


@op(_FLOAT, samples=_singles(normal), elementwise=True)
def sigmoid(x, out=None):
    """1 / (1 + e^-x). It never falls below the smallest normal number, so its logarithm is finite."""
    out = _result(out, x)
    np.maximum(x, _SIGMOID_FLOOR[out.itemsize], out=out)  # e^-x must not overflow
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.add(out, 1.0, out=out)
    return np.divide(1.0, out, out=out)


@sigmoid.grad
def _(g, out, x):
    return g * out * (1.0 - out)


@op(_FLOAT, samples=[*_singles(distinct), _kink([-1.0, 0.0, 2.0], [0.0, 0.0, 1.0])], elementwise=True)
def relu(x, out=None):
    """x where it is positive, else 0. Its gradient at 0 is 0."""
    return np.maximum(x, 0, out=out)


@relu.grad
def _(g, out, x):
    return g * cast(out > 0, dtype=x.type.dtype)


@op(_FLOAT, samples=_singles(normal), elementwise=True)
def erf(x, out=None):
    """The error function: 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x."""
    return erf_kernel(x, _result(out, x))


@erf.grad
def _(g, out, x):
    return g * (2.0 / math.sqrt(math.pi)) * exp(-(x * x))


# ---- the larger and the smaller ----------------------------------------------------------------------------------

_TIE = sample(
    values([1.0, 2.0, 3.0]), values([1.0, 3.0, 2.0]), smooth=False,
    gradients=([0.5, 0.0, 1.0], [0.5, 1.0, 0.0]),
)  # fmt: skip
_TIE_DOWN = sample(
    values([1.0, 2.0, 3.0]), values([1.0, 3.0, 2.0]), smooth=False,
    gradients=([0.5, 1.0, 0.0], [0.5, 0.0, 1.0]),
)  # fmt: skip


@op(_BINARY, samples=[*_pairs(distinct), _TIE], elementwise=True, commutative=True, ufunc="maximum")
def maximum(x, y):
    """The larger of two. Where they are equal each gets half of the gradient."""
    return np.maximum(x, y)


@maximum.grad
def _(g, out, x, y):
    return g * _share(x, y), g * _share(y, x)


@op(_BINARY, samples=[*_pairs(distinct), _TIE_DOWN], elementwise=True, commutative=True, ufunc="minimum")
def minimum(x, y):
    """The smaller of two. Where they are equal each gets half of the gradient."""
    return np.minimum(x, y)


@minimum.grad
def _(g, out, x, y):
    return g * _share(y, x), g * _share(x, y)


def _share(x: Node, y: Node) -> Node:
    """1 where x > y, 1/2 where they are equal, else 0."""
    dtype = x.type.dtype
    return 0.5 * (cast(greater(x, y), dtype=dtype) + cast(greater_equal(x, y), dtype=dtype))
