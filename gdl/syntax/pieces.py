"""A program as the formatter sees it: its words and signs in order, and what stood between them.

Comments and line breaks are put where the style has them: a comma and an opening brace end a line, an operator begins
one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gdl.columns import cells
from gdl.source import Source
from gdl.syntax.ast import Comment
from gdl.syntax.parser import Reading
from gdl.syntax.spacing import LEVELS, blanks, is_operand_end
from gdl.syntax.tokens import CLOSERS, OPENERS, STOP, Token

FARTHEST = 100  # column of a comment behind code
_LEVEL_OF = {kind: level for level, kinds in enumerate(LEVELS) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Note:
    """A comment; `blank` where an empty line precedes it, `column` where its author put it, if farther than two blanks
    behind the code."""

    text: str
    own_line: bool
    blank: bool
    column: int = 0


@dataclass(slots=True)
class Piece:
    """A token and what comes before it."""

    kind: str
    text: str
    first: bool  # of its statement
    space: bool  # apart from the piece before it, on the same line
    level: int | None = None  # index in LEVELS where it is a binary operator
    outer: int = -1  # index of the bracket around it
    depth: int = 0  # number of brackets around it
    partner: int = -1  # index of its closer or opener
    broken: bool = False  # a line begins here
    blank: bool = False  # an empty line precedes it
    flat: bool = False  # a `{` whose block is on one line
    notes: list[Note] = field(default_factory=list)  # the comments before it


def pieces_of(reading: Reading, source: Source) -> list[Piece]:
    """The pieces of a text without mistakes, the last one standing for its end."""
    kept = [(token, kind) for token, kind in zip(reading.tokens, reading.kinds, strict=True) if token.kind != "END"]
    tokens = [token._replace(kind=kind) for token, kind in kept]
    firsts = _firsts(reading.tokens)
    pieces = [
        Piece(token.kind, token.text, first, space)
        for token, first, space in zip(tokens, firsts, blanks(tokens, firsts), strict=True)
    ]
    _nest(pieces)
    _what_stands_between(pieces, tokens, reading, source)
    _settle_blocks(pieces, tokens, source)
    _settle_breaks(pieces)
    return pieces


def _firsts(laid_out: list[Token]) -> list[bool]:
    """For every token but END whether it begins a statement."""
    found, at_start = [], True
    for token in laid_out:
        if token.kind != "END":
            found.append(at_start and token.kind not in ("RBRACE", STOP))
        at_start = token.kind in ("END", "LBRACE")
    return found


def _nest(pieces: list[Piece]) -> None:
    open_: list[int] = []
    for index, piece in enumerate(pieces):
        if piece.kind in CLOSERS:
            opener = open_.pop()
            piece.partner, pieces[opener].partner = opener, index
        piece.outer, piece.depth = (open_[-1], len(open_)) if open_ else (-1, 0)
        if piece.kind in OPENERS:
            open_.append(index)
        elif piece.kind in _LEVEL_OF and not piece.first and is_operand_end(pieces[index - 1].kind):
            is_statement = piece.kind == "ELSE" and pieces[index - 1].kind == "RBRACE"
            piece.level = None if is_statement else _LEVEL_OF[piece.kind]


def _what_stands_between(pieces: list[Piece], tokens: list[Token], reading: Reading, source: Source) -> None:
    comments = iter([*reading.comments, None])
    comment = next(comments)
    end = 0
    for piece, token in zip(pieces, tokens, strict=True):
        while comment is not None and comment.span.start < token.start:
            blank = source.text.count("\n", end, comment.span.start) > 1
            piece.notes.append(Note(comment.text, comment.own_line, blank, _column(comment, source)))
            end = comment.span.end
            comment = next(comments)
        lines = source.text.count("\n", end, token.start)
        piece.broken, piece.blank = lines > 0, lines > 1
        end = token.end


def _column(comment: Comment, source: Source) -> int:
    start = source.text.rfind("\n", 0, comment.span.start) + 1
    before = source.text[start : comment.span.start]
    column = cells(before)
    is_far = column - cells(before.rstrip()) > 2
    return column if is_far and not comment.own_line and column <= FARTHEST else 0


def _settle_blocks(pieces: list[Piece], tokens: list[Token], source: Source) -> None:
    """Comments before a `{` go behind it; a block that stands on one line, or is empty, is flat. Of an `if` and its
    `else` all are, or none."""
    chains: dict[int, list[int]] = {}  # `{` -> those before it
    for index, piece in enumerate(pieces):
        if piece.kind == "LBRACE":
            inner, closer = pieces[index + 1], pieces[piece.partner]
            inner.notes, piece.notes = piece.notes + inner.notes, []
            one_line = "\n" not in source.text[tokens[index].start : tokens[piece.partner].end]
            piece.flat = not inner.notes and not closer.notes and (one_line or inner is closer)
            chain = [*chains.pop(index, ()), index]
            following = _block_of_else(pieces, piece.partner + 1)
            if following:
                chains[following] = chain
            elif not all(pieces[at].flat for at in chain):
                for at in chain:
                    pieces[at].flat = pieces[at].partner == at + 1 and pieces[at].flat


def _block_of_else(pieces: list[Piece], at: int) -> int | None:
    """The `{` after an `else` that stands here, between two blocks."""
    if pieces[at].kind != "ELSE" or pieces[at].level is not None:
        return None
    later = (index for index in range(at, len(pieces)) if pieces[index].kind == "LBRACE")
    return next((index for index in later if pieces[index].outer == pieces[at].outer), None)


def _settle_breaks(pieces: list[Piece]) -> None:
    for index, piece in enumerate(pieces):
        if piece.kind == "COMMA":
            _move(piece, pieces[index + 1], front=True)
    for index in range(len(pieces) - 1, -1, -1):
        piece = pieces[index]
        if piece.level is not None:
            _move(pieces[index + 1], piece, front=False)
    for index, piece in enumerate(pieces):
        piece.broken = bool(piece.notes) or (piece.broken and may_break(pieces, index))
    for index, piece in enumerate(pieces):
        if piece.kind in ("LPAR", "LSQB"):
            inner, closer = pieces[index + 1], pieces[piece.partner]
            closer.broken = inner is not closer and inner.broken or bool(closer.notes)
            inner.broken = inner.broken or closer.broken


def _move(origin: Piece, target: Piece, front: bool) -> None:
    """What comes before one piece comes before another."""
    target.notes = origin.notes + target.notes if front else target.notes + origin.notes
    target.broken |= origin.broken
    origin.notes, origin.broken = [], False


def may_break(pieces: list[Piece], index: int) -> bool:
    """Whether the style allows a line to begin here, in the middle of a statement."""
    piece = pieces[index]
    if piece.kind == "PIPE":
        return True
    if piece.outer < 0 or pieces[piece.outer].kind == "LBRACE":
        return False
    return piece.level is not None or pieces[index - 1].kind in ("COMMA", "LPAR", "LSQB")
