"""On right programs, what passes and plans make agrees with the plain walk over the graph: every value and gradient of
smooth ones, and what nets of random layers learn in two steps."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.autodiff import expand, gradient_or_none
from gdl.graph.node import Graph, topological
from gdl.lang.program import Program
from gdl.passes import bind_sizes
from gdl.runtime.arrays import DTYPES
from gdl.runtime.interpret import evaluate, initialise
from gdl.runtime.plan import plan
from gdl.runtime.state import State
from gdl.runtime.step import prepare
from gdl.session.checking import check_program
from gdl.source import Source
from gdl.train.data import DataOptions
from tests.fuzz.nets import net
from tests.fuzz.smooth import smooth

#: Beyond this a value is left out: what it is made of was lost to rounding.
LARGE = 1e6
BATCH = 6
#: Relative and absolute: a batch normalisation of what is nearly constant makes much of rounding.
TOLERANCES = {"f32": (5e-3, 2e-3), "f64": (1e-6, 1e-8)}


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


# ---- nets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(4))
def test_nets(part: int) -> None:
    trained = [is_trained_as_written(seed) for seed in range(part * 25, part * 25 + 25)]
    assert sum(trained) > 20  # few are refused


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_nets() -> None:
    for seed in range(5000):
        is_trained_as_written(seed)


def is_trained_as_written(seed: int) -> bool:
    """Whether there is something to train. Rounding may decide about a kink, but hardly does so with other numbers."""
    checked = check_program(Source("net.gdl", net(seed)), DataOptions())
    if checked.program is None:
        return False
    for draw in range(3):
        try:
            assert_trained(checked.program, seed * 10 + draw)
            return True
        except AssertionError as error:
            wrong = error
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}\n{net(seed)}") from error
    raise AssertionError(f"seed {seed}: {wrong}\n{net(seed)}") from wrong


def assert_trained(program: Program, seed: int) -> None:
    """Two steps: the outputs, and all variables after each."""
    relative, absolute = TOLERANCES[program.placeholders["x"].dtype]
    graph = program.trains[0].body[0].computation.graph
    rng = np.random.default_rng(seed)
    fed, sizes = {}, {}
    for node in topological(graph.roots):
        if node.op == "input":
            sizes |= {str(size): BATCH for size in node.type.shape if not isinstance(size, int)}
            shape = [size if isinstance(size, int) else BATCH for size in node.type.shape]
            drawn = rng.integers(0, 256 if len(shape) > 1 else 10, shape)
            fed[node.attrs["name"]] = drawn.astype(DTYPES[node.type.dtype])
    expected, found = State(), State()
    for state in (expected, found):
        initialise({path: info.initial for path, info in program.variables.items()}, state, seed)
    bound, made = bind_sizes(graph, sizes), plan(graph, sizes)
    step = prepare(made, found, seed)
    for tick in range(2):
        wanted = evaluate(bound, fed, expected, seed, tick, 0, tick)
        got = step([fed[name] for name in made.inputs], tick, 0, tick)
        pairs = [*zip(got, wanted), *[(found[path], expected[path]) for path in program.variables]]
        for a, b in pairs:
            np.testing.assert_allclose(a, b, rtol=relative, atol=absolute * max(1.0, np.abs(b).max(initial=0.0)))
