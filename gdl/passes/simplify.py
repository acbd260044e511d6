"""Simpler nodes of the same value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gdl.graph.node import LOOP, REQUESTS, Graph, Node, rewrite_graph
from gdl.graph.verify import fits
from gdl.ops.table import TABLE, apply
from gdl.passes.fold import folded
from gdl.passes.rules.arithmetic import ARITHMETIC
from gdl.passes.rules.broadcasting import once_then_repeated, without_leading_ones
from gdl.passes.rules.joining import JOINING
from gdl.passes.rules.rule import Rule
from gdl.passes.rules.shaping import SHAPING, view_of_full
from gdl.passes.rules.sums import SUMS


def simplify(graph: Graph) -> Graph:
    """The graph with every node replaced by the simplest that the rules know, inputs first.

    Values stay the same to the last bit, but where a rule says "to rounding". Types stay the same.
    """
    return rewrite_graph(graph, simpler)


def simpler(node: Node) -> Node:
    """The simplest node of this value, its inputs being simple already."""
    if node.is_leaf or node.op in REQUESTS or node.op == LOOP:
        return node

    def make(op: str, inputs: Sequence[Node], **attrs: Any) -> Node:
        return simpler(apply(op, inputs, attrs, origin=node.origin, scope=node.scope))

    constant = folded(node)
    if constant is not node:
        return constant
    for rule in _rules(node.op):
        better = rule(node, make)
        if better is not None:
            if not fits(better.type, node.type):
                raise TypeError(f"{rule.__name__} made {better!r} of {node!r}")
            return better
    return node


def _rules(op: str) -> Iterator[Rule]:
    """What may apply to an op: rules for it by name, and rules for all ops of its traits."""
    for table in (ARITHMETIC, SHAPING, JOINING, SUMS):
        yield from table.get(op, ())
    entry = TABLE[op]
    if entry.elementwise:
        yield once_then_repeated
        yield without_leading_ones
    if entry.view:
        yield view_of_full
