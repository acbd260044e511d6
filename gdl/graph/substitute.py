"""Sizes replaced throughout a graph: symbols become other sizes, or integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gdl.graph.node import Graph, Node, rewrite_in_order, topological
from gdl.graph.scan import Body, rebuild
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.sizes import Poly, Size
from gdl.types.tensor import Dim, TensorType, bind_type


def substitute_sizes(
    graph: Graph, values: Mapping[str, Size], leaves: Mapping[Node, Node] | None = None, order: Iterable[Node] = ()
) -> Graph:
    """The graph with symbols replaced in types and attributes; `leaves` are replaced as they are, untouched within.
    `order` are its nodes in order, where that is known."""
    leaves = leaves or {}
    values = {name: size for name, size in values.items() if sizes.is_symbol(size) != name}
    types: dict[int, TensorType] = {}  # many nodes share a type: by its identity, which costs less than its hash

    def change(node: Node) -> Node:
        if node in leaves:
            return leaves[node]
        if not values:
            return node
        type = types.get(id(node.type))
        if type is None:
            type = types[id(node.type)] = _type(node.type, values)
        attrs = substitute_attrs(node.attrs, values) if node.attrs else node.attrs
        if type is node.type and attrs is node.attrs:
            return node
        return Node(node.op, node.inputs, attrs, type, node.origin, node.scope, node.name)

    new = rewrite_in_order(order or topological(graph.roots), change)
    guards = tuple([(Guard(_dim(g.left, values), _dim(g.right, values)), origin) for g, origin in graph.guards])
    return Graph(tuple([new[n] for n in graph.outputs]), tuple([(v, new[n]) for v, n in graph.updates]), guards)


def substitute_attrs(attrs: Mapping[str, Any], values: Mapping[str, Size]) -> Mapping[str, Any]:
    """Attributes with symbols replaced; the very same mapping where none occurs."""
    if not any(_has_symbol(v) for v in attrs.values()):
        return attrs
    return {k: _value(v, values) for k, v in attrs.items()}


def _has_symbol(value: Any) -> bool:
    return isinstance(value, (Poly, Body)) or (isinstance(value, tuple) and any(map(_has_symbol, value)))


def _value(value: Any, values: Mapping[str, Size]) -> Any:
    if isinstance(value, Poly):
        return sizes.substitute(value, values)
    if isinstance(value, tuple):
        return tuple([_value(v, values) for v in value])
    if isinstance(value, Body):
        return rebuild(value, substitute_sizes(Graph(value.roots), values).outputs)
    return value


def _type(type: TensorType, values: Mapping[str, Size]) -> TensorType:
    return bind_type(type, values) if any(isinstance(d.size, Poly) for d in type.dims) else type


def _dim(dim: Dim, values: Mapping[str, Size]) -> Dim:
    return Dim(sizes.substitute(dim.size, values), dim.label, dim.origin)
