"""What each word is, for editors that colour by meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gdl.lsp.page import Page
from gdl.syntax.highlight import tokens

#: The kinds that are told, as the protocol calls them.
KINDS = (
    "keyword", "type", "number", "string", "operator", "comment", "variable", "parameter", "property", "function",
    "class",
)  # fmt: skip
_OF_TOKENS = {"doc": "comment", "name": "variable"}
_OF_SYMBOLS = {
    "parameter": "parameter", "size": "parameter", "label": "property", "def": "function", "optimizer": "class",
    "layer": "class", "eval": "function", "train": "function",
}  # fmt: skip


class Piece(NamedTuple):
    start: int
    end: int
    kind: str


def colors(page: Page) -> Iterator[Piece]:
    """The words of the text in order; each on one line."""
    for token in tokens(page.source.text):
        place = (token.start, token.end)
        kind = _OF_TOKENS.get(token.kind, token.kind)
        if token.kind == "name":
            if place in page.names.meant:
                symbol = page.names.meant[place]
                kind = _OF_SYMBOLS.get(symbol.kind, kind)
                if symbol.kind == "import":
                    kind = "class" if symbol.name[0].isupper() else "function"
            elif place in page.names.free:
                kind = "class" if token.text[0].isupper() else "function"
            elif place in page.names.members or place in page.names.fields:
                kind = "property"
        start = token.start
        for line in token.text.split("\n") if token.end - token.start == len(token.text) else ():
            if line.strip():
                yield Piece(start, start + len(line), kind)
            start += len(line) + 1
