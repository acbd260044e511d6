"""The definitions of a library file, found without parsing it and parsed one by one when they are named."""

from __future__ import annotations

import re

from gdl.diagnostics import Diagnostic
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.parser import parse_items

# What stands at the left margin begins an item; everything else is inside one, or a comment above one.
_MARGIN = re.compile(r"^(?:(def|layer|optimizer)[ \t]+([A-Za-z_][A-Za-z_0-9]*)|[A-Za-z_])", re.MULTILINE)


def index(source: Source) -> dict[str, tuple[str, Span]]:
    """Name -> (`def`, `layer` or `optimizer`; where it stands, doc comment included) for every definition of a file.

    Items must begin at the left margin and their bodies be indented, as `gdl fmt` writes them.
    """
    text = source.text
    starts = list(_MARGIN.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    return {
        match[2]: (match[1], Span(source, _with_doc(text, match.start()), _without_doc(text, match.start(), end)))
        for match, end in zip(starts, ends, strict=True)
        if match[2]
    }


def parse_item(source: Source, span: Span) -> tuple[ast.Item | None, list[Diagnostic]]:
    """The item that stands in `span`, with spans into the whole source; None where it does not parse."""
    items, diagnostics = parse_items(source, span.start, span.end)
    return (items[0] if items else None), diagnostics


def _with_doc(text: str, start: int) -> int:
    """The beginning of the `##` lines right above `start`."""
    while start:
        line = text.rfind("\n", 0, start - 1) + 1
        if not text.startswith("##", line):
            return start
        start = line
    return start


def _without_doc(text: str, start: int, end: int) -> int:
    """The end of an item, without the comments that follow it at the left margin."""
    lines = text[start:end].rstrip().split("\n")
    while lines[-1].startswith("#") or not lines[-1].strip():
        lines.pop()
    return start + len("\n".join(lines))
