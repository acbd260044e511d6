"""The backend numba, as far as it goes without numba: the kernels are run as Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.graph.node import Graph, Node
from gdl.runtime.compiled import contraction, convolution, products
from gdl.runtime.compiled.region import Region
from gdl.runtime.plan import plan, plan_as_is
from tests.ops.drawing import CASES, Case, arrays, dtype_choices
from tests.runtime.building import call, fed, floats, in_company, kept
from tests.runtime.random_graphs import random_graph
from tests.runtime.slow_kernels import slow_kernels
from tests.runtime.test_plan_values import run_both

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_nests_compute_what_the_graph_says(seed: int) -> None:
    graph, arrays, values = random_graph(seed)
    with slow_kernels(), np.errstate(all="ignore"):
        run_both(graph, plan_as_is(graph, backend="numba"), arrays, values, exact=False)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_nests_of_graphs_after_all_passes(seed: int) -> None:
    graph, arrays, values = random_graph(seed, nodes=60)
    with slow_kernels(), np.errstate(all="ignore"):
        run_both(graph, plan(graph, {}, backend="numba"), arrays, values, exact=False)


# ---- every op ----------------------------------------------------------------------------------------------------

FLOATING = [c for c in CASES if c.op.kernel is not None and not c.op.random]


@pytest.mark.parametrize("case", FLOATING, ids=str)
def test_each_op_beside_others(case: Case) -> None:
    """The op between an elementwise op before it and one behind it, so that there is something to fuse it with."""
    for dtypes in dtype_choices(case):
        given = {f"x{i}": array for i, array in enumerate(arrays(case, dtypes))}
        graph = in_company(case.op.name, case.attrs, given)
        with slow_kernels(), np.errstate(all="ignore"):
            run_both(graph, plan_as_is(graph, backend="numba"), given, {}, exact=False)


# ---- what is fused -----------------------------------------------------------------------------------------------


def nests_of(graph: Graph) -> list[int]:
    """How many kernels each call of compiled statements runs."""
    calls = plan_as_is(graph, backend="numba").code.calls.values()
    return [len(call.kernels) for call in calls if isinstance(call, Region)]


def test_a_softmax_is_one_nest() -> None:
    x = fed("x", 100, 10)
    z = x - call("max", x, axis=1, keepdims=True)
    e = call("exp", z)
    assert nests_of(Graph((e / call("sum", e, axis=1, keepdims=True),))) == [1]


@pytest.mark.parametrize(("rows", "columns"), [(6, 10), (7, 10), (2, 300)])
def test_rows_that_wait_for_their_sums_take_turns(rows: int, columns: int) -> None:
    x = fed("x", 3, rows, columns)
    e = call("exp", x - call("max", x, axis=-1, keepdims=True))
    graph = Graph((e / call("sum", e, axis=-1, keepdims=True),))
    made = plan_as_is(graph, backend="numba")
    assert ("row1 = " in made.source) == (rows == 6)  # 21 rows are odd, 300 columns long
    with slow_kernels():
        run_both(graph, made, {"x": floats(3, rows, columns)}, {}, exact=False)


def test_an_optimizers_step_is_one_nest_in_place() -> None:
    w, m, g = kept("w", 50, 20), kept("m", 50, 20), fed("g", 50, 20)
    new = m * 0.9 + g * 0.1
    made = plan_as_is(Graph((), ((m, new), (w, w - new * 0.01))), backend="numba")
    assert made.arena_bytes == 0
    assert [line for line in made.code.functions[-1].body if "..." in line] == []


def test_a_plan_shows_its_kernels() -> None:
    x = fed("x", 100)
    source = plan_as_is(Graph((call("tanh", x * 2.0),)), backend="numba").source
    assert "fused(id(x))" in source and "# fused: kernel 1 of 1, n = 100\ndef kernel(arguments):" in source
    assert "tanh_f32(" in source


def test_a_sum_over_rows_ends_a_nest() -> None:
    x = fed("x", 100, 10)
    mean = call("sum", x * 2.0, axis=0) * 0.01
    assert nests_of(Graph((x - mean,))) == [3]


def test_values_that_one_nest_needs_take_no_memory() -> None:
    x = fed("x", 1000)
    y = x
    for _ in range(20):
        y = call("tanh", y * 2.0)
    assert plan_as_is(Graph((y,)), backend="numba").arena_bytes <= 4096


# ---- contractions ------------------------------------------------------------------------------------------------


@pytest.fixture(params=[(16, 6), (64, 14)], ids=["narrow", "wide"])
def registers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles as on machines with short vectors, which pack few columns together, and with long ones."""
    monkeypatch.setattr(contraction, "PACKED_BYTES", 1000 if request.param[0] == 16 else 2**19)
    monkeypatch.setattr(contraction, "_registers", lambda: request.param)


