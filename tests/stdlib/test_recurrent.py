"""Recurrent layers over sequences of any length and batches of any size, in double precision, against loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import gdl
from tests.stdlib.programs import STENCIL
from tests.stdlib.test_layers import np_gru, np_lstm, np_rnn

UNITS = 4
LAYERS: dict[str, Callable[..., np.ndarray]] = {"Rnn": np_rnn, "Lstm": np_lstm, "Gru": np_gru}
SIZES = [(1, 1), (3, 7), (2, 1), (5, 20), (2, 0), (0, 3)]


def session_of(layer: str, loss: str = "sum(sin(y))") -> gdl.Session:
    session = gdl.loads(f"""gdl 1
from nn import {layer}
dim batch
dim time
placeholder x: f64[batch, time, 6]
y = x |> net: {layer}({UNITS})
loss = {loss}
slope = sum(square(grad(loss, x)))
""")
    for path, array in session.variables.items():
        session.variables[path] = np.random.default_rng(len(path)).standard_normal(array.shape) * 0.5 + 0.1
    return session


def sequences(batch: int, time: int) -> np.ndarray:
    return np.random.default_rng(batch + 100 * time).standard_normal((batch, time, 6))


@pytest.mark.parametrize("layer", LAYERS)
def test_one_session_serves_every_length(layer: str) -> None:
    session = session_of(layer)
    weights = {path.removeprefix("net/"): array for path, array in session.variables.items()}
    for batch, time in SIZES:
        x = sequences(batch, time)
        expected = LAYERS[layer](x, weights) if time else np.zeros((batch, 0, UNITS))
        got = session.run("y", x=x)
        assert got.dtype == np.float64
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-14, err_msg=str((batch, time)))


@pytest.mark.parametrize("of", ["loss", "slope"])
@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_of_first_and_second_order(layer: str, of: str) -> None:
    """At the input and every variable, along a random direction, for a short and a longer sequence."""
    session = session_of(layer)
    start = dict(session.variables)
    for batch, time in ((2, 1), (3, 6)):
        x = sequences(batch, time)
        for target in ("x", *start):
            at = x if target == "x" else start[target]
            direction = np.random.default_rng(3).standard_normal(at.shape)

            def value(step: float) -> float:
                moved = at + step * direction  # noqa: B023
                if target == "x":  # noqa: B023
                    return session.run(of, x=moved)
                session.variables[target] = moved  # noqa: B023
                return session.run(of, x=x)  # noqa: B023

            h = 5e-4
            expected = sum(w * (value(k * h) - value(-k * h)) / h for k, w in enumerate(STENCIL, 1))
            if target != "x":
                session.variables[target] = at
            got = np.sum(session.grad(of, target, x=x) * direction)
            assert got == pytest.approx(expected, rel=1e-8, abs=1e-9), (target, time)


@pytest.mark.parametrize("layer", LAYERS)
def test_the_future_is_not_seen(layer: str) -> None:
    session, x = session_of(layer), sequences(2, 9)
    whole, start = session.run("y", x=x), session.run("y", x=x[:, :4])
    np.testing.assert_allclose(whole[:, :4], start, rtol=1e-13)
