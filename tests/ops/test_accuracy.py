"""Floats-only elementwise ops over their whole range: right to a few units in the last place, in both dtypes, silently.

Warnings are errors here: no kernel overflows or goes invalid on the way to a result that is a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from gdl.ops.error_function import by_quotient
from gdl.ops.table import TABLE

WIDE = np.concatenate([-np.geomspace(1e-20, 80, 2000)[::-1], [0.0], np.geomspace(1e-20, 80, 2000)])
ABOVE = np.geomspace(1e-30, 1e30, 4001)
NEAR = np.concatenate([-np.geomspace(1e-20, 0.9, 2000)[::-1], [0.0], np.geomspace(1e-20, 1e10, 2000)])


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


#: Op -> points, reference, and the most units in the last place that it may be off, in f32 and in f64.
ACCURACY: dict[str, tuple[np.ndarray, Callable[[float], float], float, float]] = {
    "exp": (WIDE, math.exp, 3, 2),
    "log": (ABOVE, math.log, 3, 2),
    "log1p": (NEAR, math.log1p, 3, 3),
    "expm1": (WIDE, math.expm1, 4, 3),
    "sqrt": (ABOVE, math.sqrt, 0.5, 0.5),
    "rsqrt": (ABOVE, lambda x: 1 / math.sqrt(x), 1.5, 2),
    "sin": (WIDE, math.sin, 3, 3),
    "cos": (WIDE, math.cos, 3, 3),
    "tanh": (WIDE, math.tanh, 3, 3),
    "sigmoid": (WIDE, _sigmoid, 5, 4),
    "erf": (WIDE, math.erf, 4, 4),
    "relu": (WIDE, lambda x: max(x, 0.0), 0, 0),
    "floor": (WIDE, math.floor, 0, 0),
    "ceil": (WIDE, math.ceil, 0, 0),
    "round": (WIDE, round, 0, 0),
}


def kernel(name: str) -> Callable[..., np.ndarray]:
    entry = TABLE[name]
    assert entry.kernel is not None
    return entry.kernel


def units_off(actual: np.ndarray, exact: np.ndarray) -> float:
    """The largest error, in units in the last place of the exact result."""
    unit = np.spacing(np.abs(exact).astype(actual.dtype)).astype(float)
    return float((np.abs(actual.astype(float) - exact) / unit).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACCURACY)
def test_few_units_in_the_last_place(name: str, dtype: str) -> None:
    points, reference, single, double = ACCURACY[name]
    x = points.astype(dtype)
    exact = np.array([reference(float(v)) for v in x], float)
    assert units_off(kernel(name)(x), exact) <= (single if dtype == "float32" else double)


def test_both_forms_of_erf() -> None:
    x = WIDE.astype(np.float32)
    exact = np.array([math.erf(float(v)) for v in x])
    assert units_off(by_quotient(x, np.empty_like(x)), exact) <= 4
    spread = np.repeat(np.linspace(-5, 5, 70_001, dtype=np.float32), 2)[::2]  # more than a block, and not contiguous
    assert units_off(kernel("erf")(spread), np.array([math.erf(float(v)) for v in spread])) <= 4
    np.testing.assert_array_equal(kernel("erf")(spread), kernel("erf")(spread.copy()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logaddexp_few_units_in_the_last_place(dtype: str) -> None:
    x = np.geomspace(1e-3, 80, 300).astype(dtype)
    y = np.linspace(0, 60, 100).astype(dtype)[:, None]

    def reference(a: float, b: float) -> float:
        return max(a, b) + math.log1p(math.exp(-abs(a - b)))

    exact = np.array([[reference(float(a), float(b)) for a in x] for b in y[:, 0]])
    assert units_off(kernel("logaddexp")(x, y), exact) <= 3


def test_accuracy_is_stated_for_every_function() -> None:
    functions = {entry.name for entry in TABLE.values() if entry.elementwise and "-> f[*a]" in entry.signature_text}
    assert functions == set(ACCURACY)


# ---- extremes: finite inputs, right results, no warnings -----------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saturation_is_silent(dtype: str) -> None:
    x = np.array([-1000, -100, 0, 100, 1000], dtype)
    np.testing.assert_array_equal(kernel("tanh")(x), [-1, -1, 0, 1, 1])
    np.testing.assert_array_equal(kernel("erf")(x), [-1, -1, 0, 1, 1])
    assert kernel("expm1")(x[:3]).tolist() == [-1, -1, 0]
    sigmoid = kernel("sigmoid")(x)
    assert sigmoid[2:].tolist() == [0.5, 1, 1]
    assert 0 < sigmoid[0] < 4 * np.finfo(dtype).tiny
    assert np.isfinite(np.log(sigmoid)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logaddexp_does_not_overflow(dtype: str) -> None:
    large = np.array([1000, -1000, 1000, -1000], dtype)
    other = np.array([1000, -1000, -1000, 1000], dtype)
    expected = np.array([1000 + math.log(2), -1000 + math.log(2), 1000, 1000])
    np.testing.assert_allclose(kernel("logaddexp")(large, other), expected, rtol=2 * np.finfo(dtype).eps)


def test_logaddexp_of_infinities() -> None:
    inf, nan = math.inf, math.nan
    with np.errstate(invalid="ignore"):
        found = kernel("logaddexp")(np.array([-inf, -inf, inf, inf, nan]), np.array([-inf, 1.0, -inf, inf, 1.0]))
    np.testing.assert_array_equal(found, [-inf, 1.0, inf, inf, nan])


@pytest.mark.parametrize("name", ["exp", "expm1", "tanh", "sigmoid", "relu", "erf", "sqrt", "log", "sin"])
def test_nan_stays_nan(name: str) -> None:
    assert np.isnan(kernel(name)(np.array([math.nan], "float32"))).all()


def test_log_of_zero_is_minus_infinity() -> None:
    """Whether to warn is not the kernel's business: it leaves NumPy's error state as it finds it."""
    with np.errstate(all="ignore"):
        assert kernel("log")(np.array([0.0])) == -math.inf
        assert kernel("rsqrt")(np.array([0.0])) == math.inf
        assert kernel("divide")(np.array([1]), np.array([0])) == math.inf
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        kernel("log")(np.array([0.0]))


@pytest.mark.parametrize("name", ["floor_divide", "remainder"])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integer_division_by_zero_stops_the_run(name: str, dtype: str) -> None:
    with pytest.raises(ZeroDivisionError, match="an integer is divided by zero"):
        kernel(name)(np.array([1, 2], dtype), np.array([1, 0], dtype))


def test_integers_have_no_negative_powers() -> None:
    with pytest.raises(ValueError, match="negative integer powers"):
        kernel("power")(np.array([2]), np.array([-1]))


def test_division_of_integers_is_a_float() -> None:
    assert kernel("divide")(np.array([1, 2, 255], "uint8"), np.array([2, 3, 255], "uint8")).tolist() == [
        0.5, float(np.float32(2 / 3)), 1.0,
    ]  # fmt: skip


def test_f32_reductions_of_many() -> None:
    """A long sum keeps f32's precision: NumPy adds in pairs along contiguous memory."""
    x = np.random.default_rng(0).uniform(0.5, 1.5, 100_000).astype("float32")
    exact = math.fsum(x.tolist())
    assert abs(float(kernel("sum")(x)) - exact) <= 4 * np.spacing(np.float32(exact))
