"""Products that are only wanted turned."""

from __future__ import annotations

from collections.abc import Mapping

from gdl.graph.node import Graph, Node, readers_of, rewrite_beside
from gdl.ops.table import TABLE, apply
from gdl.passes.simplify import simpler


def turn(graph: Graph) -> Graph:
    """The graph with y' x' for (x y)' where nothing reads x y otherwise: to rounding.

    Rows of the result lie then as they are wanted, and what is turned are views of the operands. Products take what
    they read either way: what only they want turned stays.
    """
    readers = readers_of(graph)

    def change(old: Node, node: Node, _: object) -> Node:
        return _turned(node) if _swaps_product(old) and _is_wanted(old, readers) else node

    return rewrite_beside(graph, change)


def _swaps_product(node: Node) -> bool:
    """Whether it is a transposition of a product after which rows run along what were columns."""
    if node.op != "transpose" or node.inputs[0].op != "matmul" or node.type.rank < 2:
        return False
    axes, rank = node.attrs["axes"], node.type.rank
    last = 0 if axes is None else axes[-1] % rank
    return last == rank - 2 and all(i.type.rank > 1 for i in node.inputs[0].inputs)


def _is_wanted(node: Node, readers: Mapping[Node, list[Node | None]]) -> bool:
    """Whether nothing else reads the product, and something that is no product reads it turned."""
    if len(readers[node.inputs[0]]) > 1:
        return False
    left = [*readers[node]]
    while left:
        reader = left.pop()
        if reader is None or (reader.op != "matmul" and not (reader.op in TABLE and TABLE[reader.op].view)):
            return True
        left += readers[reader] if reader.op != "matmul" else ()
    return False


def _turned(node: Node) -> Node:
    (product,) = node.inputs
    rank = node.type.rank

    def swapped(x: Node) -> Node:
        last = x.type.rank
        axes = (*range(last - 2), last - 1, last - 2)
        return simpler(apply("transpose", (x,), {"axes": axes}, origin=product.origin, scope=product.scope))

    x, y = product.inputs
    other = apply("matmul", (swapped(y), swapped(x)), {}, origin=product.origin, scope=product.scope)
    axes = tuple(reversed(range(rank))) if node.attrs["axes"] is None else [axis % rank for axis in node.attrs["axes"]]
    places = {rank - 1: rank - 2, rank - 2: rank - 1}
    axes = tuple([places.get(axis, axis) for axis in axes])
    return simpler(apply("transpose", (other,), {"axes": axes}, origin=node.origin, scope=node.scope))
