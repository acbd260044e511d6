"""Offsets and positions, and texts that change a piece at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdl.lsp.positions import Text, changed, difference

TEXTS = st.text(st.sampled_from("ab\n\r\u00e9\u2028\U0001d6fc"), max_size=30)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 5), ("utf-16", 3), ("utf-32", 2)])
def test_units_of_an_astral_character(encoding: str, column: int) -> None:
    text = Text("x\na\U0001d6fcb", encoding)
    assert text.position(4) == (1, column)
    assert text.offset((1, column)) == 4


def test_positions_outside_are_the_nearest_inside() -> None:
    text = Text("ab\r\ncd")
    assert text.offset((0, 99)) == 2
    assert text.offset((7, 0)) == 6
    assert Text("\U0001d6fc").offset((0, 1)) == 0  # in the middle of a character


@given(TEXTS, ENCODINGS)
def test_every_offset_has_one_position(content: str, encoding: str) -> None:
    text = Text(content, encoding)
    for offset in range(len(content) + 1):
        if content[offset - 1 : offset + 1] != "\r\n":
            position = text.position(offset)
            line, units = position
            start = text.starts[line]
            if not content[start:offset].endswith(("\r", "\n")):
                assert text.offset(position) == offset
                codec = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
                assert units == len(content[start:offset].encode(codec[0])) // codec[1]


@given(TEXTS, TEXTS, TEXTS, TEXTS, ENCODINGS)
def test_a_change_replaces_its_range(before: str, old: str, new: str, after: str, encoding: str) -> None:
    text = Text(before + "|" + old + "|" + after, encoding)
    start, end = len(before) + 1, len(before) + 1 + len(old)
    if old.startswith("\n") or old.endswith("\r"):
        return
    result = changed(text, [(text.range(start, end), new)])
    assert result.text == before + "|" + new + "|" + after
    assert changed(text, [(None, new)]).text == new


@given(TEXTS, TEXTS)
def test_the_difference_leads_from_one_text_to_the_other(old: str, new: str) -> None:
    start, end, text = difference(old, new)
    assert 0 <= start <= end <= len(old)
    assert old[:start] + text + old[end:] == new