def all_compiled(graph: Graph) -> bool:
    calls = plan_as_is(graph, backend="numba").code.calls.values()
    return all(isinstance(each, Region) for each in calls if each is not id)


def check(graph: Graph, **arrays: np.ndarray) -> None:
    assert all_compiled(graph)
    with slow_kernels():
        run_both(graph, plan_as_is(graph, backend="numba"), arrays, {}, exact=False)


def turned(x: Node) -> Node:
    rank = x.type.rank
    return call("transpose", x, axes=(*range(rank - 2), rank - 1, rank - 2))


def test_columns_that_are_left_get_shorter_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contraction, "_registers", lambda: (64, 14))
    forms = {columns: contraction.tile_for(50, columns, 4) for columns in (4, 5, 10, 36, 48, 60, 64, 100)}
    assert {n: (t.vectors, t.lanes, t.last, t.made(n)) for n, t in forms.items()} == {
        4: (1, 16, 0, 16), 5: (1, 8, 0, 8), 10: (1, 16, 0, 16), 36: (2, 16, 8, 40), 48: (2, 16, 16, 48),
        60: (2, 16, 0, 64), 64: (2, 16, 0, 64), 100: (2, 16, 8, 104),
    }  # fmt: skip
    monkeypatch.setattr(contraction, "_registers", lambda: (32, 6))  # half of such a vector takes as long
    assert contraction.tile_for(50, 20, 4) == contraction.Tile(5, 2, 8, 8)


PRODUCTS = [((7, 5), (5, 9)), ((33, 40), (40, 70)), ((6, 16), (16, 33)), ((2, 6, 8), (8, 16)),
            ((2, 1, 9, 4), (3, 4, 12)), ((3, 15, 35), (3, 35, 17)), ((8, 1), (1, 8))]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), PRODUCTS)
@pytest.mark.parametrize("turns", ["", "left", "right", "left right"])
def test_products_by_tiles(
    registers: None, left: tuple[int, ...], right: tuple[int, ...], turns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "_pays", lambda contraction: True)
    monkeypatch.setattr(products, "BLOCK_BYTES", 64)  # sums in several blocks
    monkeypatch.setattr(products, "LEAST_LINES", 5)
    monkeypatch.setattr(products, "WAYS", len(left) - 2)  # two matrices are gathered, those of a batch read in place
    shapes = {"x": left, "y": right}
    for name, side in zip("xy", ("left", "right")):
        if side in turns:
            shapes[name] = (*shapes[name][:-2], *shapes[name][:-3:-1])
    x, y = [call("abs", fed(name, *shape)) for name, shape in shapes.items()]  # memory that the plan knows
    graph = Graph(((turned(x) if "left" in turns else x) @ (turned(y) if "right" in turns else y),))
    check(graph, x=floats(*shapes["x"]), y=floats(*shapes["y"], seed=1))


def test_large_or_thin_products_stay_numpys() -> None:
    for left, right in (((500, 5000), (5000, 40)), ((50, 40), (40, 1)), ((1, 40), (40, 50))):
        assert not all_compiled(Graph((fed("x", *left) @ fed("y", *right),))), (left, right)


CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((5, 6, 7, 8), (3, 3, 8, 8), {}),
    ((8, 7, 5, 9), (5, 3, 9, 12), {"stride": 2}),
    ((6, 5, 6, 8), (2, 2, 8, 16), {"stride": (1, 3), "pad": "valid"}),
    ((9, 6, 8, 8), (3, 2, 8, 8), {"dilation": (1, 2)}),
    ((6, 4, 4, 16), (3, 3, 8, 16), {"groups": 2, "pad": ((1, 0), (0, 2))}),
    ((7, 3, 4, 6), (1, 1, 6, 10), {"stride": 2}),
]


@pytest.mark.parametrize(("images", "kernel", "attrs"), CONVOLUTIONS)
def test_convolutions_by_tiles(
    registers: None, images: tuple[int, ...], kernel: tuple[int, ...], attrs: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """All three; the sum over the images in blocks of a few, the last one shorter."""
    monkeypatch.setattr(convolution, "BLOCK_DEPTH", 50)
    monkeypatch.setattr(products, "_pays", lambda contraction: True)
    x, k = fed("x", *images), fed("k", *kernel)
    result = call("conv2d", x, k, **attrs)
    g = fed("g", *result.type.shape)
    arrays = {"x": floats(*images), "k": floats(*kernel, seed=1), "g": floats(*result.type.shape, seed=2)}
    check(Graph((result,)), **{name: arrays[name] for name in "xk"})
    at_x = call("conv2d_input_grad", g, k, size=images[1:3], **attrs)
    check(Graph((at_x,)), **{name: arrays[name] for name in "gk"})
    at_kernel = call("conv2d_kernel_grad", x, g, size=kernel[:2], **attrs)
    check(Graph((at_kernel,)), **{name: arrays[name] for name in "xg"})
