"""Text to tokens. What no GDL text contains is reported here, once, and replaced by what was probably meant."""

from __future__ import annotations

import re
from functools import cache

from gdl.diagnostics import Diagnostic
from gdl.errors import syntax as errors
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.literals import ESCAPE, escape_value, number_value
from gdl.syntax.table import Table
from gdl.syntax.tokens import BROKEN, DTYPES, Token

# Characters that would change what a reader sees, or that no editor shows.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+|\r(?!\n)")

# What other languages write, and the token it stands for here (BROKEN: there is no such token).
_FOREIGN = {
    "&&": ("AND", "and"), "||": ("OR", "or"), "!": ("NOT", "not"), "===": ("EQUAL", "=="), "!==": ("UNEQUAL", "!="),
    ":=": ("ASSIGN", "="), "^": ("DOUBLE_STAR", "**"),
}  # fmt: skip
_QUOTES = "\u2018\u2019\u201c\u201d"
_FOREIGN_WORDS = {"True": "true", "False": "false", "None": "none"}
_SYMBOLS = {
    "\u00d7": "*", "\u00b7": "*", "\u22c5": "*", "\u2212": "-", "\u2013": "-", "\u00f7": "/", "\u2264": "<=",
    "\u2265": ">=", "\u2260": "!=", "\u2192": "->", "\u2026": "...", "\u2248": "~=", "\u25b7": "|>",
}  # fmt: skip


@cache
def _scanner(table: Table) -> re.Pattern[str]:
    """One pattern for all tokens; where nothing of the grammar fits, one of the last groups does."""
    operators = "|".join(re.escape(text) for text in sorted(table.operators, key=len, reverse=True))
    foreign = r"\"{3}(?:(?:.|\n)*?\"{3})?|&&|\|\||[!=]==|:=|(?:\*\*|//|[-+*/%@])=(?!=)|=>|!(?!=)|[&^?$]|~(?!=)"
    groups = {
        "FOREIGN": foreign,
        **{name: table.patterns[name] for name in ("NAME", "END", "NUMBER", "STRING")},
        "COMMENT": r"\#[^\n]*",
        "CONTINUATION": r"\\[ \t\r]*\n|/\*(?:.|\n)*?(?:\*/|\Z)",
        "BAD_NUMBER": r"(?<![\w\])])\.[0-9][\w.]*|[0-9](?:\w|\.(?!\.))*",
        "OPERATOR": operators,
        "OPEN_STRING": r'"(?:\\.|[^"\\\n])*\\?',
        "QUOTED": f"'[^'\n]*'?|`[^`\n]*`|[{_QUOTES}][^{_QUOTES}\n]*[{_QUOTES}]?",
        "BAD_NAME": r"\w+",
        "BAD": r"[^ \t\r]",
    }
    # Blanks are always followed by one of these or the end, so no text makes the pattern try twice.
    return re.compile("[ \t\r]*(?:" + "|".join(f"(?P<{name}>{pattern})" for name, pattern in groups.items()) + r"|\Z)")


class Lexed:
    """The tokens of a text, its comments, and what was wrong with its characters."""

    __slots__ = ("comments", "diagnostics", "source", "tokens", "_bad_names")

    def __init__(self, source: Source):
        self.source = source
        self.tokens: list[Token] = []
        self.comments: list[ast.Comment] = []
        self.diagnostics: list[Diagnostic] = []
        self._bad_names: set[str] = set()


def lex(source: Source, table: Table, start: int = 0, end: int | None = None) -> Lexed:
    """All tokens of `source` from `start` to `end`; time is linear in the text."""
    text = source.text
    end = len(text) if end is None else end
    lexed = Lexed(source)
    if start == 0 and text.startswith("\ufeff"):
        start = 1
    for hidden in _HIDDEN.finditer(text, start, end):
        lexed.diagnostics.append(errors.hidden_character(Span(source, *hidden.span())))
    append, operators = lexed.tokens.append, table.operators
    tuple_of = tuple.__new__  # what Token(...) does, without a call in between
    for match in _scanner(table).finditer(text, start, end):
        kind = match.lastgroup
        if kind is None:
            continue
        word = match[kind]
        at = match.start(kind)
        if kind == "OPERATOR":
            append(tuple_of(Token, (operators[word], word, at, at + len(word))))
        elif kind in _PLAIN and word not in _FOREIGN_WORDS:
            append(tuple_of(Token, (kind, word, at, at + len(word))))
            if (kind == "STRING" and "\\" in word) or (kind == "NUMBER" and len(word) > 3):
                _check_literal(lexed, kind, word, at)
        elif kind == "COMMENT":
            lexed.comments.append(_comment(source, at, word))
        else:
            _odd(lexed, kind, word, at, table)
    return lexed


