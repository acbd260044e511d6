"""Nodes of a graph made ready to run: first values of variables, gradients, and what else a run needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gdl.autodiff import expand, gradient_or_none
from gdl.builder.graph import OPTIMIZER, Graph
from gdl.graph.node import Graph as Nodes
from gdl.graph.node import Node, topological
from gdl.runtime.arena import Arena
from gdl.runtime.interpret import initialise
from gdl.runtime.runner import Runner
from gdl.runtime.state import State
from gdl.types import sizes

Source = tuple[Node, Node | None]  # what is differentiated, and its upstream gradient


def give_first_values(graph: Graph, state: State, seed: int, further: Iterable[str] = ()) -> None:
    """Puts the model's variables, and `further` ones, into the state where it has not got them."""
    known = graph.context.variables
    new = [path for path in known if path not in state and not path.startswith(f"{OPTIMIZER}/")]
    new += [path for path in further if path not in state]
    if new:
        state.allocate({path: (known[path].type.dtype, known[path].type.shape) for path in new})  # type: ignore[misc]
        initialise({path: known[path].initial for path in new}, state, seed)
        for path in graph.first_values.keys() & set(new):
            state.set(path, graph.first_values[path])


def prepare(
    graph: Graph, state: State, seed: int, arena: Arena, outputs: Sequence[Node],
    updates: Sequence[tuple[Node, Node]] = (),
) -> Runner:  # fmt: skip
    """A runner of some outputs and updates, on the tensors of a state."""
    order = topological([*outputs, *[value for _, value in updates]])
    expanded = expand(Nodes(tuple(outputs), tuple(updates), graph.guards_of(order)))
    order = topological((*expanded.roots, *[variable for variable, _ in updates]))
    give_first_values(graph, state, seed, [n.attrs["path"] for n in order if n.op == "variable"])
    leaves = [node for node in order if node.op == "input"]
    leaves += _telling(graph, order, leaves)
    inputs = [(node.attrs["name"], node.type) for node in leaves]
    return Runner(expanded, inputs, state, seed, arena=arena)


def gradient_nodes(sources: Sequence[Source], stopped: Iterable[Node], wrt: Sequence[Node]) -> list[Node | None]:
    """For each of `wrt` the sum of its gradients, None where no path leads there."""
    stops, of = list(stopped), [node for node, _ in sources]
    found = expand(Nodes((*of, *stops, *wrt))).outputs  # gradients in what is differentiated worked out first
    of, stops, wrt = found[: len(of)], found[len(of) : len(of) + len(stops)], found[len(of) + len(stops) :]  # type: ignore[assignment]
    total: list[Node | None] = [None] * len(wrt)
    for node, (_, seed) in zip(of, sources):
        each = gradient_or_none(node, wrt, seed, stopped=frozenset(stops))
        total = [b if a is None else a if b is None else a + b for a, b in zip(total, each)]
    return total


def _telling(graph: Graph, order: Sequence[Node], leaves: Sequence[Node]) -> list[Node]:
    """Placeholders that tell a size which no leaf tells: zeros((x.shape[0], 3)) needs x for its size only."""
    unknown = set().union(*map(_symbols, order)) - set().union(*map(_symbols, leaves))
    nodes = [node.ir for node in graph.placeholders] if unknown else []
    return [node for node in nodes if node not in leaves and _symbols(node) & unknown]


def _symbols(node: Node) -> set[str]:
    told = (*node.type.shape, node.attrs["size"]) if node.op == "size" else node.type.shape
    return set().union(*map(sizes.symbols, told))
