"""Sums of products that have a factor in common: x * y + x * z = x * (y + z)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any, NamedTuple

from gdl.graph.node import Graph, Node, readers_of, rewrite_beside
from gdl.ops.table import apply
from gdl.passes.rules.rule import in_shape_of, scalar, splat
from gdl.passes.simplify import simpler

#: The numbers in a product become one if that is neither tiny nor huge: else a product might overflow on the way to it.
TINY, HUGE = 1e-9, 1e9


def factor(graph: Graph) -> Graph:
    """The graph with common factors taken out of sums and differences of two products: to rounding, where no sum
    overflows.

    What the gradient of a product leaves behind, as that of gelu(x) = x * cdf(x), is one multiplication by the upstream
    gradient then, and what is multiplied can be computed on the way forward, in one array instead of three that wait.
    Products are taken apart only where nothing else reads them: there is never more to compute.
    """
    uses = Counter({node: len(readers) for node, readers in readers_of(graph).items()})

    def change(old: Node, node: Node, _: object) -> Node:
        if node.op in ("add", "subtract") and node.type.is_float:
            node = _factored(node, uses)
        uses[node] = max(uses[node], uses[old])
        return node

    return rewrite_beside(graph, change)


class _Product(NamedTuple):
    """A number times nodes."""

    number: float
    factors: list[Node]


def _factored(total: Node, uses: Mapping[Node, int]) -> Node:
    """The sum with its common factors before it; itself where there are none."""
    left, right = [_product(term, total, uses) for term in total.inputs]
    shared = Counter(left.factors) & Counter(right.factors)
    common = [f for f in shared.elements() if f.type.shape == total.type.shape]
    if not common or any(not TINY < abs(term.number) < HUGE for term in (left, right)):
        return total

    def make(op: str, inputs: Sequence[Node], **attrs: Any) -> Node:
        return simpler(apply(op, inputs, attrs, origin=total.origin, scope=total.scope))

    def multiplied(number: float, factors: Sequence[Node]) -> Node:
        """The small factors first, and the number with the smallest."""
        ordered = sorted(factors, key=lambda f: prod(f.type.shape) if _is_bound(f) else 0)
        if number != 1 or not ordered:
            ordered.insert(0, scalar(number, total))
        return reduce(lambda x, y: make("multiply", (x, y)), ordered)

    inside = [multiplied(t.number, list((Counter(t.factors) - Counter(common)).elements())) for t in (left, right)]
    return in_shape_of(total, make("multiply", (make(total.op, inside), multiplied(1.0, common))), make)


def _product(term: Node, total: Node, uses: Mapping[Node, int]) -> _Product:
    """What the term of a sum is made of, down to what others read too, or what is smaller."""
    number, factors, left = 1.0, [], [term]
    while left:
        node = left.pop()
        value = splat(node)
        if value is not None:
            number *= value
        elif node.op not in ("multiply", "negative") or node.type.shape != total.type.shape or uses[node] > 1:
            factors.append(node)
        else:
            number *= -1 if node.op == "negative" else 1
            left += node.inputs
    return _Product(number, factors)


def _is_bound(node: Node) -> bool:
    return all(isinstance(size, int) for size in node.type.shape)
