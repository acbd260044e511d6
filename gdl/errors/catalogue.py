"""What `gdl explain` tells: a page for each code, in `pages/`, with a wrong program and the right one."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "pages"

#: What codes are about, by their first two digits.
TOPICS = {
    "00": "Syntax",
    "01": "Names",
    "02": "Calls and parameters",
    "03": "Shapes",
    "04": "Dtypes",
    "05": "Gradients",
    "06": "Feeds, data and procedures",
    "07": "Checkpoints and runs",
    "08": "Values and run time",
    "09": "Limits, the command, Python and the prompt",
}


def titles() -> dict[str, str]:
    """Every code with the title of its page, in the order of their numbers."""
    pages = sorted(FOLDER.glob("*.md"), key=lambda path: path.stem[1:])
    return {path.stem: _first_line(path).partition(": ")[2] for path in pages}


def topic(code: str) -> str:
    return TOPICS[code[1:3]]


def page(code: str) -> str | None:
    """The text of a code's page, if there is such a code."""
    path = FOLDER / f"{code}.md"
    return path.read_text(encoding="utf-8") if code in titles() else None


def similar(code: str) -> list[str]:
    """Codes like one that does not exist: with its number, beginning with it, or next to it and about the same."""
    number = code.lstrip("EW")
    if not number.isdecimal() or len(number) > 4:
        return []
    begun = [other for other in titles() if len(number) < 4 and other[1:].startswith(number)]
    if begun:
        return begun[:10]
    known = [other for other in titles() if other[1:3] == number.zfill(4)[:2]]
    same = [other for other in known if int(other[1:]) == int(number)]
    return same or sorted(known, key=lambda other: abs(int(other[1:]) - int(number)))[:3]


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next(lines).rstrip("\n")
