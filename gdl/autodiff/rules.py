"""What the op table says of a node's derivatives."""

from __future__ import annotations

from collections.abc import Sequence

from gdl.graph.node import LOOP, REQUESTS, Node
from gdl.ops.table import TABLE, Zero


def is_flat(node: Node) -> bool:
    """Whether the node's value does not change with its inputs: a leaf, or an op declared so."""
    return node.is_leaf or (node.op in TABLE and TABLE[node.op].flat is not None)


def has_rule(node: Node) -> bool:
    """Whether the op says how it differentiates."""
    if node.op in REQUESTS:
        raise ValueError(f"a `{node.op}` request must be expanded before it is differentiated")
    if node.op == LOOP:
        return True
    entry = TABLE[node.op]
    return entry.gradient is not None or entry.flat is not None


def partials(node: Node, upstream: Node) -> Sequence[Node | Zero]:
    """The part of each input, where the result's adjoint is `upstream`."""
    entry = TABLE[node.op]
    if entry.flat is not None:
        return [Zero(entry.flat)] * len(node.inputs)
    assert entry.gradient is not None
    parts = entry.gradient(upstream, node, *node.inputs, **node.attrs)
    if isinstance(parts, (Node, Zero)):
        parts = (parts,)
    if len(parts) != len(node.inputs):
        raise TypeError(f"the gradient rule of {node.op} gave {len(parts)} parts for {len(node.inputs)} inputs")
    return parts
