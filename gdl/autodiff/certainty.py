"""Whether gradients can be taken, without taking them: what one must know who only checks a program."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gdl.autodiff.fit import fit
from gdl.autodiff.requests import MAX_NODES, groups_of
from gdl.autodiff.reverse import active_nodes, parts_of
from gdl.autodiff.rules import has_rule
from gdl.collection import uncollected
from gdl.errors import ProgramError
from gdl.graph.node import LOOP, REQUESTS, Graph, Node, needed, topological
from gdl.ops.table import Zero
from gdl.types.match import Mismatch
from gdl.types.sizes import TooComplex

#: Which inputs get a part of the gradient, None where the rule can't say; by what the rule looks at.
Kinds = dict[Any, tuple[bool, ...] | None]
_ASKING = REQUESTS | {LOOP}


@uncollected
def is_certain(graph: Graph, kinds: Kinds) -> bool:
    """Whether `expand` finds nothing wrong with a graph. Where it is not certain, `expand` has to say.

    Rules are asked once for all nodes of a kind: they look at types and attributes, and a gradient has the type of what
    it is the gradient of. `kinds` are the answers so far.
    """
    asking = [node for node in needed(graph.roots) if node.op in _ASKING]
    if any(node.op == "jvp" or (node.op == LOOP and _has_requests(node)) for node in asking):
        return False
    taken = 0
    for (of, seed), requests in groups_of(asking).items():
        below = topological([of])
        taken += len(below)
        wrt = [request.inputs[1] for request in requests]
        plain = seed is None and of.type.rank == 0 and all(x.type.is_float for x in wrt)
        if not plain or taken > MAX_NODES or any(node.op in REQUESTS for node in below):
            return False
        if not _reaches(below, wrt, kinds):
            return False
    return True


def _has_requests(scan: Node) -> bool:
    inside = [node for node in needed(scan.attrs["body"].roots) if node.op in _ASKING]
    return any(node.op != LOOP or _has_requests(node) for node in inside)


def _reaches(order: list[Node], wrt: list[Node], kinds: Kinds) -> bool:
    """Whether the gradient of the last node arrives at each of `wrt`: see `gradient_or_none`, which takes it."""
    active = active_nodes(order, set(wrt), ())
    reached = {order[-1]} & active
    for node in reversed(order):
        if node in reached and not active.isdisjoint(node.inputs):
            kind = _kind(node, active)
            arrivals = kinds.get(kind, ...)
            if kind is None or arrivals is ...:
                arrivals = kinds[kind] = _arrivals(node, active)
            if arrivals is None:
                return False
            reached.update([x for x, arrives in zip(node.inputs, arrivals) if arrives])
    return reached.issuperset(wrt)


def _kind(node: Node, active: Collection[Node]) -> Any:
    """All that a rule looks at; None where nodes differ in more."""
    if node.op == LOOP:
        return None
    kind = [node.op, node.type, *node.attrs.values()]
    for x in node.inputs:
        kind += (x in active, x.type, x.attrs["value"] if x.op == "constant" else None)
    return tuple(kind)


def _arrivals(node: Node, active: Collection[Node]) -> tuple[bool, ...] | None:
    """Which active inputs a node's gradient gives a part to; None where something may be wrong."""
    upstream = Node("input", (), {"name": "upstream"}, node.type)
    found = []
    try:
        if not has_rule(node):
            return None
        for x, part in zip(node.inputs, parts_of(node, upstream)):
            found.append(x in active and not isinstance(part, Zero))
            if found[-1] and fit(part, x.type).type.shape != x.type.shape:
                return None
    except (ProgramError, Mismatch, TooComplex):
        return None
    return tuple(found)
