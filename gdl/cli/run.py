"""`gdl run`: check a program, train it, evaluate it; or go on with a run that was stopped."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gdl.cli.display import Display, Json, Quiet, display
from gdl.cli.interrupt import gentle_interrupt
from gdl.cli.options import (
    FILE_PATH,
    backend_option,
    data_option,
    json_option,
    program_options,
    quiet_option,
    seed_option,
    set_option,
    threads_option,
)
from gdl.cli.screen import printable, show_diagnostics
from gdl.cli.settings import Knob, knobs, parse_settings, table
from gdl.errors import Exit
from gdl.errors import command as errors
from gdl.resources import open_source
from gdl.runtime.backends import BACKENDS, check_backend
from gdl.session.checking import check_program
from gdl.session.runs import Length, Run, start
from gdl.session.runs import resume as resume_run
from gdl.train.checkpoint import peek
from gdl.train.events import Progress

if TYPE_CHECKING:
    from gdl.runtime.plan import Plan


@click.command("run", add_help_option=False)
@click.argument("file", required=False, type=FILE_PATH)
@set_option
@click.option("--epochs", type=click.IntRange(min=0), metavar="N", help="Train for N epochs instead.")
@click.option("--steps", type=click.IntRange(min=0), metavar="N", help="Train for N steps instead.")
@seed_option
@threads_option
@backend_option
@data_option
@click.option("--out", type=FILE_PATH, metavar="DIR", help="Directory of the run [runs/PROGRAM].")
@click.option("--resume", type=FILE_PATH, metavar="DIR", help="Go on with the run in DIR.")
@click.option("--show", type=click.Choice(["plan"]), help="Show the code that steps and evals run, and stop.")
@quiet_option
@json_option
@click.option("-h", "--help", "wants_help", is_flag=True, help="Show this, and the hypers of FILE.")
@click.pass_context
def command(
    ctx: click.Context, file: Path | None, settings: Sequence[str], epochs: int | None, steps: int | None,
    seed: int | None, threads: int | None, backend: str | None, data: Path | None, out: Path | None,
    resume: Path | None, show: str | None, quiet: bool, as_json: bool, wants_help: bool,
) -> int:  # fmt: skip
    """Check FILE, train what it says, run its evals.

    The run keeps its weights, its metrics and a copy of the program in a directory of its own. Ctrl-C saves and stops;
    `gdl run --resume DIR` goes on from there, bit for bit.
    """
    if wants_help:
        click.echo(_help(ctx, knobs(open_source(file)) if file else {}))
        return Exit.OK
    if file is None and resume is None:
        raise click.UsageError("name a program: gdl run FILE", ctx)
    if epochs is not None and steps is not None:
        raise errors.conflict("--epochs", "--steps", "one of them says how long to train")
    if resume is not None:
        kept = {"--set": settings, "--seed": seed is not None, "--backend": backend, "--out": out, "--show": show}
        for option, given in kept.items():
            if given:
                raise errors.conflict("--resume", option, "a resumed run keeps the settings that it was started with")
    check_backend(backend or BACKENDS[0])
    progress = Progress()
    with display(progress, quiet=quiet, as_json=as_json) as shown:
        if resume is not None:
            run = _resumed(resume, data, _length(epochs, steps), threads, progress, shown)
        else:
            assert file is not None
            length = _length(epochs, steps)
            given = _Given(settings, seed or 0, threads or 1, backend or BACKENDS[0], data, out, length, show is None)
            run = _started(file, given, progress, shown)
        plans = run.execution.plans() if show else {}
        with gentle_interrupt(progress):
            for event in run.events() if show is None else ():
                shown.show(event)
    return _farewell(run, shown) if show is None else _show_plans(plans, run, as_json)


def _help(ctx: click.Context, known: dict[str, Knob]) -> str:
    text = ctx.get_help()
    if not known:
        return text
    formatter = ctx.make_formatter()
    with formatter.section("Hypers of this program (--set NAME=VALUE)"):
        formatter.write_dl(table(known))
    return f"{text}\n\n{formatter.getvalue().rstrip()}"


def _length(epochs: int | None, steps: int | None) -> Length | None:
    if epochs is not None:
        return Length("epochs", epochs)
    return Length("steps", steps) if steps is not None else None


@dataclass(frozen=True, slots=True)
class _Given:
    """What the command line says of a new run."""

    settings: Sequence[str]
    seed: int
    threads: int
    backend: str
    data: Path | None
    out: Path | None
    length: Length | None
    keep: bool


def _started(file: Path, given: _Given, progress: Progress, shown: Display) -> Run:
    """A new run."""
    source = open_source(file)
    hypers: dict[str, Any] = parse_settings(given.settings, knobs(source)) if given.settings else {}
    options = program_options(given.data, file.parent, shown.downloading)
    checked = check_program(source, options, hypers)
    show_diagnostics(d for d in checked.diagnostics if not d.is_error)
    checked.require()
    return start(
        checked, options, hypers=hypers, seed=given.seed, length=given.length, threads=given.threads, out=given.out,
        progress=progress, keep=given.keep, backend=given.backend,
    )  # fmt: skip


def _resumed(
    resume: Path, data: Path | None, length: Length | None, threads: int | None, progress: Progress, shown: Display
) -> Run:
    def options(data_dir: Path | None, program_dir: Path | None) -> Any:
        return program_options(data_dir, program_dir, shown.downloading)

    return resume_run(resume, options, data_dir=data, length=length, threads=threads, progress=progress)


def _show_plans(plans: Mapping[str, Plan], run: Run, as_json: bool) -> int:
    """The generated code of all that would run."""
    if not plans:
        raise errors.nothing_to_do(run.execution.program.source.name, "train or eval block")
    for note in () if as_json else run.notes:
        click.echo(printable(f"# {note}"))
    for title, plan in plans.items():
        if as_json:
            counts = {"nodes": len(plan.order), "buffers": len(plan.buffers), "bytes": plan.arena_bytes}
            Json().say({"event": "plan", "of": title, **counts, "code": plan.source})
        else:
            click.echo(printable(f"# {title}\n{plan.source}"))
    return Exit.OK


def _farewell(run: Run, shown: Display) -> int:
    """The last words: where the weights are, and how to go on."""
    directory = run.directory
    latest = directory.latest if directory is not None else None
    if run.progress.interrupted:
        if directory is not None:
            click.echo(f"interrupted; to go on: gdl run --resume {shlex.quote(str(directory.path))}", err=True)
        return Exit.INTERRUPTED
    if latest is not None and isinstance(shown, Json):
        shown.say({"event": "end", "weights": str(latest), "sha256": peek(latest).sha256})
    elif latest is not None and not isinstance(shown, Quiet):
        click.echo(printable(f"weights: {latest}\nsha256:  {peek(latest).sha256}"))
    return Exit.OK
