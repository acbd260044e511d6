"""The backend numba, as far as it goes without numba: the kernels are run as Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.runtime.plan import plan, plan_as_is
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
