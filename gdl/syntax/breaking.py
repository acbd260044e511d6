"""Pieces to lines: broken where the author broke them, and where they are too long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gdl.columns import cells
from gdl.syntax.pieces import Note, Piece
from gdl.syntax.spacing import is_operand_end
from gdl.syntax.tokens import CLOSERS

LONGEST = 120  # columns of a line; the ` {` at its end may stand beyond
FILLED = 100  # columns that the parts of a broken line may fill
INDENT = 2
_GROUPS = frozenset({"LPAR", "LSQB"})
_PIPE_ENDS = frozenset("COMMA IF ELSE CLOSE_TO FROM BATCH OVER WITH CLIP EVERY IN ALONG CARRY".split())


@dataclass(slots=True)
class Line:
    """The pieces from `start` to `end`, or none of them; and a comment."""

    indent: int
    start: int
    end: int
    width: int = 0  # column at which the code ends
    blank: bool = False  # an empty line precedes it
    comment: Note | None = None


@dataclass(slots=True)
class _Frame:
    """What is open: a bracket, or at first the file."""

    opener: str
    indent: int  # where a line that begins with the closer begins
    content: int  # where other lines inside begin
    pipe: int | None = None  # column of the first `|>` of the pipe that is being laid out


@dataclass(slots=True)
class _Page:
    pieces: list[Piece]
    lines: list[Line] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=lambda: [_Frame("", 0, 0)])


def lines_of(pieces: list[Piece]) -> list[Line]:
    """The lines of a program, none too long that could be broken."""
    while True:
        lines = _lay(pieces)
        if not any([_shorten(pieces, line) for line in lines if is_too_long(pieces, line)]):
            return lines


def is_too_long(pieces: Sequence[Piece], line: Line, more: int = 0) -> bool:
    """Whether the line would be too long with so many blanks more in it."""
    opens = line.end > line.start and pieces[line.end - 1].kind == "LBRACE"
    return line.width + more - 2 * opens > LONGEST


def gap(pieces: Sequence[Piece], index: int) -> str:
    """What stands between a piece and the one before it on the same line."""
    piece, before = pieces[index], pieces[index - 1]
    if piece.first:
        return " " if before.kind == "LBRACE" else "; "
    if piece.kind == "RBRACE":
        return "" if before.kind == "LBRACE" else " "
    return " " if piece.space else ""


# ---- laying out --------------------------------------------------------------------------------------------------


def _lay(pieces: list[Piece]) -> list[Line]:
    page = _Page(pieces)
    for index in range(len(pieces) - 1):
        if _begins_line(pieces, index):
            _begin_line(page, index)
        else:
            page.lines[-1].width += len(gap(pieces, index))
        _put(page, index)
    _put_notes(page, len(pieces) - 1, 0)
    return page.lines


def _begins_line(pieces: list[Piece], index: int) -> bool:
    piece = pieces[index]
    if piece.first:
        return piece.outer < 0 or not pieces[piece.outer].flat
    return not pieces[piece.partner].flat if piece.kind == "RBRACE" else piece.broken


def _begin_line(page: _Page, index: int) -> None:
    piece, frame = page.pieces[index], page.frames[-1]
    in_group = frame.opener in _GROUPS
    indent = frame.content
    if piece.partner >= 0 and piece.partner < index:
        indent = frame.indent
    elif piece.kind == "PIPE" and not piece.first:
        indent = frame.pipe if frame.pipe is not None else frame.content + INDENT * (not in_group)
    _put_notes(page, index, frame.content if piece.first or piece.partner >= 0 else indent)
    blank = piece.first and piece.blank and not _at_top(page, index)
    page.lines.append(Line(indent, index, index, indent, blank))


def _put_notes(page: _Page, index: int, indent: int) -> None:
    """The comments before a piece, the first one behind the code if it stood there."""
    in_group = page.frames[-1].opener in _GROUPS
    for number, note in enumerate(page.pieces[index].notes):
        if number == 0 and not note.own_line and page.lines:
            page.lines[-1].comment = note
        else:
            blank = note.blank and not in_group and not _at_top(page, index)
            page.lines.append(Line(indent, index, index, indent, blank, note))


def _at_top(page: _Page, index: int) -> bool:
    """Whether what comes next is the first line of the file or of a block."""
    if not page.lines:
        return True
    return page.lines[-1].end > page.lines[-1].start and page.pieces[index - 1].kind == "LBRACE"


def _put(page: _Page, index: int) -> None:
    piece, frame, line = page.pieces[index], page.frames[-1], page.lines[-1]
    column = line.width
    line.width += cells(piece.text)
    line.end = index + 1
    if piece.first or piece.kind in _PIPE_ENDS:
        frame.pipe = None
    if piece.kind == "PIPE" and frame.pipe is None:
        frame.pipe = column
    elif piece.kind in _GROUPS:
        content = line.indent + INDENT if page.pieces[index + 1].broken else line.width
        page.frames.append(_Frame(piece.kind, line.indent, content))
    elif piece.kind == "LBRACE":
        indent = line.indent if frame.opener in _GROUPS else frame.content
        page.frames.append(_Frame(piece.kind, indent, indent + INDENT))
    elif piece.partner >= 0:
        page.frames.pop()


# ---- lines that are too long -------------------------------------------------------------------------------------


def _shorten(pieces: list[Piece], line: Line) -> bool:
    """Break a line at its outermost place that helps; False where there is none."""
    inside = range(line.start, line.end)
    flat = [at for at in inside if pieces[at].kind == "LBRACE" and pieces[at].flat and pieces[at].partner > at + 1]
    if flat:
        for at in flat:
            if pieces[at].outer == pieces[flat[0]].outer:
                pieces[at].flat = False
        return True
    members: dict[int, list[int]] = {}
    for at in inside:
        members.setdefault(pieces[at].outer, []).append(at)
    for outer in sorted(members, key=lambda outer: pieces[members[outer][0]].depth):
        if outer < line.start and _break_between(pieces, members[outer], line):
            return True
        groups = [at for at in members[outer] if pieces[at].kind in _GROUPS and at + 2 < pieces[at].partner < line.end]
        for at in sorted(groups, key=lambda at: -_width(pieces, at, pieces[at].partner)):
            if _break_group(pieces, at, members, line):
                return True
    return _break(pieces, [at for at in inside if pieces[at].kind == "PIPE" and at > line.start][:1])


def _break(pieces: list[Piece], places: Iterable[int]) -> bool:
    places = list(places)
    for at in places:
        pieces[at].broken = True
    return bool(places)


def _break_group(pieces: list[Piece], opener: int, members: dict[int, list[int]], line: Line) -> bool:
    """Break the line inside a bracket: `f(` and `)` on lines of their own, `(a + b)` before its operators."""
    is_plain = pieces[opener].kind == "LPAR" and not is_operand_end(pieces[opener - 1].kind)
    if is_plain and not any(pieces[at].kind == "COMMA" for at in members[opener]):
        return _break_between(pieces, members[opener], line)
    return _break(pieces, [opener + 1, pieces[opener].partner])


def _break_between(pieces: list[Piece], members: list[int], line: Line) -> bool:
    """Break before operands or items that stand side by side: what is inside one bracket, or a statement itself."""
    in_group = pieces[members[0]].outer >= 0 and pieces[pieces[members[0]].outer].kind in _GROUPS
    if in_group and any(pieces[at].kind == "COMMA" for at in members):
        return _break(pieces, _overflowing(pieces, members, line))
    pipes = [at for at in members if pieces[at].kind == "PIPE"]
    if pipes:
        return _break(pieces, pipes[1:])  # the first stage stays with what it is given
    levels = [level for at in members if at > line.start and (level := pieces[at].level) is not None]
    if not in_group or not levels:
        return False
    loosest = min(levels)
    return _break(pieces, [at for at in members if pieces[at].level == loosest and at > line.start])


def _overflowing(pieces: list[Piece], members: list[int], line: Line) -> list[int]:
    """The items at which lines must begin so that as many as fit stand on each."""
    starts = [at + 1 for at in members if pieces[at].kind == "COMMA" and at + 1 < line.end]
    starts = [at for at in starts if pieces[at].kind not in CLOSERS]
    found, column = [], line.indent + _width(pieces, line.start, (starts or [line.end])[0] - 1)
    for start, end in zip(starts, [*starts[1:], line.end]):
        width = _width(pieces, start, end - 1)
        if column + 1 + width > FILLED:
            found.append(start)
            column = line.indent + width
        else:
            column += 1 + width
    return found


def _width(pieces: list[Piece], first: int, last: int) -> int:
    """Columns from the beginning of one piece to the end of another on the same line."""
    return sum(cells(pieces[at].text) + len(gap(pieces, at)) * (at > first) for at in range(first, last + 1))
