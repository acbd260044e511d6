"""Equal computations become one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from gdl.graph.node import Graph, Node, rewrite_graph
from gdl.ops.table import TABLE


def share(graph: Graph) -> Graph:
    """The graph in which nodes of the same op, inputs and attributes are one node, the first of them.

    A random op takes part: its key says which draw it is, so nodes with one key are the same draw. The order of a
    commutative op's inputs does not matter.
    """
    number: dict[Node, int] = {}
    first: dict[Hashable, Node] = {}

    def change(node: Node) -> Node:
        known = first.setdefault(_key(node, number), node)
        number.setdefault(known, len(number))
        return known

    return rewrite_graph(graph, change)


def _key(node: Node, number: dict[Node, int]) -> Hashable:
    inputs = [number[i] for i in node.inputs]
    if node.op in TABLE and TABLE[node.op].commutative:
        inputs.sort()
    attrs = tuple([(name, frozen(value)) for name, value in node.attrs.items()])
    return node.op, tuple(inputs), attrs, node.type.dtype, node.type.shape


def frozen(value: Any) -> Hashable:
    """A key that tells apart what Python calls equal: 1, 1.0 and true, 0.0 and -0.0; a nan equals itself."""
    if isinstance(value, tuple):
        return tuple([frozen(v) for v in value])
    if isinstance(value, float):
        return value.hex()
    return type(value), value
