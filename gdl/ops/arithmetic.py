"""Elementwise arithmetic: sums, products, quotients, powers, rounding, and the larger and smaller of two."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from gdl.graph.node import Node, constant
from gdl.ops.comparison import equal, greater, greater_equal, logical_and, where
from gdl.ops.conversion import cast
from gdl.ops.elementwise import log
from gdl.ops.lazy import np
from gdl.ops.samples import between, distinct, integers, kink, normal, pairs, positive, sample, singles
from gdl.ops.table import Zero, op
from gdl.types.match import Mismatch
from gdl.types.tensor import TensorType

_BINARY = "(x: n[*a], y: n[*b]) -> n[broadcast(a, b)]"
_SAME = "(x: n[*a]) -> n[*a]"
_FLOAT = "(x: f[*a]) -> f[*a]"


@op(_BINARY, samples=pairs(normal), elementwise=True, commutative=True, ufunc="add")
def add(x, y):
    """x + y

    Example: add([[1], [2]], [10, 20]) == [[11, 21], [12, 22]]
    """
    return np.add(x, y)


@add.grad
def _(g, out, x, y):
    return g, g


@op(_BINARY, samples=pairs(normal), elementwise=True, ufunc="subtract")
def subtract(x, y):
    """x - y

    Example: subtract([5, 7], 2) == [3, 5]
    """
    return np.subtract(x, y)


@subtract.grad
def _(g, out, x, y):
    return g, -g


@op(_BINARY, samples=pairs(normal), elementwise=True, commutative=True, ufunc="multiply")
def multiply(x, y):
    """x * y

    Example: multiply([1.5, 2.0], [2.0, 3.0]) == [3.0, 6.0]
    """
    return np.multiply(x, y)


@multiply.grad
def _(g, out, x, y):
    return g * y, g * x


@op("(x: t[*a], y: t[*b]) -> f[broadcast(a, b)]", samples=pairs(positive), elementwise=True, ufunc="divide")
def divide(x, y):
    """x / y, always a float: f32 where both are integers. A float divided by zero is infinite or nan.

    Example: divide([1, 3], 2) == [0.5, 1.5]
    """
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
    *pairs(partial(between, 2.2, 2.6), partial(between, 1.0, 1.05)),
    sample(integers(-9, 10, 2, 3), integers(1, 5, 3)),
    sample(integers(-9, 10, 4), integers(-5, 0)),
]


@op(_BINARY, samples=_QUOTIENTS, elementwise=True, flat="a floor division moves in steps")
def floor_divide(x, y, out=None):
    """x / y rounded down. An integer divided by zero stops the run.

    Example: floor_divide([7, -7], 2) == [3, -4]
    """
    _check_divisor(y)
    return np.floor_divide(x, y, out=out)


@op(_BINARY, samples=_QUOTIENTS, elementwise=True)
def remainder(x, y, out=None):
    """x - y * floor(x / y), which has the sign of y. An integer divided by zero stops the run.

    Example: remainder([7, -7], 2) == [1, 1]
    """
    _check_divisor(y)
    return np.remainder(x, y, out=out)


@remainder.grad
def _(g, out, x, y):
    return g, -g * (x // y)


_ZERO_BASE = kink(
    [0.0, 0.0, 0.0, 0.0], [3.0, 2.0, 1.0, 0.0], gradients=([0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0])
)
_NEGATIVE_BASE = kink(
    [-2.0, -2.0, -2.0], [3.0, 2.0, 0.0], gradients=([12.0, -4.0, 0.0], [math.nan, math.nan, math.nan])
)


@op(_BINARY, samples=[
        *pairs(positive), sample(integers(-3, 4, 5), integers(0, 4, 5)), _ZERO_BASE, _NEGATIVE_BASE,
    ], elementwise=True, ufunc="power")  # fmt: skip
def power(x, y):
    """x to the power of y. A negative number has real powers only at whole y.

    Example: power([1.0, 2.0, 3.0], 2) == [1.0, 4.0, 9.0]
    """
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


@op(_SAME, samples=singles(normal), elementwise=True, ufunc="negative")
def negative(x):
    """-x

    Example: negative([1, -2]) == [-1, 2]
    """
    return np.negative(x)


@negative.grad
def _(g, out, x):
    return -g


_AT_ZERO = kink([-1.0, 0.0, 2.0], gradients=([-1.0, 0.0, 1.0],))


@op(_SAME, samples=[*singles(distinct), _AT_ZERO], elementwise=True, ufunc="absolute")
def abs_(x):
    """The absolute value. Its gradient at 0 is 0.

    Example: abs([-1.5, 2.0]) == [1.5, 2.0]
    """
    return np.absolute(x)


@abs_.grad
def _(g, out, x):
    return g * sign(x)


@op(_SAME, samples=singles(distinct), elementwise=True, ufunc="sign", flat="a sign is constant on both sides of 0")
def sign(x):
    """-1, 0 or 1.

    Example: sign([-1.5, 0.0, 2.0]) == [-1.0, 0.0, 1.0]
    """
    return np.sign(x)


@op(_FLOAT, samples=singles(distinct), elementwise=True, ufunc="floor", flat="floor moves in steps")
def floor(x):
    """The next whole number below.

    Example: floor([-1.5, 1.5]) == [-2.0, 1.0]
    """
    return np.floor(x)


@op(_FLOAT, samples=singles(distinct), elementwise=True, ufunc="ceil", flat="ceil moves in steps")
def ceil(x):
    """The next whole number above.

    Example: ceil([-1.5, 1.5]) == [-1.0, 2.0]
    """
    return np.ceil(x)


@op(_FLOAT, samples=singles(distinct), elementwise=True, ufunc="rint", flat="round moves in steps")
def round_(x):
    """The nearest whole number, halves to the even one.

    Example: round([0.5, 1.5, 1.7]) == [0.0, 2.0, 2.0]
    """
    return np.rint(x)


# ---- the larger and the smaller ----------------------------------------------------------------------------------

_TIE = kink([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], gradients=([0.5, 0.0, 1.0], [0.5, 1.0, 0.0]))
_TIE_DOWN = kink([1.0, 2.0, 3.0], [1.0, 3.0, 2.0], gradients=([0.5, 1.0, 0.0], [0.5, 0.0, 1.0]))


@op(_BINARY, samples=[*pairs(distinct), _TIE], elementwise=True, commutative=True, ufunc="maximum")
def maximum(x, y):
    """The larger of two. Where they are equal each gets half of the gradient.

    Example: maximum([1.0, 5.0], [3.0, 2.0]) == [3.0, 5.0]
    """
    return np.maximum(x, y)


@maximum.grad
def _(g, out, x, y):
    return g * _share(x, y), g * _share(y, x)


@op(_BINARY, samples=[*pairs(distinct), _TIE_DOWN], elementwise=True, commutative=True, ufunc="minimum")
def minimum(x, y):
    """The smaller of two. Where they are equal each gets half of the gradient.

    Example: minimum([1.0, 5.0], [3.0, 2.0]) == [1.0, 2.0]
    """
    return np.minimum(x, y)


@minimum.grad
def _(g, out, x, y):
    return g * _share(y, x), g * _share(x, y)


def _share(x: Node, y: Node) -> Node:
    """1 where x > y, 1/2 where they are equal, else 0."""
    dtype = x.type.dtype
    return 0.5 * (cast(greater(x, y), dtype=dtype) + cast(greater_equal(x, y), dtype=dtype))
