"""Losses: values against independent formulas, gradients against differences and in closed form."""

from __future__ import annotations

import numpy as np
import pytest

import gdl
from tests.stdlib.programs import check_gradient, gradient, value

RNG = np.random.default_rng(11)
LOGITS = RNG.standard_normal((2, 3, 5)) * 3
LABELS = RNG.integers(0, 5, (2, 3))
SOFT = RNG.dirichlet(np.ones(5), (2, 3))
P, Q = RNG.dirichlet(np.ones(4), 3), RNG.dirichlet(np.ones(4), 3)
X, Y = RNG.standard_normal((3, 4)) * 2, RNG.standard_normal((3, 4)) * 2


def np_log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_cross_entropy_of_classes(dtype: type) -> None:
    expected = -np.take_along_axis(np_log_softmax(LOGITS), LABELS[..., None], -1)[..., 0]
    labels = LABELS.astype(dtype)
    np.testing.assert_allclose(value("cross_entropy(x, y)", x=LOGITS, y=labels), expected, rtol=1e-12)
    np.testing.assert_array_equal(
        value("class_cross_entropy(x, y)", x=LOGITS, y=labels), value("cross_entropy(x, y)", x=LOGITS, y=labels)
    )
    check_gradient("cross_entropy(x, y)", "x", x=LOGITS, y=labels)


def test_cross_entropy_of_distributions() -> None:
    expected = -np.sum(SOFT * np_log_softmax(LOGITS), axis=-1)
    np.testing.assert_allclose(value("cross_entropy(x, y)", x=LOGITS, y=SOFT), expected, rtol=1e-12)
    np.testing.assert_array_equal(
        value("soft_cross_entropy(x, y)", x=LOGITS, y=SOFT), value("cross_entropy(x, y)", x=LOGITS, y=SOFT)
    )
    check_gradient("cross_entropy(x, y)", "x", x=LOGITS, y=SOFT)
    check_gradient("cross_entropy(x, y)", "y", x=LOGITS, y=SOFT)


def test_one_hot_labels_give_what_indices_give() -> None:
    one_hot = np.eye(5)[LABELS]
    np.testing.assert_allclose(
        value("cross_entropy(x, y)", x=LOGITS, y=one_hot), value("cross_entropy(x, y)", x=LOGITS, y=LABELS), rtol=1e-12
    )


def test_gradient_of_cross_entropy_in_closed_form() -> None:
    expected = np.exp(np_log_softmax(LOGITS)) - np.eye(5)[LABELS]
    got = gradient("cross_entropy(x, y)", "x", np.ones((2, 3)), x=LOGITS, y=LABELS)
    np.testing.assert_allclose(got, expected, atol=1e-14)


def test_cross_entropy_of_large_and_offset_logits() -> None:
    x = np.array([[1e4, 0.0], [1e8, 1e8], [-1e8, -1e8]], "f")
    got = value("cross_entropy(x, y)", x=x, y=np.array([1, 0, 0]))
    np.testing.assert_allclose(got, [1e4, np.log(2), np.log(2)], rtol=1e-6)


def test_a_class_ruled_out_costs_nothing() -> None:
    x = np.array([[0.0, -np.inf, 0.0]])
    np.testing.assert_allclose(value("cross_entropy(x, y)", x=x, y=np.array([0])), [np.log(2)], rtol=1e-15)
    got = gradient("cross_entropy(x, y)", "x", np.ones(1), x=x, y=np.array([0]))
    np.testing.assert_array_equal(got, [[-0.5, 0, 0.5]])


def test_a_label_that_is_no_class_is_named() -> None:
    with pytest.raises(gdl.GdlError, match="5"):
        value("cross_entropy(x, y)", x=np.zeros((2, 5)), y=np.array([0, 5]))


