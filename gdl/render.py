"""Draws diagnostics as text: the code as written, a marker under every place that contributed, and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from gdl.columns import cells, clip, shown
from gdl.diagnostics import Diagnostic, Label
from gdl.record import Record, record
from gdl.source import Source, Span

_WIDEST = 120  # where no width is given
_RESET = "\x1b[0m"
_STYLES = {
    "error": "\x1b[1;31m",
    "warning": "\x1b[1;33m",
    "message": "\x1b[1m",
    "gutter": "\x1b[34m",
    "secondary": "\x1b[36m",
    "help": "\x1b[32m",
}


@record
class _Pen(Record):
    """How wide to draw, and in colour or not."""

    color: bool
    width: int

    def draw(self, style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if self.color and text.strip() else text


@record
class _Mark(Record):
    """The part of a label that lies on one line: characters `start` to `end` of it."""

    line: int
    start: int
    end: int
    text: str
    sign: str  # ^ or -


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False, width: int | None = None) -> str:
    """All diagnostics, an empty line between two. No line of the program is drawn wider than `width` columns."""
    pen = _Pen(color, max(width or _WIDEST, 40))
    return "\n\n".join("\n".join(_diagnostic(diagnostic, pen)) for diagnostic in diagnostics)


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The diagnostic as plain data, for `--json`: lines and columns count from 1, ends are exclusive."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **(_json_span(diagnostic.span) if diagnostic.span else {"file": None}),
        "labels": [{**_json_span(label.span), "text": label.text} for label in diagnostic.labels],
        "helps": list(diagnostic.helps),
        "notes": list(diagnostic.notes),
        "details": list(diagnostic.details),
        "fix": [{**_json_span(edit.span), "text": edit.text} for edit in diagnostic.fix],
    }


def _json_span(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }


# ---- one diagnostic ----------------------------------------------------------------------------------------------


def _diagnostic(diagnostic: Diagnostic, pen: _Pen) -> list[str]:
    return [
        _headline(diagnostic, pen),
        *_code(diagnostic, pen),
        *(f"  {shown(line)}" for detail in diagnostic.details for line in detail.split("\n")),
        *_advice(diagnostic, pen),
    ]


def _headline(diagnostic: Diagnostic, pen: _Pen) -> str:
    severity = diagnostic.severity.value
    place = ""
    if diagnostic.span is not None:
        line, column = diagnostic.span.source.position(diagnostic.span.start)
        place = f"{shown(diagnostic.span.source.name)}:{line}:{column}: "
    message = "\n".join(shown(line) for line in diagnostic.message.split("\n"))
    return f"{place}{pen.draw(severity, f'{severity}[{diagnostic.code}]')}: {pen.draw('message', message)}"


def _advice(diagnostic: Diagnostic, pen: _Pen) -> list[str]:
    """`help:` and `note:` lines; one of each share a line where they fit."""
    entries = [("help", text) for text in diagnostic.helps] + [("note", text) for text in diagnostic.notes]
    if len(diagnostic.helps) == len(diagnostic.notes) == 1:
        (_, help), (_, note) = entries
        if "\n" not in help + note and cells(f"help: {help}     note: {note}") <= pen.width:
            return [f"{pen.draw('help', 'help:')} {shown(help)}     {pen.draw('help', 'note:')} {shown(note)}"]
    lines = []
    for word, text in entries:
        first, *rest = text.split("\n")
        lines.append(f"{pen.draw('help', word + ':')} {shown(first)}")
        lines += [f"      {shown(line)}" for line in rest]
    return lines


# ---- the program's lines -----------------------------------------------------------------------------------------


def _code(diagnostic: Diagnostic, pen: _Pen) -> list[str]:
    """The lines that have labels, file by file, the file of the first label first."""
    by_source: dict[int, tuple[Source, list[_Mark]]] = {}
    for index, label in enumerate(diagnostic.labels):
        _, marks = by_source.setdefault(id(label.span.source), (label.span.source, []))
        marks += _marks(label, "^" if index == 0 or label.is_primary else "-")
    gutter = max((len(str(mark.line)) for _, marks in by_source.values() for mark in marks), default=0)
    lines = []
    for index, (source, marks) in enumerate(by_source.values()):
        if index > 0:
            lines.append(pen.draw("gutter", f"{'':{gutter}}--> {shown(source.name)}:{marks[0].line}"))
        marks.sort(key=lambda mark: (mark.line, mark.start, mark.end))
        for number, on_line in groupby(marks, key=lambda mark: mark.line):
            lines += _line(source.line(number), number, list(on_line), gutter, diagnostic, pen)
    return lines


def _marks(label: Label, sign: str) -> list[_Mark]:
    """One mark, or two for a label over several lines: where it begins and where it ends."""
    source, start, end = label.span
    line, column = source.position(start)
    last, last_column = source.position(max(end - 1, start))
    if line == last:
        return [_Mark(line, column - 1, column - 1 + max(end - start, 1), label.text, sign)]
    tail = source.line(last)
    indent = len(tail) - len(tail.lstrip())
    return [
        _Mark(line, column - 1, max(len(source.line(line).rstrip()), column), label.text, sign),
        _Mark(last, min(indent, last_column - 1), last_column, "... to here", sign),
    ]


def _line(text: str, number: int, marks: Sequence[_Mark], gutter: int, diagnostic: Diagnostic, pen: _Pen) -> list[str]:
    """A line of the program and, under it, its marks: each text has a row of its own."""
    first, last = clip(text, [(mark.start, mark.end) for mark in marks], pen.width - gutter - 3)
    before, after = "..." if first else "", "..." if last < len(text) else ""
    bar = pen.draw("gutter", f"{'':{gutter}} |")
    code = f"{before}{shown(text[first:last], len(before))}{after}"
    lines = [f"{pen.draw('gutter', f'{number:{gutter}} |')} {code}".rstrip()]
    row = ""
    for index, mark in enumerate(marks):
        start = _start(mark, text, first, before)
        size = max(cells(text[max(mark.start, first) : min(mark.end, last)], start), 1)
        style = diagnostic.severity.value if mark.sign == "^" else "secondary"
        note = f" {shown(mark.text)}" if mark.text else ""
        row += " " * (start - cells(row)) + mark.sign * size
        following = marks[index + 1 : index + 2]
        shares_row = following and not mark.text and start + size < _start(following[0], text, first, before)
        if not shares_row:
            lines.append(f"{bar} {_paint(row, note, style, pen)}")
            row = ""
    return lines


def _start(mark: _Mark, text: str, first: int, before: str) -> int:
    """The cell in which a mark begins."""
    return len(before) + cells(text[first : max(mark.start, first)], len(before))


def _paint(row: str, note: str, style: str, pen: _Pen) -> str:
    blank = len(row) - len(row.lstrip(" "))
    return row[:blank] + pen.draw(style, row[blank:] + note)
