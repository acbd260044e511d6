"""What fixtures can't say of the passes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from gdl.autodiff import expand
from gdl.errors import RunError
from gdl.graph.node import Graph, Node, constant, show, topological
from gdl.graph.verify import verify
from gdl.ops.table import TABLE, apply
from gdl.passes import bind_sizes, drop_idle_updates, regroup, retype, run_passes
from gdl.types.match import Guard
from gdl.types.sizes import ceil_div, symbol
from gdl.types.tensor import Dim, tensor
from tests.graph.building import Text, batch, graph, leaf, request, variable
from tests.graph.evaluate import evaluate

N = symbol("n")


def size(of) -> Node:
    return Node("size", (), {"size": of}, tensor("f64"))


# ---- bind_sizes --------------------------------------------------------------------------------------------------


def test_symbols_become_numbers_in_types_attributes_and_leaves():
    x = leaf("x", batch, 3)
    flat = apply("reshape", (x,), {"shape": (3 * batch,)})
    mean = apply("sum", (flat,)) / size(3 * batch)
    part = apply("slice", (x,), {"index": (("slice", 0, batch // 2, None), 1)})
    assert show(bind_sizes(graph(mean, part), {"batch": 4})) == (
        "%0 = input(name=x) f64[4, 3]\n"
        "%1 = reshape(%0, shape=(12,)) f64[12]\n"
        "%2 = sum(%1, axis=None, keepdims=False) f64[]\n"
        "%3 = constant(value=12.0) f64[]\n"
        "%4 = divide(%2, %3) f64[]\n"
        "%5 = slice(%0, index=(('slice', 0, 2, None), 1)) f64[2]\n"
        "output %4\n"
        "output %5"
    )


def guarded() -> tuple[Graph, Text]:
    text = Text("placeholder x: f64[batch]\nplaceholder y: f64[n]\nz = x + y")
    left = Dim(batch, "batch", text.at("batch"))
    right = Dim(N, "n", text.at("n]"))
    z = apply("add", (leaf("x", batch), leaf("y", N)))
    return Graph((z,), (), ((Guard(left, right), (text.at("x + y"),)),)), text


def test_guards_that_hold_are_gone():
    bound = bind_sizes(guarded()[0], {"batch": 2, "n": 2})
    assert bound.guards == ()


def test_a_guard_that_fails_names_both_sizes_their_places_and_values():
    with pytest.raises(RunError) as caught:
        bind_sizes(guarded()[0], {"batch": 64, "n": 32})
    (d,) = caught.value.diagnostics
    assert (d.code, d.message) == ("E0801", "sizes that must be equal are not: `batch` is 64, `n` is 32")
    assert [(label.span.text, label.text) for label in d.labels] == [
        ("x + y", "they meet here"), ("batch", "64 comes from here"), ("n]", "32 comes from here"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "of,code,words",
    [
        (N, "E0802", "nothing that is fed says how large `n` is"),
        (2 * N + 1, "E0802", "how large `n` is, which `2 * n + 1` needs"),
        (batch - 5, "E0803", "the size `batch - 5` is -2 where batch = 3"),
        (ceil_div(7, batch - 3), "E0803", "the size `ceil_div(7, batch - 3)` is a division by zero where batch = 3"),
    ],
)
def test_sizes_that_can_not_be(of, code, words):
    with pytest.raises(RunError) as caught:
        bind_sizes(graph(leaf("x", of)), {"batch": 3})
    (d,) = caught.value.diagnostics
    assert d.code == code and words in d.message


# ---- the others --------------------------------------------------------------------------------------------------


def test_a_draw_is_never_folded():
    x = apply("standard_normal", (), {"shape": (2,), "dtype": "f64", "key": "a"})
    assert show(run_passes(graph(x * 2.0))) == show(graph(x * 2.0))


def test_folded_floats_are_exactly_what_the_kernel_gave():
    value = constant(0.1, "f32")
    (folded,) = run_passes(graph(apply("exp", (value,)))).outputs
    assert folded.op == "constant" and folded.type.dtype == "f32"
    assert np.float32(folded.attrs["value"]) == np.exp(np.float32(0.1))
    assert folded.attrs["value"] == float(np.float32(folded.attrs["value"]))


def test_an_update_by_its_own_value_is_dropped():
    w, v = variable("w"), variable("v")
    g = Graph((), ((w, w * 1.0), (v, v + 1.0)))
    assert [target.attrs["path"] for target, _ in run_passes(g, checked=True).updates] == ["v"]
    assert drop_idle_updates(Graph((), ((v, v + 1.0),))).updates


def test_the_gradient_of_a_mean_square_is_what_one_would_write():
    w, x = variable("w", 3, 2), leaf("x", batch, 3)
    loss = apply("sum", (apply("matmul", (x, w)) ** 2.0,)) / size(batch)
    bound = bind_sizes(expand(graph(request("grad", loss, w))), {"batch": 4})
    assert show(run_passes(bound, checked=True)) == (
        "%0 = input(name=x) f64[4, 3]\n"
        "%1 = transpose(%0, axes=(1, 0)) f64[3, 4]\n"
        "%2 = constant(value=0.5) f64[]\n"
        "%3 = variable(path=w) f64[3, 2]\n"
        "%4 = matmul(%0, %3) f64[4, 2]\n"
        "%5 = multiply(%2, %4) f64[4, 2]\n"
        "%6 = matmul(%1, %5) f64[3, 2]\n"
        "output %6"
    )


def test_commutative_means_equal_to_the_last_bit():
    random = np.random.default_rng(0)
    for entry in TABLE.values():
        if entry.commutative:
            a, b = random.normal(size=(2, 1000))
            if entry.samples[0].inputs[0].dtype == "bool":
                a, b = a > 0, b > 0
            np.testing.assert_array_equal(entry.kernel(a, b), entry.kernel(b, a), err_msg=entry.name)


def test_passes_are_linear_in_the_graph_and_do_not_recurse():
    def seconds(length: int) -> float:
        x = y = leaf("x", batch)
        one = constant(1.0, "f64")
        for _ in range(length):
            y = Node("add", (y, one), None, x.type)
        start = time.perf_counter()
        run_passes(bind_sizes(graph(y), {"batch": 2}))
        return time.perf_counter() - start

    seconds(1_000)
    assert seconds(50_000) < 40 * seconds(5_000) + 1


def test_passes_keep_the_places_of_nodes():
    text = Text("y = x ** 3")
    x = leaf("x")
    y = apply("power", (x, constant(3.0, "f64")), origin=(text.at("x ** 3"),), scope="net")
    result = run_passes(verify(graph(y), retype))
    for node in topological(result.roots):
        if node.op == "multiply":
            assert node.origin == y.origin and node.scope == "net"
    assert evaluate(result.outputs, {"x": 2.0}) == [8.0]


# ---- regroup -----------------------------------------------------------------------------------------------------


def test_a_first_normalisation_is_trained_without_the_gradient_of_what_goes_in():
    x, w, s, b = leaf("x", 2, 16, 4), leaf("w", 4, 3), leaf("s", 4), leaf("b", 4)
    loss = apply("sum", (apply("multiply", ((y := (x * s + b) @ w), y)),))
    gradients = [request("grad", loss, each) for each in (s, b, w)]
    before = expand(graph(*gradients))
    after = run_passes(before, checked=True)
    assert [sum(n.op == "matmul" and n.type.rank > 1 for n in topological(g.roots)) for g in (before, after)] == [3, 2]
    rng = np.random.default_rng(0)
    feeds = {n.attrs["name"]: rng.integers(-3, 4, n.type.shape).astype(np.float64) for n in (x, w, s, b)}
    for old, new in zip(evaluate(before.roots, feeds), evaluate(after.roots, feeds)):
        np.testing.assert_array_equal(old, new)  # of whole numbers: exact


def test_the_other_product_may_come_first():
    d, q, m = leaf("d", 2, 8, 4), leaf("q", 2, 8, 3), leaf("m", 4, 3)
    g = apply("abs", (d,))
    rows = [apply("reshape", (x,), {"shape": (16, x.type.shape[-1])}) for x in (q + leaf("y", 3), g)]
    other = apply("matmul", (apply("transpose", rows[:1]), rows[1]))
    product = apply("matmul", (apply("reshape", (g,), {"shape": (2, 8, 4)}), m))
    before = graph(other, apply("sum", (product * q,), {"axis": (0, 1)}))
    after = verify(regroup(verify(before, retype)), retype)
    assert [n.type.shape for n in topological(after.roots) if n.op == "matmul"] == [(3, 4)]
    rng = np.random.default_rng(0)
    shapes = {"d": (2, 8, 4), "q": (2, 8, 3), "m": (4, 3), "y": (3,)}
    feeds = {name: rng.integers(-3, 4, shape).astype(np.float64) for name, shape in shapes.items()}
    for old, new in zip(evaluate(before.roots, feeds), evaluate(after.roots, feeds)):
        np.testing.assert_array_equal(old, new)
