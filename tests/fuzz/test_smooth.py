"""On right programs, what passes and plans make agrees with the plain walk over the graph: every value and gradient."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.autodiff import expand, gradient_or_none
from gdl.graph.node import Graph, topological
from gdl.passes import bind_sizes
from gdl.runtime.interpret import evaluate
from gdl.runtime.plan import plan
from gdl.runtime.state import State
from gdl.runtime.step import prepare
from gdl.session.checking import check_program
from gdl.source import Source
from gdl.train.data import DataOptions
from tests.fuzz.smooth import smooth

#: Beyond this a value is left out: what it is made of was lost to rounding.
LARGE = 1e6


@pytest.mark.parametrize("part", range(4))
def test_values_and_gradients(part: int) -> None:
    for seed in range(part * 60, part * 60 + 60):
        assert_kept(seed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_values_and_gradients_of_many() -> None:
    for seed in range(20_000):
        assert_kept(seed)


def assert_kept(seed: int) -> None:
    text = smooth(seed)
    graph, fed, values = with_gradients(text, seed)
    expected = evaluate(bind_sizes(graph, {}), fed, state_of(values), 0)
    try:
        made = plan(graph, {})
        found = prepare(made, state_of(values), 0)([fed[name] for name in made.inputs], 0, 0, 0)
        for a, b in zip(found, expected):
            assert a.shape == b.shape and a.dtype == b.dtype
            if np.abs(b).max(initial=0.0) < LARGE:
                np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}\n{text}") from error


def with_gradients(text: str, seed: int) -> tuple[Graph, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """All values of a program and the gradients of its loss, and numbers for what is fed and for the variables."""
    named = check_program(Source("smooth.gdl", text), DataOptions()).require().nodes[False]
    leaves = [node for node in topological([named["loss"]]) if node.op in ("variable", "input")]
    gradients = [gradient for gradient in gradient_or_none(named["loss"], leaves) if gradient is not None]
    graph = expand(Graph((*named.values(), *gradients)))
    rng = np.random.default_rng(seed)
    found: dict[str, dict[str, np.ndarray]] = {"input": {}, "variable": {}}
    for node in topological(graph.roots):
        if node.op in found:
            name = node.attrs["name" if node.op == "input" else "path"]
            found[node.op][name] = np.asarray(rng.normal(size=node.type.shape))
    return graph, found["input"], found["variable"]


def state_of(values: dict[str, np.ndarray]) -> State:
    state = State()
    state.restore(values)
    return state
