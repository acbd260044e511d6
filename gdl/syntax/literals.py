"""The values of number and string literals."""

from __future__ import annotations

import re

ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def escape_value(match: re.Match[str]) -> str | None:
    """The character that `\\n` or `\\u{3b1}` stands for; None for an unknown escape."""
    code, letter = match.groups()
    if code is None:
        return _ESCAPES.get(letter)
    number = int(code, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else None


def string_value(text: str) -> str:
    """The characters that a string literal, quotes included, stands for."""
    body = text[1:-1]
    return ESCAPE.sub(lambda match: escape_value(match) or "", body) if "\\" in body else body


def number_value(text: str) -> int | float | None:
    """An int where the text has neither point nor exponent, else a float; None where it does not fit i64 or f64."""
    if text.isdigit():
        digits = text.lstrip("0") or "0"
        return int(digits) if len(digits) < 20 and int(digits) < 2**63 else None
    value = float(text)
    lost = value == 0 and text.lower().split("e")[0].strip("0.")
    return None if lost or value == float("inf") else value
