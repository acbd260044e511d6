"""Passes: graph to graph, each keeping every value. `PIPELINE` is their table of contents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gdl.graph.node import Graph, Node
from gdl.graph.verify import verify
from gdl.ops.table import TABLE, infer
from gdl.passes.bind_sizes import bind_sizes
from gdl.passes.drop_idle_updates import drop_idle_updates
from gdl.passes.factor import factor
from gdl.passes.fold import fold
from gdl.passes.regroup import regroup
from gdl.passes.share import share
from gdl.passes.simplify import simplify
from gdl.passes.turn import turn
from gdl.types.tensor import TensorType

Pass = Callable[[Graph], Graph]

PIPELINE: tuple[Pass, ...] = (fold, share, simplify, share, regroup, share, factor, turn, drop_idle_updates)

__all__ = [
    "PIPELINE", "Pass", "bind_sizes", "drop_idle_updates", "factor", "fold", "regroup", "retype", "run_passes",
    "share", "simplify", "turn",
]  # fmt: skip


def run_passes(graph: Graph, passes: Sequence[Pass] = PIPELINE, *, checked: bool = False) -> Graph:
    """The graph after all passes, in order. `checked` verifies it before the first and after each: for tests."""
    if checked:
        verify(graph, retype)
    for each in passes:
        graph = each(graph)
        if checked:
            verify(graph, retype)
    return graph


def retype(node: Node) -> TensorType:
    """The type that the op table gives the node."""
    type, _ = infer(TABLE[node.op], [i.type for i in node.inputs], node.attrs)
    return type  # type: ignore[return-value]
