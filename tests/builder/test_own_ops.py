"""An op of a user's own, in a few lines of Python: on nodes, in programs, differentiable to any order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import gdl
from gdl import builder as ad
from gdl.ops.table import TABLE


@pytest.fixture(autouse=True)
def softsign() -> Iterator[None]:
    @gdl.op("(x: f[*a], scale: float = 1.0) -> f[*a]")
    def softsign(x, scale):
        """scale * x / (1 + |x|)"""
        return scale * x / (1 + np.abs(x))

    @softsign.grad
    def _(g, out, x, scale):
        return scale * g / ad.square(1 + ad.abs(x))

    with gdl.Graph():
        yield
    del TABLE["softsign"]


V = np.array([1.0, -2.0, 3.0])


def test_on_nodes() -> None:
    v = ad.placeholder("v", (3,), "f64")
    y = ad.softsign(v, scale=2)
    runtime = gdl.Runtime()
    np.testing.assert_allclose(runtime.forward(y, {v: V}), 2 * V / (1 + np.abs(V)))
    runtime.backward(y, upstream=V)
    np.testing.assert_allclose(runtime.gradient(v), 2 * V / (1 + np.abs(V)) ** 2)
    slope = ad.grad(ad.sum(y), v)
    runtime.backward(slope, {v: -V})
    np.testing.assert_allclose(runtime.gradient(v), -4 * np.sign(-V) / (1 + np.abs(V)) ** 3)
    assert ad.softsign.doc.startswith("softsign(x: ") and ad.softsign.doc.endswith("scale * x / (1 + |x|)")
    with pytest.raises(gdl.ProgramError, match="E0203: softsign has no parameter `skale`"):
        ad.softsign(v, skale=1)


def test_in_a_layer_and_an_optimizer_of_the_library() -> None:
    x = ad.placeholder("x", (None, 3))
    y = ad.net("fc", ad.Dense(2, act=ad.softsign))(x)
    runtime = gdl.Runtime()
    assert np.abs(runtime.forward(y, {x: 100 * V[None]})).max() < 1
    loss = ad.l2(y)
    optimizer = gdl.Optimizer(ad.Sgd(0.1), runtime)
    losses = [optimizer.minimize(loss, {x: V[None]}) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_in_a_program() -> None:
    session = gdl.loads("gdl 1\nplaceholder v: f64[3]\ny = sum(softsign(v))\ng = grad(y, v)\nh = grad(sum(g), v)")
    np.testing.assert_allclose(session.grad("y", "v", v=V), 1 / (1 + np.abs(V)) ** 2)
    np.testing.assert_allclose(session.run("h", v=V), -2 * np.sign(V) / (1 + np.abs(V)) ** 3)
