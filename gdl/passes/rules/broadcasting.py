"""Elementwise ops on what is repeated: compute once, repeat after. Exact. These hold for any op by its traits."""

from __future__ import annotations

from gdl.graph.node import Node
from gdl.passes.rules.rule import Make, in_shape_of, scalar, splat
from gdl.passes.rules.shaping import leads_with_ones
from gdl.types.match import Mismatch
from gdl.types.tensor import Dim, broadcast_dims


def once_then_repeated(node: Node, make: Make) -> Node | None:
    """f(broadcast(x), y) = broadcast(f(x, y)): the op itself broadcasts what it must."""
    sources = [_source(x) for x in node.inputs]
    if all(s is x for s, x in zip(sources, node.inputs)):
        return None
    result = _over(node, sources, make)
    return None if result is None else in_shape_of(node, result, make)


def without_leading_ones(node: Node, make: Make) -> Node | None:
    """f(reshape(x), y) = f(x, y) where the reshape only adds or removes leading axes of size 1, and y has the shape."""
    sources = [_unaligned(x) for x in node.inputs]
    if all(s is x for s, x in zip(sources, node.inputs)):
        return None
    dims = broadcast_dims([s.type.dims for s in sources])
    same = all(isinstance(d, Dim) and d.size == size for d, size in zip(dims, node.type.shape))
    return _over(node, sources, make) if same and len(dims) == node.type.rank else None


def _over(node: Node, inputs: list[Node], make: Make) -> Node | None:
    """The node's op over inputs of other shapes; None where they do not broadcast, or where it wants equal shapes."""
    try:
        return make(node.op, inputs, **node.attrs)
    except Mismatch:
        return None


def _source(x: Node) -> Node:
    """What x repeats, or x."""
    if x.op == "broadcast_to":
        return x.inputs[0]
    if x.op == "full":
        return scalar(splat(x), x)
    return x


def _unaligned(x: Node) -> Node:
    """What x is without its reshape, where that only adds or removes leading axes of size 1; or x."""
    if x.op != "reshape":
        return x
    (source,) = x.inputs
    return source if leads_with_ones(source, x) or leads_with_ones(x, source) else x
