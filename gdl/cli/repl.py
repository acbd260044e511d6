"""`gdl repl`: the prompt."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gdl.cli.options import FILE_PATH, backend_option, data_option, seed_option
from gdl.cli.screen import has_color, is_terminal, width
from gdl.errors import Exit
from gdl.runtime.backends import BACKENDS, check_backend

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive
    from gdl.repl.draw import Pen


@click.command("repl")
@click.argument("file", required=False, type=FILE_PATH)
@data_option
@seed_option
@backend_option
@click.option("--vi", is_flag=True, help="The keys of vi instead of those of Emacs.")
def command(file: Path | None, data: Path | None, seed: int | None, backend: str | None, vi: bool) -> int:
    """Type expressions and definitions and see what they are; FILE is loaded first.

    From a pipe, lines are read as they come and answered in plain text.
    """
    backend = check_backend(backend or BACKENDS[0])
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        from gdl.repl.pipe import run_lines

        session, pen, well = _open(file, data, seed or 0, backend)
        well = run_lines(session, sys.stdin, pen, lambda text: click.echo(text, color=True)) and well
        return Exit.OK if well else Exit.PROGRAM

    from gdl.repl.terminal import run_terminal  # prompt_toolkit, for terminals only

    with ThreadPoolExecutor(1) as beside:
        opened = beside.submit(_open, file, data, seed or 0, backend)
        beside.submit(_read_library)
        if file is not None:
            opened.result()  # what there is to say of the file stands above the prompt
        run_terminal(lambda: opened.result()[:2], has_color(sys.stdout), vi)
    return Exit.OK


def _read_library() -> None:
    """Reads what the first completion would else wait for."""
    from gdl.session.reference import entries

    entries()


def _open(file: Path | None, data: Path | None, seed: int, backend: str) -> tuple[Interactive, Pen, bool]:
    """A session with the file loaded, what draws its answers, and whether the file was right."""
    from gdl.interactive.answers import Said
    from gdl.interactive.session import Interactive
    from gdl.repl.draw import Pen

    session, pen, well = Interactive(data=data, seed=seed, backend=backend), Pen(width(), has_color(sys.stdout)), True
    for answer in session.load(file) if file is not None else ():
        well = well and not isinstance(answer, Said)
        click.echo(pen.draw(answer), color=True)
    return session, pen, well
