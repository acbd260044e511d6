"""Where naive formulas break: huge and tiny numbers, ties, zeros, rows of -inf, exact kinks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.stdlib.programs import gradient, value

INF = np.inf


def test_softmax_of_rows_far_apart() -> None:
    """One row far below another: a common maximum would make it 0 / 0."""
    x = np.array([[0.0, 1.0], [-1000.0, -999.0], [88.0, 89.0]], "f")
    got = value("softmax(x)", x=x)
    expected = np.exp([-1.0, 0.0]) / np.sum(np.exp([-1.0, 0.0]))
    np.testing.assert_allclose(got, np.tile(expected, (3, 1)), rtol=1e-6)
    np.testing.assert_allclose(value("log_softmax(x)", x=x), np.log(got), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["f", "d"])
def test_exponentials_at_the_ends_of_the_range(dtype: str) -> None:
    top = float(np.finfo(dtype).max) / 2
    x = np.array([[top, top], [-top, -top], [top, -top]], dtype)
    np.testing.assert_array_equal(value("softmax(x)", x=x), [[0.5, 0.5], [0.5, 0.5], [1, 0]])
    np.testing.assert_array_equal(value("logsumexp(x, axis=1)", x=x), x[:, 0])
    assert np.isfinite(gradient("softmax(x)", "x", np.ones_like(x), x=x)).all()


def test_pivot_is_finite_and_has_no_gradient() -> None:
    x = np.array([[1.0, 5.0], [-INF, -INF], [INF, 0.0]])
    got = value("pivot(x, axis=1)", x=x)
    np.testing.assert_array_equal(got, [[5.0], [-1e308], [1e308]])
    np.testing.assert_array_equal(gradient("x - pivot(x, axis=1)", "x", np.ones((3, 2)), x=x), np.ones((3, 2)))


def test_rows_of_minus_infinity() -> None:
    x = np.array([[-INF, -INF], [0.0, -INF]])
    np.testing.assert_array_equal(value("softmax(x)", x=x), [[0, 0], [1, 0]])
    np.testing.assert_array_equal(value("log_softmax(x)", x=x), [[-INF, -INF], [0, -INF]])
    np.testing.assert_array_equal(value("logsumexp(x, axis=1)", x=x), [-INF, 0])
    np.testing.assert_array_equal(gradient("softmax(x)", "x", np.ones((2, 2)), x=x), np.zeros((2, 2)))


def test_infinity_among_what_is_summed() -> None:
    assert value("logsumexp(x)", x=np.array([0.0, INF])) == INF


def test_nan_stays_nan() -> None:
    x = np.array([1.0, np.nan])
    for expression in ("logsumexp(x)", "norm(x)", "safe_sqrt(x)[1]", "softmax(x)[0]", "std(x)", "clip(x, 0, 1)[1]"):
        assert np.isnan(value(expression, x=x)), expression


def test_softmax_that_is_certain_has_its_whole_gradient() -> None:
    """The guard for empty rows must not take part where the sum is exactly 1."""
    x = np.array([[0.0, -800.0]])
    np.testing.assert_array_equal(gradient("log_softmax(x)", "x", np.array([[0.0, 1.0]]), x=x), [[-1.0, 1.0]])


def test_norm_neither_overflows_nor_underflows() -> None:
    x = np.array([[3e30, 4e30], [3e-30, 4e-30], [0, 0]], "f")
    np.testing.assert_allclose(value("norm(x, axis=1)", x=x), np.array([5e30, 5e-30, 0], "f"), rtol=1e-6)
    got = gradient("norm(x, axis=1)", "x", np.ones(3, "f"), x=x)
    np.testing.assert_allclose(got, [[0.6, 0.8], [0.6, 0.8], [0, 0]], rtol=1e-6)
    assert value("norm(x)", x=np.array([INF, 1.0])) == INF


def test_second_derivative_of_the_norm_at_zero_is_finite() -> None:
    x = np.zeros(3)
    got = gradient("grad(norm(x), x)", "x", np.ones(3), x=x)
    np.testing.assert_array_equal(got, np.zeros(3))


def test_std_of_equal_elements() -> None:
    x = np.full(4, 2.5)
    assert value("std(x)", x=x) == 0
    np.testing.assert_array_equal(gradient("std(x)", "x", np.array(1.0), x=x), np.zeros(4))


def test_variance_does_not_cancel() -> None:
    x = np.array([10000.0, 10001.0, 10002.0], "f")
    assert value("variance(x)", x=x) == np.float32(2 / 3)


def test_mean_of_nothing_is_nan() -> None:
    assert np.isnan(value("mean(x)", x=np.zeros((0, 3))))
    np.testing.assert_array_equal(value("mean(x, axis=1)", x=np.zeros((0, 3))), np.zeros(0))


@pytest.mark.parametrize(
    ("expression", "slope"),
    [
        ("softplus(x)", 0.5), ("elu(x)", 1.0), ("elu(x, alpha=0.5)", 0.5), ("leaky_relu(x, slope=0.3)", 0.3),
        ("gelu(x)", 0.5), ("silu(x)", 0.5), ("square(x)", 0.0), ("clip(x, 0, 1)", 0.5),
        ("sigmoid_cross_entropy(x, full_like(x, 0.25))", 0.25), ("mae(x, zeros_like(x))", 0.0),
    ],
)  # fmt: skip
def test_gradient_at_the_kink(expression: str, slope: float) -> None:
    assert gradient(expression, "x", np.ones_like(value(expression, x=np.zeros(1))), x=np.zeros(1)) == slope


@pytest.mark.parametrize("expression", ["softplus(x)", "elu(x)", "gelu(x)", "silu(x)", "leaky_relu(x)"])
def test_activations_far_out(expression: str) -> None:
    x = np.array([-1e4, -200.0, 200.0, 1e4], "f")
    assert np.isfinite(value(expression, x=x)).all()
    got = gradient(expression, "x", np.ones(4, "f"), x=x)
    np.testing.assert_allclose(got[2:], 1, rtol=1e-6)
    assert np.isfinite(got).all()


def test_softplus_keeps_its_small_values() -> None:
    np.testing.assert_allclose(value("softplus(x)", x=np.array([-50.0], "f")), np.exp(-50.0), rtol=1e-5)


def test_causal_with_more_keys_than_queries() -> None:
    got = value("softmax(causal(x))", x=np.zeros((2, 4)))
    np.testing.assert_allclose(got, [[1 / 3, 1 / 3, 1 / 3, 0], [0.25] * 4], rtol=1e-15)


def test_an_index_outside_of_the_table_is_named() -> None:
    import gdl

    with pytest.raises(gdl.GdlError, match="7.*3"):
        value("embedding(ids, x)", ids=np.array([0, 7]), x=np.ones((3, 2)))
