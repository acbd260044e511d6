"""Which line breaks end a statement, and which brackets belong together.

Brackets that do not match are reported here and repaired, so that the parser meets each statement by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gdl.diagnostics import Diagnostic
from gdl.errors import syntax as errors
from gdl.record import Record, record
from gdl.source import Source, Span
from gdl.syntax.ast import MAX_NESTING
from gdl.syntax.tokens import (
    BROKEN,
    CLOSERS,
    ENDS_OPERAND,
    ITEM_WORDS,
    OPENERS,
    PARTNER,
    RESERVED,
    STATEMENT_WORDS,
    STOP,
    Token,
)

_BLOCK_WORDS = frozenset("def layer optimizer train eval test repeat if for".split())
_SUITE_WORDS = _BLOCK_WORDS | {"class", "else", "elif", "while", "with", "try"}
_BINARY = frozenset(
    "PLUS MINUS STAR SLASH DOUBLE_SLASH PERCENT AT DOUBLE_STAR EQUAL UNEQUAL LESS MORE AT_MOST AT_LEAST".split()
)


@record
class GivenUp(Record):
    """A statement whose first line shows that the indented lines below belong to it, though nothing says so."""

    indent: int
    depth: int  # number of brackets open around it
    takes: frozenset[str]  # words that go on with it at its own indentation


@dataclass(slots=True)
class Layout:
    """Tokens with an END after every statement, and the index of the closer for every opener that has one."""

    source: Source
    guess: int = 0  # so many `{` are never closed: take indentation as a hint where their `}` should be
    tokens: list[Token] = field(default_factory=list)
    match: dict[int, int] = field(default_factory=dict)
    open: list[int] = field(default_factory=list)  # indices of openers not yet closed
    diagnostics: list[Diagnostic] = field(default_factory=list)
    is_open: bool = False  # the end of the text left a bracket open
    unclosed: int = 0  # number of `{` that it left open
    too_deep: bool = False  # the limit of nesting was passed in this statement, and that is reported
    given_up: GivenUp | None = None
    blocks: int = 0  # number of `{` among the open brackets

    # ---- reading ----

    @property
    def last_kind(self) -> str:
        return self.tokens[-1].kind if self.tokens else "END"

    @property
    def in_parentheses(self) -> bool:
        return bool(self.open) and self.tokens[self.open[-1]].text != "{"

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def after(self, token: Token) -> Span:
        return Span(self.source, token.end, token.end)

    def indent(self, offset: int) -> int:
        """Width of the white space that the line of `offset` begins with."""
        start = self.source.text.rfind("\n", 0, offset) + 1
        line = self.source.text[start:offset]
        return len(line) - len(line.lstrip())

    def statement(self) -> list[Token]:
        """The tokens of the statement being read."""
        start = len(self.tokens)
        while start and self.tokens[start - 1].kind not in ("END", "LBRACE", "RBRACE"):
            start -= 1
        return self.tokens[start:]

    # ---- writing ----

    def end_statement(self, at: int, text: str = "") -> None:
        if self.last_kind not in ("END", "LBRACE"):
            self.tokens.append(Token("END", text, at, at + len(text)))

    def close(self, token: Token) -> None:
        self.match[self.open.pop()] = len(self.tokens)
        self.blocks -= token.kind == "RBRACE"
        self.tokens.append(token)

    def give_up(self, seen_at: Token, until: str = "{") -> None:
        """Report the innermost openers, as far as one of kind `until`, as never closed; their statement is skipped."""
        given_up: list[Token] = []
        while self.in_parentheses and self.tokens[self.open[-1]].text != until:
            index = self.open.pop()
            given_up.append(self.tokens[index])
            self.tokens[index] = self.tokens[index]._replace(kind=BROKEN)
        inside = self.tokens[index:] if given_up else []
        if given_up and not any(t.kind == "STRING" and len(t.text) > t.end - t.start for t in inside):
            # An unterminated text has taken the closer with it, and is reported.
            spans = [self.span(opener) for opener in given_up]
            self.diagnostics.append(errors.unclosed(spans, self.span(seen_at), PARTNER[given_up[0].text]))


def lay_out(raw: list[Token], source: Source, end: int) -> Layout:
    """The tokens as the grammar wants them."""
    layout = _arrange(raw, Layout(source), end)
    return _arrange(raw, Layout(source, guess=layout.unclosed), end) if layout.unclosed else layout


def _arrange(raw: list[Token], layout: Layout, end: int) -> Layout:
    stop = Token(STOP, "", end, end)
    raw = [*raw, stop]
    for index, token in enumerate(raw):
        kind = token.kind
        if kind == "END":
            _line_end(layout, token, raw, index)
        elif kind in OPENERS:
            _opener(layout, token)
        elif kind in CLOSERS:
            _closer(layout, token, raw[index - 1])
        elif kind != STOP:
            layout.tokens.append(token)
    layout.is_open = bool(layout.open)
    layout.give_up(stop)
    layout.unclosed = len(layout.open)
    _close_blocks(layout, stop)
    layout.end_statement(end)
    layout.tokens.append(stop)
    return layout


def _line_end(layout: Layout, token: Token, raw: list[Token], index: int) -> None:
    following = raw[index + 1]
    if following.kind == "END" and token.text == "\n" == following.text:
        return  # the last line break of several decides
    if layout.in_parentheses:
        if token.text == ";" and _closes_on_line(raw, index, len(layout.open)):
            opener = layout.tokens[layout.open[-1]]
            layout.diagnostics.append(errors.semicolon(layout.span(token), layout.span(opener)))
            layout.tokens.append(token._replace(kind="COMMA"))
            return
        if not _starts_statement(layout, token, raw, index + 1):
            return
        layout.give_up(following)
    elif following.kind in ("PIPE", "LBRACE") or (following.text == "else" and layout.last_kind == "RBRACE"):
        return
    elif token.text == "\n" and _belongs_to_given_up(layout, following):
        return
    layout.end_statement(token.start, token.text)
    while layout.guess and layout.open and _stands_outside(layout, following):
        _close_reported(layout, following)
    if layout.guess and layout.open and _starts_item(layout, raw, index + 1):
        _close_blocks(layout, following)


def _belongs_to_given_up(layout: Layout, following: Token) -> bool:
    """Whether the line that begins with `following` goes on with a statement that is given up."""
    indent = layout.indent(following.start)
    if layout.given_up is None:
        layout.given_up = _give_up_line(layout, following, indent)
        return layout.given_up is not None
    if len(layout.open) != layout.given_up.depth:
        return False
    if following.kind == STOP or (indent <= layout.given_up.indent and following.text not in layout.given_up.takes):
        layout.given_up = None
        return False
    return True


def _give_up_line(layout: Layout, following: Token, indent: int) -> GivenUp | None:
    """Report a line after which no END can stand but on which the next lines hang: `if a:`, `x = a +`, `layer A()`."""
    if not layout.tokens or following.kind == STOP:
        return None
    last = layout.tokens[-1]
    if last.kind in ("END", "LBRACE", "RBRACE"):
        return None
    line = layout.statement()
    margin = layout.indent(line[0].start)
    takes = frozenset[str]()
    if last.kind == "COLON" and line[0].text in _SUITE_WORDS:
        layout.diagnostics.append(errors.python_block(layout.span(last), line[0].text))
        takes = frozenset({"else", "elif"})
    elif indent <= margin:
        return None
    elif last.kind in _BINARY:
        long_line = errors.line_too_short(layout.after(last), "line", f"`{last.text}`", "a value", errors.LONG_LINE)
        layout.diagnostics.append(long_line)
    elif line[0].text in _BLOCK_WORDS and (len(line) == 1 or line[1].kind not in ("ASSIGN", "COLON", "COMMA")):
        if last.kind != "STRING" or layout.source.text[last.start : last.end].endswith('"'):  # else that is reported
            layout.diagnostics.append(errors.missing_brace(layout.after(last), line[0].text))
        takes = frozenset({"}"})
    else:
        return None
    layout.tokens.append(Token(BROKEN, "", last.end, last.end))
    return GivenUp(margin, len(layout.open), takes)


def _starts_statement(layout: Layout, token: Token, raw: list[Token], index: int) -> bool:
    """Whether what follows a line break inside parentheses shows that they should have been closed before."""
    if token.text == ";":
        return True
    first = raw[index]
    if first.kind != "NAME" or index + 1 == len(raw):
        return False
    second = raw[index + 1]
    if layout.indent(first.start) > layout.indent(layout.tokens[layout.open[-1]].start):
        return False
    if second.kind in ("NAME", "STRING", "NUMBER", "LBRACE"):
        return first.text in STATEMENT_WORDS and second.text not in RESERVED
    return second.kind == "ASSIGN" and layout.last_kind in ENDS_OPERAND


def _closes_on_line(raw: list[Token], index: int, depth: int) -> bool:
    """Whether more brackets are closed than opened between the `;` at `index` and the end of its line."""
    for token in raw[index + 1 : index + 200]:
        depth_change = (token.kind in OPENERS) - (token.kind in CLOSERS)
        depth += depth_change
        if token.text == "\n" or token.kind == STOP:
            return False
        if depth < 1:
            return True
    return False


def _stands_outside(layout: Layout, token: Token) -> bool:
    """Whether a line stands further left than the statements of the block it seems to be in, and does not close it."""
    opener = layout.open[-1]
    inside = layout.tokens[opener + 1 : opener + 2]
    margin = layout.indent(layout.tokens[opener].start)
    is_closer = token.kind in ("RBRACE", STOP)
    return not is_closer and layout.indent(token.start) <= margin < (layout.indent(inside[0].start) if inside else 0)


def _starts_item(layout: Layout, raw: list[Token], index: int) -> bool:
    """Whether a keyword that no block takes stands at the left margin."""
    first, second = raw[index], raw[min(index + 1, len(raw) - 1)]
    return (
        first.text in ITEM_WORDS
        and second.kind in ("NAME", "STRING", "LBRACE")
        and (first.start == 0 or layout.source.text[first.start - 1] == "\n")
    )


def _opener(layout: Layout, token: Token) -> None:
    if token.kind == "LBRACE" and layout.in_parentheses:
        inside = layout.tokens[layout.open[-1] : layout.open[-1] + 1000]
        if not any(t.text == "scan" for t in inside):
            layout.give_up(token)
    if not layout.open:
        layout.too_deep = False
    if len(layout.open) >= MAX_NESTING and not layout.too_deep:
        layout.too_deep = True
        layout.diagnostics.append(errors.too_deep(layout.span(token), MAX_NESTING))
    layout.blocks += token.kind == "LBRACE"
    layout.open.append(len(layout.tokens))
    layout.tokens.append(token._replace(kind=BROKEN) if len(layout.open) > MAX_NESTING else token)


def _closer(layout: Layout, token: Token, before: Token) -> None:
    if token.kind == "RBRACE":
        if layout.given_up and "}" in layout.given_up.takes and len(layout.open) == layout.given_up.depth:
            return
        if layout.blocks:
            layout.give_up(token)
        if layout.guess and before.kind == "END":
            _close_deeper_blocks(layout, token)
    if not layout.open:
        layout.diagnostics.append(errors.stray_closer(layout.span(token)))
        return
    opener = layout.tokens[layout.open[-1]]
    wanted = OPENERS[opener.kind] if opener.kind in OPENERS else token.kind
    if token.kind != wanted and any(layout.tokens[index].text == PARTNER[token.text] for index in layout.open[-8:]):
        layout.give_up(token, until=PARTNER[token.text])
        if layout.tokens[layout.open[-1]].text != PARTNER[token.text]:
            layout.diagnostics.append(errors.stray_closer(layout.span(token)))
            return
    elif token.kind != wanted:
        if opener.text == "{":
            layout.diagnostics.append(errors.stray_closer(layout.span(token)))
            return
        layout.diagnostics.append(errors.wrong_closer(layout.span(opener), layout.span(token), PARTNER[opener.text]))
        token = token._replace(kind=wanted)
    if token.kind == "RBRACE":
        layout.end_statement(token.start)
    layout.close(token)


def _close_deeper_blocks(layout: Layout, token: Token) -> None:
    """A `}` further left than the line of its `{`, but right where an outer one wants it, closes that one."""
    indents = [layout.indent(layout.tokens[index].start) for index in layout.open]
    here = layout.indent(token.start)
    if here in indents[:-1]:
        while layout.guess and indents.pop() > here:
            _close_reported(layout, token)


def _close_reported(layout: Layout, seen_at: Token) -> None:
    opener = layout.span(layout.tokens[layout.open[-1]])
    layout.diagnostics.append(errors.unclosed([opener], layout.span(seen_at), "}"))
    layout.guess -= 1
    _close_block(layout, seen_at)


def _close_blocks(layout: Layout, seen_at: Token) -> None:
    """Put in the `}` that are missing."""
    if layout.open:
        openers = [layout.span(layout.tokens[index]) for index in reversed(layout.open)]
        layout.diagnostics.append(errors.unclosed(openers, layout.span(seen_at), "}"))
    while layout.open:
        _close_block(layout, seen_at)


def _close_block(layout: Layout, seen_at: Token) -> None:
    layout.end_statement(seen_at.start)
    layout.close(Token("RBRACE", "", seen_at.start, seen_at.start))
    layout.end_statement(seen_at.start)
