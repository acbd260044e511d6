"""Colours while typing, by the grammar's own tokens."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from gdl.syntax.highlight import tokens

STYLE = Style.from_dict({
    "keyword": "bold ansiblue", "type": "ansicyan", "number": "ansimagenta", "string": "ansigreen",
    "comment": "italic ansibrightblack", "doc": "italic ansibrightblack", "operator": "", "name": "",
    "command": "bold ansiyellow",
})  # fmt: skip


class Coloring(Lexer):
    """Every line with the classes of its tokens."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines = colored(document.text)
        return lambda number: lines[number] if number < len(lines) else []


def colored(text: str) -> list[StyleAndTextTuples]:
    """The lines of a text as styled pieces. A command's own word is no part of the language."""
    start = 0
    pieces: StyleAndTextTuples = []
    stripped = text.lstrip()
    if stripped.startswith((":", "?")):
        start = len(text) - len(stripped) + len(stripped.split(maxsplit=1)[0])
        pieces.append(("class:command", text[:start]))
    at = start
    for token in tokens(text[start:]):
        pieces += [
            ("", text[at : start + token.start]),
            (f"class:{token.kind}", text[start + token.start : start + token.end]),
        ]
        at = start + token.end
    pieces.append(("", text[at:]))
    lines: list[StyleAndTextTuples] = [[]]
    for style, piece in [(p[0], p[1]) for p in pieces]:
        for i, part in enumerate(piece.split("\n")):
            if i:
                lines.append([])
            if part:
                lines[-1].append((style, part))
    return lines
