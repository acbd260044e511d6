"""How messages about gradients call a node, and which place they show for it."""

from __future__ import annotations

from gdl.graph.node import Node
from gdl.source import Span

_LONGEST = 40


def name_of(node: Node, origin: tuple[Span, ...] = ()) -> str:
    """The name it was given, else the leaf's own, else its text in the file that asks, else its op's name."""
    if node.name:
        return node.name
    for attribute in ("path", "name"):
        if node.is_leaf and attribute in node.attrs:
            return str(node.attrs[attribute])
    span = user_span(node, origin)
    text = " ".join(span.text.split()) if span else ""
    return text if 0 < len(text) <= _LONGEST else node.op


def user_span(node: Node, origin: tuple[Span, ...]) -> Span | None:
    """The node's innermost place in the file that asks for the gradient; else, as inside a library, its own place."""
    if origin:
        for span in node.origin:
            if span.source is origin[0].source:
                return span
    return node.span
