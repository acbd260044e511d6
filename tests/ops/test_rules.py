"""Gradient rules at the points that formulas get wrong: powers, zeros in products, ties, infinities, mixed dtypes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from gdl.autodiff import gradient, gradient_or_none
from gdl.graph.node import Node, constant, topological
from gdl.ops.table import TABLE, Zero
from gdl.types.tensor import tensor
from tests.graph.evaluate import evaluate


def leaf(name: str, *shape: int, dtype: str = "f64") -> Node:
    return Node("input", (), {"name": name}, tensor(dtype, *shape))


def derivatives(of: Node, x: Node, order: int) -> list[Node | None]:
    """d of / dx and so on, for an elementwise function of x: each the gradient of the sum of the one before."""
    found: list[Node | None] = []
    current: Node | None = of
    for _ in range(order):
        if current is not None:
            total = TABLE["sum"](current) if current.type.rank else current
            (current,) = gradient_or_none(total, [x])
        found.append(current)
    return found


# ---- powers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, 5, -1, -2])
def test_constant_exponents(exponent: int) -> None:
    """Every derivative of a natural power is right at 0 and at negative numbers, until none is left."""
    x = leaf("x", 3)
    points = np.array([-1.5, 0.0 if exponent >= 0 else 0.5, 2.0])
    factor = 1
    for order, slope in enumerate(derivatives(x**exponent, x, 6), 1):
        factor *= exponent - order + 1
        if slope is None:
            assert factor == 0
            continue
        expected = [factor * p ** (exponent - order) if factor else 0.0 for p in points.tolist()]
        np.testing.assert_allclose(evaluate([slope], {"x": points})[0], expected, rtol=1e-14)


@pytest.mark.parametrize("exponent", [0.5, 1.5, -0.5, 2.5])
def test_fractional_exponents(exponent: float) -> None:
    x = leaf("x", 2)
    points = np.array([0.25, 4.0])
    factor = 1.0
    for order, slope in enumerate(derivatives(x**exponent, x, 4), 1):
        factor *= exponent - order + 1
        assert slope is not None
        expected = factor * points ** (exponent - order)
        np.testing.assert_allclose(evaluate([slope], {"x": points})[0], expected, rtol=1e-14)


def test_square_builds_no_powers() -> None:
    """The commonest power costs its gradient one product, and no zero is raised to anything."""
    x = leaf("x", 3)
    (slope,) = derivatives(x**2, x, 1)
    assert slope is not None
    assert not {"power", "log", "where"} & {node.op for node in topological([slope])}


def test_variable_exponent_at_base_zero() -> None:
    """d/dx x^y is 0 where x = y = 0, and d/dy is 0 where x = 0: no nan from 0 * inf, to second order."""
    x, y = leaf("x", 3), leaf("y", 3)
    feeds = {"x": np.array([0.0, 0.0, 0.0]), "y": np.array([0.0, 1.0, 3.0])}
    at_x, at_y = gradient(TABLE["sum"](x**y), [x, y])
    np.testing.assert_array_equal(evaluate([at_x], feeds)[0], [0, 1, 0])
    np.testing.assert_array_equal(evaluate([at_y], feeds)[0], [0, 0, 0])
    assert np.isfinite(evaluate(gradient(TABLE["sum"](at_x), [x]), feeds)[0][1:]).all()


def test_negative_base_leaves_the_exponent_without_gradient() -> None:
    """Where the exponent is not asked for, the nan of its logarithm appears nowhere."""
    x, y = leaf("x", 2), leaf("y", 2)
    (at_x,) = gradient(TABLE["sum"](x**y), [x])
    assert evaluate([at_x], {"x": np.array([-2.0, -3.0]), "y": np.array([3.0, 2.0])})[0].tolist() == [12, -6]


def test_constant_to_a_variable_power() -> None:
    y = leaf("y", 2)
    slope = derivatives(2.0**y, y, 3)[-1]
    assert slope is not None
    points = np.array([-1.0, 2.5])
    np.testing.assert_allclose(evaluate([slope], {"y": points})[0], math.log(2) ** 3 * 2.0**points, rtol=1e-14)


# ---- products ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[2, 3, 5, 7], [2, 0, 5, 7], [2, 0, 0, 7], [0, 0, 0, 7], [0, 0, 0, 0]])
def test_every_mixed_derivative_of_a_product(values: list[float]) -> None:
    """d/dxi d/dxj ... of x1 x2 x3 x4 is the product of the others, however many are 0, to fourth order."""
    x = leaf("x", 4)
    feeds = {"x": np.array(values, float)}
    for order in (1, 2, 3, 4):
        for chosen in itertools.combinations_with_replacement(range(4), order):
            current: Node | None = TABLE["prod"](x)
            for i in chosen:
                (slope,) = gradient_or_none(current, [x]) if current is not None else [None]
                current = None if slope is None else TABLE["sum"](slope * constant(_unit(i), "f64", (4,)))
            others = [v for i, v in enumerate(values) if i not in chosen]
            expected = math.prod(others) if len(set(chosen)) == order else 0
            found = 0.0 if current is None else evaluate([current], feeds)[0]
            assert found == expected, chosen


def _unit(i: int) -> tuple[float, ...]:
    return tuple([float(k == i) for k in range(4)])


def test_gradient_of_a_long_product_takes_memory_like_its_input() -> None:
    x = leaf("x", 3000)
    (slope,) = gradient(TABLE["prod"](x), [x])
    assert max(math.prod(node.type.shape) for node in topological([slope])) == 3000  # type: ignore[arg-type]
    values = np.random.default_rng(0).uniform(0.9, 1.1, 3000)
    np.testing.assert_allclose(evaluate([slope], {"x": values})[0], np.prod(values) / values, rtol=1e-11)


def test_products_that_underflow_keep_their_relative_precision() -> None:
    x = leaf("x", 5, dtype="f32")
    (slope,) = gradient(TABLE["prod"](x), [x])
    values = np.array([1e-9, 1e-9, 1e-9, 1e9, 2.0], "float32")
    found = evaluate([slope], {"x": values})[0]
    np.testing.assert_allclose(found, [2e-9, 2e-9, 2e-9, 2e-27, 1e-18], rtol=1e-6)


# ---- kinks and ties ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "expected"), [("maximum", [0.5, 0.5]), ("minimum", [0.5, 0.5])])
def test_ties_split_and_infinities_do_not_poison(name: str, expected: list[float]) -> None:
    x, y = leaf("x", 3), leaf("y", 3)
    slopes = gradient(TABLE["sum"](TABLE[name](x, y)), [x, y])
    feeds = {"x": np.array([1.0, math.inf, -math.inf]), "y": np.array([1.0, math.inf, -math.inf])}
    assert [g.tolist() for g in evaluate(slopes, feeds)] == [[v] * 3 for v in expected]


def test_tied_maxima_along_several_axes_share() -> None:
    x = leaf("x", 2, 2, 2)
    (slope,) = gradient(TABLE["sum"](TABLE["max"](x, axis=(0, 2))), [x])
    values = np.array([[[1.0, 3.0], [4.0, 4.0]], [[3.0, 3.0], [4.0, 4.0]]])
    third, quarter = 1 / 3, 1 / 4
    expected = [[[0, third], [quarter, quarter]], [[third, third], [quarter, quarter]]]
    assert evaluate([slope], {"x": values})[0].tolist() == expected


@pytest.mark.parametrize(("name", "at_zero"), [("relu", 0.0), ("abs", 0.0)])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_gradient_at_zero(name: str, at_zero: float, zero: float) -> None:
    x = leaf("x", 1)
    (slope,) = gradient(TABLE["sum"](TABLE[name](x)), [x])
    assert evaluate([slope], {"x": np.array([zero])})[0].tolist() == [at_zero]


def test_second_derivative_of_a_kink_is_zero_or_none() -> None:
    x = leaf("x", 3)
    squared = TABLE["relu"](x) ** 2
    first, second = derivatives(squared, x, 2)
    feeds = {"x": np.array([-1.0, 0.0, 2.0])}
    assert first is not None and second is not None
    assert evaluate([first, second], feeds)[0].tolist() == [0, 0, 4]
    assert evaluate([second], feeds)[0].tolist() == [0, 0, 2]


# ---- saturation, sharing, dtypes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "erf", "expm1", "relu"])
def test_gradients_of_saturated_functions_are_finite(name: str) -> None:
    x = leaf("x", 4, dtype="f32")
    feeds = {"x": np.array([-1000, -90, -30, -10], "float32")}
    for slope in derivatives(TABLE[name](x), x, 2):
        if slope is not None:
            assert np.isfinite(evaluate([slope], feeds)[0]).all()


def test_gradient_of_logaddexp_does_not_overflow() -> None:
    x, y = leaf("x", 4), leaf("y", 4)
    slopes = gradient(TABLE["sum"](TABLE["logaddexp"](x, y)), [x, y])
    feeds = {"x": np.array([1000.0, -1000.0, 1000.0, -math.inf]), "y": np.array([1000.0, -1000.0, -1000.0, 0.0])}
    at_x, at_y = evaluate(slopes, feeds)
    np.testing.assert_allclose(at_x, [0.5, 0.5, 1, 0], atol=1e-300)
    np.testing.assert_allclose(at_y, [0.5, 0.5, 0, 1], atol=1e-300)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x: x + x, [2, 2, 2]),
        (lambda x: x - x, [0, 0, 0]),
        (lambda x: x * x, [2, 4, 8]),
        (lambda x: x / x, [0, 0, 0]),
        (lambda x: x @ x, [2, 4, 8]),
        (lambda x: TABLE["maximum"](x, x), [1, 1, 1]),
        (lambda x: TABLE["where"](x > 2.0, x, x * x), [2, 4, 1]),
        (lambda x: x * TABLE["stop_gradient"](x), [1, 2, 4]),
    ],
)
def test_one_node_used_twice(make, expected: Sequence[float]) -> None:  # type: ignore[no-untyped-def]
    x = leaf("x", 3)
    result = make(x)
    (slope,) = gradient(TABLE["sum"](result), [x])
    assert evaluate([slope], {"x": np.array([1.0, 2.0, 4.0])})[0].tolist() == expected


def test_cast_passes_gradients_between_floats_only() -> None:
    x = leaf("x", 2, dtype="f32")
    (slope,) = gradient(TABLE["sum"](TABLE["cast"](x, dtype="f64") ** 2), [x])
    assert slope.type == tensor("f32", 2)
    assert evaluate([slope], {"x": np.array([1.0, 3.0])})[0].tolist() == [2, 6]
    for dtype in ("i32", "i64", "u8", "bool"):
        whole = TABLE["cast"](TABLE["cast"](x, dtype=dtype), dtype="f32")
        assert gradient_or_none(TABLE["sum"](whole), [x]) == [None]


def test_declared_zeros_give_their_reason() -> None:
    for entry in TABLE.values():
        assert entry.flat is None or len(entry.flat) > 10
    x = leaf("x", 2)
    rule = TABLE["power"].gradient
    assert rule is not None
    _, at_exponent = rule(x, x**2.0, x, constant(2.0, "f64"))
    assert isinstance(at_exponent, Zero) and at_exponent.reason == "the exponent is a constant"


def test_matmul_over_a_batch_makes_one_product_for_the_weights() -> None:
    """The gradient at a shared matrix is one product of all rows, not a sum of one per batch entry."""
    x, w = leaf("x", 5, 4, 3), leaf("w", 3, 2)
    (slope,) = gradient(TABLE["sum"]((x @ w) ** 2), [w])
    assert slope.op == "matmul" and slope.inputs[0].type.shape == (3, 20)
