"""Updates that change nothing."""

from __future__ import annotations

from dataclasses import replace

from gdl.graph.node import Graph, Node


def drop_idle_updates(graph: Graph) -> Graph:
    """The graph without updates of a variable by its own value."""
    kept = tuple([(variable, value) for variable, value in graph.updates if not _is(variable, value)])
    return graph if len(kept) == len(graph.updates) else replace(graph, updates=kept)


def _is(variable: Node, value: Node) -> bool:
    return value.op == "variable" and value.attrs["path"] == variable.attrs["path"]
