"""Every optimizer's first ten steps against its paper's formula, written out in NumPy in float64."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import gdl

#: The loss 0.5 * sum(CURVE * w^2) + sum(SLOPE * w), whose gradient is CURVE * w + SLOPE: of both signs and many sizes.
CURVE = np.array([[0.5, 3.0, 1e-3], [2.0, 0.1, 1.0]])
SLOPE = np.array([[1.0, -2.0, 1e-4], [0.0, 5.0, -0.3]])
START = np.array([[1.0, -0.5, 2.0], [0.25, 3.0, -1.0]])
STEPS = 10


def gradient(w: np.ndarray) -> np.ndarray:
    return CURVE * w + SLOPE


def sgd(w, lr):
    while True:
        w = w - lr * gradient(w)
        yield w


def momentum(w, lr, mu):
    """Sutskever et al., 2013, equations 1 and 2."""
    v = np.zeros_like(w)
    while True:
        v = mu * v - lr * gradient(w)
        w = w + v
        yield w


def nesterov(theta, lr, mu):
    """Sutskever et al., 2013, equations 3 and 4; the variable is theta + mu v, where the gradient is taken."""
    v = np.zeros_like(theta)
    while True:
        v = mu * v - lr * gradient(theta + mu * v)
        theta = theta + v
        yield theta + mu * v


def rmsprop(w, lr, decay, eps):
    """Tieleman and Hinton, 2012."""
    mean_square = np.zeros_like(w)
    while True:
        g = gradient(w)
        mean_square = decay * mean_square + (1 - decay) * g**2
        w = w - lr * g / (np.sqrt(mean_square) + eps)
        yield w


def adagrad(w, lr, eps):
    """Duchi et al., 2011."""
    squares = []
    while True:
        g = gradient(w)
        squares.append(g**2)
        w = w - lr * g / (np.sqrt(np.sum(squares, axis=0)) + eps)
        yield w


def adam(w, lr, beta1, beta2, eps, decay=0.0):
    """Kingma and Ba, 2015, algorithm 1, moments as weighted sums; with decay, Loshchilov and Hutter, 2019."""
    gradients: list[np.ndarray] = []
    while True:
        gradients.append(gradient(w))
        t = len(gradients)
        m = sum((1 - beta1) * beta1 ** (t - i) * g for i, g in enumerate(gradients, 1))
        v = sum((1 - beta2) * beta2 ** (t - i) * g**2 for i, g in enumerate(gradients, 1))
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        w = w - lr * (m_hat / (np.sqrt(v_hat) + eps) + decay * w)
        yield w


def lion(w, lr, beta1, beta2, decay):
    """Chen et al., 2023, algorithm 2."""
    m = np.zeros_like(w)
    while True:
        g = gradient(w)
        update = np.sign(beta1 * m + (1 - beta1) * g)
        w = w - lr * (update + decay * w)
        m = beta2 * m + (1 - beta2) * g
        yield w


CASES = {
    "Sgd()": sgd(START, 0.01),
    "Sgd(0.1)": sgd(START, 0.1),
    "Momentum()": momentum(START, 0.01, 0.9),
    "Momentum(0.1, momentum=0.5)": momentum(START, 0.1, 0.5),
    "Nesterov()": nesterov(START, 0.01, 0.9),
    "Nesterov(0.1, momentum=0.5)": nesterov(START, 0.1, 0.5),
    "RmsProp()": rmsprop(START, 1e-3, 0.9, 1e-8),
    "RmsProp(0.1, decay=0.5, eps=0.01)": rmsprop(START, 0.1, 0.5, 0.01),
    "Adagrad()": adagrad(START, 0.01, 1e-10),
    "Adagrad(0.5, eps=0.1)": adagrad(START, 0.5, 0.1),
    "Adam()": adam(START, 1e-3, 0.9, 0.999, 1e-8),
    "Adam(0.1, beta1=0.0, beta2=0.9, eps=0.01)": adam(START, 0.1, 0.0, 0.9, 0.01),
    "AdamW()": adam(START, 1e-3, 0.9, 0.999, 1e-8, 0.01),
    "AdamW(0.1, beta1=0.5, beta2=0.8, weight_decay=0.3)": adam(START, 0.1, 0.5, 0.8, 1e-8, 0.3),
    "Lion()": lion(START, 1e-4, 0.9, 0.99, 0.0),
    "Lion(0.1, beta1=0.5, beta2=0.8, weight_decay=0.3)": lion(START, 0.1, 0.5, 0.8, 0.3),
}
EXPECTED = {call: np.array([next(steps) for _ in range(STEPS)]) for call, steps in CASES.items()}


def trained(optimizer: str, dtype: str) -> Iterator[np.ndarray]:
    """The variable after each of ten steps."""
    text = f"""gdl 1
variable w: {dtype}[2, 3] = zeros()
curve: {dtype}[2, 3] = {CURVE.tolist()}
slope: {dtype}[2, 3] = {SLOPE.tolist()}
loss = 0.5 * sum(curve * w * w) + sum(slope * w)
train {{
  steps {STEPS}
  minimize loss with {optimizer}
}}
"""
    session = gdl.loads(text)
    session.variables["w"] = START
    for _ in range(STEPS):
        session.step()
        yield session.variables["w"]


@pytest.mark.parametrize("optimizer", CASES)
def test_ten_steps(optimizer: str) -> None:
    for dtype, rtol in (("f64", 1e-11), ("f32", 1e-4)):
        for step, (got, expected) in enumerate(zip(trained(optimizer, dtype), EXPECTED[optimizer], strict=True)):
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol, err_msg=f"{dtype}, step {step + 1}")


def test_a_scheduled_rate_is_used_in_every_step() -> None:
    for dtype in ("f32", "f64"):
        w = START
        for step, got in enumerate(trained("Sgd(step_decay(0.1, 0.5, 3))", dtype)):
            w = w - 0.1 * 0.5 ** (step // 3) * gradient(w)
            np.testing.assert_allclose(got, w, rtol=1e-5)


def test_adam_with_a_schedule() -> None:
    w, m, v = START, np.zeros_like(START), np.zeros_like(START)
    for step, got in enumerate(trained("Adam(warmup_cosine(0.1, 4, 10))", "f64")):
        lr = 0.1 * (step + 1) / 4 if step < 4 else 0.1 * (1 + np.cos(np.pi * (step - 4) / 6)) / 2
        g = gradient(w)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        w = w - lr * (m / (1 - 0.9 ** (step + 1))) / (np.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-8)
        np.testing.assert_allclose(got, w, rtol=1e-6, atol=1e-7)  # the rate is f32


def test_each_variable_has_its_own_memory() -> None:
    """Two variables of the same start and gradient stay equal; one that starts elsewhere does not disturb them."""
    text = """gdl 1
variable a: f64[2] = ones()
variable b: f64[2] = ones()
variable c: f64[3] = constant(5.0)
train {
  steps 5
  minimize sum(a * a) + sum(b * b) + sum(c ** 4) with Adam(0.1)
}
"""
    session = gdl.loads(text)
    for _ in range(5):
        session.step()
    np.testing.assert_array_equal(session.variables["a"], session.variables["b"])
    assert abs(session.variables["a"] - 1).max() > 0.1
