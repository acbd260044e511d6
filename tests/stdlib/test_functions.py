"""Statistics, activations, masks and normalisation: values against NumPy, gradients against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.stdlib.programs import check_gradient, value

erf = np.vectorize(math.erf)
#: No two equal, none near a kink of any function below.
X = np.array([[-2.3, -0.7, 0.4, 1.9], [3.1, -1.2, 0.8, -0.25], [0.55, 2.6, -3.3, 1.15]])
SCALE, SHIFT = np.array([0.5, 1.5, -1.0, 2.0]), np.array([0.1, -0.2, 0.3, 0.0])
IMAGE = np.random.default_rng(3).standard_normal((2, 3, 2, 4))


def np_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def np_groups(x: np.ndarray, groups: int) -> np.ndarray:
    result = np.empty_like(x)
    width = x.shape[-1] // groups
    for example in range(len(x)):
        for first in range(0, x.shape[-1], width):
            part = x[example, ..., first : first + width]
            result[example, ..., first : first + width] = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
    return result


#: expression of x -> the same in NumPy
CASES = {
    "zeros_like(x) + x": lambda x: x,
    "ones_like(x) * x": lambda x: x,
    "full_like(x, 2.5) * x": lambda x: 2.5 * x,
    "square(x)": lambda x: x**2,
    "safe_sqrt(square(x))": np.abs,
    "mean(x)": np.mean,
    "mean(x, axis=1)": lambda x: x.mean(axis=1),
    "mean(x, axis=[0, 1], keepdims=true)": lambda x: x.mean(keepdims=True),
    "variance(x)": np.var,
    "variance(x, axis=0, keepdims=true)": lambda x: x.var(axis=0, keepdims=True),
    "variance(x, axis=-1, correction=1)": lambda x: x.var(axis=-1, ddof=1),
    "std(x, axis=1)": lambda x: x.std(axis=1),
    "moments(x, axis=0)[0]": lambda x: x.mean(axis=0),
    "moments(x, axis=0)[1]": lambda x: x.var(axis=0),
    "moments(x, axis=1, keepdims=true)[0] * x": lambda x: x.mean(axis=1, keepdims=True) * x,
    "moments(x, axis=1, keepdims=true)[1] * x": lambda x: x.var(axis=1, keepdims=True) * x,
    "l2(x)": lambda x: np.sum(x**2) / 2,
    "norm(x)": lambda x: np.sqrt(np.sum(x**2)),
    "norm(x, axis=1)": lambda x: np.sqrt(np.sum(x**2, axis=1)),
    "norm(x, axis=0, keepdims=true) * x": lambda x: np.sqrt(np.sum(x**2, axis=0)) * x,
    "logsumexp(x)": lambda x: np.log(np.sum(np.exp(x))),
    "logsumexp(x, axis=0)": lambda x: np.log(np.sum(np.exp(x), axis=0)),
    "logsumexp(x, axis=1, keepdims=true) * x": lambda x: np.log(np.sum(np.exp(x), axis=1, keepdims=True)) * x,
    "softmax(x)": np_softmax,
    "softmax(x, axis=0)": lambda x: np_softmax(x, 0),
    "log_softmax(x)": lambda x: np.log(np_softmax(x)),
    "log_softmax(x, axis=0)": lambda x: np.log(np_softmax(x, 0)),
    "identity(x)": lambda x: x,
    "softplus(x)": lambda x: np.log(1 + np.exp(x)),
    "leaky_relu(x)": lambda x: np.where(x > 0, x, 0.01 * x),
    "leaky_relu(x, slope=0.3)": lambda x: np.where(x > 0, x, 0.3 * x),
    "elu(x)": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "elu(x, alpha=0.5)": lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1)),
    "gelu(x)": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "silu(x)": lambda x: x / (1 + np.exp(-x)),
    "clip(x, -1, 1.5)": lambda x: np.clip(x, -1, 1.5),
    "clip(x, low=0)": lambda x: np.clip(x, 0, None),
    "clip(x, high=0.5)": lambda x: np.clip(x, None, 0.5),
    "dropout(x, 0.5)": lambda x: x,
    "embedding([2, 0, 2], x)": lambda x: x[[2, 0, 2]],
    "embedding([[1], [1]], x)": lambda x: x[[[1], [1]]],
    "softmax(causal(x))": lambda x: np_softmax(np.where(np.tri(3, 4, 1) == 1, x, -np.inf)),
    "layer_norm(x, SCALE, SHIFT)": lambda x: (
        (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * SCALE + SHIFT
    ),
    "rms_norm(x, SCALE)": lambda x: x / np.sqrt(np.mean(x**2, 1, keepdims=True) + 1e-6) * SCALE,
    "batch_norm(x, SHIFT, square(SCALE), SCALE, SHIFT)": lambda x: (
        (x - SHIFT) / np.sqrt(SCALE**2 + 1e-5) * SCALE + SHIFT
    ),
    "group_norm(x, SCALE, SHIFT, 2)": lambda x: np_groups(x, 2) * SCALE + SHIFT,
}
PARAMETERS = {"SCALE": SCALE, "SHIFT": SHIFT}


def parameters(expression: str) -> dict[str, np.ndarray]:
    return {name: array for name, array in PARAMETERS.items() if name in expression}


@pytest.mark.parametrize("expression", CASES)
def test_value(expression: str) -> None:
    expected = CASES[expression](X)
    got = value(expression, x=X, **parameters(expression))
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-14)
    single = value(expression, x=X.astype("f"), **{k: v.astype("f") for k, v in parameters(expression).items()})
    assert single.ndim == 0 or single.dtype == np.float32  # a scalar comes as a Python number
    np.testing.assert_allclose(single, expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("expression", CASES)
def test_gradient(expression: str) -> None:
    for wrt in ("x", *parameters(expression)):
        check_gradient(expression, wrt, x=X, **parameters(expression))


def test_group_norm_of_images() -> None:
    expected = np_groups(IMAGE, 2) * SCALE + SHIFT
    np.testing.assert_allclose(value("group_norm(x, SCALE, SHIFT, 2)", x=IMAGE, **PARAMETERS), expected, rtol=1e-12)
    check_gradient("group_norm(x, SCALE, SHIFT, 2)", "x", x=IMAGE, **PARAMETERS)


def test_means_of_labelled_axes() -> None:
    image = "placeholder image: f64[2, row: 3, col: 2, 4]"
    np.testing.assert_allclose(
        value("mean(image, over=(row, col))", image, image=IMAGE), IMAGE.mean((1, 2)), rtol=1e-13
    )


def test_integers_pass_where_they_may() -> None:
    x = np.array([-5, 3, 9])
    for expression, expected in {
        "clip(x, 0, 4)": [0, 3, 4], "square(x)": [25, 9, 81], "identity(x)": x, "full_like(x, 7)": [7, 7, 7],
    }.items():  # fmt: skip
        got = value(expression, x=x)
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, expected)
