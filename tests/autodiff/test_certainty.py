"""What is certain of gradients that nobody takes: `expand` agrees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from gdl.autodiff import Kinds, expand, is_certain
from gdl.errors import ProgramError
from gdl.graph.node import Graph, Node, constant
from gdl.ops.table import apply
from tests.autodiff.test_random_graphs import LEAVES, losses
from tests.graph.building import batch, graph, leaf, request, variable
from tests.ops.drawing import CASES, Case, arrays, types_of

#: As over a whole program: what one graph taught must hold in the next.
KINDS: Kinds = {}


def goes_well(g: Graph) -> bool:
    try:
        expand(g)
    except ProgramError:
        return False
    return True


def total(x: Node) -> Node:
    return apply("sum", (x,))


@given(losses())
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_random_graphs(loss):
    for some in (LEAVES, LEAVES[:1], LEAVES[1:], LEAVES[2:3]):
        g = graph(*[request("grad", loss, x, minimize=True) for x in some])
        assert is_certain(g, KINDS) == goes_well(g)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_op(case: Case):
    types = types_of(arrays(case))
    inputs = [Node("input", (), {"name": str(i)}, type) for i, type in enumerate(types)]
    made = apply(case.op.name, inputs, case.attrs)
    for node in made if isinstance(made, tuple) else (made,):
        loss = total(apply("cast", (node,), {"dtype": "f64"}))
        for x in inputs:
            g = graph(request("grad", loss, x))
            assert is_certain(g, KINDS) == goes_well(g)


def test_what_is_certain():
    w, x = variable("w", 3), leaf("x", batch, 3)
    loss = total(apply("tanh", (x * w,)))
    assert is_certain(graph(loss), {})
    assert is_certain(graph(request("grad", loss, w), request("grad", loss, x)), {})


def test_what_is_left_to_expand():
    w, x, n = variable("w", 3), leaf("x", 3), leaf("n", 3, dtype="i64")
    loss = total(x * w)
    slope = request("grad", loss, w)
    stopped = total(apply("stop_gradient", (x,)) * w)
    assert not is_certain(graph(request("grad", stopped, x)), {})  # no path
    assert not is_certain(graph(request("grad", loss, variable("v", 3))), {})
    assert not is_certain(graph(request("grad", x * w, w)), {})  # no scalar
    assert not is_certain(graph(request("grad", loss, n)), {})
    assert not is_certain(graph(request("grad", total(slope * slope), w)), {})  # a gradient of a gradient
    assert not is_certain(graph(request("grad", x * w, w, x)), {})  # a seed
    assert not is_certain(graph(request("jvp", x * w, w, x)), {})


def test_kinds_are_told_apart():
    """By types, attributes, exponents, and by what a gradient is asked for."""
    x, y = leaf("x", 3), leaf("y", 3)
    kinds: Kinds = {}
    for power, certain in ((2.0, True), (0.0, False), (1.0, True)):
        g = graph(request("grad", total(x ** constant(power, "f64")), x))
        assert is_certain(g, kinds) is certain is goes_well(g)
    one, other = total(where(x, y)), total(where(y, x))
    for loss in (one, other):
        for wrt in (x, y):
            g = graph(request("grad", loss, wrt))
            assert is_certain(g, kinds) == goes_well(g)


def where(x: Node, y: Node) -> Node:
    return apply("where", (apply("greater", (x, constant(0.0, "f64"))), y, constant(1.0, "f64")))
