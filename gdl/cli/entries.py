"""Entries of the reference as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from textwrap import wrap

from gdl.columns import cells, clip, shown
from gdl.session.reference import SECTIONS, Entry

Style = Callable[[str], str]
_INDENT = "  "


def draw_entry(entry: Entry, width: int, bold: Style = str, dim: Style = str) -> str:
    """All that is known of a name."""
    lines = [f"{bold(entry.signature)}    {dim(entry.kind)}"]
    for paragraph in entry.text:
        lines += wrap(paragraph, width, initial_indent=_INDENT, subsequent_indent=_INDENT)
    facts = [("Import", f"from {entry.imported} import {entry.name}")] if entry.imported else []
    for word, text in [*facts, *entry.facts]:
        first, *rest = wrap(f"{word}: {text}", width, initial_indent=_INDENT, subsequent_indent=_INDENT * 2)
        lines += [first.replace(f"{word}:", dim(f"{word}:"), 1), *rest]
    lines += [f"{_INDENT}{dim('Example:')} {example}" for example in entry.examples]  # as it is: it can be copied
    return "\n".join(lines)


def draw_index(entries: Iterable[Entry], width: int, bold: Style = str) -> str:
    """A line for each name, under its section."""
    parts = []
    for (section, group), members in groupby(entries, lambda entry: (entry.section, entry.group)):
        head = f"{SECTIONS[section]} ({section})" if section in SECTIONS else shown(section)
        parts.append("\n".join([bold(f"{head}: {group}" if group else head), *_lines(list(members), width)]))
    return "\n\n".join(parts)


def _lines(entries: list[Entry], width: int) -> Iterable[str]:
    longest = max(cells(entry.name) for entry in entries)
    for entry in entries:
        line = f"{_INDENT}{entry.name:<{longest}}  {entry.summary}".rstrip()
        _, end = clip(line, [(0, 0)], width)
        yield line if end == len(line) else line[:end].rstrip() + " ..."
