"""Reverse mode: the gradient of one value with respect to others, as more of the same graph.

The adjoint of a node is the gradient of `of` with respect to it. Walking from `of` to its inputs, an op's rule turns
the adjoint of its result into parts for its inputs; the parts that meet at a node are added up. Rules build graph, so
the gradient of a gradient needs nothing new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from gdl.autodiff.fit import all_equal, fit
from gdl.autodiff.rules import has_rule, is_flat, partials
from gdl.autodiff.scan import scan_partials
from gdl.autodiff.words import name_of, user_span
from gdl.errors import ProgramError, gradients
from gdl.graph.node import LOOP, Node, constant, place, topological
from gdl.ops.table import Zero
from gdl.source import Span


def gradient_or_none(
    of: Node, wrt: Sequence[Node], seed: Node | None = None, *, origin: tuple[Span, ...] = (),
    stopped: Collection[Node] = (),
) -> list[Node | None]:  # fmt: skip
    """The gradient of `of`, or its product with the upstream `seed`, with respect to each of `wrt`. None where it is
    zero because no path leads there: the caller decides what that means.

    No gradient passes through the nodes that are `stopped`; it still arrives at them. `origin` is where it is asked
    for. New nodes lie at the place of the op they differentiate, called from there.
    Errors: E0502 E0503 E0504 E0506.
    """
    _check(of, wrt, seed, origin)
    order = topological([of])
    active = active_nodes(order, set(wrt), stopped)
    if of not in active:
        return [None] * len(wrt)
    known = set(order)
    if seed is None:
        seed = constant(1.0, of.type.dtype, origin=of.origin + origin, scope=of.scope)
    known.update(topological([seed]))
    adjoint = {of: fit(seed, of.type)}
    for node in reversed(order):
        if node in adjoint and node not in stopped and not active.isdisjoint(node.inputs):
            _propagate(node, adjoint, active, known, origin)
    return [adjoint.get(x) for x in wrt]


def _propagate(
    node: Node, adjoint: dict[Node, Node], active: set[Node], known: set[Node], origin: tuple[Span, ...]
) -> None:
    """Add the parts that a node's adjoint gives to the adjoints of its inputs."""
    if not has_rule(node):
        through = next(x for x in node.inputs if x in active)
        raise ProgramError(gradients.no_rule(node.op, name_of(through, origin), *_spans(origin, node)))
    for x, part in zip(node.inputs, parts_of(node, adjoint[node])):
        if x in active and not isinstance(part, Zero):
            part = fit(part, x.type)
            adjoint[x] = part = adjoint[x] + part if x in adjoint else part
            place([part], known, node.origin + origin, node.scope)


def parts_of(node: Node, upstream: Node) -> Sequence[Node | Zero]:
    """The part of the gradient for each input, where the result's is `upstream`."""
    return scan_partials(node, upstream, gradient_or_none) if node.op == LOOP else partials(node, upstream)


def active_nodes(order: Iterable[Node], wrt: set[Node], stopped: Collection[Node]) -> set[Node]:
    """Nodes to which a path that gradients may take leads from `wrt`: through floats only, no flat op, none stopped."""
    active: set[Node] = set()
    for node in order:
        passes = node.type.is_float and not is_flat(node) and node not in stopped
        if node in wrt or (passes and not active.isdisjoint(node.inputs)):
            active.add(node)
    return active


def _check(of: Node, wrt: Sequence[Node], seed: Node | None, origin: tuple[Span, ...]) -> None:
    for x in wrt:
        if not x.type.is_float:
            raise ProgramError(gradients.not_float(name_of(x, origin), str(x.type), *_spans(origin, x)))
    if seed is None and of.type.rank:
        spans = _spans(origin, of)
        raise ProgramError(
            gradients.not_scalar(name_of(of, origin), str(of.type), name_of(wrt[0], origin) if wrt else "x", *spans)
        )
    if seed is not None and (seed.type.dtype != of.type.dtype or not all_equal(seed.type, of.type)):
        at = _spans(origin, seed)[0]
        raise ProgramError(gradients.weight_does_not_fit("vjp", str(seed.type), name_of(of, origin), str(of.type), at))


def _spans(origin: tuple[Span, ...], node: Node) -> tuple[Span | None, Span | None]:
    """Where the gradient is asked for, and where the node is made."""
    return (origin[0] if origin else node.span), user_span(node, origin)
