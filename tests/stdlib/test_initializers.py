"""First values of variables: their distributions, and draws as functions of seed and path."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gdl


def initial(initializer: str, shape: str, dtype: str = "f32", seed: int = 0) -> np.ndarray:
    session = gdl.loads(f"gdl 1\nvariable w: {dtype}[{shape}] = {initializer}\n", seed=seed)
    return session.variables["w"]


#: shape -> (fan in, fan out): a matrix, and a kernel of 3 x 5 windows
FANS = {"300, 200": (300, 200), "3, 5, 40, 100": (3 * 5 * 40, 3 * 5 * 100)}
VARIANCES = {
    "glorot_uniform()": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "glorot_normal()": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he_uniform()": lambda fan_in, fan_out: 2 / fan_in,
    "he_normal()": lambda fan_in, fan_out: 2 / fan_in,
}


@pytest.mark.parametrize("shape", FANS)
@pytest.mark.parametrize("initializer", VARIANCES)
def test_fans(initializer: str, shape: str) -> None:
    w = initial(initializer, shape).astype("d")
    variance = VARIANCES[initializer](*FANS[shape])
    assert abs(w.mean()) < 4 * math.sqrt(variance / w.size)
    assert w.var() == pytest.approx(variance, rel=4 * math.sqrt(2 / w.size))
    if "uniform" in initializer:
        limit = math.sqrt(3 * variance)
        assert 0.999 * limit < abs(w).max() <= limit * (1 + 1e-6)
    else:
        assert np.mean(abs(w) < math.sqrt(variance)) == pytest.approx(math.erf(math.sqrt(0.5)), abs=0.01)


DISTRIBUTIONS = {  # mean, variance, lowest, highest
    "normal()": (0, 1, -math.inf, math.inf),
    "normal(mean=3.0, std=0.5)": (3, 0.25, -math.inf, math.inf),
    "normal(std=0.02)": (0, 0.0004, -math.inf, math.inf),
    "uniform()": (0.5, 1 / 12, 0, 1),
    "uniform(-2.0, 4.0)": (1, 3, -2, 4),
    "truncated_normal()": (0, 0.8796256610342398**2, -2, 2),
    "truncated_normal(mean=1.0, std=0.1)": (1, 0.08796256610342398**2, 0.8, 1.2),
}


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("initializer", DISTRIBUTIONS)
def test_distributions(initializer: str, dtype: str) -> None:
    mean, variance, low, high = DISTRIBUTIONS[initializer]
    w = initial(initializer, "200, 300", dtype)
    assert w.dtype == {"f32": np.float32, "f64": np.float64}[dtype]
    w = w.astype("d")
    assert w.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / w.size))
    assert w.var() == pytest.approx(variance, rel=0.03)
    assert low - 1e-6 <= w.min() and w.max() <= high + 1e-6


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_fixed_values(dtype: str) -> None:
    for initializer, expected in {"zeros()": 0, "ones()": 1, "constant(0.5)": 0.5, "zeros": 0, "2.5": 2.5}.items():
        w = initial(initializer, "2, 3", dtype)
        np.testing.assert_array_equal(w, np.full((2, 3), expected, w.dtype), initializer)


@pytest.mark.parametrize("shape", ["20, 20", "30, 10", "10, 30", "3, 3, 4, 20"])
def test_orthogonal(shape: str) -> None:
    w = initial("orthogonal()", shape, "f64")
    matrix = w.reshape(-1, w.shape[-1])
    gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_draws_depend_on_seed_and_path_only() -> None:
    w = initial("normal()", "4, 5")
    np.testing.assert_array_equal(w, initial("normal()", "4, 5"))
    assert (w != initial("normal()", "4, 5", seed=1)).all()
    both = gdl.loads("gdl 1\nvariable v: f32[4, 5] = normal()\nvariable w: f32[4, 5] = normal()\n").variables
    np.testing.assert_array_equal(w, both["w"])
    assert (both["v"] != both["w"]).all()


@pytest.mark.parametrize("initializer", VARIANCES)
def test_a_vector_has_no_fans(initializer: str) -> None:
    with pytest.raises(gdl.ProgramError, match=initializer.strip("()")):
        initial(initializer, "10")
