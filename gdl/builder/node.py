"""Nodes as Python sees them: operators build more of the same graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gdl.graph import node as ir
from gdl.types.sizes import Poly, Size

if TYPE_CHECKING:
    from gdl.builder.graph import Graph

_LONGEST = 40
#: What may stand beside a node in an operation.
OPERANDS = (int, float, bool, np.number, np.bool_, np.ndarray, list, tuple, Poly)


def _binary(op: str) -> tuple[Callable[[Node, Any], Node], Callable[[Node, Any], Node]]:
    """An operator and its reflection, for a node on the right of a number or an array."""

    def operate(self: Node, other: Any) -> Node:
        return self.graph.operate(op, self, other) if isinstance(other, (Node, *OPERANDS)) else NotImplemented

    def reflected(self: Node, other: Any) -> Node:
        return self.graph.operate(op, other, self) if isinstance(other, (Node, *OPERANDS)) else NotImplemented

    return operate, reflected


def shown(node: ir.Node) -> str:
    """What a node is called."""
    text = "" if node.name or not node.origin else " ".join(node.origin[-1].text.split())
    return node.name or (text if 0 < len(text) <= _LONGEST else node.op)


class Node:
    """One value of a graph, not computed yet. Equal and unequal are operations like any other; `is` compares nodes."""

    __slots__ = ("graph", "ir", "__weakref__")
    __array_ufunc__ = None  # so that NumPy leaves `array + node` to the node
    __hash__ = object.__hash__
    __iter__ = None
    __contains__ = None

    def __init__(self, graph: Graph, node: ir.Node):
        self.graph, self.ir = graph, node

    @property
    def name(self) -> str:
        """A leaf's name, else what the Python code says that makes it where that is short, else the name of the op."""
        return shown(self.ir)

    @property
    def shape(self) -> tuple[Size, ...]:
        """Sizes: integers, or expressions of symbols where they are known only when something is fed."""
        return self.ir.type.shape

    @property
    def dtype(self) -> str:
        return self.ir.type.dtype

    def __repr__(self) -> str:
        return f"<{self.name}: {self.ir.type}>"

    __add__, __radd__ = _binary("+")
    __sub__, __rsub__ = _binary("-")
    __mul__, __rmul__ = _binary("*")
    __truediv__, __rtruediv__ = _binary("/")
    __floordiv__, __rfloordiv__ = _binary("//")
    __mod__, __rmod__ = _binary("%")
    __matmul__, __rmatmul__ = _binary("@")
    __pow__, __rpow__ = _binary("**")
    __and__, __rand__ = _binary("and")
    __or__, __ror__ = _binary("or")
    __lt__, __gt__ = _binary("<")[0], _binary(">")[0]
    __le__, __ge__ = _binary("<=")[0], _binary(">=")[0]
    __eq__, __ne__ = _binary("==")[0], _binary("!=")[0]  # type: ignore[assignment]

    def __neg__(self) -> Node:
        return self.graph.call("negative", (self,))

    def __pos__(self) -> Node:
        return self

    def __abs__(self) -> Node:
        return self.graph.call("abs", (self,))

    def __invert__(self) -> Node:
        return self.graph.call("logical_not", (self,))

    def __getitem__(self, index: Any) -> Node:
        return self.graph.index(self, index)

    def __bool__(self) -> bool:
        raise self.graph.no_truth_value(self)
