"""Places as the protocol counts them: lines from 0, and units of an encoding in them, UTF-16 as a rule."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_LINE_END = re.compile("\r\n|\n|\r")

Position = tuple[int, int]
Range = tuple[Position, Position]


@dataclass(frozen=True)
class Text:
    """A document's text. Positions outside of it mean the nearest place in it."""

    text: str
    encoding: str = "utf-16"

    @cached_property
    def starts(self) -> list[int]:
        """The offset at which each line begins."""
        return [0, *[match.end() for match in _LINE_END.finditer(self.text)]]

    def position(self, offset: int) -> Position:
        """
        >>> Text("a\\n\U0001d6fcb").position(3)
        (1, 2)
        """
        line = bisect_right(self.starts, offset) - 1
        return line, _units(self.text[self.starts[line] : offset], self.encoding)

    def offset(self, position: Position) -> int:
        """
        >>> Text("a\\n\U0001d6fcb").offset((1, 2))
        3
        """
        line, units = position
        if line >= len(self.starts):
            return len(self.text)
        start = self.starts[line]
        end = self.starts[line + 1] if line + 1 < len(self.starts) else len(self.text)
        content = self.text[start:end].rstrip("\r\n")
        if content.isascii():
            return start + min(units, len(content))
        at = 0
        while units > 0 and at < len(content):
            units -= _units(content[at], self.encoding)
            at += 1
        return start + (at if units >= 0 else at - 1)  # inside of a character is before it

    def range(self, start: int, end: int) -> Range:
        return self.position(start), self.position(end)


def changed(text: Text, changes: Iterable[tuple[Range | None, str]]) -> Text:
    """The text after changes, each to what the one before left; without a range the whole text is new."""
    for range, new in changes:
        if range is None:
            text = Text(new, text.encoding)
        else:
            start, end = map(text.offset, range)
            text = Text(text.text[:start] + new + text.text[max(start, end) :], text.encoding)
    return text


def difference(old: str, new: str) -> tuple[int, int, str]:
    """What to put in place of which part of a text to get another: all between what both begin and end with."""
    start, limit = 0, min(len(old), len(new))
    while start < limit and old[start] == new[start]:
        start += 1
    end = 0
    while end < limit - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, len(old) - end, new[start : len(new) - end]


def _units(text: str, encoding: str) -> int:
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + sum(character > "\uffff" for character in text)
