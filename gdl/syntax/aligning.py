"""What stands in columns: neighbouring declarations, and the comments behind lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gdl.columns import cells
from gdl.syntax.breaking import Line, gap, is_too_long
from gdl.syntax.pieces import Piece

APART = 80  # a line with more columns of code does not move the comments of others
_HEADS = frozenset({"DIM", "HYPER", "DATA"})
_TENSORS = frozenset({"PLACEHOLDER", "VARIABLE", "STATE"})
_NAMED = frozenset({"NET", "METRIC", "UPDATE", "NEXT"})

Stops = tuple[int | None, ...]  # the pieces to be aligned: name, type, `=`


def align(pieces: Sequence[Piece], lines: Sequence[Line]) -> dict[int, int]:
    """Piece -> the blanks to put before it. The lines' widths are those with these."""
    pads: dict[int, int] = {}
    for group in (part for run in _groups(pieces, lines) for part in _around_pipes(pieces, run)):
        found = _pads(pieces, group)
        if not any(is_too_long(pieces, line, more) for line, _, more in _with_more(group, found)):
            pads |= found
            for line, _, more in _with_more(group, found):
                line.width += more
    return pads


def _with_more(group: list[tuple[Line, Stops]], pads: dict[int, int]) -> list[tuple[Line, Stops, int]]:
    return [(line, stops, sum(pads.get(at, 0) for at in stops if at is not None)) for line, stops in group]


def _groups(pieces: Sequence[Piece], lines: Sequence[Line]) -> Iterator[list[tuple[Line, Stops]]]:
    """The runs of neighbouring lines of one family; comments may stand between them."""
    group: list[tuple[Line, Stops]] = []
    last = ("", 0)
    for line in lines:
        family, stops = _family(pieces, line)
        key = last if line.start == line.end else (family, line.indent)
        if line.blank or key != last:
            yield group
            group = []
        if family:
            group.append((line, stops))
        last = key
    yield group


def _around_pipes(pieces: Sequence[Piece], group: list[tuple[Line, Stops]]) -> Iterator[list[tuple[Line, Stops]]]:
    """The group; or, where that would move a pipe, whose stages hang from where it begins, what stands around pipes."""
    pads = _pads(pieces, group)
    pipes = [_is_pipe(pieces, line) for line, _ in group]
    moves = any(is_pipe and more for is_pipe, (_, _, more) in zip(pipes, _with_more(group, pads), strict=True))
    start = 0
    for number, is_pipe in enumerate(pipes):
        if moves and is_pipe:
            yield group[start:number]
            start = number + 1
    yield group[start:]


def _is_pipe(pieces: Sequence[Piece], line: Line) -> bool:
    outer = pieces[line.start].outer
    return pieces[line.start].kind == "NAME" and any(
        piece.kind == "PIPE" and piece.outer == outer for piece in pieces[line.start : line.end]
    )


def _family(pieces: Sequence[Piece], line: Line) -> tuple[str, Stops]:
    """What a line is aligned with, and where; the family is empty for one that stands for itself."""
    start, end = line.start, line.end
    if not _is_statement(pieces, start, end):
        return "", ()
    kind, outer, at_margin = pieces[start].kind, pieces[start].outer, line.indent == 0
    equals = next((at for at in range(start, end) if pieces[at].kind == "ASSIGN" and pieces[at].outer == outer), None)
    if kind in _HEADS:
        return "head", (start + 1,)
    if kind in _TENSORS and at_margin:
        return "tensor", (start + 1, start + 3, equals)
    if kind in _TENSORS:
        return kind, (start + 3,)
    if kind in _NAMED:
        return kind, (equals,)
    if kind == "NAME" and pieces[start + 1].kind == "COLON":
        return "typed", (start + 2, equals) if at_margin else (start + 2,)
    if kind == "NAME" and equals == start + 1:
        return "bind", (equals,)
    return "", ()


def _is_statement(pieces: Sequence[Piece], start: int, end: int) -> bool:
    """Whether the pieces are one whole statement without a block."""
    if start == end or not pieces[start].first:
        return False
    after = pieces[end]
    return (after.first or after.kind in ("RBRACE", "$END")) and all(p.kind != "LBRACE" for p in pieces[start:end])


def _pads(pieces: Sequence[Piece], group: list[tuple[Line, Stops]]) -> dict[int, int]:
    pads: dict[int, int] = {}
    for number in range(max((len(stops) for _, stops in group), default=0)):
        columns = {at: _column(pieces, line, at, pads) for line, stops in group if (at := stops[number]) is not None}
        farthest = max(columns.values(), default=0)
        pads |= {at: farthest - column for at, column in columns.items()}
    return pads


def _column(pieces: Sequence[Piece], line: Line, until: int, pads: dict[int, int]) -> int:
    before = range(line.start, until)
    return line.indent + sum(cells(pieces[at].text) + len(gap(pieces, at + 1)) + pads.get(at, 0) for at in before)


# ---- comments ----------------------------------------------------------------------------------------------------


def comment_columns(lines: Sequence[Line]) -> dict[int, int]:
    """Number of the line -> column of the comment behind its code: one for each paragraph, where its author put it."""
    columns: dict[int, int] = {}
    paragraph: list[int] = []
    for number, line in enumerate(lines):
        if line.blank:
            columns |= _paragraph_columns(lines, paragraph)
            paragraph = []
        if line.comment is not None and line.end > line.start:
            paragraph.append(number)
    return columns | _paragraph_columns(lines, paragraph)


def _paragraph_columns(lines: Sequence[Line], numbers: list[int]) -> dict[int, int]:
    together = [number for number in numbers if lines[number].width <= APART]
    apart = [[number] for number in numbers if lines[number].width > APART]
    columns: dict[int, int] = {}
    for group in [together, *apart]:
        wanted = next((w for n in group if (w := _wanted(lines[n]))), 0)
        column = max([wanted, *(lines[n].width + 2 for n in group)])
        columns |= dict.fromkeys(group, column)
    return columns


def _wanted(line: Line) -> int:
    return line.comment.column if line.comment else 0
