"""What a rule is, and the questions that rules ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gdl.graph.node import Node, constant

#: make(op, inputs, **attrs): a node of that op in the place of the one being simplified, itself simplified.
Make = Callable[..., Node]
#: rule(node, make): a node of the same value, or None where the rule has nothing to say.
Rule = Callable[[Node, Make], "Node | None"]


def splat(node: Node) -> bool | int | float | None:
    """The one number of which all elements consist, where that is known."""
    if node.op == "constant" and not node.type.rank:
        return node.attrs["value"]
    if node.op != "full":
        return None
    value = node.attrs["value"]
    return value if node.type.is_float else bool(value) if node.type.dtype == "bool" else int(value)


def scalar(value: Any, like: Node) -> Node:
    """A constant of the dtype of `like`, in its place."""
    value = float(value) if like.type.is_float else value
    return constant(value, like.type.dtype, origin=like.origin, scope=like.scope)


def in_shape_of(node: Node, value: Node, make: Make) -> Node:
    """`value` broadcast to the shape of `node`."""
    if value.type.shape == node.type.shape:
        return value
    return make("broadcast_to", (value,), shape=node.type.shape)


def either_way(inputs: Sequence[Node]) -> tuple[tuple[Node, Node], tuple[Node, Node]]:
    """Two inputs in both orders."""
    x, y = inputs
    return (x, y), (y, x)
