"""Imports in a program's text: where one that is missing belongs, and what nothing uses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from gdl.diagnostics import Diagnostic, Edit
from gdl.errors import names as errors
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.docs import parts_of

_IMPORT = re.compile(r"^(?:from|import)\b.*(?:\n|\Z)", re.MULTILINE)
_HEAD = re.compile(r"\ufeff?(?:gdl 1[^\n]*(?:\n|\Z))?")
_TITLE = re.compile(r"(?:#[^\n]*\n)+(?=\s*\n)")  # comments that belong to the whole file: a blank line follows
_WORDS = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\\n])*\"|[A-Za-z_]\w*")


def import_of(source: Source, module: str, name: str) -> Edit:
    """The edit that makes the text import a name: added to an import from this module, else on a line of its own."""
    text = source.text
    there = re.search(rf"^from[ \t]+{re.escape(module)}[ \t]+import[ \t]+[\w, \t]*\w", text, re.MULTILINE)
    if there:
        return Edit(Span(source, there.end(), there.end()), f", {name}")
    return line_after_imports(source, f"from {module} import {name}")


def line_after_imports(source: Source, line: str) -> Edit:
    """The edit that puts a line behind the imports of the text, else behind its title."""
    text = source.text
    at = max((found.end() for found in _IMPORT.finditer(text)), default=0)
    if not at:
        at = _HEAD.match(text).end()  # type: ignore[union-attr]
        title = _TITLE.match(text, at)
        at = title.end() if title else at
    line_break = "" if text[:at].endswith(("\n", "\ufeff")) or not at else "\n"
    return Edit(Span(source, at, at), f"{line_break}{line}\n")


def unused(module: ast.Module, source: Source) -> Iterator[Diagnostic]:
    """W0118 for imports and dims that the text never names again."""
    words = Counter(_WORDS.findall(source.text))
    for item in module.items:
        if isinstance(item, ast.Definition) and item.doc:
            examples = [part.text for part in parts_of(item.doc) if part.section == "Example"]
            words.update(_WORDS.findall("\n".join(examples)))
    for item in module.items:
        if isinstance(item, ast.Dim) and item.value is None:
            names, what = item.names, "dim"
        elif isinstance(item, ast.Import) and item.names:
            names, what = item.names, "import"
        else:
            continue
        for at, name in enumerate(names):
            if words[name] == 1:
                yield errors.unused(item.name_spans[at], what, name, _without(item, at))


def _without(item: ast.Import | ast.Dim, at: int) -> Edit:
    """The edit that takes one of the names out, the whole line with the last one."""
    spans, source = item.name_spans, item.span.source
    if len(spans) > 1:
        start, end = (spans[at - 1].end, spans[at].end) if at else (spans[0].start, spans[1].start)
        return Edit(Span(source, start, end), "")
    text = source.text
    end = text.find("\n", item.span.end) + 1 or len(text)
    is_whole_line = not text[item.span.end : end].strip() and text[: item.span.start].endswith(("\n", ""))
    return Edit(Span(source, item.span.start, end if is_whole_line else item.span.end), "")
