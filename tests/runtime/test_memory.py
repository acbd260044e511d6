"""Memory: live buffers never overlap, and no more is used than is needed."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.autodiff import gradient
from gdl.graph.node import Graph, Node
from gdl.runtime.arena import Arena, pack, pack_by_size, pack_by_time
from gdl.runtime.plan import plan, plan_as_is
from gdl.runtime.statements import Owner, Storage
from tests.runtime.building import call, fed, floats, kept, step_of
from tests.runtime.random_graphs import random_graph


def overlaps(storages: list[Storage]) -> list[tuple[Storage, Storage]]:
    """Pairs that are alive together and share a byte."""
    return [
        (a, b)
        for i, a in enumerate(storages)
        for b in storages[:i]
        if a.first <= b.last and b.first <= a.last and a.offset < b.offset + b.nbytes and b.offset < a.offset + a.nbytes
    ]


def most_alive(storages: list[Storage]) -> int:
    """The bytes that are in use at once, at least: no packing is smaller."""
    ends = {s.first for s in storages}
    return max((sum(-(-s.nbytes // 64) * 64 for s in storages if s.first <= t <= s.last) for t in ends), default=0)


def random_storages(seed: int, count: int) -> list[Storage]:
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        first = draw.randrange(count)
        last = min(first + int(draw.expovariate(0.1)), count)
        made.append(Storage(Owner.ARENA, draw.choice([0, 4, 64, 100, 4096, draw.randrange(100_000)]), first, last))
    return made


@pytest.mark.parametrize("packing", [pack, pack_by_size, pack_by_time])
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 120))
def test_packed_storages_do_not_overlap(packing, seed: int, count: int) -> None:
    storages = random_storages(seed, count)
    total = packing(storages)
    assert not overlaps(storages)
    assert all(s.offset % 64 == 0 and s.offset + s.nbytes <= total for s in storages)


def test_packing_is_close_to_the_least_possible() -> None:
    by_size, by_time = [], []
    for seed in range(10):
        storages = random_storages(seed, 200)
        least = most_alive(storages)
        by_size.append(pack_by_size(storages) / least)
        by_time.append(pack_by_time(storages) / least)
    assert np.mean(by_size) < 1.1 and np.mean(by_time) < 1.5


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_buffers_of_a_plan_do_not_overlap(seed: int) -> None:
    graph, _, _ = random_graph(seed, nodes=40)
    made = plan_as_is(graph)
    assert not overlaps(list(made.buffers))
    assert made.arena_bytes >= most_alive(list(made.buffers))


def deep(x: Node, layers: int) -> Node:
    for _ in range(layers):
        x = call("tanh", call("matmul", x, call("transpose", x, axes=(1, 0)))) * 0.5
    return x


def test_memory_of_a_deep_chain_is_constant() -> None:
    shallow, far = [plan_as_is(Graph((deep(fed("x", 32, 32), n),))).peak_bytes for n in (5, 500)]
    assert shallow == far <= 3 * 32 * 32 * 4


def test_an_elementwise_chain_needs_one_buffer() -> None:
    y = fed("x", 100)
    for _ in range(50):
        y = call("sin", y) + 1.0
    made = plan_as_is(Graph((y,)))
    assert made.peak_bytes == 448 and len(made.buffers) == 1


def test_gradients_free_activations_as_they_come() -> None:
    """Weight gradients are computed when their layer's gradient is there, not all at the end."""

    def peak(layers: int) -> int:
        h = fed("x", 64, 32)
        weights = [kept(f"w{i}", 32, 32) for i in range(layers)]
        for w in weights:
            h = call("tanh", h @ w)
        gradients = gradient(call("sum", h), weights)
        return plan_as_is(Graph((), tuple([(w, w - g * 0.1) for w, g in zip(weights, gradients)]))).peak_bytes

    activation = 64 * 32 * 4
    assert peak(20) - peak(10) <= 10.5 * activation  # one kept activation a layer, and nothing else that grows


def test_the_gradient_of_a_product_of_functions_keeps_one_array_for_the_way_back() -> None:
    """Numbers that only the way back needs, as 2 / sqrt(pi) here, make nothing wait."""

    def peak(layers: int) -> int:
        x = h = fed("x", 64, 32)
        for i in range(layers):
            h = h @ kept(f"w{i}", 32, 32)
            h = call("multiply", h * 0.5, call("erf", h * 0.7) + 1.0)
        loss = call("sum", call("tanh", call("tanh", h @ kept("v", 32, 32)) @ kept("u", 32, 32)))
        return plan(Graph((loss, *gradient(loss, [x]))), {}).peak_bytes

    assert peak(3) - peak(1) == 2 * 64 * 32 * 4


def test_an_operand_seen_through_two_views_is_not_overwritten() -> None:
    x = fed("x", 4, 4)
    y = x * 2.0
    z = y + call("transpose", y, axes=(1, 0))
    value = floats(4, 4)
    (got,) = step_of(Graph((z,)))([value])
    np.testing.assert_array_equal(got, value * 2 + (value * 2).T)


def test_a_reshape_of_a_transposed_array_is_a_copy() -> None:
    x = fed("x", 2, 3)
    y = call("reshape", call("transpose", x * 1.0, axes=(1, 0)), shape=(6,))
    step = step_of(Graph((y,)))
    assert "copyto" in step.plan.source
    for seed in range(2):
        value = floats(2, 3, seed=seed)
        np.testing.assert_array_equal(step([value])[0], value.T.reshape(6))


def test_views_of_buffers_are_made_once() -> None:
    y = fed("x", 2, 3) * 2.0
    z = call("sum", call("transpose", y, axes=(1, 0)), axis=0)
    assert "transpose" not in step_of(Graph((z,))).plan.source


def test_views_of_what_is_fed_follow_what_is_fed() -> None:
    x = fed("x", 2, 3)
    step = step_of(Graph((call("reshape", x, shape=(6,)), call("slice", x, index=(0,)))))
    for seed in range(2):
        value = floats(2, 3, seed=seed)
        whole, row = step([value])
        np.testing.assert_array_equal(whole, value.ravel())
        np.testing.assert_array_equal(row, value[0])


def test_what_is_fed_is_never_written() -> None:
    graph, arrays, values = random_graph(3)
    for seed in range(30):
        graph, arrays, values = random_graph(seed)
        for array in arrays.values():
            array.flags.writeable = False
        step = step_of(graph, values)
        step([arrays[name] for name in step.plan.inputs])


def test_what_is_the_same_in_every_run_is_computed_once() -> None:
    small, large = [call("full", shape=(n, 100), value=2.0) for n in (3, 1000)]
    step = step_of(Graph((small * fed("x", 100), call("sum", large))))
    assert step.plan.source.count("full(") == 1  # the large one, whose memory others use meanwhile
    got, total = step([np.ones(100, np.float32)])
    assert got.tolist() == [[2.0] * 100] * 3 and total == 200_000


def test_larger_plans_find_room_in_the_block_that_others_hold_on_to() -> None:
    arena = Arena()
    small, large = arena.block(1000), arena.block(2500)
    assert small.ctypes.data == large.ctypes.data and large.nbytes >= 2500
    assert arena.block(large.nbytes + 1).nbytes > large.nbytes
