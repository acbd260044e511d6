"""The backend numba, as far as it goes without numba: the kernels are run as Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.graph.node import Graph
from gdl.runtime.compiled.convolution import InputGradient
from gdl.runtime.compiled.region import Region
from gdl.runtime.plan import plan, plan_as_is
from gdl.types.match import Mismatch
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


def test_a_matrix_product_stays_numpys() -> None:
    x, w = fed("x", 5, 4), kept("w", 4, 3)
    made = plan_as_is(Graph((call("tanh", x @ w),)), backend="numba")
    assert any(line.startswith("matmul(") for line in made.code.functions[-1].body)


def test_convolution_backwards_adds_its_rows_in_a_kernel() -> None:
    g, kernel = fed("g", 2, 4, 5, 3), fed("k", 3, 3, 4, 3)
    for attrs in ({"stride": 1}, {"stride": 2}, {"dilation": (1, 2)}, {"pad": "valid"}, {"dilation": (2, 1)}):
        sizes = [
            size for size in ((4, 5), (8, 9), (6, 7), (5, 7))
            if _fits_conv((2, *size, 4), (3, 3, 4, 3), attrs) == (4, 5)
        ]  # fmt: skip
        assert sizes, attrs
        graph = Graph((call("conv2d_input_grad", g, kernel, size=sizes[0], **attrs),))
        made = plan_as_is(graph, backend="numba")
        assert any(isinstance(c, InputGradient) for c in made.code.calls.values())
        given = {"g": floats(2, 4, 5, 3), "k": floats(3, 3, 4, 3, seed=1)}
        with slow_kernels():
            run_both(graph, made, given, {}, exact=False)


def _fits_conv(x: tuple[int, ...], kernel: tuple[int, ...], attrs: dict[str, object]) -> tuple[int, ...]:
    try:
        result = call("conv2d", fed("x", *x), fed("k", *kernel), **attrs)
    except Mismatch:
        return ()
    return result.type.shape[1:3]  # type: ignore[return-value]
