"""Elementwise ops on what is repeated: compute once, repeat after. Exact. These hold for any op by its traits."""

from __future__ import annotations

from gdl.graph.node import Node
from gdl.passes.rules.rule import Make, in_shape_of, scalar, splat
from gdl.types.match import Mismatch
from gdl.types.tensor import broadcast_dims


def once_then_repeated(node: Node, make: Make) -> Node | None:
    """f(broadcast(x), y) = broadcast(f(x, y)): the op itself broadcasts what it must."""
    sources = [_source(x) for x in node.inputs]
    if all(s is x for s, x in zip(sources, node.inputs)):
        return None
    if not isinstance(broadcast_dims([s.type.dims for s in sources]), tuple):
        return None
    try:
        result = make(node.op, sources, **node.attrs)
    except Mismatch:  # an op that is elementwise, but wants its inputs in one shape
        return None
    return in_shape_of(node, result, make)


def _source(x: Node) -> Node:
    """What x repeats, or x."""
    if x.op == "broadcast_to":
        return x.inputs[0]
    if x.op == "full":
        return scalar(splat(x), x)
    return x
