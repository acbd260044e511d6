"""The one style of programs: same tree, same comments, and lines, blanks and columns as the style has them.

docs/formatting.md gives the rules with their reasons. Text becomes pieces (pieces.py), which are laid out in lines
(breaking.py) and put in columns (aligning.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from gdl.errors import ProgramError
from gdl.source import Source
from gdl.syntax.aligning import align, comment_columns
from gdl.syntax.breaking import Line, gap, lines_of
from gdl.syntax.parser import module_of, read
from gdl.syntax.pieces import Piece, pieces_of


def format_source(source: Source) -> str:
    """The text in the style of GDL, with the line ends that it has.

    Errors: ProgramError where the text has syntax errors.
    """
    reading = read(source, "file", 0, len(source.text))
    _, diagnostics = module_of(reading, source)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        raise ProgramError(*diagnostics)
    pieces = pieces_of(reading, source)
    lines = lines_of(pieces)
    text = "".join(_text(pieces, lines))
    return text.replace("\n", "\r\n") if "\r\n" in source.text[: source.text.find("\n") + 1] else text


def _text(pieces: Sequence[Piece], lines: Sequence[Line]) -> list[str]:
    pads = align(pieces, lines)
    columns = comment_columns(lines)
    texts = []
    for number, line in enumerate(lines):
        code = "".join(
            (gap(pieces, at) if at > line.start else "") + " " * pads.get(at, 0) + pieces[at].text
            for at in range(line.start, line.end)
        )
        note = line.comment.text if line.comment else ""
        room = " " * (columns[number] - line.width) if code and note else ""
        texts.append("\n" * line.blank + " " * line.indent + code + room + note + "\n")
    return texts
