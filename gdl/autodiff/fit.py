"""Broadcasting undone: the one place where a gradient gets the shape of what it is the gradient of."""

from __future__ import annotations

from gdl.graph.node import Node
from gdl.types import sizes
from gdl.types.tensor import TensorType


def fit(part: Node, wanted: TensorType) -> Node:
    """`part` in the wanted shape: summed over the axes that broadcasting stretched, stretched where it is smaller.

    Only a literal 1 stretches; a symbolic size is never taken for 1, so this is decided before sizes are bound. Sizes
    that can't be compared yet are equal: the guard of the op that made them so is checked when they are bound.
    """
    if part.type.dtype != wanted.dtype:
        raise TypeError(f"the gradient of a value of type {wanted} came as {part.type}")
    if part.type.shape == wanted.shape:
        return part
    part = _sum_stretched(part, wanted)
    if all_equal(part.type, wanted):
        return part
    return Node.build("broadcast_to", (part,), {"shape": wanted.shape})


def all_equal(a: TensorType, b: TensorType) -> bool:
    """Whether no axis of one is known to differ from the other's; a literal 1 differs from any symbol."""
    return a.rank == b.rank and all(
        m == n or (m != 1 and n != 1 and sizes.equal(m, n) is not False) for m, n in zip(a.shape, b.shape)
    )


def _sum_stretched(part: Node, wanted: TensorType) -> Node:
    leading = max(part.type.rank - wanted.rank, 0)
    offset = part.type.rank - wanted.rank
    stretched = [
        axis
        for axis in range(leading, part.type.rank)
        if wanted.shape[axis - offset] == 1 and part.type.shape[axis] != 1
    ]
    if not leading and not stretched:
        return part
    summed = Node.build("sum", (part,), {"axis": (*range(leading), *stretched), "keepdims": not leading})
    if leading and stretched:
        kept = [part.type.shape[a] if a not in stretched else 1 for a in range(leading, part.type.rank)]
        summed = Node.build("reshape", (summed,), {"shape": tuple(kept)})
    return summed
