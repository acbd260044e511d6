"""Random draws: functions of their generator, of the right distribution, within their bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdl.ops.table import TABLE, apply
from tests.graph.evaluate import evaluate
from tests.ops.test_structure import b, refusal, shape_of

DRAWS = ("standard_normal", "standard_uniform", "standard_truncated_normal", "orthogonal")


def drawn(name: str, seed: int, shape: tuple[int, ...], dtype: str = "f64", out: Any = None) -> np.ndarray:
    return TABLE[name].kernel(np.random.default_rng(seed), shape, dtype, key="k", out=out)


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_draws_are_a_function_of_the_generator_also_into_a_given_array(name: str, dtype: str):
    numpy_dtype = {"f32": np.float32, "f64": np.float64}[dtype]
    first, other = drawn(name, 7, (40, 6), dtype), drawn(name, 8, (40, 6), dtype)
    assert first.dtype == numpy_dtype and first.shape == (40, 6) and not np.array_equal(first, other)
    out = np.full((40, 6), np.nan, numpy_dtype)
    drawn(name, 7, (40, 6), dtype, out)
    np.testing.assert_array_equal(first, out)


@pytest.mark.parametrize("name", DRAWS)
def test_draws_with_different_keys_are_different_nodes(name: str):
    one, two = (apply(name, [], {"shape": (3, 3), "key": key}) for key in ("a", "b"))
    assert one.attrs["key"] == "a" and two.attrs["key"] == "b"
    assert not np.array_equal(*evaluate([one, two]))


def moments(x: np.ndarray) -> tuple[float, float, float, float]:
    z = (x - x.mean()) / x.std()
    return float(x.mean()), float(x.var()), float((z**3).mean()), float((z**4).mean())


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("standard_normal", (0.0, 1.0, 0.0, 3.0)),
        ("standard_uniform", (0.5, 1 / 12, 0.0, 1.8)),
        # With Z = erf(sqrt(2)), the normal density cut at 2 has variance v = 1 - 4 phi(2) / Z and, by parts,
        # fourth moment 3 v - 16 phi(2) / Z.
        ("standard_truncated_normal", (0.0, 0.7737413, 0.0, (3 * 0.7737413 - 4 * 0.2262587) / 0.7737413**2)),
    ],
)
def test_moments_of_a_million_draws(name: str, dtype: str, expected: tuple[float, ...]):
    x = drawn(name, 0, (1000, 1000), dtype)
    np.testing.assert_allclose(moments(x.astype(np.float64)), expected, atol=0.015)


def test_the_bounds_of_draws():
    assert 0 <= drawn("standard_uniform", 1, (10**6,), "f32").min() < 1e-5
    assert 1 - 1e-5 < drawn("standard_uniform", 1, (10**6,), "f32").max() < 1
    cut = drawn("standard_truncated_normal", 1, (10**6,))
    assert 1.999 < np.abs(cut).max() <= 2
    density = np.histogram(cut, bins=40, range=(-2, 2))[0] / 1e6 / 0.1
    middle = np.linspace(-1.95, 1.95, 40)
    np.testing.assert_allclose(density, np.exp(-(middle**2) / 2) / 2.392551, atol=0.01)


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (3, 3, 2, 4), (1, 1)])
def test_orthogonal_matrices(shape: tuple[int, ...]):
    q = drawn("orthogonal", 3, shape).reshape(-1, shape[-1])
    gram = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


def test_orthogonal_matrices_prefer_no_direction():
    """Without the sign fix every diagonal element would have the same sign."""
    several = np.array([drawn("orthogonal", seed, (3, 3)) for seed in range(4000)])
    np.testing.assert_allclose(several.mean(axis=0), 0, atol=0.04)
    np.testing.assert_allclose((several**2).mean(axis=0), 1 / 3, atol=0.03)


def test_refusals_of_draws():
    assert refusal("orthogonal", shape=(3,)) == "an orthogonal matrix needs at least two axes, got the shape [3]"
    assert refusal("standard_normal", shape=(3,), dtype="i32") == '`dtype` must be one of f32, f64, got "i32"'
    assert shape_of("standard_normal", shape=(b, 2)) == (b, 2)
