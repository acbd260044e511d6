"""`gdl check`: says what is wrong with programs, without running them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gdl.cli.options import FILE_PATH, data_option, program_options
from gdl.cli.screen import printable, show_diagnostics
from gdl.diagnostics import Diagnostic
from gdl.errors import Exit
from gdl.resources import open_source
from gdl.session.checking import check_program, error_of
from gdl.source import Span


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE_PATH)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per diagnostic, on standard output.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@data_option
def command(files: Sequence[Path], as_json: bool, strict: bool, data: Path | None) -> int:
    """Check programs: names, shapes, dtypes, gradients, data headers. Nothing is run or downloaded."""
    worst = Exit.OK
    for file in files:
        source = open_source(file)
        checked = check_program(source, program_options(data, file.parent))
        found = checked.diagnostics
        errors = sum(d.is_error or strict for d in found)
        if as_json:
            for diagnostic in found:
                click.echo(json.dumps(as_record(diagnostic)))
        else:
            show_diagnostics(found)
            click.echo(printable(_verdict(str(file), errors, len(found) - errors)), err=errors > 0)
        if errors:
            wrong = [d for d in found if d.is_error]
            worst = max(worst, error_of(wrong).exit if wrong else Exit.PROGRAM)
    return worst


def _verdict(file: str, errors: int, warnings: int) -> str:
    counts = [(errors, "error"), (warnings, "warning")]
    said = ", ".join(f"{count} {word}{'s' * (count > 1)}" for count, word in counts if count)
    return f"{file}: {said or 'right'}"


def as_record(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic for programs to read: places are 1-based lines and columns."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "labels": [{**_place(label.span), "text": label.text} for label in diagnostic.labels],
        "details": list(diagnostic.details),
        "helps": list(diagnostic.helps),
        "notes": list(diagnostic.notes),
        "fix": [{**_place(edit.span), "text": edit.text} for edit in diagnostic.fix],
    }


def _place(span: Span) -> dict[str, Any]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"file": span.source.name, "line": line, "column": column, "end_line": end_line, "end_column": end_column}
