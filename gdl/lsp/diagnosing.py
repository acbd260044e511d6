"""What the checker says, as an editor shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def remarks(source: Source, diagnostics: Iterable[Diagnostic]) -> Iterator[Remark]:
    """What there is to say of a program and the files that it imports; what has no place is said of its start."""
    for each in diagnostics:
        own = [label for label in each.labels if not is_library(label.span)]
        first = own[0] if own else None
        related = tuple([(label.span, label.text or each.message) for label in each.labels if label is not first])
        span = first.span if first is not None else Span(source, 0, 0)
        message = _message(each, first.text if first else "")
        yield Remark(span, each.code, message, each.is_error, each.code == "W0118", related)


def _message(diagnostic: Diagnostic, label: str) -> str:
    return "\n".join([
        diagnostic.message, *filter(None, [label]), *diagnostic.details, *[f"help: {h}" for h in diagnostic.helps],
        *[f"note: {note}" for note in diagnostic.notes],
    ])  # fmt: skip
