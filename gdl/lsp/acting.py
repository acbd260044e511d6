"""What mends a program: the fixes that diagnostics carry, one at a time or all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gdl.diagnostics import Diagnostic, Edit
from gdl.lang.context import is_library
from gdl.lsp.page import Page


@dataclass(frozen=True, slots=True)
class Fix:
    """A diagnostic with a remedy, and what that does in words."""

    title: str
    diagnostic: Diagnostic
    edits: tuple[Edit, ...]


def fixes(page: Page, start: int, end: int) -> Iterator[Fix]:
    """The fixes for what is wrong in a part of the text."""
    for diagnostic in page.known.diagnostics:
        own = any(label.span.source is page.source and label.span.start <= end and start <= label.span.end
                  for label in diagnostic.labels[:1])  # fmt: skip
        if own and diagnostic.fix and not any(is_library(edit.span) for edit in diagnostic.fix):
            yield Fix(_title(diagnostic), diagnostic, diagnostic.fix)


def _title(diagnostic: Diagnostic) -> str:
    edit = diagnostic.fix[0]
    old, new = (_short(edit.span.text), _short(edit.text))
    told = f"replace `{old}` by `{new}`" if old and new else f"put in `{new}`" if new else f"take out `{old}`"
    return told + (f" and {len(diagnostic.fix) - 1} more" if len(diagnostic.fix) > 1 else "")


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 40 else f"{words[:38]}..."
