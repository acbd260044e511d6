"""Properties: on any graph, a pass keeps every value and every type.

The numbers are small multiples of powers of two, on which sums, products and powers are exact, so that also rules that
hold "to rounding" must agree to the last bit. Graphs that leave this range are thrown away.
"""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gdl.graph.node import Graph, Node, constant, topological
from gdl.graph.verify import verify
from gdl.ops.table import TABLE, apply
from gdl.passes import PIPELINE, drop_idle_updates, factor, fold, regroup, retype, run_passes, share, simplify, turn
from gdl.passes.rules import sums
from gdl.types.match import Mismatch
from tests.graph.building import leaf
from tests.graph.evaluate import evaluate

FEEDS = {
    "x": np.array([[0.0, 1.0, -2.0], [0.5, -0.0, 4.0]]), "y": np.array([-1.0, 2.0, 0.25]), "s": np.array(2.0),
    "c": np.array([[1.0], [-4.0]]), "e": np.zeros((0, 3)), "one": np.array([[3.0]]),
}  # fmt: skip
LEAVES = [leaf(name, *value.shape) for name, value in FEEDS.items()]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 4.0]
CALLS = [
    ("add", 2, {}), ("subtract", 2, {}), ("multiply", 2, {}), ("divide", 2, {}), ("power", 2, {}), ("negative", 1, {}),
    ("abs", 1, {}), ("maximum", 2, {}), ("stop_gradient", 1, {}),
    ("transpose", 1, {}), ("transpose", 1, {"axes": (0, 1)}),
    ("sum", 1, {}), ("sum", 1, {"axis": 0}), ("sum", 1, {"axis": -1, "keepdims": True}), ("sum", 1, {"axis": ()}),
    ("reshape", 1, {"shape": (-1,)}), ("reshape", 1, {"shape": (3, 2)}), ("reshape", 1, {"shape": (2, 3)}),
    ("broadcast_to", 1, {"shape": (2, 3)}), ("broadcast_to", 1, {"shape": (4, 2, 3)}), ("concat", 1, {"axis": 0}),
    ("concat", 2, {"axis": 0}), ("concat", 2, {"axis": 1}),
    ("scatter_slice", 1, {"shape": (4, 3), "index": (("slice", 0, 2, None),)}),
    ("scatter_slice", 1, {"shape": (4, 3), "index": (("slice", -2, None, None), "...")}),
    ("scatter_slice", 1, {"shape": (2, 3), "index": ()}), ("slice", 1, {"index": ("...",)}),
    ("slice", 1, {"index": (0,)}),
    ("slice", 1, {"index": (("slice", None, None, -1),)}), ("matmul", 2, {}), ("flip", 1, {"axis": 0}),
    ("cast", 1, {"dtype": "f64"}), ("cast", 1, {"dtype": "f32"}), ("cast", 1, {"dtype": "i64"}), ("floor", 1, {}),
    ("full", 0, {"shape": (2, 3), "value": 1.0, "dtype": "f64"}),
    ("full", 0, {"shape": (3,), "value": -2.0, "dtype": "f64"}),
    ("full", 0, {"shape": (2, 1), "value": 0.0, "dtype": "f64"}),
    ("full", 0, {"shape": (3,), "value": 2.0, "dtype": "i64"}),
]  # fmt: skip
MANY = settings(max_examples=200, deadline=None, derandomize=True, database=None)
SOME = settings(MANY, max_examples=100)
POWERS = [0.0, 1.0, 2.0, 3.0, 4.0]


@st.composite
def graphs(draw, leaves=tuple(LEAVES)):
    """A random graph: each step applies an op to nodes that it fits."""
    nodes: list[Node] = [*leaves, *[constant(n, "f64") for n in NUMBERS]]
    for _ in range(draw(st.integers(1, 14))):
        name, arity, attrs = draw(st.sampled_from(CALLS))
        recent = nodes[-6:] + nodes
        inputs = [recent[draw(st.integers(0, len(recent) - 1))] for _ in range(arity)]
        if name in ("divide", "power"):
            inputs[1] = constant(draw(st.sampled_from(POWERS if name == "power" else NUMBERS)), inputs[0].type.dtype)
        try:
            nodes.append(apply(name, inputs, attrs))
        except Mismatch:
            continue
    roots = nodes[-draw(st.integers(1, 3)) :]
    graph = verify(Graph(tuple(roots)), retype)
    everything = topological(graph.roots)
    assume(all(_is_exact(value) for value in evaluate(everything, FEEDS)))
    to_integer = [i for node in everything if node.type.dtype == "i64" for i in node.inputs]
    assume(all(np.isfinite(v).all() for v in evaluate(to_integer, FEEDS)))  # what nan is as an integer is undefined
    return graph


def _is_exact(value: np.ndarray) -> bool:
    finite = value[np.isfinite(value)]
    return bool(np.all((np.abs(finite) < 2**20) & (finite * 2**20 % 1 == 0)))


def assert_kept(before: Graph, after: Graph, zero_signs: bool) -> None:
    verify(after, retype)
    for old, new in zip(before.roots, after.roots):
        assert old.type == new.type
    for old, new in zip(evaluate(before.roots, FEEDS), evaluate(after.roots, FEEDS)):
        np.testing.assert_array_equal(old, new)
        if zero_signs and old.dtype.kind == "f":
            kept = ~np.isnan(old)
            np.testing.assert_array_equal(np.signbit(old[kept]), np.signbit(new[kept]))


def has_numbers_or_no_sum(graph: Graph) -> bool:
    """Sums of what is not finite may turn from one infinity or nan to another."""
    everything = topological(graph.roots)
    return not any(n.op == "sum" for n in everything) or all(np.isfinite(v).all() for v in evaluate(everything, FEEDS))


@given(graphs())
@MANY
def test_simplify_keeps_values(graph):
    assume(has_numbers_or_no_sum(graph))
    assert_kept(graph, simplify(graph), zero_signs=False)


@given(graphs())
@SOME
def test_short_sums_of_products_keep_values(graph):
    """Cut into rows as only large ones are otherwise."""
    assume(has_numbers_or_no_sum(graph))
    rows = sums._LONGEST_ROW, sums._SHORTEST_ROW
    sums._LONGEST_ROW, sums._SHORTEST_ROW = 3, 2
    try:
        assert_kept(graph, simplify(graph), zero_signs=False)
    finally:
        sums._LONGEST_ROW, sums._SHORTEST_ROW = rows


@given(graphs(leaves=()))
@SOME
def test_fold_keeps_values(graph):
    assert_kept(graph, fold(graph), zero_signs=True)


@given(graphs())
@SOME
def test_share_keeps_values(graph):
    after = share(graph)
    assert_kept(graph, after, zero_signs=True)
    assert len(topological(after.roots)) <= len(topological(graph.roots))


@given(graphs())
@SOME
def test_factor_keeps_values_with_no_more_nodes_that_are_large(graph):
    assert_kept(graph, after := factor(graph), zero_signs=False)
    assert elements(after) <= elements(graph)


def elements(graph):
    """How many elements all nodes have."""
    return sum(prod(node.type.shape) for node in topological(graph.roots) if not node.is_leaf)


@given(graphs())
@SOME
def test_the_pipeline_keeps_values(graph):
    assume(has_numbers_or_no_sum(graph))
    assert_kept(graph, run_passes(graph, checked=True), zero_signs=False)


def test_the_pipeline_names_every_pass():
    assert PIPELINE == (fold, share, simplify, share, regroup, share, factor, turn, drop_idle_updates)
    assert all(name in TABLE for name, _, _ in CALLS)
