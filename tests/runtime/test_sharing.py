"""Statements in parts: the numbers of the whole, and of equal numbers of threads the same bits."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from gdl.errors import RunError
from gdl.graph.node import Graph, Node
from gdl.ops.table import TABLE, infer
from gdl.runtime import sharing
from gdl.runtime.arrays import DTYPES
from gdl.runtime.plan import plan_as_is
from gdl.runtime.pool import Pool
from gdl.runtime.state import State
from gdl.runtime.step import prepare
from tests.ops.drawing import CASES, Case, arrays, types_of
from tests.runtime.building import call, fed, floats

IN_PARTS = [case for case in CASES if case.op.cut is not None]


@pytest.fixture(autouse=True)
def _everything_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LEAST_FLOPS", 1)


def run(node: Node, values: list[np.ndarray], threads: int) -> np.ndarray:
    made = plan_as_is(Graph((node,)), threads=threads)
    (got,) = prepare(made, State(), 0, pool=Pool(threads))([values[int(name[1:])] for name in made.inputs])
    return got.copy()


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("case", IN_PARTS, ids=str)
def test_parts_make_the_whole(case: Case, threads: int) -> None:
    for dtype in ("f32", "f64"):
        values = [a.astype(DTYPES[dtype]) if a.dtype.kind == "f" else a for a in arrays(case)]
        types = types_of(values)
        inputs = [Node("input", (), {"name": f"x{i}"}, t) for i, t in enumerate(types)]
        node = Node(case.op.name, inputs, case.attrs, infer(case.op, types, case.attrs)[0])
        tolerance = 1e-12 if dtype == "f64" else 2e-5
        got = run(node, values, threads)
        np.testing.assert_allclose(got, case.op.kernel(*values, **case.attrs), rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal(got, run(node, values, threads))


def test_every_kind_of_large_product_comes_apart() -> None:
    for name in ("matmul", "conv2d", "conv2d_input_grad", "conv2d_kernel_grad"):
        assert TABLE[name].cut is not None
    x, y, batch = fed("x", 8, 6), fed("y", 6, 9), fed("b", 4, 6, 6)
    for node in (x @ y, batch @ batch, batch @ y, x @ batch, call("transpose", y) @ call("transpose", x)):
        assert "matmul_shared" in plan_as_is(Graph((node,)), threads=2).source
        assert "shared" not in plan_as_is(Graph((node,)), threads=1).source


def test_a_small_product_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert "shared" not in plan_as_is(Graph((fed("x", 50, 784) @ fed("w", 784, 100),)), threads=2).source
    assert "shared" in plan_as_is(Graph((fed("x", 500, 784) @ fed("w", 784, 100),)), threads=2).source


def test_a_fault_in_another_thread_is_the_statements() -> None:
    def fail(*_: object) -> None:
        raise ValueError("no such number")

    made = plan_as_is(Graph((fed("x", 4, 4) @ fed("y", 4, 4),)), threads=2)
    (name,) = [n for n, what in made.code.calls.items() if isinstance(what, sharing.Shared)]
    object.__setattr__(made.code.calls[name].parts[1], "kernel", fail)
    step = prepare(made, State(), 0, pool=Pool(2))
    with pytest.raises(RunError, match="no such number"):
        step([floats(4, 4), floats(4, 4)])


def test_infinities_are_values_in_every_thread() -> None:
    huge = np.full((4, 4), 3e38, np.float32)
    assert np.isinf(run(fed("x0", 4, 4) @ fed("x1", 4, 4), [huge, huge], 2)).all()  # and no warning, which would fail


def test_threads_end_with_their_pool() -> None:
    before = set(threading.enumerate())
    pool = Pool(3)
    assert set(threading.enumerate()) <= before  # none before there is something to do
    pool.run([(gc.isenabled, ())] * 3)
    others = set(threading.enumerate()) - before
    assert len(others) == 2
    del pool
    gc.collect()
    for thread in others:
        thread.join(10)
        assert not thread.is_alive()


def test_an_interrupted_run_leaves_the_pool_usable() -> None:
    pool, seen = Pool(2), []

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.run([(interrupted, ()), (seen.append, (1,))])
    pool.run([(seen.append, (2,)), (seen.append, (2,))])
    assert seen == [1, 2, 2]
