"""Walking, rewriting and verifying graphs."""

from __future__ import annotations

import pytest

from gdl.graph.node import Graph, Node, constant, place, replace_inputs, rewrite, rewrite_graph, show, topological
from gdl.graph.verify import IllegalGraph, verify
from gdl.ops.table import apply
from gdl.passes import retype
from gdl.types.tensor import tensor
from tests.graph.building import Text, batch, graph, leaf, request, variable


def test_inputs_come_before_users_each_once():
    x = leaf("x")
    a = x + 1.0
    b = a * a
    order = topological([b, a])
    assert order.index(x) < order.index(a) < order.index(b)
    assert len(order) == len(set(order)) == 4


def test_a_deep_graph_is_walked_without_recursion():
    y = leaf("x")
    for _ in range(100_000):
        y = Node("negative", (y,), None, y.type)
    assert len(topological([y])) == 100_001
    assert len(rewrite([y], lambda n: n)) == 100_001


def test_rewriting_nothing_gives_the_same_nodes():
    x = leaf("x")
    g = Graph((x * 2.0,), ((variable("w"), x),))
    same = rewrite_graph(g, lambda n: n)
    assert same.outputs[0] is g.outputs[0] and same.updates[0] == g.updates[0]


def test_rewriting_a_variable_rewrites_the_update_that_names_it():
    w = variable("w")
    other = variable("w")
    g = rewrite_graph(Graph((), ((w, leaf("x")),)), lambda n: other if n is w else n)
    assert g.updates[0][0] is other


def test_place_touches_new_nodes_only():
    text = Text("x * x")
    x = leaf("x")
    y = x * x
    place([y], {x}, (text.at("x * x"),), "net")
    assert (y.span.text, y.scope, x.span) == ("x * x", "net", None)


def test_show():
    x = leaf("x", 2)
    w = variable("w", 2)
    assert show(Graph((x + w,), ((w, x),))) == (
        "%0 = input(name=x) f64[2]\n%1 = variable(path=w) f64[2]\n%2 = add(%0, %1) f64[2]\noutput %2\nupdate w = %0"
    )


LEGAL = [
    graph(leaf("x", batch, 3) * 2.0),
    graph(request("grad", leaf("s"), leaf("x", 2))),
    graph(request("jvp", leaf("y", 3), leaf("x", 2), leaf("t", 2))),
    Graph((), ((variable("w", 2), leaf("x", 2)),)),
    graph(constant(((1, 2), (3, 4)), "i64", (2, 2))),
]
X = leaf("x", 2)
ILLEGAL = [
    ("its op gives f64[2]", graph(Node("add", (X, X), None, tensor("f64", 3)))),
    ("its op gives f64[2]", graph(Node("add", (X, X), None, tensor("f32", 2)))),
    ("its op refuses its inputs", graph(replace_inputs(X + X, (X, leaf("z", 5))))),
    ("its op refuses its inputs", graph(replace_inputs(X + X, (X,)))),
    ("a leaf with inputs", graph(Node("input", (X,), {"name": "z"}, X.type))),
    ("no attribute path", graph(Node("variable", (), {}, X.type))),
    ("its value has another shape", graph(constant((1.0, 2.0), "f64", (3,)))),
    ("attribute axis is a list", graph(Node("sum", (X,), {"axis": [0], "keepdims": False}, tensor("f64")))),
    ("elsewhere it is f64[2]", graph(X, leaf("x", 3))),
    ("its type should be f64[2]", graph(Node("grad", (leaf("s"), X), None, tensor("f64")))),
    ("a weight of type f64[5]", graph(request("grad", X, X, leaf("v", 5)))),
    ("updated twice", Graph((), ((variable("w", 2), X), (variable("w", 2), X)))),
    ("updated with f64[2]", Graph((), ((variable("w", 3), X),))),
    ("updated, but no variable", Graph((), ((X, X),))),
    ("a negative size", graph(leaf("z", -1))),
]


@pytest.mark.parametrize("g", LEGAL)
def test_legal(g):
    assert verify(g, retype) is g


@pytest.mark.parametrize("words,g", ILLEGAL)
def test_illegal(words, g):
    with pytest.raises(IllegalGraph) as caught:
        verify(g, retype)
    assert words in str(caught.value)


def test_the_same_complaints_come_without_the_op_table_where_they_concern_no_op():
    with pytest.raises(IllegalGraph):
        verify(graph(leaf("z", -1)))
    assert verify(ILLEGAL[0][1])


def test_what_ops_make_of_symbols_is_legal():
    x = leaf("x", batch, 3)
    verify(graph(apply("sum", (x,), {"axis": 0}), apply("transpose", (x,))), retype)
