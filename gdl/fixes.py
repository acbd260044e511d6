"""The edits that diagnostics carry, put into the text."""

from __future__ import annotations

from collections.abc import Iterable

from gdl.diagnostics import Diagnostic, Edit
from gdl.record import Record, record
from gdl.source import Source


@record
class Fixed(Record):
    """A text after its fixes, and the diagnostics whose edits were made, in their order."""

    text: str
    diagnostics: tuple[Diagnostic, ...]


def fixed(source: Source, diagnostics: Iterable[Diagnostic]) -> Fixed:
    """The text with all fixes that lie in it and do not touch each other: of two that do, the first is made.

    A fix is made as a whole or not at all. Where two ask for the very same edit (an import that both lack), it is made
    once and serves both.
    """
    edits: list[Edit] = []
    served: list[Diagnostic] = []
    for diagnostic in diagnostics:
        wanted = [edit for edit in dict.fromkeys(diagnostic.fix) if edit not in edits]
        if not diagnostic.fix or any(edit.span.source is not source for edit in diagnostic.fix):
            continue
        if not any(_touch(a, b) for a in wanted for b in (*edits, *(w for w in wanted if w is not a))):
            edits += wanted
            served.append(diagnostic)
    return Fixed(applied(source.text, edits), tuple(served))


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with edits that do not touch each other."""
    for edit in sorted(edits, key=lambda e: e.span.start, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def _touch(a: Edit, b: Edit) -> bool:
    """Whether two edits overlap, or put text at the same place."""
    first, second = sorted((a.span, b.span), key=lambda span: (span.start, span.end))
    return first.end > second.start or first.start == second.start
