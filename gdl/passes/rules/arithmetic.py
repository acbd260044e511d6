"""Algebra that is exact to the last bit, or loses no more than rounding where a rule says so.

None of these is here: x + 0.0 = x (it turns -0.0 into 0.0), 0 * x = 0 (x may be infinite or nan), x - x = 0 (likewise).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from gdl.graph.node import Node
from gdl.passes.rules.rule import Make, Rule, either_way, in_shape_of, scalar, splat

#: Exponents of two for which both 2 ** e and 2 ** -e are normal numbers.
_EXACT_EXPONENTS = {"f32": range(-125, 126), "f64": range(-1021, 1022)}
#: Casts that lose nothing.
_WIDENING = {
    ("f32", "f64"), ("i32", "i64"), ("i32", "f64"), ("u8", "i32"), ("u8", "i64"), ("u8", "f32"), ("u8", "f64"),
    ("bool", "u8"), ("bool", "i32"), ("bool", "i64"), ("bool", "f32"), ("bool", "f64"),
}  # fmt: skip


def times_one(node: Node, make: Make) -> Node | None:
    """x * 1 = x, x * -1 = -x"""
    for x, y in either_way(node.inputs):
        if splat(y) == 1:
            return in_shape_of(node, x, make)
        if splat(y) == -1:
            return in_shape_of(node, make("negative", (x,)), make)
    return None


def times_negative(node: Node, make: Make) -> Node | None:
    """-x * c = x * -c, -x * -y = x * y"""
    x, y = node.inputs
    if x.op == y.op == "negative":
        return make("multiply", (x.inputs[0], y.inputs[0]))
    for x, y in either_way(node.inputs):
        if x.op == "negative" and splat(y) is not None:
            return make("multiply", (x.inputs[0], make("negative", (y,))))
    return None


def constant_to_smaller_factor(node: Node, make: Make) -> Node | None:
    """c * (x * y) = (c * x) * y, c being a power of two, where x is smaller than the product"""
    for product, c in either_way(node.inputs):
        if product.op != "multiply" or not _is_power_of_two(splat(c), node.type.dtype):
            continue
        for x, y in either_way(product.inputs):
            if x.type.shape != node.type.shape:
                return in_shape_of(node, make("multiply", (make("multiply", (c, x)), y)), make)
    return None


def plus_nothing(node: Node, make: Make) -> Node | None:
    """x + -0.0 = x; for integers x + 0 = x"""
    for x, y in either_way(node.inputs):
        if _is_zero(y, sign=-1):
            return in_shape_of(node, x, make)
    return None


def plus_negative(node: Node, make: Make) -> Node | None:
    """x + -y = x - y"""
    for x, y in either_way(node.inputs):
        if y.op == "negative":
            return make("subtract", (x, y.inputs[0]))
    return None


def plus_itself(node: Node, make: Make) -> Node | None:
    """x + x = 2 * x"""
    x, y = node.inputs
    return make("multiply", (scalar(2, x), x)) if x is y else None


def minus_nothing(node: Node, make: Make) -> Node | None:
    """x - 0.0 = x"""
    x, y = node.inputs
    return in_shape_of(node, x, make) if _is_zero(y, sign=1) else None


def minus_negative(node: Node, make: Make) -> Node | None:
    """x - -y = x + y"""
    x, y = node.inputs
    return make("add", (x, y.inputs[0])) if y.op == "negative" else None


def negative_negative(node: Node, make: Make) -> Node | None:
    """--x = x"""
    (x,) = node.inputs
    return x.inputs[0] if x.op == "negative" else None


def negative_multiple(node: Node, make: Make) -> Node | None:
    """-(x * c) = x * -c"""
    (product,) = node.inputs
    if product.op == "multiply":
        for x, y in either_way(product.inputs):
            if splat(y) is not None:
                return make("multiply", (x, make("negative", (y,))))
    return None


def divided_by_power_of_two(node: Node, make: Make) -> Node | None:
    """x / c = x * (1 / c) where 1 / c is exact, c being a power of two"""
    x, y = node.inputs
    divisor = splat(y)
    if divisor is None or x.type.dtype != node.type.dtype or not _is_power_of_two(divisor, node.type.dtype):
        return None
    return in_shape_of(node, make("multiply", (x, scalar(1.0 / divisor, x))), make)


def small_power(node: Node, make: Make) -> Node | None:
    """x ** 0 = 1, x ** 1 = x, x ** 2 = x * x, and so to 4: to rounding, and many times faster"""
    x, y = node.inputs
    exponent = splat(y)
    if exponent not in (0, 1, 2, 3, 4):
        return None
    if exponent == 0:
        return in_shape_of(node, scalar(1, node), make)
    result = x
    if exponent > 1:
        square = make("multiply", (x, x))
        result = {2: square, 3: make("multiply", (square, x)), 4: make("multiply", (square, square))}[int(exponent)]
    return in_shape_of(node, result, make)


def root_power(node: Node, make: Make) -> Node | None:
    """x ** 0.5 = sqrt(x), x ** -0.5 = rsqrt(x), x ** -1 = 1 / x: to rounding, but for -inf, which has no root"""
    x, y = node.inputs
    exponent = splat(y)
    if not node.type.is_float or exponent not in (0.5, -0.5, -1):
        return None
    if exponent == -1:
        return in_shape_of(node, make("divide", (scalar(1, x), x)), make)
    return in_shape_of(node, make("sqrt" if exponent > 0 else "rsqrt", (x,)), make)


def cast_to_same(node: Node, make: Make) -> Node | None:
    """A cast to the dtype that x has already is x."""
    (x,) = node.inputs
    return x if x.type.dtype == node.type.dtype else None


def cast_there_and_back(node: Node, make: Make) -> Node | None:
    """A cast of a cast that lost nothing is one cast, of x."""
    (inner,) = node.inputs
    if inner.op != "cast":
        return None
    (x,) = inner.inputs
    if (x.type.dtype, inner.type.dtype) not in _WIDENING:
        return None
    return make("cast", (x,), dtype=node.type.dtype)


def passed_on(node: Node, make: Make) -> Node | None:
    """Once there are gradients, stop_gradient(x) = x"""
    return node.inputs[0]


def _is_power_of_two(value: float | None, dtype: str) -> bool:
    """Whether multiplying floats by the value, or by its inverse, changes no digit."""
    if value is None or dtype not in _EXACT_EXPONENTS:
        return False
    mantissa, exponent = math.frexp(value)
    return abs(mantissa) == 0.5 and exponent - 1 in _EXACT_EXPONENTS[dtype]


def _is_zero(node: Node, sign: int) -> bool:
    """Whether all elements are the zero of that sign; the sign means nothing for integers."""
    value = splat(node)
    return value == 0 and (not node.type.is_float or math.copysign(1, value) == sign)


ARITHMETIC: Mapping[str, tuple[Rule, ...]] = {
    "add": (plus_nothing, plus_negative, plus_itself),
    "subtract": (minus_nothing, minus_negative),
    "multiply": (times_one, times_negative, constant_to_smaller_factor),
    "divide": (divided_by_power_of_two,),
    "power": (small_power, root_power),
    "negative": (negative_negative, negative_multiple),
    "cast": (cast_to_same, cast_there_and_back),
    "stop_gradient": (passed_on,),
}
