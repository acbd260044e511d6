"""Runtimes: passes forward and backward on any node, stops, resets, contexts, variables kept and restored."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdl
from gdl import builder as ad

X = np.array([[0.5, -1.5, 2.0], [3.0, 0.25, -1.0]])


@pytest.fixture(autouse=True)
def graph() -> Iterator[gdl.Graph]:
    with gdl.Graph() as graph:
        yield graph


def differences(of: gdl.Node, wrt: gdl.Node, at: Any, weights: Any) -> np.ndarray:
    """The gradient of sum(weights * of) at a placeholder, by central differences."""
    runtime, start = gdl.Runtime(), np.asarray(at, "f8")
    slopes = np.zeros(start.size)
    for i in range(start.size):
        ends = []
        for step in (1e-6, -1e-6):
            moved = start.copy()
            moved.flat[i] += step
            ends.append(np.sum(weights * runtime.forward(of, {wrt: moved})))
        slopes[i] = (ends[0] - ends[1]) / 2e-6
    return slopes.reshape(start.shape)


# ---- gradients ---------------------------------------------------------------------------------------------------


GRADIENTS = {
    "x + x": lambda x: x + x,
    "1 - x": lambda x: 1 - x,
    "x * x": lambda x: x * x,
    "x / (1 + x**2)": lambda x: x / (1 + x**2),
    "2 ** x": lambda x: 2**x,
    "x @ x.T": lambda x: x @ ad.transpose(x),
    "x[:, ::2] - 1": lambda x: x[:, ::2] - 1,
    "broadcast": lambda x: x * np.array([1.0, 2.0, 3.0]) + x[0],
    "softmax": lambda x: ad.softmax(x),
    "layer": lambda x: ad.tanh(x @ ad.constant(np.arange(6.0).reshape(3, 2), dtype="f64")),
    "same twice": lambda x: ad.concat([x, x], axis=1),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_against_differences(name: str) -> None:
    x = ad.placeholder("x", X.shape, "f64")
    y = GRADIENTS[name](x)
    runtime = gdl.Runtime()
    upstream = np.random.default_rng(1).normal(size=y.shape)
    runtime.backward(y, {x: X}, upstream)
    found = runtime.gradient(x)
    np.testing.assert_allclose(found, differences(y, x, X, upstream), rtol=1e-6, atol=1e-8)
    runtime.reset()
    runtime.backward(y, {x: X})  # each element counts 1
    np.testing.assert_allclose(runtime.gradient(x), differences(y, x, X, 1.0), rtol=1e-6, atol=1e-8)


def test_value_and_gradient_of_every_node() -> None:
    x = ad.placeholder("x", (3,), "f64")
    w = ad.variable("w", (3,), np.array([1.0, 2.0, 3.0]), dtype="f64")
    c = ad.constant(np.array([1.0, 1.0, 2.0]), dtype="f64")
    p = x * w
    q = p + c
    y = ad.sum(q * q)
    runtime = gdl.Runtime()
    assert runtime.forward(y, {x: [1, 2, 3]}) == 4 + 25 + 121
    runtime.backward(y)
    for node, value, gradient in [
        (y, 150, 1), (q, [2, 5, 11], [4, 10, 22]), (p, [1, 4, 9], [4, 10, 22]), (c, [1, 1, 2], [4, 10, 22]),
        (x, [1, 2, 3], [4, 20, 66]), (w, [1, 2, 3], [4, 20, 66]),
    ]:  # fmt: skip
        np.testing.assert_array_equal(runtime.value(node), value)
        np.testing.assert_array_equal(runtime.gradient(node), gradient)


def test_several_backwards_add_up_until_reset() -> None:
    x = ad.placeholder("x", (2,), "f64")
    shared = 3 * x
    a, b = shared + 1, shared * shared
    runtime = gdl.Runtime()
    runtime.backward(a, {x: [1, 2]})
    np.testing.assert_array_equal(runtime.gradient(x), [3, 3])
    runtime.backward(b, upstream=[1, 10])
    np.testing.assert_array_equal(runtime.gradient(x), [3 + 18, 3 + 360])
    np.testing.assert_array_equal(runtime.gradient(shared), [1 + 6, 1 + 120])
    runtime.reset()
    runtime.backward(b, {x: [1, 2]})
    np.testing.assert_array_equal(runtime.gradient(x), [18, 36])


def test_gradients_of_gradients() -> None:
    x = ad.placeholder("x", (3,), "f64")
    slope = ad.grad(ad.sum(x**3), x)
    runtime = gdl.Runtime()
    np.testing.assert_array_equal(runtime.forward(slope, {x: [1, 2, 3]}), [3, 12, 27])
    runtime.backward(slope)
    np.testing.assert_array_equal(runtime.gradient(x), [6, 12, 18])
    np.testing.assert_array_equal(runtime.value(ad.grad(ad.sum(ad.grad(ad.sum(slope), x)), x)), [6, 6, 6])
    np.testing.assert_array_equal(runtime.value(ad.vjp(x * x, x, np.array([1.0, 0, 2]))), [2, 0, 12])


def test_stops_hold_for_one_pass() -> None:
    x = ad.placeholder("x", (2,), "f64")
    h = x * x
    y = ad.sum(h * x)
    runtime = gdl.Runtime()
    with runtime:
        runtime.feed({x: [2, 3]})
        runtime.stop(h)
        runtime.backward(y)
        np.testing.assert_array_equal(runtime.gradient(x), [4, 9])  # only through the second factor
        np.testing.assert_array_equal(runtime.gradient(h), [2, 3])  # what arrives where it stops
        assert runtime.value(y) == 35
    runtime.backward(y, {x: [2, 3]})
    np.testing.assert_array_equal(runtime.gradient(x), [12, 27])
    runtime.stop(h, x * 1)
    np.testing.assert_array_equal(runtime.gradient(x), [4, 9])
    only = ad.sum(h)
    runtime.reset()
    runtime.stop(h)
    runtime.backward(only, {x: [2, 3]})
    with pytest.raises(gdl.UsageError, match=r"E0925: no gradient arrives at `x`: .* stopped at `x \* x`"):
        runtime.gradient(x)


def test_a_gradient_that_is_not_there_says_why() -> None:
    x, i = ad.placeholder("x", (3,)), ad.placeholder("i", (3,), "i64")
    y, z = ad.sum(x), ad.argmax(x, axis=0)
    runtime = gdl.Runtime()
    with pytest.raises(gdl.UsageError, match="E0924"):
        runtime.gradient(x)
    with pytest.raises(gdl.ProgramError, match="E0402: what is differentiated"):
        runtime.backward(z, {x: [1, 2, 3]})
    runtime.backward(y, {x: [1, 2, 3]})
    for node, code in [(ad.placeholder("u", (3,)), "E0501.*does not depend on `u`"), (i, "E0504")]:
        with pytest.raises(gdl.ProgramError, match=code):
            runtime.gradient(node)
    with pytest.raises(gdl.RunError, match=r"upstream gradient 1 of .* is f32\[\], and was fed f32\[2\]"):
        runtime.backward(y, upstream=[1, 2])
    np.testing.assert_array_equal(runtime.gradient(x), [1, 1, 1])  # the failed call has left no trace


def test_no_array_of_the_caller_changes() -> None:
    x = ad.placeholder("x", (2, 3))
    w = ad.variable("w", (2, 3), initial := np.full((2, 3), 2, "f4"))
    y = ad.relu(x + initial) * w
    given = [X.astype("f4"), np.ones((2, 3), "f4"), initial]
    before = [array.copy() for array in given]
    runtime = gdl.Runtime()
    runtime.backward(y, {x: given[0]}, upstream=given[1])
    optimizer = gdl.Optimizer(ad.Sgd(1.0), runtime)
    gradients = {w: given[1]}
    optimizer.apply_gradients(gradients)
    runtime.value(w)[:] = 7
    runtime.gradient(x)[:] = 7
    for array, kept in zip(given, before):
        np.testing.assert_array_equal(array, kept)
    np.testing.assert_array_equal(runtime.value(w), initial - 1)
    assert not (runtime.gradient(x) == 7).any()


def test_long_chains() -> None:
    x = ad.placeholder("x", (2,), "f64")
    y = x
    for i in range(20_000):
        y = ad.sin(y) if i % 100 == 0 else y * 1.0001 if i % 2 else y + 1e-6
    runtime = gdl.Runtime()
    runtime.backward(y, {x: [0.1, 1.0]})
    value, slope = np.array([0.1, 1.0]), np.ones(2)
    for i in range(20_000):
        slope = slope * np.cos(value) if i % 100 == 0 else slope * 1.0001 if i % 2 else slope
        value = np.sin(value) if i % 100 == 0 else value * 1.0001 if i % 2 else value + 1e-6
    np.testing.assert_allclose(runtime.value(y), value, rtol=1e-9)
    np.testing.assert_allclose(runtime.gradient(x), slope, rtol=1e-9)


# ---- passes ------------------------------------------------------------------------------------------------------


def test_a_pass_draws_once() -> None:
    noise = ad.standard_normal([1000])
    y = ad.sum(noise)
    runtime = gdl.Runtime(seed=1)
    first = runtime.value(noise)
    assert runtime.value(y) == pytest.approx(first.sum(), rel=1e-4)
    runtime.reset()
    second = runtime.value(noise)
    assert not np.array_equal(first, second)
    assert np.array_equal(gdl.Runtime(seed=1).value(noise), first)
    with runtime as entered:
        assert entered is runtime and not np.array_equal(runtime.value(noise), second)


def test_feeding_other_numbers_begins_another_pass() -> None:
    x, y = ad.placeholder("x", ("n",), "f64"), ad.placeholder("y", ("n",), "f64")
    total, noisy = ad.sum(x) + ad.sum(y), x + ad.standard_normal([2], dtype="f64")
    runtime = gdl.Runtime()
    runtime.feed({x: [1, 2]})
    assert runtime.forward(total, {"y": [3, 4]}) == 10  # one after the other, by node or by name
    first = runtime.forward(noisy, {x: [1.0, 2.0]})
    np.testing.assert_array_equal(runtime.forward(noisy, {x: np.array([1, 2])}), first)  # the same numbers
    buffer = np.array([5.0, 6.0])
    assert not np.array_equal(runtime.forward(noisy, {x: buffer}), first)
    buffer[:] = 0
    assert runtime.forward(ad.sum(x), {x: buffer}) == 0  # the same array, other numbers
    with pytest.raises(gdl.RunError, match="E0804: `y` is needed and not fed"):
        runtime.value(total)


def test_what_can_not_be_fed() -> None:
    x = ad.placeholder("x", ("n", 2))
    y = x * 2
    runtime = gdl.Runtime()
    for feeds, code in [
        ({y: [[1, 2]]}, r"E0922: `x \* 2` is no placeholder"), ({"z": 1}, "E0922: `z`"), ({x: [["a", "b"]]}, "E0916"),
        ({x: [1, 2]}, "E0805"), ({x: [[1, 2, 3]]}, "E0805"),
    ]:  # fmt: skip
        with pytest.raises(gdl.GdlError, match=code):
            runtime.forward(y, feeds)


def test_guards_hold_where_they_arose() -> None:
    nodes = {}
    for name in "abc":
        nodes[name] = ad.placeholder(name, (None,), "f64")
    ab, ac = [nodes["a"] + nodes[name] for name in "bc"]  # made by one line
    runtime = gdl.Runtime()
    feeds = {"a": [1.0, 2], "b": [3.0, 4], "c": [1.0, 2, 3]}
    np.testing.assert_array_equal(runtime.forward(ab, feeds), [4, 6])
    with pytest.raises(gdl.RunError, match="E0801"):
        runtime.value(ac)


# ---- graphs ------------------------------------------------------------------------------------------------------


def test_graphs_do_not_mix(graph: gdl.Graph) -> None:
    x = ad.placeholder("x", (3,))
    with gdl.Graph() as other:
        assert ad.current_graph() is other
        z = ad.placeholder("x", (3,))
        net = ad.net("f", ad.Dense(2))
        with graph:
            assert ad.current_graph() is graph
        inside = x + 1  # where its operands live
    assert inside.graph is graph and z.graph is other and ad.current_graph() is graph
    runtime, elsewhere = gdl.Runtime(), gdl.Runtime(other)
    for mix in (
        lambda: x + z, lambda: ad.concat([x, z]), lambda: net(x), lambda: runtime.forward(z),
        lambda: elsewhere.value(x), lambda: runtime.forward(x, {z: [1, 2, 3]}), lambda: runtime.assign(z, 1),
        lambda: runtime.stop(z),
    ):  # fmt: skip
        with pytest.raises(gdl.ProgramError, match="E0920: `x` belongs to another graph"):
            mix()
    taken = ad.constant(elsewhere.forward(z * 2, {z: [1, 2, 3]})) + x
    np.testing.assert_array_equal(runtime.forward(taken, {x: [1, 1, 1]}), [3, 5, 7])


def test_each_thread_has_a_default_graph() -> None:
    found: list[gdl.Graph] = []

    def build() -> None:
        found.append(ad.placeholder("x").graph)
        found.append(ad.zeros([2]).graph)

    for _ in range(2):
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
    assert found[0] is found[1] and found[2] is found[3] and found[0] is not found[2]


# ---- variables ---------------------------------------------------------------------------------------------------


def test_variables_are_listed_and_assigned(graph: gdl.Graph) -> None:
    w = ad.variable("block/w", (2,), ad.ones())
    m = ad.variable("mean", (2,), trainable=False)
    n = ad.variable("count", (), 3, dtype="i64", trainable=False)
    assert graph.variables() == [w, m, n] or [v.name for v in graph.variables()] == ["block/w", "mean", "count"]
    assert ad.variables(trainable=True)[0] is w and [v.name for v in ad.variables(trainable=False)] == ["mean", "count"]
    y = ad.sum(w)
    one, two = gdl.Runtime(), gdl.Runtime()
    assert one.value(y) == 2 and one.value(n) == 3
    one.assign(w, [5, 6])
    assert one.value(y) == 11 and two.value(y) == 2  # a runtime's tensors are its own
    one.variables["block/w"] = np.zeros(2)
    assert one.value(y) == 0 and dict(one.variables).keys() == {"block/w", "mean", "count"}
    one.variables.update({"mean": [1, 2], "count": 4})
    assert list(one.value(m)) == [1, 2] and one.value(n) == 4
    late = ad.variable("late", (2,), 7.0)
    assert one.value(late + w).tolist() == [7, 7]
    with pytest.raises(gdl.UsageError, match="E0916"):
        one.assign(w, [1, 2, 3])
    with pytest.raises(gdl.UsageError, match="E0923"):
        one.assign(y, 1)


def test_save_and_restore(tmp_path: Path) -> None:
    x = ad.placeholder("x", (None, 3))
    fc = ad.net("fc", ad.Dense(2))
    y = fc(x)
    one, two = gdl.Runtime(seed=1), gdl.Runtime(seed=2)
    sha = one.save(tmp_path / "all.safetensors")
    two.restore(tmp_path / "all.safetensors")
    np.testing.assert_array_equal(one.forward(y, {x: X}), two.forward(y, {x: X}))
    assert two.save(tmp_path / "again.safetensors") == sha
    program = gdl.loads("gdl 1\nfrom nn import Dense\ndim n\nplaceholder x: f32[n, 3]\ny = x |> fc: Dense(2)")
    program.load(tmp_path / "all.safetensors")
    np.testing.assert_array_equal(program.run("y", x=X), one.forward(y, {x: X}))
    two.assign(fc.w, np.ones((3, 2)))
    two.assign(fc.b, [8, 9])
    one.save(tmp_path / "w.safetensors", [fc.w])
    two.restore(tmp_path / "w.safetensors", [fc.w])
    np.testing.assert_array_equal(two.value(fc.w), one.value(fc.w))
    assert two.value(fc.b).tolist() == [8, 9]
    with pytest.raises(gdl.CheckpointError, match="E0701"):
        two.restore(tmp_path / "w.safetensors")
    with pytest.raises(gdl.CheckpointError, match="E0711"):
        two.restore(tmp_path / "none.safetensors")
