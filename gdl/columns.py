"""How text looks in the cells of a terminal: tabs, wide and combining characters, what must not reach it, counts."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_TAB = 4
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Cs", "Co", "Zl", "Zp"})  # categories that are shown by their code


def shown(text: str, at: int = 0) -> str:
    """The text as it may be printed: tabs as spaces (the first character stands in cell `at`), control characters as
    codes such as \\x1b."""
    if text.isascii() and text.isprintable():
        return text
    parts = []
    for character in text:
        part = _shown(character, at)
        at += sum(map(_width, part))
        parts.append(part)
    return "".join(parts)


def cells(text: str, at: int = 0) -> int:
    """The number of cells that `shown(text)` takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    start = at
    for character in text:
        at += sum(map(_width, _shown(character, at)))
    return at - start


def clip(text: str, ranges: Sequence[tuple[int, int]], width: int) -> tuple[int, int]:
    """The part of a line (from, to) that fits into `width` cells and shows the beginnings of the ranges, if it can."""
    if len(text) <= width and cells(text) <= width:
        return 0, len(text)
    room = max(width - 6, 10)  # for an ellipsis on either side
    first = min(min(start for start, _ in ranges), len(text))  # a mark may stand behind the last character
    last = max(min(end, start + room // 2) for start, end in ranges)
    if cells(text[:last]) <= room:
        first = 0
    else:
        lead = min(room - cells(text[first:last]), room // 4)
        while first > 0 and (lead := lead - cells(text[first - 1])) >= 0:
            first -= 1
    last, used = first, 0
    while last < len(text) and (used := used + cells(text[last])) <= room:
        last += 1
    return first, last


def _shown(character: str, at: int) -> str:
    if character == "\t":
        return " " * (_TAB - at % _TAB)
    if unicodedata.category(character) in _HIDDEN:
        code = ord(character)
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"
    return character


def _width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def counted(count: int, what: str) -> str:
    """`1 tensor`, `2 tensors`"""
    return f"{count:,} {what}{'s' * (count != 1)}"
