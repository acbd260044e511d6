"""Transcripts (`.gdls`): inputs after `>>> ` and `... `, below each what it is answered with.

A line `...` among the answers stands for any lines. Lines before the first input, and those that begin with `#` after
an empty line, are remarks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gdl.interactive.answers import Ended
from gdl.interactive.reading import is_unfinished
from gdl.interactive.session import Interactive
from gdl.repl.draw import Pen

WIDTH = 100
_FIRST, _MORE, _ANY = ">>> ", "... ", "..."


@dataclass(frozen=True, slots=True)
class Exchange:
    """An input, where it stands, and what is expected of it."""

    line: int
    text: str
    expected: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """An exchange with what was in fact answered."""

    exchange: Exchange
    actual: str

    @property
    def passed(self) -> bool:
        pattern = [r"(?:.*\n)*?.*" if line == _ANY else re.escape(line) for line in self.exchange.expected.split("\n")]
        return re.fullmatch("\n".join(pattern), self.actual) is not None


def exchanges(text: str) -> Iterator[Exchange]:
    """The inputs of a transcript in order."""
    found: list[tuple[int, list[str], list[str]]] = []
    remark = False
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(_FIRST) or line == _FIRST.rstrip():
            found.append((number, [line[len(_FIRST) :]], []))
            remark = False
        elif found and not found[-1][2] and line.startswith(_ANY) and is_unfinished("\n".join(found[-1][1])):
            found[-1][1].append(line[len(_MORE) :])
        elif line.startswith("#") and not before.strip():
            remark = True
        elif found and not remark:
            found[-1][2].append(line)
        before = line
    for number, typed, told in found:
        yield Exchange(number, "\n".join(typed), "\n".join(line.rstrip() for line in told).strip("\n"))


def run_transcript(text: str, folder: Path, backend: str = "numpy") -> Iterator[Outcome]:
    """Each exchange as it comes out, in one session, in a folder."""
    session, pen = Interactive(folder=folder, backend=backend), Pen(WIDTH)
    for exchange in exchanges(text):
        answers = []
        ended = False
        for answer in session.submit(exchange.text):
            ended = ended or isinstance(answer, Ended)
            answers.append(pen.draw(answer))
        told = "\n".join(answer for answer in answers if answer)
        yield Outcome(exchange, "\n".join(line.rstrip() for line in told.split("\n")).strip("\n"))
        if ended:
            return


def rewritten(text: str, outcomes: list[Outcome]) -> str:
    """The transcript with the answers that were in fact given, where others were expected."""
    lines = text.splitlines()
    for outcome in reversed(outcomes):
        if not outcome.passed:
            start = outcome.exchange.line - 1 + outcome.exchange.text.count("\n") + 1
            end = start + (outcome.exchange.expected.count("\n") + 1 if outcome.exchange.expected else 0)
            lines[start:end] = outcome.actual.split("\n") if outcome.actual else []
    return "\n".join(lines) + "\n"
