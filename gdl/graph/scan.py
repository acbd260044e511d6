"""The `scan` node: a body run once for each position along the first axis of its sequences, carrying values along.

Inputs: the sequences (each [length, ...]), then the first value of each carry, then what the body captures from
outside. The body's results are, in this order: the next value of each carry, what each step yields, and terms that are
summed over all steps. All results have one dtype.

The value of the node is one flat tensor: a row for each position, holding the carries after that step and then its
yields, each flattened; behind the rows, the sums. `carries_of`, `yields_of` and `sums_of` cut it into its parts by
ordinary ops. So a scan is a node like any other, and its gradient is another scan (`gdl.autodiff.scan`). With `reverse`
the last position comes first; rows keep their position.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdl.graph.node import LOOP, Node, place, topological
from gdl.record import Entity, record
from gdl.source import Span
from gdl.types import sizes
from gdl.types.sizes import Size
from gdl.types.tensor import Dim, TensorType, tensor


@record
class Body(Entity):
    """The graph of one step. `params` are inputs, one per sequence (without its first axis), carry and capture."""

    sequences: tuple[Node, ...]
    carries: tuple[Node, ...]
    captured: tuple[Node, ...]
    nexts: tuple[Node, ...]
    yields: tuple[Node, ...]
    sums: tuple[Node, ...] = ()

    @property
    def params(self) -> tuple[Node, ...]:
        return self.sequences + self.carries + self.captured

    @property
    def results(self) -> tuple[Node, ...]:
        return self.nexts + self.yields + self.sums

    @property
    def roots(self) -> tuple[Node, ...]:
        """Everything to rewrite where the body is rewritten."""
        return self.results + self.params

    @property
    def row(self) -> tuple[Node, ...]:
        """What a row of the value holds."""
        return self.nexts + self.yields


def rebuild(body: Body, roots: Sequence[Node]) -> Body:
    """The body with its `roots` replaced, in their order."""
    parts, at = [], 0
    for group in (body.nexts, body.yields, body.sums, body.sequences, body.carries, body.captured):
        parts.append(tuple(roots[at : at + len(group)]))
        at += len(group)
    nexts, yields, sums, sequences, carries, captured = parts
    return Body(sequences, carries, captured, nexts, yields, sums)


def width(nodes: Sequence[Node]) -> Size:
    """The number of elements of all these together."""
    total: Size = 0
    for node in nodes:
        total = total + sizes.product(node.type.shape)
    return total


def parameter(name: str, type: TensorType, origin: tuple[Span, ...] = ()) -> Node:
    """A leaf that stands for an input of a body."""
    return Node("input", (), {"name": name}, type, origin, "", name)


def make_scan(
    body: Body, sequences: Sequence[Node], carries: Sequence[Node], captured: Sequence[Node], *, length: Size,
    reverse: bool = False, origin: tuple[Span, ...] = (), scope: str = "",
) -> Node:  # fmt: skip
    """The node of a scan."""
    total = length * width(body.row) + width(body.sums)
    attrs: dict[str, Any] = {"body": body, "length": length, "reverse": reverse}
    type = tensor(body.results[0].type.dtype, total)
    return Node(LOOP, (*sequences, *carries, *captured), attrs, type, origin, scope)


def carries_of(scan: Node) -> list[Node]:
    """Each carry after every step: [length, ...]."""
    body: Body = scan.attrs["body"]
    return _columns(scan, body.nexts, 0)


def yields_of(scan: Node) -> list[Node]:
    """What each step yielded: [length, ...]."""
    body: Body = scan.attrs["body"]
    return _columns(scan, body.yields, width(body.nexts))


def sums_of(scan: Node) -> list[Node]:
    """The sums over all steps."""
    body: Body = scan.attrs["body"]
    at = scan.attrs["length"] * width(body.row)
    found = []
    for node in body.sums:
        end = at + sizes.product(node.type.shape)
        part = Node.build("slice", (scan,), {"index": (("slice", at, end, None),)})
        found.append(Node.build("reshape", (part,), {"shape": node.type.shape}))
        at = end
    place(found, {scan}, scan.origin, scan.scope)
    return found


def _columns(scan: Node, nodes: Sequence[Node], at: Size) -> list[Node]:
    if not nodes:
        return []
    length, across = scan.attrs["length"], width(scan.attrs["body"].row)
    rows = Node.build("slice", (scan,), {"index": (("slice", 0, length * across, None),)})
    rows = Node.build("reshape", (rows,), {"shape": (length, across)})
    found = []
    for node in nodes:
        end = at + sizes.product(node.type.shape)
        part = Node.build("slice", (rows,), {"index": (("slice", None, None, None), ("slice", at, end, None))})
        found.append(Node.build("reshape", (part,), {"shape": (length, *node.type.shape)}))
        at = end
    place(found, {scan}, scan.origin, scan.scope)
    return found


def inner_type(type: TensorType) -> TensorType:
    """A sequence's type at one position."""
    return TensorType(type.dtype, type.dims[1:], type.origin)


def outer_type(type: TensorType, length: Dim) -> TensorType:
    """The type of a value stacked along the scanned axis."""
    return TensorType(type.dtype, (length, *type.dims), type.origin)


def captures(results: Sequence[Node], params: Sequence[Node]) -> list[Node]:
    """Nodes from outside that a body uses: what does not depend on its parameters but is used by what does, or is a
    result. Constants are not captured; they are part of the body."""
    inside = set(params)
    found: dict[Node, None] = {}
    for node in topological(results):
        if not inside.isdisjoint(node.inputs):
            inside.add(node)
            found.update(dict.fromkeys([i for i in node.inputs if i not in inside]))
    found.update(dict.fromkeys([r for r in results if r not in inside]))
    return [n for n in found if n not in inside and n.op not in ("constant", "size")]
