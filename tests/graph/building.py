"""Leaves for tests, and the places of a text."""

from __future__ import annotations

from typing import Any

from gdl.graph.node import Graph, Node
from gdl.source import Source, Span
from gdl.types.sizes import Size, symbol
from gdl.types.tensor import tensor

batch = symbol("batch")


def leaf(name: str, *shape: Size, dtype: str = "f64", span: Span | None = None) -> Node:
    """A placeholder."""
    return Node("input", (), {"name": name}, tensor(dtype, *shape), (span,) if span else (), name=name)


def variable(path: str, *shape: Size, dtype: str = "f64", span: Span | None = None) -> Node:
    return Node("variable", (), {"path": path}, tensor(dtype, *shape), (span,) if span else ())


def request(op: str, *inputs: Node, span: Span | None = None, **attrs: Any) -> Node:
    """grad(of, wrt [, seed]) or jvp(of, wrt, tangent)."""
    return Node(op, inputs, attrs, inputs[1 if op == "grad" else 0].type, (span,) if span else ())


def graph(*outputs: Node) -> Graph:
    return Graph(outputs)


def named(node: Node, name: str, span: Span | None = None) -> Node:
    """The node under the name of a binding."""
    return Node(node.op, node.inputs, node.attrs, node.type, (span,) if span else node.origin, node.scope, name)


class Text:
    """A program's text, and places in it by what stands there."""

    def __init__(self, text: str, name: str = "test.gdl"):
        self.source = Source(name, text)

    def at(self, words: str) -> Span:
        start = self.source.text.index(words)
        return Span(self.source, start, start + len(words))
