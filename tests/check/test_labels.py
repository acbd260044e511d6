"""The symbols of a signature label axes in the body, whatever the caller calls them, and only there."""

from __future__ import annotations

import numpy as np
import pytest

import gdl

_DEFINED = """\
gdl 1
from nn import Rnn, Lstm, Gru
def middle(x: f[b, t, d]) -> f[b, d] { return sum(x, over=t) }
def last_but_one(x: f[*s, t, d]) -> f[*s, d] { return sum(x, over=t) }
def running(x: f[b, t, d]) -> f[b, t, d] {
  y = scan z in x along t carry h = zeros([b, d]) { h1 = h + z; next h = h1; yield h1 }
  return y
}
def apart(x: f[b, t, d]) -> f[b, t, d] { return x - mean(x, over=t, keepdims=true) }
def inside(x: f[t, b, d]) -> f[t, b, d] { return apart(x) + mean(x, over=t, keepdims=true) }
"""


@pytest.mark.parametrize("axes", ["2, 5, 7", "4, 4, 4", "2, 5, t: 7", "t: 4, time: 4, t2: 4", "d: 3, b: 3, t: 3"])
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("middle(x)", lambda x: x.sum(1)), ("last_but_one(x)", lambda x: x.sum(1)),
        ("running(x)", lambda x: x.cumsum(1)),
        ("apart(x)", lambda x: x - x.mean(1, keepdims=True)),
        ("inside(x)", lambda x: x - x.mean(1, keepdims=True) + x.mean(0, keepdims=True)),
    ],
)  # fmt: skip
def test_an_axis_is_the_signatures(axes: str, call: str, expected) -> None:
    session = gdl.loads(f"{_DEFINED}placeholder x: f32[{axes}]\ny = {call}\n")
    shape = [int(axis.rpartition(":")[2]) for axis in axes.split(",")]
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    np.testing.assert_allclose(session.run("y", x=x), expected(x), rtol=1e-5, atol=1e-6)


def test_what_comes_back_has_the_callers_labels() -> None:
    text = f"{_DEFINED}placeholder x: f32[2, time: 4, 4]\ny = apart(x) |> r: Rnn(4) |> l: Lstm(4) |> g: Gru(4)\n"
    assert gdl.check(f"{text}z = mean(y, over=time)\n") == []
    (wrong,) = gdl.check(f"{text}z = mean(y, over=t)\n")
    assert wrong.code == "E0307" and "its labels are time" in wrong.helps[0]


@pytest.mark.parametrize("layer", ["Rnn(8)", "Lstm(8)", "Gru(8)", "Lstm(2)"])
def test_recurrence_over_a_square(layer: str) -> None:
    session = gdl.loads(f"{_DEFINED}placeholder x: f32[8, 8, 8]\ny = x |> r: {layer}\n")
    x = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
    later = x.copy()
    later[:, 5:] += 1.0  # what comes later changes nothing before
    before, after = session.run("y", x=x), session.run("y", x=later)
    np.testing.assert_allclose(before[:, :5], after[:, :5], rtol=1e-5, atol=1e-6)
    assert not np.allclose(before[:, 5:], after[:, 5:])