@pytest.mark.parametrize(
    "labels", ["placeholder y: i64[4, 1]", "placeholder y: i64[3]", "placeholder y: f32[4, 4]", "placeholder y: u8[4]"]
)
def test_labels_of_the_wrong_type_are_refused_before_running(labels: str) -> None:
    with pytest.raises(gdl.GdlError):
        gdl.loads(f"gdl 1\nplaceholder x: f32[4, 5]\n{labels}\nloss = cross_entropy(x, y)\n")


def test_sigmoid_cross_entropy() -> None:
    labels = 1 / (1 + np.exp(-Y))
    p = 1 / (1 + np.exp(-X))
    expected = -labels * np.log(p) - (1 - labels) * np.log(1 - p)
    np.testing.assert_allclose(value("sigmoid_cross_entropy(x, y)", x=X, y=labels), expected, rtol=1e-12)
    for wrt in "xy":
        check_gradient("sigmoid_cross_entropy(x, y)", wrt, x=X, y=labels)
    got = gradient("sigmoid_cross_entropy(x, y)", "x", np.ones_like(X), x=X, y=labels)
    np.testing.assert_allclose(got, p - labels, atol=1e-15)


def test_sigmoid_cross_entropy_far_out() -> None:
    x = np.array([-200.0, -30.0, 30.0, 200.0], "f")
    for label, expected in ((0.0, [0, np.exp(-30), 30, 200]), (1.0, [200, 30, np.exp(-30), 0])):
        got = value("sigmoid_cross_entropy(x, y)", x=x, y=np.full(4, label, "f"))
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-45)


REGRESSION = {
    "mse(x, y)": lambda d: np.mean(d**2),
    "mse(x, y, axis=1)": lambda d: np.mean(d**2, axis=1),
    "mae(x, y)": lambda d: np.mean(abs(d)),
    "mae(x, y, axis=0)": lambda d: np.mean(abs(d), axis=0),
    "huber(x, y)": lambda d: np.mean(np.where(abs(d) <= 1, d**2 / 2, abs(d) - 0.5)),
    "huber(x, y, delta=2.5, axis=1)": lambda d: np.mean(
        np.where(abs(d) <= 2.5, d**2 / 2, 2.5 * (abs(d) - 1.25)), axis=1
    ),
}


@pytest.mark.parametrize("expression", REGRESSION)
def test_regression(expression: str) -> None:
    np.testing.assert_allclose(value(expression, x=X, y=Y), REGRESSION[expression](X - Y), rtol=1e-13)
    for wrt in "xy":
        check_gradient(expression, wrt, x=X, y=Y)


def test_huber_is_smooth_where_its_parts_meet() -> None:
    x = np.array([-1.0, 0.0, 1.0])
    np.testing.assert_allclose(gradient('huber(x, zeros([3], dtype="f64"))', "x", np.array(3.0), x=x), x)
    got = gradient('grad(huber(x, zeros([3], dtype="f64")), x)', "x", np.ones(3), x=np.array([-0.5, 0.0, 0.5]))
    np.testing.assert_allclose(got, np.full(3, 1 / 3))


def test_kl_divergence() -> None:
    np.testing.assert_allclose(value("kl_divergence(x, y)", x=P, y=Q), np.sum(P * np.log(P / Q), axis=-1), rtol=1e-12)
    np.testing.assert_allclose(value("kl_divergence(x, x)", x=P), np.zeros(3), atol=0)
    for wrt in "xy":
        check_gradient("kl_divergence(x, y)", wrt, step=1e-4, x=P, y=Q)


def test_kl_divergence_of_what_is_impossible() -> None:
    p, q = np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]), np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(value("kl_divergence(x, y)", x=p, y=q), [0, np.inf])
    assert np.isfinite(gradient("kl_divergence(x, y)", "x", np.ones(1), x=p[:1], y=q[:1])).all()


def test_cross_entropy_is_entropy_and_divergence() -> None:
    logits = np.log(Q)
    total = value("cross_entropy(x, y)", x=logits, y=P)
    np.testing.assert_allclose(total, -np.sum(P * np.log(P), -1) + value("kl_divergence(x, y)", x=P, y=Q), rtol=1e-12)
