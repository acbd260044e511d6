"""Whatever went wrong, in words and as an exit code."""

from __future__ import annotations

import io
import os
import sys

import click

from gdl import __version__
from gdl.cli.screen import printable, show_diagnostics
from gdl.errors import Exit, GdlError
from gdl.errors.runtime import out_of_memory


def tell(error: BaseException) -> int:
    """Says on standard error what happened; the exit code."""
    if isinstance(error, GdlError):
        show_diagnostics(error.diagnostics)
        return error.exit
    if isinstance(error, click.ClickException):
        told = io.StringIO()
        error.show(told)
        click.echo(printable(told.getvalue()), err=True, nl=False)
        return Exit.USAGE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        click.echo("interrupted", err=True)
        return Exit.INTERRUPTED
    if isinstance(error, MemoryError):
        return tell(out_of_memory())
    _tell_bug(error)
    return Exit.BUG


def _tell_bug(error: BaseException) -> None:
    click.echo(f"This is a bug in GDL, not in your program: {type(error).__name__}: {error}", err=True)
    where = f"gdl {__version__}, Python {sys.version.split()[0]}, {sys.platform}"
    click.echo(f"Please report it, with the program and this line: {where}", err=True)
    if os.environ.get("GDL_DEBUG", "") not in ("", "0"):
        sys.excepthook(type(error), error, error.__traceback__)
    else:
        click.echo("GDL_DEBUG=1 shows where it happened.", err=True)
