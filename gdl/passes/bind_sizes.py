"""Symbolic sizes become numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gdl.errors import sizes as errors
from gdl.graph.node import Graph, Node, constant, topological
from gdl.graph.scan import Body
from gdl.graph.substitute import substitute_sizes
from gdl.source import Span
from gdl.types import sizes as sizes_
from gdl.types.match import Guard
from gdl.types.sizes import Poly, Size


def bind_sizes(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """The graph for these sizes: no symbol is left in types and attributes, `size` leaves are constants, guards hold.

    Errors: RunError with E0801 (a guard does not hold), E0802 (a symbol has no value), E0803 (a size below zero).
    """
    for guard, origin in graph.guards:
        _check_guard(guard, origin, sizes)
    values: dict[Poly, int] = {}
    leaves: dict[Node, Node] = {}
    for node in topological(graph.roots):
        for size in sizes_in(node):
            if size not in values:
                values[size] = _value(size, sizes, node.origin)
        if any(isinstance(s, Poly) and values[s] < 0 for s in node.type.shape):
            _refuse_negative(node, values, sizes)
        if node.op == "size":
            leaves[node] = _as_constant(node, values)
    return replace(substitute_sizes(graph, sizes, leaves), guards=())


def _as_constant(node: Node, values: Mapping[Poly, int]) -> Node:
    size = node.attrs["size"]
    number = size if isinstance(size, int) else values[size]
    value = float(number) if node.type.is_float else number
    return constant(value, node.type.dtype, origin=node.origin, scope=node.scope, name=node.name)


def _check_guard(guard: Guard, origin: tuple[Span, ...], sizes: Mapping[str, int]) -> None:
    left, right = guard.left, guard.right
    a, b = [_value(s.size, sizes, (s.origin,) if s.origin is not None else origin) for s in (left, right)]
    if a != b:
        bounds = errors.Bound(str(left.size), a, left.origin), errors.Bound(str(right.size), b, right.origin)
        raise errors.sizes_differ(*bounds, origin)


def _value(size: Size, sizes: Mapping[str, int], origin: Sequence[Span]) -> int:
    try:
        value = sizes_.substitute(size, sizes)
    except ZeroDivisionError:
        raise errors.size_impossible(f"`{size}`", "a division by zero", _where(size, sizes), origin) from None
    if isinstance(value, int):
        return value
    known = [f"{k} = {v}" for k, v in sizes.items()]
    raise errors.size_unknown(f"`{size}`", sorted(sizes_.symbols(value)), known, origin)


def _refuse_negative(node: Node, values: Mapping[Poly, int], sizes: Mapping[str, int]) -> None:
    size = next(s for s in node.type.shape if isinstance(s, Poly) and values[s] < 0)
    raise errors.size_impossible(f"`{size}`", str(values[size]), _where(size, sizes), node.origin)


def _where(size: Size, sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {sizes[name]}" for name in sorted(sizes_.symbols(size)) if name in sizes)


def sizes_in(node: Node) -> Iterator[Poly]:
    """Every symbolic size in a node's type and attributes."""
    yield from _polys(node.type.shape)
    yield from _polys(node.attrs.values())


def _polys(values: Iterable[Any]) -> Iterator[Poly]:
    for value in values:
        if isinstance(value, Poly):
            yield value
        elif isinstance(value, tuple):
            yield from _polys(value)
        elif isinstance(value, Body):
            for node in topological(value.roots):
                yield from sizes_in(node)
