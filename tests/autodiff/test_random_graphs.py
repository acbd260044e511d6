"""On any smooth graph the gradient agrees with differences of values, before the passes and after."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.autodiff import expand, gradient_or_none
from gdl.graph.node import Graph, Node, constant
from gdl.graph.verify import verify
from gdl.ops.table import apply
from gdl.passes import retype, run_passes
from gdl.types.match import Mismatch
from tests.graph.building import graph, leaf, request
from tests.graph.evaluate import evaluate

FEEDS = {
    "x": np.array([[0.3, -0.7, 1.1], [0.5, 0.2, -0.4]]), "y": np.array([-0.9, 0.4, 0.25]), "s": np.array(0.8),
    "c": np.array([[0.6], [-1.2]]),
}  # fmt: skip
LEAVES = [leaf(name, *value.shape) for name, value in FEEDS.items()]
CALLS = [
    ("add", 2, {}), ("subtract", 2, {}), ("multiply", 2, {}), ("negative", 1, {}), ("tanh", 1, {}), ("sin", 1, {}),
    ("sigmoid", 1, {}), ("matmul", 2, {}), ("sum", 1, {}), ("sum", 1, {"axis": 0}), ("transpose", 1, {}),
    ("sum", 1, {"axis": -1, "keepdims": True}), ("reshape", 1, {"shape": (3, -1)}), ("concat", 2, {"axis": 0}),
    ("broadcast_to", 1, {"shape": (2, 3)}), ("slice", 1, {"index": (0,)}),
    ("slice", 1, {"index": (("slice", None, None, -1),)}),
]  # fmt: skip


@st.composite
def losses(draw):
    nodes: list[Node] = [*LEAVES, constant(0.5, "f64"), constant(2.0, "f64")]
    for _ in range(draw(st.integers(1, 12))):
        name, arity, attrs = draw(st.sampled_from(CALLS))
        recent = nodes[-3:] + nodes
        inputs = [recent[draw(st.integers(0, len(recent) - 1))] for _ in range(arity)]
        try:
            nodes.append(apply(name, inputs, attrs))
        except Mismatch:
            continue
    return apply("sum", (apply("tanh", (nodes[-1],)),))


def differences(loss: Node, name: str, step: float = 1e-3) -> np.ndarray:
    """Central differences of fourth order."""
    slopes = np.zeros_like(FEEDS[name])
    for index in np.ndindex(slopes.shape):
        at = []
        for offset in (-2, -1, 1, 2):
            moved = FEEDS[name].copy()
            moved[index] += offset * step
            at.append(float(evaluate([loss], {**FEEDS, name: moved})[0]))
        slopes[index] = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)
    return slopes


@given(losses())
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
def test_gradients_agree_with_differences(loss):
    reached = [x for x, g in zip(LEAVES, gradient_or_none(loss, LEAVES)) if g is not None]
    asked: Graph = graph(*[request("grad", loss, x) for x in reached])
    expanded = verify(expand(verify(asked, retype)), retype)
    plain = evaluate(expanded.outputs, FEEDS)
    passed = evaluate(run_passes(expanded, checked=True).outputs, FEEDS)
    for x, found, after in zip(reached, plain, passed):
        np.testing.assert_allclose(found, differences(loss, x.attrs["name"]), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(after, found, rtol=1e-12, atol=1e-14)
    for x in set(LEAVES) - set(reached):
        np.testing.assert_allclose(differences(loss, x.attrs["name"]), 0, atol=1e-9)
