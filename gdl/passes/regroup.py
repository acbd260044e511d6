"""Sums over the rows of a matrix product that can be had without the product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from gdl.graph.node import Graph, Node, readers_of, rewrite_beside
from gdl.ops.table import apply
from gdl.passes.rules.rule import either_way
from gdl.passes.simplify import simpler
from gdl.types.match import normal_axes

Readers = Mapping[Node, Sequence["Node | None"]]
#: With fewer rows, a product costs no more than what takes its place.
LEAST_ROWS = 16


def regroup(graph: Graph) -> Graph:
    """The graph without products of which only sums over rows are needed: to rounding, of finite numbers.

        sum_t (g w)[t, d]           =  (sum_t g[t]) w
        sum_t (g w)[t, d] h[t, d]   =  sum_j m[d, j] w[j, d]           with m = h' g
        (h s + b)' g                =  s m + b (sum_t g[t])

    That is what becomes of a normalisation's scale and shift where nothing before it is trained: their gradients are
    sums of what the gradient of the weights behind it is made of, and nothing else needs the gradient of what goes in.
    """
    found = _found(readers_of(graph))
    made: dict[object, Node] = {}

    def change(old: Node, node: Node, new: Mapping[Node, Node]) -> Node:
        return _Maker(old, new, made).instead(found[old]) if old in found else node

    return rewrite_beside(graph, change) if found else graph


class _Rows(NamedTuple):
    """sum_t g[t] w."""

    g: Node
    w: Node


class _Weighted(NamedTuple):
    """sum_t (g w)[t] h[t]."""

    g: Node
    w: Node
    h: Node


class _Affine(NamedTuple):
    """(h * scale + shift)' g; None: there is none. `own` are the rows of g that the product itself reads."""

    g: Node
    own: Node
    h: Node
    scale: Node | None
    shift: Node | None


_Form = _Rows | _Weighted | _Affine


def _found(readers: Readers) -> dict[Node, _Form]:
    """What can be had otherwise."""
    gathered: dict[object, list[tuple[Node, Node]]] = {}  # g -> x, and x' g
    for node in readers:
        if node.op == "matmul" and node.type.rank == 2 and _is_turned(node.inputs[0]):
            gathered.setdefault(_rows(node.inputs[1]), []).append((node.inputs[0].inputs[0], node))
    found: dict[Node, _Form] = {}
    for node in readers:
        if node.op == "matmul" and node.type.is_float and _is_of_many_rows(node):
            found.update(_without(node, readers, gathered) or {})
    return found


def _without(
    product: Node, readers: Readers, gathered: Mapping[object, list[tuple[Node, Node]]]
) -> dict[Node, _Form] | None:
    """How its readers do without the product; None where one of them can't."""
    g, w = product.inputs
    forms: dict[Node, _Form] = {}
    for reader in readers[product]:
        if reader is None:
            return None
        if _sums_rows(reader):
            forms[reader] = _Rows(g, w)
            continue
        if reader.op != "multiply" or reader.type.shape != product.type.shape:
            return None
        h = next((y for x, y in either_way(reader.inputs) if x is product), product)
        sums, others = readers[reader], gathered.get(_rows(g), ())
        affine = next(((n, a) for x, n in others if (a := _affine(x, h, g, n.inputs[1])) and n not in forms), None)
        if h.type.shape != product.type.shape or not all(map(_sums_rows, sums)) or affine is None:
            return None
        forms |= {each: _Weighted(g, w, h) for each in sums if each} | dict([affine])
    return forms


def _is_of_many_rows(product: Node) -> bool:
    x, y = product.inputs
    sizes = (*x.type.shape, *y.type.shape)
    if x.type.rank < 2 or y.type.rank != 2 or not all(isinstance(size, int) for size in sizes):
        return False
    return prod(x.type.shape[:-1]) >= LEAST_ROWS  # type: ignore[arg-type]


def _sums_rows(node: Node | None) -> bool:
    """Whether it is a sum over all axes but the last."""
    if node is None or node.op != "sum" or node.attrs["keepdims"]:
        return False
    rank = node.inputs[0].type.rank
    return normal_axes(node.attrs["axis"], rank) == tuple(range(rank - 1))


def _is_turned(x: Node) -> bool:
    return x.op == "transpose" and x.type.rank == 2 and x.attrs["axes"] in (None, (1, 0))


def _rows(x: Node) -> tuple[Node, object]:
    """What two nodes have in common that are the same rows, whatever their leading axes."""
    size = x.type.shape[-1] if x.type.rank else None
    while x.op == "reshape":
        x = x.inputs[0]
    return x, size


def _affine(x: Node, h: Node, g: Node, own: Node) -> _Affine | None:
    """x as h * scale + shift, both the same for all rows."""
    scale = shift = None
    while x.op == "reshape" and x.type.shape[-1:] == x.inputs[0].type.shape[-1:]:
        x = x.inputs[0]
    if x is not h and x.op == "add":
        x, shift = next((pair for pair in either_way(x.inputs) if _is_one_row(pair[1], h)), (x, None))
    if x is not h and x.op == "multiply":
        x, scale = next((pair for pair in either_way(x.inputs) if _is_one_row(pair[1], h)), (x, None))
    return _Affine(g, own, h, scale, shift) if x is h else None


def _is_one_row(vector: Node, h: Node) -> bool:
    shape = vector.type.shape
    return shape[-1:] == h.type.shape[-1:] and all(size == 1 for size in shape[:-1]) and vector.type.rank <= h.type.rank


class _Maker(NamedTuple):
    """Makes nodes in the place of an old one. `made` holds the products h' g, by h and g."""

    old: Node
    new: Mapping[Node, Node]
    made: dict[object, Node]

    def instead(self, form: _Form) -> Node:
        make, new = self.make, self.new
        source = form.own if isinstance(form, _Affine) and form.g not in new else form.g  # g may come later
        g = new[source]
        row = make("sum", (g,), axis=tuple(range(g.type.rank - 1)), keepdims=False)
        if isinstance(form, _Rows):
            return make("matmul", (row, new[form.w]))
        m = self.gathered(form.h, source)
        if isinstance(form, _Weighted):
            weights = make("transpose", (new[form.w],), axes=(1, 0))
            return make("sum", (make("multiply", (m, weights)),), axis=(1,), keepdims=False)
        column = (m.type.shape[0], 1)
        if form.scale is not None:
            m = make("multiply", (m, make("reshape", (new[form.scale],), shape=column)))
        if form.shift is not None:
            m = make("add", (m, make("multiply", (make("reshape", (new[form.shift],), shape=column), row))))
        return m

    def gathered(self, h: Node, g: Node) -> Node:
        key = h, _rows(g)
        if key not in self.made:
            turned = self.make("transpose", (self.rows(self.new[h]),), axes=(1, 0))
            self.made[key] = self.make("matmul", (turned, self.rows(self.new[g])))
        return self.made[key]

    def rows(self, x: Node) -> Node:
        return self.make("reshape", (x,), shape=(prod(x.type.shape[:-1]), x.type.shape[-1]))  # type: ignore[arg-type]

    def make(self, op: str, inputs: Sequence[Node], **attrs: Any) -> Node:
        return simpler(apply(op, inputs, attrs, origin=self.old.origin, scope=self.old.scope))
