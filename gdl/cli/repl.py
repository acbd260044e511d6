"""`gdl repl`: the prompt."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gdl.cli.options import FILE_PATH, data_option, seed_option
from gdl.cli.screen import has_color, is_terminal, width
from gdl.errors import Exit
from gdl.interactive.answers import Said
from gdl.interactive.session import Interactive
from gdl.repl.draw import Pen
from gdl.repl.pipe import run_lines


@click.command("repl")
@click.argument("file", required=False, type=FILE_PATH)
@data_option
@seed_option
@click.option("--vi", is_flag=True, help="The keys of vi instead of those of Emacs.")
def command(file: Path | None, data: Path | None, seed: int | None, vi: bool) -> int:
    """Type expressions and definitions and see what they are; FILE is loaded first.

    From a pipe, lines are read as they come and answered in plain text.
    """
    session = Interactive(data=data, seed=seed or 0)
    pen = Pen(width(), has_color(sys.stdout))
    well = True
    for answer in session.load(file) if file is not None else ():
        well = well and not isinstance(answer, Said)
        click.echo(pen.draw(answer), color=True)
    if is_terminal(sys.stdin) and is_terminal(sys.stdout):
        from gdl.repl.terminal import run_terminal  # prompt_toolkit, for terminals only

        run_terminal(session, pen, vi)
        return Exit.OK
    well = run_lines(session, sys.stdin, pen, lambda text: click.echo(text, color=True)) and well
    return Exit.OK if well else Exit.PROGRAM
