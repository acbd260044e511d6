"""Random draws in a graph: distributions, and when they are drawn anew."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gdl
from tests.stdlib.programs import gradient, program, value

SIZE = 40_000


def test_a_new_draw_every_run_and_the_same_for_the_same_seed() -> None:
    sessions = [gdl.loads("gdl 1\na = normal([3, 4])\nb = normal([3, 4])\n", seed=seed) for seed in (0, 0, 1)]
    first, second = [s.run(["a", "b"]) for s in sessions], [s.run(["a", "b"]) for s in sessions]
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(second[0], second[1])
    for left, right in ((first[0][0], first[0][1]), (first[0][0], second[0][0]), (first[0][0], first[2][0])):
        assert (left != right).all()


def test_draws_of_a_symbolic_size() -> None:
    session = gdl.loads("gdl 1\ndim n\nplaceholder x: f32[n, 2]\ny = x + normal([n, 2], std=0.0)\n")
    np.testing.assert_array_equal(session.run("y", x=np.ones((3, 2), "f")), np.ones((3, 2)))


@pytest.mark.parametrize("p", [0.0, 0.2, 1.0])
def test_bernoulli(p: float) -> None:
    got = value(f"bernoulli([{SIZE}], p={p})")
    assert got.dtype == np.bool_
    assert got.mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / SIZE))


def test_categorical() -> None:
    p = np.array([0.1, 0.6, 0.0, 0.3])
    logits = np.tile(np.log(np.maximum(p, 1e-300)), (SIZE, 1))
    for dtype in ("f", "d"):
        got = value("categorical(x)", x=logits.astype(dtype))
        assert got.dtype == np.int64 and got.shape == (SIZE,)
        np.testing.assert_allclose(np.bincount(got, minlength=4) / SIZE, p, atol=4 * math.sqrt(0.25 / SIZE))


def test_dropout_while_training() -> None:
    x = np.full((200, 200), 2.0, "f")
    session = gdl.loads("gdl 1\nplaceholder x: f32[200, 200]\ny = dropout(x, 0.3)\ng = grad(sum(y), x)\n")
    np.testing.assert_array_equal(session.run("y", x=x), x)
    session = gdl.loads(
        "gdl 1\nplaceholder x: f32[200, 200]\ny = dropout(x, 0.3, training=true)\ng = grad(sum(y), x)\n"
    )
    y, g = session.run(["y", "g"], x=x)
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(y[y != 0], 2 / 0.7, rtol=1e-6)
    np.testing.assert_array_equal(g * 2, y)
    assert (session.run("y", x=x) != y).any()


def test_dropout_of_nothing_is_the_input() -> None:
    x = np.array([1.0, -2.0])
    np.testing.assert_array_equal(value("dropout(x, 0.0, training=true)", x=x), x)
    np.testing.assert_array_equal(gradient("dropout(x, 0.9)", "x", np.ones(2), x=x), np.ones(2))


@pytest.mark.parametrize(("call", "said"), [("dropout(x, 1.0)", "1.0"), ("bernoulli([2], p=1.5)", "1.5")])
def test_what_is_no_probability(call: str, said: str) -> None:
    with pytest.raises(gdl.ProgramError, match=said):
        program({"y": call}, {"x": np.ones(2)})


def test_uniform_gradient_flows_to_its_bounds_only_through_the_text() -> None:
    """A draw is a constant to its surroundings: d(x * draw)/dx is the draw itself."""
    session = gdl.loads(
        'gdl 1\nplaceholder x: f64[4]\ndraw = uniform([4], dtype="f64")\ny = x * draw\ng = grad(sum(y), x)\n'
    )
    draw, g = session.run(["draw", "g"], x=np.ones(4))
    np.testing.assert_array_equal(draw, g)
