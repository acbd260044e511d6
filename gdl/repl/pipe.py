"""The session of a stream of lines: input from a pipe, and what transcripts are run with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from gdl.interactive.answers import Ended, Said, Tested
from gdl.interactive.reading import is_unfinished
from gdl.interactive.session import Interactive
from gdl.repl.draw import Pen

_CONTINUES = re.compile(r"\s*\|>")


def inputs(lines: Iterable[str]) -> Iterator[str]:
    """Lines joined to inputs: one goes on while it is unfinished, or where the next line begins with `|>`."""
    held: list[str] = []
    for line in lines:
        line = line.rstrip("\n")
        if held and not _CONTINUES.match(line) and not is_unfinished("\n".join(held)):
            yield "\n".join(held)
            held = []
        if held or line.strip():
            held.append(line)
    if held:
        yield "\n".join(held)


def run_lines(session: Interactive, lines: Iterable[str], pen: Pen, write: Callable[[str], None]) -> bool:
    """Answers a stream of lines; whether all went well."""
    well = True
    for text in inputs(lines):
        for answer in session.submit(text):
            if isinstance(answer, Ended):
                return well
            if isinstance(answer, Said):
                well = well and not any(d.is_error for d in answer.diagnostics)
            elif isinstance(answer, Tested):
                well = well and not answer.failures
            drawn = pen.draw(answer)
            if drawn:
                write(drawn)
    return well
