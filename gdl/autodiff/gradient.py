"""The gradient, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gdl.autodiff.blame import no_path
from gdl.autodiff.reverse import gradient_or_none
from gdl.diagnostics import Diagnostic
from gdl.errors import ProgramError
from gdl.graph.node import Node
from gdl.source import Span

Missing = Callable[[Node, Node, tuple[Span, ...]], Diagnostic]


def gradient(
    of: Node,
    wrt: Sequence[Node],
    seed: Node | None = None,
    *,
    origin: tuple[Span, ...] = (),
    missing: Missing = no_path,
) -> list[Node]:
    """The gradient of `of`, or its product with the upstream `seed`, with respect to each of `wrt`.

    Errors: as `gradient_or_none`, and E0501 (or what `missing` says) where no path leads from one of `wrt` to `of`.
    """
    found = gradient_or_none(of, wrt, seed, origin=origin)
    lost = dict.fromkeys([x for x, g in zip(wrt, found) if g is None])
    if lost:
        raise ProgramError(*[missing(of, x, origin) for x in lost])
    return [g for g in found if g is not None]
