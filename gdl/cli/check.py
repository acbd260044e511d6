"""`gdl check`: says what is wrong with programs, without running them, and mends what can be mended with certainty."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path

import click

from gdl.cli.options import FILE_PATH, data_option, program_options
from gdl.cli.replacing import replace_text
from gdl.cli.screen import printable, show_diagnostics
from gdl.diagnostics import Diagnostic
from gdl.errors import Exit
from gdl.fixes import fixed
from gdl.render import to_json
from gdl.resources import open_source
from gdl.session.checking import diagnose, error_of
from gdl.session.fixing import Mended, mend


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE_PATH)
@click.option("--fix", is_flag=True, help="Mend what has only one remedy; say what was changed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per diagnostic, on standard output.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@data_option
def command(files: Sequence[Path], fix: bool, as_json: bool, strict: bool, data: Path | None) -> int:
    """Check programs: names, shapes, dtypes, gradients, data headers. Nothing is run or downloaded."""
    worst = Exit.OK
    for file in files:
        source, options = open_source(file), program_options(data, file.parent)
        result = mend(source, options) if fix else Mended(source, diagnose(source, options), ())
        found, mended = result.diagnostics, result.mended
        if mended:
            _replace(file, result.source.text)
        errors = sum(d.is_error or strict for d in found)
        if as_json:
            for diagnostic in mended:
                click.echo(json.dumps(to_json(diagnostic) | {"fixed": True}))
            for diagnostic in found:
                click.echo(json.dumps(to_json(diagnostic)))
        else:
            for line in dict.fromkeys(line for diagnostic in mended for line in _told(diagnostic)):
                click.echo(printable(line))
            show_diagnostics(found)
            verdict = _verdict(result, errors)
            click.echo(printable(verdict), err=errors > 0)
        if errors:
            wrong = [d for d in found if d.is_error]
            worst = max(worst, error_of(wrong).exit if wrong else Exit.PROGRAM)
    return worst


def _replace(file: Path, text: str) -> None:
    """The file with its new text: replaced as a whole, or left as it is."""
    mark = "\ufeff" if file.read_bytes().startswith(BOM_UTF8) else ""
    replace_text(file, mark + text)


def _told(diagnostic: Diagnostic) -> list[str]:
    """What a fix changed: the place as it was when the mistake was found, what stood there, what stands there now."""
    lines = []
    for edit in diagnostic.fix:
        old, new = " ".join(edit.span.text.split()), " ".join(edit.text.split())
        change = f"`{old}` is now `{new}`" if old and new else f"`{new}` put in" if new else f"`{old}` taken out"
        lines.append(f"{edit.span!r}: fixed {diagnostic.code}: {change}")
    return lines


def _verdict(result: Mended, errors: int) -> str:
    file, found, mended = result.source.name, result.diagnostics, len(result.mended)
    fixable = len(fixed(result.source, found).diagnostics)
    counts = [(errors, "error"), (len(found) - errors, "warning")]
    said = [f"{count} {word}{'s' * (count > 1)}" for count, word in counts if count]
    which = f"{fixable} of them" if fixable < len(found) else "them" if fixable > 1 else "it"
    way = f"; `gdl check --fix` mends {which}" if fixable else ""
    if errors:
        first = next((d for d in found if d.is_error), found[0])
        way = f"; `gdl explain {first.code}` tells more{way}"
    return f"{file}: {', '.join([f'{mended} fixed'] * (mended > 0) + (said or ['right']))}{way}"
