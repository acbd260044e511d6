"""Whose place a mistake is told at: where it arose in the library, the user's own call is to blame."""

from __future__ import annotations

from collections.abc import Sequence

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import RunError
from gdl.source import Span


def inside_library(span: Span) -> str:
    """The note that shows where in the library something arose."""
    return f"this arises inside the library: {span!r}: {span.source.line(span.line).strip()}"


def own_places(origin: Sequence[Span]) -> tuple[list[Span], tuple[str, ...]]:
    """The user's places of an origin, innermost first (all, where none is the user's), and a note on what they hide."""
    own = [span for span in origin if not span.source.is_library]
    if not own or own[0] is origin[0]:
        return own or list(origin), ()
    return own, (inside_library(origin[0]),)


def told(
    code: str, message: str, origin: Sequence[Span], help: str, text: str = "", notes: tuple[str, ...] = ()
) -> RunError:
    """At the place itself, then at the calls that led there; what is the library's is a note."""
    own, inside = own_places(origin)
    labels = tuple([Label(span, text if i == 0 else "called here") for i, span in enumerate(own)])
    return RunError(Diagnostic(code, message, labels, (help,), notes + inside))
