"""The graph run node by node, without a plan: slow, plain, and what plans are tested against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gdl.errors import runtime as errors
from gdl.graph.node import LOOP, Graph, Node, topological
from gdl.ops.table import TABLE
from gdl.passes import bind_sizes
from gdl.runtime.arrays import DTYPES
from gdl.runtime.loop import Loop, interpreted_loop
from gdl.runtime.random import draw
from gdl.runtime.state import State

#: What a kernel raises where the numbers, or how many there are, are the mistake.
STOPS = (IndexError, ValueError, ZeroDivisionError, MemoryError)


def trace(
    graph: Graph, fed: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray], seed: int,
    step: int = 0, epoch: int = 0, tick: int = 0,
) -> Iterator[tuple[Node, np.ndarray]]:  # fmt: skip
    """Every node with its value, inputs before users. Sizes must be bound. Changes no state."""
    clock = {"step": step, "epoch": epoch, "tick": tick}
    values: dict[Node, np.ndarray] = {}
    for node in topological(graph.roots):
        with np.errstate(all="ignore"):
            value = _leaf(node, fed, state, clock) if node.is_leaf else _apply(node, values, seed, tick)
        values[node] = value
        yield node, value


def evaluate(
    graph: Graph, fed: Mapping[str, np.ndarray], state: State, seed: int, step: int = 0, epoch: int = 0, tick: int = 0,
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """The outputs, and the updates made."""
    values = dict(trace(graph, fed, state, seed, step, epoch, tick))
    outputs = tuple([values[node].copy() for node in graph.outputs])
    new = {variable.attrs["path"]: values[node].copy() for variable, node in graph.updates}
    state.restore(new)
    return outputs


def initialise(
    variables: Mapping[str, Graph | Node], state: State, seed: int, sizes: Mapping[str, int] | None = None
) -> None:
    """Gives each variable the value that its graph has at tick 0. Its random nodes' keys carry its path; it may
    depend on variables before it."""
    for path, initial in variables.items():
        graph = initial if isinstance(initial, Graph) else Graph((initial,))
        bound = bind_sizes(graph, sizes or {})
        values = dict(trace(bound, {}, state, seed))
        state.set(path, values[bound.outputs[0]])


def _leaf(
    node: Node, fed: Mapping[str, np.ndarray], state: Mapping[str, np.ndarray], clock: Mapping[str, int]
) -> np.ndarray:
    if node.op == "input":
        return fed[node.attrs["name"]]
    if node.op == "variable":
        return state[node.attrs["path"]]
    value = (
        clock[node.attrs["name"]] if node.op == "clock" else node.attrs["value" if node.op == "constant" else "size"]
    )
    return np.array(value, DTYPES[node.type.dtype]).reshape(node.type.shape)  # type: ignore[arg-type]


def _apply(node: Node, values: Mapping[Node, Any], seed: int, tick: int) -> np.ndarray:
    if node.op == LOOP:
        return interpreted_loop(Loop(node), [values[i] for i in node.inputs], _run_body)
    entry = TABLE[node.op]
    first = [draw(seed, node.attrs["key"], tick)] if entry.random else []
    try:
        result = entry.kernel(*first, *[values[i] for i in node.inputs], **node.attrs)  # type: ignore[misc]
    except STOPS as error:
        why = str(error) or "not enough memory"
        raise errors.failed(node.op, why, [str(i.type) for i in node.inputs], node.origin) from None
    return np.asarray(result, order=None if entry.view else "C")  # laid out as in a plan, so that sums round alike


def _run_body(loop: Loop, fed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """One step of a loop."""
    values = dict(trace(Graph(loop.body.results), fed, {}, 0))
    return [values[node] for node in loop.body.results]
