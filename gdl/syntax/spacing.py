"""Where a blank stands between two tokens of a line."""

from __future__ import annotations

from dataclasses import dataclass, field

from gdl.syntax.tokens import CLOSERS, OPENERS, Token

#: What two operands stand on either side of, the loosest first.
LEVELS = (
    frozenset({"IF", "ELSE"}),
    frozenset({"PIPE"}),
    frozenset({"OR"}),
    frozenset({"AND"}),
    frozenset({"EQUAL", "UNEQUAL", "LESS", "MORE", "AT_MOST", "AT_LEAST"}),
    frozenset({"PLUS", "MINUS"}),
    frozenset({"STAR", "SLASH", "DOUBLE_SLASH", "PERCENT", "AT"}),
    frozenset({"DOUBLE_STAR"}),
)
_BINARY = frozenset[str]().union(*LEVELS)
_OPERAND_ENDS = frozenset("NAME NUMBER STRING TRUE FALSE DTYPE RPAR RSQB RBRACE ELLIPSIS".split())
_BOUND_ENDS = frozenset({"LSQB", "COMMA", "COLON", "RSQB"})  # no bound stands beside the `:` of a slice
_DEFINITIONS = frozenset({"DEF", "LAYER", "OPTIMIZER"})


@dataclass(slots=True)
class _Frame:
    """What is open around a token."""

    kind: str  # "block", "params", "call", "index" or "group"
    carries: bool = False  # within the feedings of a `scan`
    requires: bool = False  # within a `require`
    has_operator: bool = False  # since the last comma or the beginning
    marks: list[int] = field(default_factory=list)  # the `:` of slices and the `..` since then


def is_operand_end(kind: str) -> bool:
    """Whether an operator after a token of this kind has it as its left operand."""
    return kind in _OPERAND_ENDS


def blanks(tokens: list[Token], firsts: list[bool]) -> list[bool]:
    """For each token, as the parser took it, whether it stands apart from the one before it; `firsts` says which
    begin a statement."""
    apart = [False] * len(tokens)
    frames = [_Frame("block")]
    glue_next = False  # to the token that comes next
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else token
        kind, frame = token.kind, frames[-1]
        if firsts[index]:
            frame.requires = kind == "REQUIRE"
            frame.has_operator = False
        apart[index] = not (glue_next or _is_glued(before.kind, kind))
        glue_next = kind in ("LPAR", "LSQB", "DOT")
        if kind in OPENERS:
            if kind == "LBRACE":
                _end_item(frame, tokens, apart)
                frame.carries = False
            frames.append(_Frame(_frame_kind(tokens, index)))
        elif kind in CLOSERS:
            _end_item(frame, tokens, apart)
            frames.pop()
        elif kind == "COMMA":
            _end_item(frame, tokens, apart)
        elif kind in ("MINUS", "STAR") and not is_operand_end(before.kind):
            glue_next = True
        elif kind in _BINARY:
            frame.has_operator = True
        elif kind == "COLON":
            if frame.kind == "index" and not _is_label(tokens, index):
                frame.marks.append(index)
            else:
                apart[index] = frame.kind == "block" and frame.requires
        elif kind == "RANGE":
            frame.marks.append(index)
        elif kind == "ASSIGN":
            glue_next = _is_tight(frame, tokens[index - 2].kind)
            apart[index] = not glue_next
        elif kind == "CARRY":
            frame.carries = True
    return apart


def _is_glued(before: str, kind: str) -> bool:
    if kind in ("COMMA", "RPAR", "RSQB"):
        return True
    if kind == "DOT":
        return before != "NUMBER"  # `1.x` would be read as one word
    return kind in ("LPAR", "LSQB") and is_operand_end(before)


def _frame_kind(tokens: list[Token], index: int) -> str:
    kind, before = tokens[index].kind, tokens[index - 1].kind
    if kind == "LBRACE":
        return "block"
    if not is_operand_end(before) or before == "DTYPE":
        return "group"
    if kind == "LSQB":
        return "index"
    return "params" if tokens[index - 2].kind in _DEFINITIONS else "call"


def _is_label(tokens: list[Token], index: int) -> bool:
    """Whether the `:` follows the name of a pipe's stage, `|> b:` or `|> b[i]:`."""
    at = index - 1
    if tokens[at].kind == "RSQB":
        depth = 1
        while depth:
            at -= 1
            depth += (tokens[at].kind in CLOSERS) - (tokens[at].kind in OPENERS)
        at -= 1
    return tokens[at].kind == "NAME" and tokens[at - 1].kind == "PIPE"


def _is_tight(frame: _Frame, before_name: str) -> bool:
    """Whether `=` gives an argument its name, or a parameter without a kind its default."""
    if frame.kind == "params":
        return before_name in ("LPAR", "COMMA")
    return frame.kind == "call" and not frame.carries


def _end_item(frame: _Frame, tokens: list[Token], apart: list[bool]) -> None:
    """Blanks around `:` and `..` between two bounds of which one is an operation, as in `x[2 * i : 2 * i + 2]`."""
    for mark in frame.marks:
        before, after = tokens[mark - 1].kind, tokens[mark + 1].kind
        has_both = before not in _BOUND_ENDS and after not in _BOUND_ENDS
        apart[mark] = before == "COMMA" or (has_both and frame.has_operator)
        apart[mark + 1] = has_both and frame.has_operator
    frame.marks, frame.has_operator = [], False
