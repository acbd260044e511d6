"""`gdl test`: the tests inside programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from gdl.cli.options import FILE_PATH, backend_option, data_option, json_option, program_options
from gdl.cli.screen import printable, show_diagnostics
from gdl.errors import Exit
from gdl.errors import command as errors
from gdl.render import to_json
from gdl.repl.transcript import run_transcript
from gdl.resources import open_source
from gdl.runtime.backends import BACKENDS, check_backend
from gdl.session.checking import Checked, check_examples, check_program
from gdl.session.runs import evaluation
from gdl.train.data import DataOptions
from gdl.train.inline_tests import TestResult, run_tests


@click.command("test")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=FILE_PATH)
@backend_option
@data_option
@json_option
def command(files: Sequence[Path], backend: str | None, data: Path | None, as_json: bool) -> int:
    """Run the tests of programs: `test` blocks, on the initial weights, and the examples of doc comments.

    Of a transcript of the prompt (.gdls), every input has to be answered as it says.
    """
    results: list[bool] = []
    backend = check_backend(backend or BACKENDS[0])
    for file in files:
        results += _replay(file, backend, as_json) if file.suffix == ".gdls" else _run(file, backend, data, as_json)
    if not results:
        raise errors.nothing_to_do(" ".join(map(str, files)), "test")
    failed = results.count(False)
    if not as_json:
        click.echo(f"{len(results) - failed} passed" + (f", {failed} failed" if failed else ""))
    return Exit.TEST_FAILED if failed else Exit.OK


def _replay(file: Path, backend: str, as_json: bool) -> list[bool]:
    """Whether each input of a transcript is answered as it says; shows those that are not."""
    passed = []
    for outcome in run_transcript(open_source(file).text, file.resolve().parent, backend):
        passed.append(outcome.passed)
        place = f"{file}:{outcome.exchange.line}"
        if as_json:
            fields = {"file": str(file), "line": outcome.exchange.line, "input": outcome.exchange.text}
            click.echo(json.dumps(fields | {"passed": outcome.passed, "answer": outcome.actual}))
        elif not outcome.passed:
            expected = f"FAILED {outcome.exchange.text}\nexpected:\n{_indented(outcome.exchange.expected)}"
            click.echo(printable(f"{place}: {expected}\ngot:\n{_indented(outcome.actual)}"))
    if not as_json and passed:
        click.echo(printable(f"{file}: {'ok    ' if all(passed) else 'FAILED'} {len(passed)} inputs"))
    return passed


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in (text or "nothing").split("\n"))


def _run(file: Path, backend: str, data: Path | None, as_json: bool) -> list[bool]:
    """Whether each test and each example of the file passes; shows them as they come."""
    options, source = program_options(data, file.parent), open_source(file)
    checked = check_program(source, options)
    show_diagnostics(d for d in checked.diagnostics if not d.is_error)
    checked.require()
    passed = []
    for result in _results([checked, check_examples(source, options)], options, backend):
        passed.append(result.passed)
        if as_json:
            fields: dict[str, Any] = {"file": str(file), "test": result.name, "passed": result.passed}
            click.echo(json.dumps(fields | {"failures": [to_json(d) for d in result.failures]}))
        else:
            click.echo(printable(f"{file}: {'ok    ' if result.passed else 'FAILED'} {result.name}"))
            show_diagnostics(result.failures)
    return passed


def _results(programs: Sequence[Checked | None], options: DataOptions, backend: str) -> Iterator[TestResult]:
    for checked in programs:
        if checked is not None and checked.program is not None and checked.program.tests:
            execution, *_ = evaluation(checked, options, {}, backend=backend)
            yield from run_tests(execution)