_PLAIN = frozenset({"NAME", "END", "NUMBER", "STRING"})


def _comment(source: Source, at: int, text: str) -> ast.Comment:
    line_start = source.text.rfind("\n", 0, at) + 1
    own_line = not source.text[line_start:at].strip(" \t\ufeff")
    return ast.Comment(text.rstrip(), own_line, span=Span(source, at, at + len(text.rstrip())))


def _odd(lexed: Lexed, kind: str, word: str, at: int, table: Table) -> None:
    """Report a piece of text that is no token, and put what was probably meant in its place."""
    span = Span(lexed.source, at, at + len(word))

    def put(kind: str, text: str, diagnostic: Diagnostic) -> None:
        lexed.tokens.append(Token(kind, text, span.start, span.end))
        lexed.diagnostics.append(diagnostic)

    if kind == "NAME":
        if lexed.tokens and lexed.tokens[-1].kind == "DOT":
            lexed.tokens.append(Token(kind, word, span.start, span.end))
        elif word == "None" and [token.kind for token in lexed.tokens[-2:]] == ["NAME", "LSQB"]:
            before = lexed.tokens[-2].text
            put(BROKEN, word, errors.open_axis(span, "" if before in DTYPES else before))
        else:
            put("NAME", _FOREIGN_WORDS[word], errors.foreign_word(span, _FOREIGN_WORDS[word]))
    elif kind == "FOREIGN":
        name = lexed.tokens[-1].text if lexed.tokens and lexed.tokens[-1].kind == "NAME" else "x"
        if word == "?" and lexed.tokens and lexed.tokens[-1].kind in ("LSQB", "COMMA"):
            put(BROKEN, word, errors.open_axis(span, ""))
            return
        put(*_FOREIGN.get(word, (BROKEN, word)), errors.foreign_operator(span, name))
    elif kind == "BAD_NUMBER":
        put("NUMBER", "0", errors.malformed_number(span))
    elif kind == "OPEN_STRING":
        put("STRING", word + '"' if not word.endswith("\\") else word[:-1] + '"', errors.unterminated_string(span))
    elif kind == "QUOTED":
        text = '"' + word[1:].rstrip(word[0] + "\u2019\u201d").replace('"', "").replace("\\", "\\\\") + '"'
        put("STRING", text, errors.quotes(span, text))
    elif kind == "CONTINUATION":  # left out, as it was meant
        mark = Span(lexed.source, at, at + 2 - (word[0] == "\\"))
        lexed.diagnostics.append(errors.slash_comment(mark) if word[0] == "/" else errors.unexpected_character(mark))
    elif kind == "BAD_NAME":
        lexed.tokens.append(Token("NAME", word, span.start, span.end))
        if word not in lexed._bad_names:
            lexed._bad_names.add(word)
            lexed.diagnostics.append(errors.letters(span))
    elif word in _SYMBOLS:
        put(table.operators[_SYMBOLS[word]], _SYMBOLS[word], errors.symbol(span, _SYMBOLS[word]))
    elif _HIDDEN.match(word):
        lexed.tokens.append(Token(BROKEN, word, span.start, span.end))
    elif word.isspace() or word == "\ufeff" or word == "\u200b":
        lexed.diagnostics.append(errors.odd_space(span))
    else:
        put(BROKEN, word, errors.unexpected_character(span))


def _check_literal(lexed: Lexed, kind: str, word: str, at: int) -> None:
    if kind == "NUMBER":
        if number_value(word) is None:
            lexed.diagnostics.append(errors.number_out_of_range(Span(lexed.source, at, at + len(word))))
        return
    for escape in ESCAPE.finditer(word, 1, len(word) - 1):
        if escape_value(escape) is None:
            span = Span(lexed.source, at + escape.start(), at + escape.end())
            lexed.diagnostics.append(errors.unknown_escape(span))
