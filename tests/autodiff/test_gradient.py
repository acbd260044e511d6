"""The reverse-mode engine: what rules need not care about. Rules themselves are checked from the op table's samples."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.autodiff import expand, gradient, gradient_or_none
from gdl.graph.node import Node, constant, topological
from gdl.graph.verify import verify
from gdl.ops.table import TABLE, apply
from gdl.passes import retype
from tests.graph.building import Text, batch, graph, leaf, request, variable
from tests.graph.evaluate import evaluate


def total(x: Node) -> Node:
    return apply("sum", (x,))


def value_of(node: Node, **feeds: object) -> np.ndarray:
    verify(graph(node), retype)
    return evaluate([node], feeds)[0]


def test_the_same_input_twice_adds_up():
    x = leaf("x")
    assert value_of(gradient(x + x, [x])[0], x=3.0) == 2.0
    assert value_of(gradient(x * x, [x])[0], x=3.0) == 6.0
    assert value_of(gradient(x * x * x + x * x, [x])[0], x=2.0) == 16.0


def test_a_value_used_by_many_adds_up_once_per_use():
    x = leaf("x")
    shared = x * 2.0
    y = shared
    for _ in range(10):
        y = y + shared
    assert value_of(gradient(y, [x])[0], x=5.0) == 22.0


def test_the_gradient_of_a_value_at_itself_is_one_and_the_seed_is_passed_on():
    x, v = leaf("x"), leaf("v", 3)
    assert value_of(gradient(x, [x])[0], x=5.0) == 1.0
    y = leaf("y", 3)
    assert gradient(y, [y], v) == [v]


def test_one_constant_of_the_seed_is_stretched():
    x, seed = leaf("x", 2, 3), leaf("s", 2, 3)
    (g,) = gradient(x * x, [x], seed)
    np.testing.assert_array_equal(value_of(g, x=np.full((2, 3), 2.0), s=np.eye(2, 3)), 4 * np.eye(2, 3))


def test_intermediate_values_and_variables_may_be_asked_for_together():
    w, x = variable("model/w"), leaf("x")
    h = w * x
    y = h * h
    gh, gw = gradient(y, [h, w])
    feeds = {"model/w": 3.0, "x": 2.0}
    assert evaluate([gh, gw], feeds) == [12.0, 24.0]


SHAPES = st.lists(st.sampled_from([1, 2, 3]), max_size=3)


@st.composite
def broadcastable(draw):
    """Two shapes that broadcast, both of literal sizes."""
    full = draw(SHAPES)

    def part():
        shape = [1 if draw(st.booleans()) else size for size in full]
        return tuple(shape[draw(st.integers(0, len(shape))) :])

    return part(), part()


@given(broadcastable())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_broadcasting_is_undone(shapes):
    a, b = shapes
    x, y = leaf("x", *a), leaf("y", *b)
    gx, gy = gradient(total(x * y), [x, y])
    assert (gx.type, gy.type) == (x.type, y.type)
    random = np.random.default_rng(0)
    feeds = {"x": random.integers(-4, 5, a).astype(float), "y": random.integers(-4, 5, b).astype(float)}
    out = np.ones(np.broadcast_shapes(a, b))
    for g, other, shape in ((gx, feeds["y"], a), (gy, feeds["x"], b)):
        found = value_of(g, **feeds)
        wanted = out * other
        wanted = wanted.sum(axis=tuple(range(wanted.ndim - len(shape))))
        for axis, size in enumerate(shape):
            if size == 1:
                wanted = wanted.sum(axis=axis, keepdims=True)
        np.testing.assert_array_equal(found, wanted)


def test_a_symbolic_size_is_never_taken_for_one():
    x, row, column, s = leaf("x", batch, 3), leaf("row", 3), leaf("column", batch, 1), leaf("s", 1, 1)
    y = total(x * row * column * s)
    leaves = [x, row, column, s]
    assert [g.type for g in gradient(y, leaves)] == [x.type for x in leaves]
    for size in (1, 4):
        random = np.random.default_rng(size)
        feeds = {"x": random.normal(size=(size, 3)), "row": random.normal(size=3)}
        feeds |= {"column": random.normal(size=(size, 1)), "s": random.normal(size=(1, 1))}
        product = feeds["x"] * feeds["row"] * feeds["column"] * feeds["s"]
        found = evaluate(gradient(y, [row, column, s]), feeds, {"batch": size})
        np.testing.assert_allclose(found[0], product.sum(axis=0) / feeds["row"], rtol=1e-12)
        np.testing.assert_allclose(found[1], product.sum(axis=1, keepdims=True) / feeds["column"], rtol=1e-12)
        np.testing.assert_allclose(found[2], [[product.sum() / feeds["s"][0, 0]]], rtol=1e-12)


def test_empty_tensors_have_empty_gradients_and_leave_zeros():
    x, row = leaf("x", 0, 3), leaf("row", 3)
    gx, grow = gradient(total(x * row), [x, row])
    feeds = {"x": np.zeros((0, 3)), "row": np.ones(3)}
    assert value_of(gx, **feeds).shape == (0, 3)
    np.testing.assert_array_equal(value_of(grow, **feeds), np.zeros(3))


def test_integers_carry_no_gradient():
    x, n = leaf("x", 3), leaf("n", 3, dtype="i64")
    y = total(x * apply("cast", (n,), {"dtype": "f64"}))
    assert gradient_or_none(y, [x])[0] is not None
    back = apply("cast", (apply("cast", (x,), {"dtype": "i64"}),), {"dtype": "f64"})
    assert gradient_or_none(total(back), [x]) == [None]


def test_gradients_keep_the_dtype_of_what_they_are_gradients_of():
    x = leaf("x", 3, dtype="f32")
    wide = apply("cast", (x,), {"dtype": "f64"})
    (g,) = gradient(total(wide * wide), [x])
    assert str(g.type) == "f32[3]"


def test_paths_through_stop_gradient_count_for_nothing():
    x = leaf("x")
    (g,) = gradient(x * apply("stop_gradient", (x,)), [x])
    assert value_of(g, x=7.0) == 7.0


def test_the_stopped_value_itself_may_be_differentiated_by():
    x = leaf("x")
    stopped = apply("stop_gradient", (x,))
    assert value_of(gradient(stopped * stopped, [stopped])[0], x=7.0) == 14.0
    assert gradient_or_none(stopped * stopped, [stopped, x])[1] is None


@pytest.mark.parametrize("order,wanted", [(1, 5 * 2**4), (2, 20 * 2**3), (3, 60 * 2**2), (4, 120 * 2), (5, 120)])
def test_any_order(order, wanted):
    x = leaf("x")
    y = x * x * x * x * x
    for _ in range(order):
        (y,) = gradient(y, [x])
    assert value_of(y, x=2.0) == wanted


def test_only_rules_of_nodes_on_a_path_are_asked(monkeypatch):
    x, other = leaf("x"), leaf("other")
    asked = []
    rule = TABLE["exp"].gradient
    monkeypatch.setattr(TABLE["exp"], "gradient", lambda g, out, x: asked.append(x) or rule(g, out, x))
    beside = apply("exp", (apply("exp", (other,)),))
    on_path = apply("exp", (x,))
    gradient(on_path * beside, [x])
    assert asked == [x]


def test_new_nodes_lie_where_the_op_is_that_they_differentiate_called_from_the_request():
    text = Text("y = exp(x)\nz = grad(y, x)")
    x = leaf("x")
    y = apply("exp", (x,), origin=(text.at("exp(x)"),), scope="model/fc")
    before = set(topological([y]))
    (g,) = gradient(y, [x], origin=(text.at("grad(y, x)"),))
    new = [n for n in topological([g]) if n not in before]
    assert new
    for node in new:
        assert [s.text for s in node.origin] == ["exp(x)", "grad(y, x)"]
        assert node.scope == "model/fc"
    assert x.origin == () and y.scope == "model/fc"  # what was there stays as it was


def chain(length: int) -> tuple[Node, Node]:
    x = y = leaf("x")
    one = constant(1.0, "f64")
    for _ in range(length):
        y = Node("add", (y, one), None, x.type)
    return x, y


def test_a_long_chain_neither_recurses_nor_slows_down():
    def seconds(length: int) -> float:
        x, y = chain(length)
        start = time.perf_counter()
        expand(graph(request("grad", y, x)))
        return time.perf_counter() - start

    seconds(1_000)
    assert seconds(100_000) < 40 * seconds(10_000) + 1


def test_the_gradient_of_a_gradient_of_a_long_chain():
    x = y = leaf("x")
    for _ in range(3_000):
        y = y * 1.0
    (g,) = gradient(y * y, [x])
    (gg,) = gradient(g, [x])
    assert evaluate([gg], {"x": 3.0})[0] == 2.0
