"""Names for what was found and for what could have stood there, as a person says them."""

from __future__ import annotations

from collections.abc import Collection

from gdl.syntax.table import Table
from gdl.syntax.tokens import STOP, Token

_VALUE = frozenset("NAME NUMBER STRING LPAR LSQB MINUS NOT STAR TRUE FALSE SCAN".split())
_OPERATORS = frozenset(
    "PLUS MINUS STAR SLASH DOUBLE_SLASH PERCENT AT DOUBLE_STAR EQUAL UNEQUAL LESS MORE AT_MOST AT_LEAST AND OR PIPE IF"
    " DOT LPAR LSQB".split()
)
_PHRASES = {
    "NAME": "a name",
    "STRING": "text in double quotes",
    "NUMBER": "a number",
    "END": "the end of the line",
}


def describe(expected: Collection[str], table: Table) -> str:
    """ "a value, `)` or `,`": what could have stood there, the most telling first."""
    left = set(expected) - {STOP}
    parts: list[str] = []
    if {"DTYPE", "LSQB"} <= left and "NUMBER" not in left:
        parts.append("a type such as f32[batch, 10]")
        left -= {"DTYPE", "LSQB"}
    if "NUMBER" in left and "NAME" in left:
        parts.append("a value")
        left -= _VALUE
    elif "PLUS" in left:
        left -= _OPERATORS
        parts += ["an operator"] if not left - {"END"} else []
    parts += [phrase for kind, phrase in _PHRASES.items() if kind in left and kind != "END"]
    texts = {name: text for text, name in {**table.operators, **table.keywords}.items()}
    parts += sorted((f"`{texts[kind]}`" for kind in left if kind in texts), key=lambda p: (p[1].isalpha(), p))[:6]
    if "END" in left:
        parts.append(_PHRASES["END"])
    if not parts:
        return "something else"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def found(token: Token, kind: str, quoted: bool = False) -> str:
    """ "`)`", "the name `x`", "the end of the line": what stands there."""
    if kind in ("END", STOP):
        return "the end of the line" if token.text != ";" else "`;`"
    text = token.text if len(token.text) <= 40 else token.text[:36] + "..."
    what = {"NAME": "the name ", "NUMBER": "the number ", "STRING": "the text "}.get(kind, "")
    return f"`{text}`" if quoted or not what else f"{what}`{text}`"
