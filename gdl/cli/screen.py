"""What kind of place the output goes to, and diagnostics shown there."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from typing import TextIO

import click

from gdl.columns import shown
from gdl.diagnostics import Diagnostic
from gdl.render import render

_WIDEST = 120


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream, at a screen that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def has_color(stream: TextIO) -> bool:
    """See https://no-color.org: any text in NO_COLOR means none."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, _WIDEST)


def printable(text: str) -> str:
    """The text as it may reach a screen: names of files and tests can hold anything, control characters too."""
    return "\n".join(map(shown, text.split("\n")))


def show_diagnostics(diagnostics: Iterable[Diagnostic]) -> None:
    """Drawn on standard error, in colour where that is a terminal."""
    text = render(list(diagnostics), color=has_color(sys.stderr), width=width())
    if text:
        click.echo(text.rstrip("\n"), err=True, color=True)
