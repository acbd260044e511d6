"""What each piece of a text is, for editors and the prompt; wrong texts are coloured as far as they make sense."""

from __future__ import annotations

from gdl.source import Source
from gdl.syntax.parser import read
from gdl.syntax.table import load_table
from gdl.syntax.tokens import DTYPES, RESERVED, STATEMENT_WORDS, Token

_LITERALS = {"NUMBER": "number", "STRING": "string"}


def tokens(text: str) -> list[Token]:
    """The pieces of a text in order, without white space, each of a kind: keyword, name, type, number, string,
    operator, comment or doc."""
    source = Source("text", text)
    reading = read(source, "file", 0, len(text))
    kinds = {token.start: kind for token, kind in zip(reading.tokens, reading.kinds, strict=True) if token.text}
    pieces = [
        Token("doc" if comment.text.startswith("##") else "comment", comment.text, comment.span.start, comment.span.end)
        for comment in reading.comments
    ]
    before = "END"
    for token in reading.lexed:
        if token.kind != "END":
            pieces.append(token._replace(kind=_kind(token, kinds.get(token.start, token.kind), before)))
        before = token.kind
    return sorted(pieces, key=lambda piece: piece.start)


def _kind(token: Token, kind: str, before: str) -> str:
    """`kind` is what the parser took the token for: NAME also where it did not come so far."""
    if kind == "DTYPE" or (kind == "NAME" and token.text in DTYPES):
        return "type"
    if kind in _LITERALS:
        return _LITERALS[kind]
    if kind == "NAME":
        begins_statement = before in ("END", "LBRACE") and token.text in STATEMENT_WORDS
        return "keyword" if token.text in RESERVED and before != "DOT" or begins_statement else "name"
    return "keyword" if token.text in load_table().keywords else "operator"
