"""`gdl fmt`: brings programs into the one style."""

from __future__ import annotations

import difflib
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from gdl.cli.options import FILE_PATH
from gdl.cli.replacing import replace_text
from gdl.cli.screen import is_terminal, printable, show_diagnostics
from gdl.errors import Exit, GdlError, UsageError
from gdl.errors.files import unreadable
from gdl.resources import MAX_SOURCE_BYTES, decoded, open_source
from gdl.source import Source
from gdl.syntax.format import format_source

_STANDARD_INPUT = Path("-")


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE_PATH)
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where a file is not in the style.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def command(files: Sequence[Path], check: bool, diff: bool) -> int:
    """Bring programs into the one style. `-` reads standard input and writes standard output.

    Only blanks, line breaks and the place of comments change. A program with syntax errors is left as it is.
    """
    worst = Exit.OK
    for file in files:
        try:
            changes = _format(file, writes=not (check or diff), diff=diff)
        except GdlError as error:
            show_diagnostics(error.diagnostics)
            worst = max(worst, error.exit)
        else:
            worst = max(worst, Exit.TEST_FAILED if check and changes else Exit.OK)
    return worst


def _format(file: Path, writes: bool, diff: bool) -> bool:
    """Formats one file, or says how it would change; whether it changes."""
    is_input = file == _STANDARD_INPUT
    source = _standard_input() if is_input else open_source(file)
    text = format_source(source)
    changes = text != source.text
    if diff:
        shown = "".join(_difference(source, text))
        on_screen = is_terminal(sys.stdout)
        click.echo(printable(shown.replace("\r\n", "\n")) if on_screen else shown.encode(), nl=False)
    elif writes and is_input:
        click.echo(text.encode(), nl=False)
    elif changes:
        if writes:
            replace_text(file, text)
        click.echo(printable(f"{source.name}: {'formatted' if writes else 'not formatted'}"), err=not writes)
    return changes


def _standard_input() -> Source:
    if sys.stdin is None:
        raise UsageError(unreadable(_STANDARD_INPUT, "standard input is closed", []))
    try:
        data = sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise UsageError(unreadable(_STANDARD_INPUT, error.strerror or str(error), [])) from None
    return Source("standard input", decoded(_STANDARD_INPUT, data))


def _difference(source: Source, text: str) -> Iterator[str]:
    old, new = (list(io.StringIO(version, newline="\n")) for version in (source.text, text))
    name = printable(source.name)
    for line in difflib.unified_diff(old, new, name, f"{name} formatted"):
        yield line if line.endswith("\n") else line + "\n\\ no line break at the end\n"
