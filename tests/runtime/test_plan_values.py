"""Plans against the plain walk over the graph: outputs, updates, several steps in a row, with passes and without."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.graph.node import Graph
from gdl.ops.table import TABLE
from gdl.passes import bind_sizes
from gdl.runtime.chains import Blocking
from gdl.runtime.interpret import evaluate
from gdl.runtime.plan import Plan, plan, plan_as_is
from gdl.runtime.state import State
from gdl.runtime.step import prepare
from tests.runtime.random_graphs import random_graph


@pytest.fixture(autouse=True, scope="module")
def plain_kernels() -> Iterator[None]:
    """Kernels made for their shapes round differently (see test_special): here every bit counts."""
    with pytest.MonkeyPatch.context() as patch:
        for entry in TABLE.values():
            if not entry.view:
                patch.setattr(entry, "specialise", None)
        yield


def state_of(values: dict[str, np.ndarray]) -> State:
    state = State()
    state.restore(values)
    return state


def run_both(
    graph: Graph, made: Plan, arrays: dict[str, np.ndarray], values: dict[str, np.ndarray], exact: bool
) -> None:
    """Three steps of the plan and of the reference, compared after each."""
    expected, actual = state_of(values), state_of(values)
    step = prepare(made, actual, seed=5)
    for tick in range(3):
        wanted = evaluate(graph, arrays, expected, 5, tick * 2, 0, tick)
        got = step([arrays[name] for name in made.inputs], tick * 2, 0, tick)
        for a, b in [*zip(got, wanted), *[(actual[path], expected[path]) for path in values]]:
            assert a.dtype == b.dtype and a.shape == b.shape
            if exact:
                np.testing.assert_array_equal(a, b)
            else:
                tolerance = 1e-4 if a.dtype == np.float32 else 1e-10
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_a_plan_computes_what_the_graph_says(seed: int) -> None:
    graph, arrays, values = random_graph(seed)
    run_both(graph, plan_as_is(graph), arrays, values, exact=True)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_chains_in_blocks_compute_the_same(seed: int) -> None:
    graph, arrays, values = random_graph(seed, nodes=40)
    made = plan_as_is(graph, Blocking(least_bytes=1, block_bytes=1))
    run_both(graph, made, arrays, values, exact=False)  # NumPy's last few elements may round differently


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_passes_keep_the_values(seed: int) -> None:
    graph, arrays, values = random_graph(seed)
    run_both(graph, plan(graph, {}), arrays, values, exact=False)


@pytest.mark.parametrize("seed", range(3))
def test_large_random_graphs_in_several_functions(seed: int) -> None:
    graph, arrays, values = random_graph(seed, nodes=4000)
    graph = bind_sizes(graph, {})
    run_both(graph, plan_as_is(graph), arrays, values, exact=True)
