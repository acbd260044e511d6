"""Places of calls in Python files: a mistake in a graph that Python builds is told at the line that makes it."""

from __future__ import annotations

import ast
import linecache
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import FrameType

from gdl.source import Source, Span

_OWN = "gdl."


@dataclass(frozen=True, slots=True)
class Place:
    """A call or an operation, with its operands: by position as they are written, by keyword where they have one."""

    span: Span
    parts: Mapping[int | str, Span] = field(default_factory=dict)

    def part(self, key: int | str) -> Span:
        """An operand. Where Python does not tell, an empty range: messages then use the parameter's name."""
        return self.parts.get(key) or Span(self.span.source, self.span.start, self.span.start)

    def word(self, key: int | str, text: str) -> Span:
        """Where a text stands in an operand; the operand where it doesn't."""
        part = self.part(key)
        at = part.text.find(text)
        return Span(part.source, part.start + at, part.start + at + len(text)) if text and at >= 0 else part


class Places:
    """The places that a graph was built from, each found once."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._found: dict[tuple[str, int, int], Place] = {}

    def here(self) -> Place:
        """Where the code that called GDL stands."""
        frame = sys._getframe(1)
        while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).startswith(_OWN):
            frame = frame.f_back
        key = (frame.f_code.co_filename, frame.f_lineno, frame.f_lasti)
        place = self._found.get(key)
        if place is None:
            place = self._found[key] = self._place(frame)
        return place

    def _place(self, frame: FrameType) -> Place:
        source = self._source(frame)
        line, end_line, column, end_column = _position(frame)
        if max(line, end_line) > len(source.line_starts):
            return Place(Span(source, len(source.text), len(source.text)))
        if column is None or end_column is None:
            text = source.line(line)
            column, end_column = _bytes(text[: len(text) - len(text.lstrip())]), _bytes(text)
        span = Span(source, _offset(source, line, column), _offset(source, end_line, end_column))
        return Place(span, _operands(span))

    def _source(self, frame: FrameType) -> Source:
        name = frame.f_code.co_filename
        if name not in self._sources:
            text = "".join(linecache.getlines(name, frame.f_globals)) or "\n" * (frame.f_lineno - 1)
            self._sources[name] = Source(name.removeprefix(os.getcwd() + os.sep), text)
        return self._sources[name]


def _position(frame: FrameType) -> tuple[int, int, int | None, int | None]:
    """First and last line (from 1) and column (in bytes, from 0), None where the code was compiled without columns."""
    found = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None))
    line = found[0] or frame.f_lineno
    return line, found[1] or line, found[2], found[3]


def _offset(source: Source, line: int, column: int) -> int:
    return source.line_starts[line - 1] + len(source.line(line).encode()[:column].decode(errors="replace"))


def _bytes(text: str) -> int:
    return len(text.encode())


def _operands(span: Span) -> dict[int | str, Span]:
    """The operands of the expression that the span holds."""
    inner = Source("", f"({span.text})")
    try:
        tree = ast.parse(inner.text, mode="eval").body
    except (SyntaxError, ValueError):
        return {}

    def place(expr: ast.expr | ast.keyword) -> Span:
        start = _offset(inner, expr.lineno, expr.col_offset)
        end = _offset(inner, expr.end_lineno or 1, expr.end_col_offset or 0)
        return Span(span.source, span.start + start - 1, span.start + end - 1)

    if isinstance(tree, ast.BinOp):
        written: list[ast.expr] = [tree.left, tree.right]
    elif isinstance(tree, ast.Compare):
        written = [tree.left, *tree.comparators]
    elif isinstance(tree, ast.Subscript):
        written = [tree.value, tree.slice]
    elif isinstance(tree, ast.UnaryOp):
        written = [tree.operand]
    elif isinstance(tree, ast.Call):
        written = [arg for arg in tree.args if not isinstance(arg, ast.Starred)]
    else:
        written = []
    found: dict[int | str, Span] = {i: place(expr) for i, expr in enumerate(written)}
    if isinstance(tree, ast.Call):
        for keyword in tree.keywords:
            if keyword.arg is not None:
                start = place(keyword).start
                found[keyword.arg] = place(keyword.value)
                found[f"{keyword.arg}="] = Span(span.source, start, start + len(keyword.arg))
    return found
