"""`scan`: values, gradients of several orders, and what a long axis costs."""

from __future__ import annotations

import re

import numpy as np
import pytest

import gdl
from gdl.autodiff import expand
from gdl.graph.node import LOOP, Graph, Node, topological
from gdl.runtime.plan import Plan, plan
from tests.stdlib.programs import STENCIL

#: Two sequences, two carries of different shapes, two yields, and a captured variable.
COUPLED = """gdl 1
dim n
placeholder x: f64[n, 3]
placeholder y: f64[n]
variable w: f64[3, 3] = eye(3, dtype="f64")
start: f64[3] = [0.1, -0.2, 0.3]
hs, es = scan u, v in x, y along n carry h = start, energy = sum(start) {
  next h = tanh(h @ w + u * v) + 0.1 * energy
  next energy = 0.5 * energy + sum(h * u)
  yield h, energy * v
}
loss = sum(sin(hs)) + sum(es * es)
slope = sum(square(grad(loss, x))) + sum(square(grad(loss, w)))
"""


def coupled(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    h, energy = np.array([0.1, -0.2, 0.3]), 0.2
    hs, es = [], []
    for u, v in zip(x, y, strict=True):
        hs.append(h)
        es.append(energy * v)
        h, energy = np.tanh(h @ w + u * v) + 0.1 * energy, 0.5 * energy + np.sum(h * u)
    return np.array(hs).reshape(-1, 3), np.array(es).reshape(-1)


@pytest.fixture
def session() -> gdl.Session:
    session = gdl.loads(COUPLED)
    session.variables["w"] = np.random.default_rng(1).standard_normal((3, 3)) * 0.5
    return session


def fed(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(n)
    return {"x": rng.standard_normal((n, 3)), "y": rng.standard_normal(n)}


def test_several_sequences_carries_and_yields(session: gdl.Session) -> None:
    for n in (0, 1, 2, 30):
        feeds = fed(n)
        for got, expected in zip(session.run(["hs", "es"], **feeds), coupled(w=session.variables["w"], **feeds)):
            np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("of", ["loss", "slope"])
def test_gradients_through_all_carries(session: gdl.Session, of: str) -> None:
    feeds = fed(5)
    for target in ("x", "y", "w"):
        at = session.variables["w"] if target == "w" else feeds[target]
        direction = np.random.default_rng(2).standard_normal(at.shape)

        def value(step: float) -> float:
            moved = at + step * direction  # noqa: B023
            if target == "w":  # noqa: B023
                session.variables["w"] = moved
                return session.run(of, **feeds)
            return session.run(of, **{**feeds, target: moved})  # noqa: B023

        h = 5e-4
        expected = sum(w * (value(k * h) - value(-k * h)) / h for k, w in enumerate(STENCIL, 1))
        if target == "w":
            session.variables["w"] = at
        assert np.sum(session.grad(of, target, **feeds) * direction) == pytest.approx(expected, rel=1e-8), target


def test_a_scan_in_a_scan() -> None:
    session = gdl.loads("""gdl 1
dim n
dim m
placeholder x: f64[n, m]
sums = scan row in x along n carry total = zeros([], dtype="f64") {
  inner = scan v in row along m carry s = total {
    next s = 0.5 * s + v
    yield s * v
  }
  next total = total + sum(inner)
  yield total
}
loss = sum(sums * sums)
""")
    x = np.random.default_rng(0).standard_normal((4, 3))
    total, expected = 0.0, []
    for row in x:
        expected.append(total)
        s, inner = total, 0.0
        for v in row:
            inner, s = inner + s * v, 0.5 * s + v
        total += inner
    np.testing.assert_allclose(session.run("sums", x=x), expected, rtol=1e-13)
    g, h = session.grad("loss", "x", x=x), 1e-5
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        difference = (session.run("loss", x=x + step) - session.run("loss", x=x - step)) / (2 * h)
        assert g[place] == pytest.approx(difference, rel=1e-6, abs=1e-8)


# ---- what length costs -----------------------------------------------------------------------------------------------

LSTM = """gdl 1
from nn import Lstm, Dense
placeholder x: f32[4, {time}, 8]
y = x |> lstm: Lstm(16) |> out: Dense(2)
loss = mean(y * y)
train {{
  steps 1
  feed x = x from batches batch 4
  minimize loss with Adam(1e-3)
}}
data batches = arrays("batches")
"""


def compiled(time: int) -> tuple[list[Node], Plan]:
    """All nodes of the loss and its gradients, those in bodies too, and the plan of them."""
    text = LSTM.format(time=time)
    session = gdl.loads(text, arrays={"batches": {"x": np.zeros((4, time, 8), np.float32)}})
    loss = session.program.nodes[False]["loss"]
    leaves = [node for node in topological([loss]) if node.op == "variable"]
    graph = expand(Graph((loss, *[Node("grad", (loss, leaf), None, leaf.type, loss.origin) for leaf in leaves])))
    nodes = topological(graph.roots)
    bodies = [node.attrs["body"] for node in nodes if node.op == LOOP]
    assert len(bodies) == 2, "one forward, one backward"
    return nodes + [node for body in bodies for node in topological(body.roots)], plan(graph, {})


def test_a_long_axis_compiles_to_the_same_graph_and_plan() -> None:
    short_nodes, short = compiled(5_000)  # long enough for the same kernels and the same blocks
    long_nodes, long = compiled(20_000)
    assert [node.op for node in long_nodes] == [node.op for node in short_nodes]
    assert [node.op for node in long.order] == [node.op for node in short.order]
    assert len(long.buffers) == len(short.buffers)
    assert statements(long) == statements(short)


def statements(made: Plan) -> list[str]:
    """The generated code without its numbers and remarks."""
    code = [line.partition("#")[0].rstrip() for line in made.source.splitlines()]
    return [re.sub(r"\d+", "0", line) for line in code]


def test_a_long_axis_keeps_only_what_the_backward_pass_reads() -> None:
    """Memory grows with the length by what every step keeps: the gates' input, carries and yields, each with its
    gradient, and the layer's output; not by every value of every step."""
    (_, short), (_, long) = compiled(10), compiled(1000)
    batch, units = 4, 16
    kept_floats = batch * (2 * 4 * units + 2 * 3 * units + 2 * units)
    assert long.arena_bytes - short.arena_bytes <= 990 * 4 * kept_floats


def test_training_over_a_long_axis_runs() -> None:
    session = gdl.loads(LSTM.format(time=1000), arrays={"batches": {"x": np.ones((4, 1000, 8), np.float32)}})
    assert np.isfinite(session.step())
