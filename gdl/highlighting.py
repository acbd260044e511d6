"""Pygments lexers, by the grammar's own tokens: `pygmentize -l gdl`, Sphinx and rich find them by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from pygments.lexer import Lexer, do_insertions
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

from gdl.syntax.highlight import tokens

Lexeme = tuple[int, Any, str]

_TYPES = {
    "keyword": Keyword, "type": Keyword.Type, "name": Name, "number": Number, "string": String, "operator": Operator,
    "comment": Comment.Single, "doc": String.Doc,
}  # fmt: skip
_PUNCTUATION = frozenset("()[]{},:.")
_PROMPT = re.compile(r"(?:>>>|\.\.\.)(?: |$)")


class GdlLexer(Lexer):
    """GDL programs."""

    name = "GDL"
    aliases: ClassVar[list[str]] = ["gdl"]
    filenames: ClassVar[list[str]] = ["*.gdl"]
    mimetypes: ClassVar[list[str]] = ["text/x-gdl"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[Lexeme]:
        at = 0
        for token in tokens(text):
            yield from _between(text, at, token.start)
            is_punctuation = token.kind == "operator" and token.text in _PUNCTUATION
            yield token.start, Punctuation if is_punctuation else _TYPES[token.kind], text[token.start : token.end]
            at = token.end
        yield from _between(text, at, len(text))

    def analyse_text(text: str) -> float:  # type: ignore[misc]  # Pygments makes a static method of it
        return 0.9 if re.match(r"(?:#.*\n|\s)*gdl \d+\s", text) else 0.0


def _between(text: str, start: int, end: int) -> Iterator[Lexeme]:
    """What stands between two tokens: blanks, `;` and what is no part of the language."""
    piece = text[start:end]
    if piece:
        yield start, Text if piece.strip() else Whitespace, piece


class GdlConsoleLexer(Lexer):
    """Sessions of `gdl repl`: what was typed after `>>> ` and `... `, and the answers."""

    name = "GDL session"
    aliases: ClassVar[list[str]] = ["gdl-console", "gdls"]
    filenames: ClassVar[list[str]] = ["*.gdls"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[Lexeme]:
        typed, prompts, start = "", [], 0  # the input being read, and where its prompts are put in
        for line in re.finditer(r"[^\n]*\n?", text):
            prompt = _PROMPT.match(line[0])
            is_first = prompt is not None and prompt[0].startswith(">")
            goes_on = prompt is not None and not is_first and prompts
            if not goes_on:
                yield from _typed(typed, prompts, start)
                typed, prompts, start = "", [], line.start()
            if prompt is not None and (is_first or goes_on):
                prompts.append((len(typed), [(0, Generic.Prompt, prompt[0])]))
                typed += line[0][prompt.end() :]
            elif line[0]:
                yield line.start(), Generic.Output, line[0]


def _typed(text: str, prompts: list[tuple[int, list[Lexeme]]], start: int) -> Iterator[Lexeme]:
    """An input with its prompts; a command's own word (`:show`) is no part of the language."""
    command = re.match(r"\s*[:?]\S*", text)
    length = command.end() if command else 0
    lexemes = [(0, Name.Builtin, text[:length])] * bool(length)
    lexemes += [(length + at, kind, piece) for at, kind, piece in GdlLexer().get_tokens_unprocessed(text[length:])]
    if prompts:
        yield from ((start + at, kind, piece) for at, kind, piece in do_insertions(prompts, iter(lexemes)))
