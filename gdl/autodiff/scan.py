"""The gradient of a scan: another scan, that runs the other way over what the first one kept.

With h' = next(x, h, c), y = yield(x, h, c), s = sum of term(x, h, c), and upstream gradients gh', gy and gs of the rows
and sums, each step of the new scan differentiates

    <h', gh' + dh'> + <y, gy> + <term, gs>

at x (yielded), h (carried on as dh' of the step before) and c (summed). Reference: Werbos, 1990, "Backpropagation
through time", equations 12 to 15.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gdl.graph.node import Node, rewrite
from gdl.graph.scan import Body, carries_of, inner_type, make_scan, parameter, sums_of, yields_of
from gdl.ops.table import TABLE, Zero
from gdl.types.sizes import Size

#: The gradient of a scalar at several nodes, None where it is zero: `gdl.autodiff.reverse.gradient_or_none`.
Differentiate = Callable[[Node, Sequence[Node]], list["Node | None"]]


@dataclass(slots=True)
class _Upstream:
    """The gradient of the flat value, in the form of its parts."""

    nexts: list[Node]
    yields: list[Node]
    sums: list[Node]


def scan_partials(scan: Node, upstream: Node, differentiate: Differentiate) -> Sequence[Node | Zero]:
    """The gradient at every input: sequences, first carries, captured. `differentiate` does it for one step."""
    body: Body = scan.attrs["body"]
    length: Size = scan.attrs["length"]
    if length == 0:
        return [Zero("it runs over an empty axis")] * len(scan.inputs)
    sequences = scan.inputs[: len(body.sequences)]
    carries = scan.inputs[len(sequences) : len(sequences) + len(body.carries)]
    captured = scan.inputs[len(sequences) + len(carries) :]
    parts = _upstream(scan, body, upstream)
    before = _before(scan, body, carries)
    back, moving = _backward_body(body, parts, differentiate)
    zeros = [_zeros(n) for n in body.nexts]
    reverse = make_scan(
        back, [*sequences, *before, *parts.nexts, *parts.yields], zeros, [*captured, *parts.sums], length=length,
        reverse=not scan.attrs["reverse"], origin=scan.origin, scope=scan.scope,
    )  # fmt: skip
    yields, sums = iter(yields_of(reverse)), iter(sums_of(reverse))
    first = _first_rows(reverse, scan.attrs["reverse"])
    found: list[Node | Zero] = []
    for kind, params in (("x", body.sequences), ("h", body.carries), ("c", body.captured)):
        for i, param in enumerate(params):
            if param not in moving:
                found.append(Zero("no gradient passes through the scan's body to it"))
            elif kind == "h":
                found.append(first[i])
            else:
                found.append(next(yields) if kind == "x" else next(sums))
    return found


def _upstream(scan: Node, body: Body, upstream: Node) -> _Upstream:
    """Stands the gradient in for the value, so that it is cut in the same way."""
    image = Node(scan.op, scan.inputs, scan.attrs, scan.type)
    cut = [*carries_of(image), *yields_of(image), *sums_of(image)]
    new = _replaced(cut, {image: upstream})
    n, m = len(body.nexts), len(body.nexts) + len(body.yields)
    return _Upstream(new[:n], new[n:m], new[m:])


def _replaced(roots: Sequence[Node], values: dict[Node, Node]) -> list[Node]:
    new = rewrite(roots, lambda node: values.get(node, node))
    return [new[r] for r in roots]


def _before(scan: Node, body: Body, carries: Sequence[Node]) -> list[Node]:
    """Each carry before every step: the first value, then those after all steps but the last."""
    found = []
    for first, after in zip(carries, carries_of(scan)):
        head = Node.build("reshape", (first,), {"shape": (1, *first.type.shape)})
        kept = ("slice", 1, None, None) if scan.attrs["reverse"] else ("slice", None, -1, None)
        rest = Node.build("slice", (after,), {"index": (kept,)})
        pair = (rest, head) if scan.attrs["reverse"] else (head, rest)
        found.append(Node.build("concat", pair, {"axis": 0}))
    return found


def _first_rows(reverse: Node, forward_was_reversed: bool) -> list[Node]:
    """The gradients carried out of the scan's first step."""
    at = -1 if forward_was_reversed else 0
    return [Node.build("slice", (after,), {"index": (at,)}) for after in carries_of(reverse)]


def _backward_body(body: Body, parts: _Upstream, differentiate: Differentiate) -> tuple[Body, set[Node]]:
    """One step of the new scan, and the parameters that the results depend on."""
    next_seeds = [parameter(f"gn{i}", inner_type(g.type)) for i, g in enumerate(parts.nexts)]
    yield_seeds = [parameter(f"gy{i}", inner_type(g.type)) for i, g in enumerate(parts.yields)]
    sum_seeds = [parameter(f"gs{i}", g.type) for i, g in enumerate(parts.sums)]
    carried = [parameter(f"dh{i}", n.type) for i, n in enumerate(body.nexts)]
    seeds = [g + d for g, d in zip(next_seeds, carried)] + yield_seeds + sum_seeds
    total: Node | None = None
    for result, seed in zip(body.results, seeds):
        product = TABLE["sum"](result * seed)
        total = product if total is None else total + product
    assert total is not None
    wanted = [p for p in body.params if p.type.is_float]
    found = dict(zip(wanted, differentiate(total, wanted)))
    moving = {p for p, g in found.items() if g is not None}
    nexts = [found.get(p) or _zeros(p) for p in body.carries]
    yields = [found[p] for p in body.sequences if p in moving]
    sums = [found[p] for p in body.captured if p in moving]
    back = Body(
        (*body.sequences, *body.carries, *next_seeds, *yield_seeds), tuple(carried), (*body.captured, *sum_seeds),
        tuple(nexts), tuple(yields), tuple(sums),  # type: ignore[arg-type]
    )  # fmt: skip
    return _renamed(back), moving


def _renamed(body: Body) -> Body:
    """Parameters under names of their own: a body's leaves are told apart by name where it runs."""
    params = {p: parameter(f"p{i}", p.type, p.origin) for i, p in enumerate(body.params)}
    new = rewrite(body.roots, lambda node: params.get(node, node))
    pick = lambda nodes: tuple([new[n] for n in nodes])  # noqa: E731
    return Body(
        pick(body.sequences),
        pick(body.carries),
        pick(body.captured),
        pick(body.nexts),
        pick(body.yields),
        pick(body.sums),
    )


def _zeros(like: Node) -> Node:
    return Node.build("full", (), {"shape": like.type.shape, "value": 0.0, "dtype": like.type.dtype})
