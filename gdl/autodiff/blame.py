"""Why a gradient is zero: where the paths between two values are cut, or what the value depends on instead."""

from __future__ import annotations

from gdl.autodiff.reverse import parts_of
from gdl.autodiff.rules import has_rule, is_flat
from gdl.autodiff.words import name_of, user_span
from gdl.diagnostics import Diagnostic
from gdl.errors import gradients
from gdl.errors.gradients import Cut, Surroundings
from gdl.graph.node import Node, topological
from gdl.ops.table import TABLE, Zero
from gdl.source import Span


def no_path(of: Node, wrt: Node, origin: tuple[Span, ...] = ()) -> Diagnostic:
    """E0501: a gradient that was asked for by name."""
    at = origin[0] if origin else None
    order = topological([of])
    if wrt not in order:
        return gradients.not_connected(
            name_of(of, origin), name_of(wrt, origin), at, _surroundings(of, wrt, order, origin)
        )
    return gradients.no_path(name_of(of, origin), name_of(wrt, origin), at, find_cuts(of, wrt, origin))


def untouched_variable(of: Node, wrt: Node, origin: tuple[Span, ...] = ()) -> Diagnostic:
    """E0505: a loss to minimize, and a variable that it gives no gradient."""
    at = origin[0] if origin else None
    return gradients.untouched_variable(
        name_of(of, origin), name_of(wrt, origin), at, wrt.span, find_cuts(of, wrt, origin)
    )


def find_cuts(of: Node, wrt: Node, origin: tuple[Span, ...] = ()) -> list[Cut]:
    """The places nearest to `wrt` where its paths to `of` end for gradients, in the order of computation."""
    reached = {wrt}
    cuts: dict[Node, Cut] = {}
    for node in topological([of]):
        if node is wrt or reached.isdisjoint(node.inputs):
            continue
        reason = _cut_reason(node, reached)
        if reason is None:
            reached.add(node)
        else:
            cuts[node] = Cut(node.op, reason, user_span(node, origin))
    return list(cuts.values())


def _cut_reason(node: Node, reached: set[Node]) -> str | None:
    """Why no gradient passes from any reached input through the node; None where one does."""
    if is_flat(node):
        return TABLE[node.op].flat if node.op in TABLE else None
    if not node.type.is_float:
        return f"`{node.op}` gives {node.type}, and only floats carry gradients"
    if not has_rule(node):
        return None
    upstream = Node(
        "input", (), {"name": ""}, node.type
    )  # never computed: the form of the rule's answer is what counts
    parts = [part for x, part in zip(node.inputs, parts_of(node, upstream)) if x in reached]
    zeros = [part for part in parts if isinstance(part, Zero)]
    return zeros[0].reason if len(zeros) == len(parts) else None


def _surroundings(of: Node, wrt: Node, order: list[Node], origin: tuple[Span, ...]) -> Surroundings:
    leaves = dict.fromkeys([name_of(n, origin) for n in order if n.op in ("variable", "input") and n.type.is_float])
    earlier = [n for n in order if wrt.name and n.name == wrt.name and n is not of]
    shadowed = user_span(earlier[-1], origin) if earlier else None
    return Surroundings(tuple(leaves), of in topological([wrt]), shadowed)
