"""`grad`, `vjp` and `jvp` nodes replaced."""

from __future__ import annotations

import numpy as np
import pytest

import gdl.autodiff.requests as requests_module
from gdl.autodiff import expand, gradient
from gdl.graph.node import REQUESTS, Graph, Node, topological
from gdl.graph.verify import verify
from gdl.ops.table import apply
from gdl.passes import retype
from tests.graph.building import batch, graph, leaf, request, variable
from tests.graph.evaluate import evaluate


def expanded(*outputs: Node) -> tuple[Node, ...]:
    result = verify(expand(verify(graph(*outputs), retype)), retype)
    assert not any(n.op in REQUESTS for n in topological(result.roots))
    return result.outputs


def total(x: Node) -> Node:
    return apply("sum", (x,))


def test_a_graph_without_requests_is_the_same_graph():
    g = graph(leaf("x") * 2.0)
    assert expand(g) is g


def test_grad_of_grad_of_grad():
    x = leaf("x")
    y = x * x * x * x
    first = request("grad", y, x)
    second = request("grad", first * first, x)  # (4 x^3)^2 = 16 x^6 -> 96 x^5
    third = request("grad", second, x)  # 480 x^4
    assert evaluate(expanded(first, second, third), {"x": 2.0}) == [32.0, 96 * 32, 480 * 16]


def test_a_gradient_inside_a_loss():
    """The penalty of a Wasserstein critic: (|d critic / d x| - 1)^2, differentiated by the critic's weights."""
    w, x = variable("w", 3), leaf("x", batch, 3)
    critic = apply("tanh", (apply("matmul", (x, w)),))
    slope = request("grad", total(critic), x)
    penalty = total((apply("sum", (slope * slope,), {"axis": 1}) - 1.0) ** 2.0)
    (g,) = expanded(request("grad", penalty, w))
    assert g.type == w.type
    random = np.random.default_rng(3)
    feeds = {"w": random.normal(size=3), "x": random.normal(size=(5, 3))}

    def loss(w):
        slope = (1 - np.tanh(feeds["x"] @ w) ** 2)[:, None] * w
        return np.sum(((slope**2).sum(1) - 1) ** 2)

    found = evaluate([g], feeds, {"batch": 5})[0]
    step = 1e-5
    wanted = [(loss(feeds["w"] + step * e) - loss(feeds["w"] - step * e)) / (2 * step) for e in np.eye(3)]
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_requests_for_one_value_share_one_backward_pass(monkeypatch):
    calls = []
    backward = requests_module.gradient_or_none

    def counted(of, wrt, *rest, **more):
        calls.append(len(wrt))
        return backward(of, wrt, *rest, **more)

    monkeypatch.setattr(requests_module, "gradient_or_none", counted)
    ws = [variable(f"w{i}") for i in range(20)]
    y = ws[0]
    for w in ws[1:]:
        y = y * w
    expanded(*[request("grad", y, w) for w in ws])
    assert calls == [20]


def test_a_gradient_with_respect_to_a_gradient_counts_only_its_own_uses():
    """grad(sum(a * b), a) is b itself; differentiating by it must not see the other uses of b."""
    a, b = leaf("a", 3), leaf("b", 3)
    slope = request("grad", total(a * b), a)
    outer = request("grad", total(slope * slope * b), slope)
    values = np.array([1.0, 2.0, 3.0])
    found = evaluate(expanded(outer), {"a": values, "b": values})[0]
    np.testing.assert_array_equal(found, 2 * values * values)


def test_vjp_weighs_the_rows_of_the_jacobian():
    x, v = leaf("x", 3), leaf("v", 3)
    (g,) = expanded(request("grad", x * x, x, v))
    np.testing.assert_array_equal(evaluate([g], {"x": [1.0, 2.0, 3.0], "v": [1.0, 0.0, -1.0]})[0], [2.0, 0.0, -6.0])


def test_jvp_is_the_directional_derivative():
    x, t = leaf("x", 3), leaf("t", 3)
    w = leaf("w", 2, 3)
    y = apply("tanh", (apply("matmul", (w, x)),))
    (j,) = expanded(request("jvp", y, x, t))
    assert j.type == y.type
    random = np.random.default_rng(1)
    feeds = {"x": random.normal(size=3), "t": random.normal(size=3), "w": random.normal(size=(2, 3))}
    wanted = (1 - np.tanh(feeds["w"] @ feeds["x"]) ** 2) * (feeds["w"] @ feeds["t"])
    np.testing.assert_allclose(evaluate([j], feeds)[0], wanted, rtol=1e-12)


def test_jvp_of_a_gradient_is_a_hessian_product():
    x, t = leaf("x", 2), leaf("t", 2)
    slope = request("grad", total(x * x * x), x)
    (hv,) = expanded(request("jvp", slope, x, t))
    np.testing.assert_array_equal(evaluate([hv], {"x": [1.0, 2.0], "t": [1.0, -1.0]})[0], [6.0, -12.0])


def test_updates_and_guards_are_kept():
    w = variable("w")
    loss = w * w
    result = expand(Graph((loss,), ((w, w - request("grad", loss, w) * 0.5),)))
    assert evaluate([result.updates[0][1]], {"w": 3.0}) == [0.0]
    assert result.updates[0][0] is w


def test_an_unexpanded_request_is_no_op_to_differentiate():
    x = leaf("x")
    with pytest.raises(ValueError, match="expanded"):
        gradient(request("grad", x * x, x) * 2.0, [x])
