"""What the checker says, as an editor shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gdl.diagnostics import Diagnostic
from gdl.lang.context import is_library
from gdl.source import Source, Span


@dataclass(frozen=True, slots=True)
class Remark:
    """A diagnostic at a place in a file of the user's, with the places beside it that contributed."""

    span: Span
    code: str
    message: str
    is_error: bool
    is_unused: bool = False
    related: tuple[tuple[Span, str], ...] = ()


def remarks(source: Source, diagnostics: Iterable[Diagnostic]) -> list[Remark]:
    """What there is to say of a program and the files that it imports; what has no place is said of its start."""
    return [remark(source, each) for each in diagnostics]


def remark(source: Source, diagnostic: Diagnostic) -> Remark:
    """One diagnostic of a program."""
    own = [label for label in diagnostic.labels if not is_library(label.span)]
    first = own[0] if own else None
    others = [label for label in diagnostic.labels if label is not first]
    related = tuple([(label.span, label.text or diagnostic.message) for label in others])
    span = first.span if first is not None else Span(source, 0, 0)
    message = _message(diagnostic, first.text if first else "")
    return Remark(span, diagnostic.code, message, diagnostic.is_error, diagnostic.code == "W0118", related)


def _message(diagnostic: Diagnostic, label: str) -> str:
    return "\n".join([
        diagnostic.message, *filter(None, [label]), *diagnostic.details, *[f"help: {h}" for h in diagnostic.helps],
        *[f"note: {note}" for note in diagnostic.notes],
    ])  # fmt: skip
