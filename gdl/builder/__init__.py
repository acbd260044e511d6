"""Floor 8: graphs built from Python, node by node.

    from gdl import builder as ad

    x = ad.placeholder("x", (None, 784))
    w = ad.variable("w", (784, 10), ad.glorot_uniform())
    y = ad.softmax(x @ w)

Every op and everything of the standard library is an attribute of this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdl.builder.functions import Function, Net
from gdl.builder.graph import Graph, current_graph
from gdl.builder.node import Node
from gdl.builder.optimizer import Optimizer
from gdl.builder.runtime import Runtime

__all__ = [
    "Function", "Graph", "Net", "Node", "Optimizer", "Runtime", "constant", "current_graph", "net", "placeholder",
    "variable", "variables",
]  # fmt: skip


def placeholder(name: str, shape: Sequence[Any] = (), dtype: str = "f32") -> Node:
    """As `Graph.placeholder`, in the current graph."""
    return current_graph().placeholder(name, shape, dtype)


def variable(
    name: str, shape: Sequence[Any] = (), initial: Any = 0.0, *, dtype: str = "f32", trainable: bool = True
) -> Node:
    """As `Graph.variable`, in the current graph."""
    return current_graph().variable(name, shape, initial, dtype=dtype, trainable=trainable)


def constant(value: Any, shape: Sequence[int] | None = None, dtype: str | None = None) -> Node:
    """As `Graph.constant`, in the current graph."""
    return current_graph().constant(value, shape, dtype)


def net(name: str, layer: Function) -> Net:
    """As `Graph.net`, in the current graph."""
    return current_graph().net(name, layer)


def variables(*, trainable: bool | None = None) -> list[Node]:
    """As `Graph.variables`, of the current graph."""
    return current_graph().variables(trainable=trainable)


def __getattr__(name: str) -> Function:
    if name.startswith("__"):
        raise AttributeError(name)
    return current_graph().function(name)
