"""`gdl eval`: the eval blocks of a program, with the weights of a run or of a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gdl.cli.display import Display, display
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
from gdl.cli.screen import show_diagnostics
from gdl.cli.settings import knobs, parse_settings
from gdl.errors import Exit
from gdl.errors import command as errors
from gdl.resources import open_source
from gdl.runtime.backends import BACKENDS, check_backend
from gdl.session.checking import Checked, check_program
from gdl.session.configuration import Configuration, configuration_of
from gdl.session.runs import check_copy, evaluation
from gdl.train.data import DataOptions
from gdl.train.events import Moment, Noted, Progress
from gdl.train.rundir import view_run


@click.command("eval")
@click.argument("target", metavar="FILE|RUNDIR", type=FILE_PATH)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--from", "weights", type=FILE_PATH, metavar="CHECKPOINT", help="The weights to evaluate."
)
@set_option
@seed_option
@threads_option
@backend_option
@data_option
@click.option("--out", type=FILE_PATH, metavar="DIR", help="Directory for images that evals write.")
@quiet_option
@json_option
def command(
    target: Path, names: Sequence[str], weights: Path | None, settings: Sequence[str], seed: int | None,
    threads: int | None, backend: str | None, data: Path | None, out: Path | None, quiet: bool, as_json: bool,
) -> int:  # fmt: skip
    """Run eval blocks, all or those named, and show what they find.

    Of a run's directory the last weights are taken, of a FILE the initial ones, unless --from names a checkpoint.
    """
    with display(Progress(), quiet=quiet, as_json=as_json) as shown:
        if target.is_dir():
            if settings:
                raise errors.conflict("--set", "a run's directory", "a run has the settings that it was started with")
            checked, options, config, weights = _of_run(target, data, weights, shown)
            hypers, at_seed, threads = dict(config.hypers), config.seed, threads or config.threads
            backend = backend or config.backend
            out = out or target
        else:
            source = open_source(target)
            options = program_options(data, target.parent, shown.downloading)
            hypers = parse_settings(settings, knobs(source)) if settings else {}
            checked, at_seed, threads = check_program(source, options, hypers), 0, threads or 1
        show_diagnostics(d for d in checked.diagnostics if not d.is_error)
        seed = at_seed if seed is None else seed
        how = {"weights": weights, "seed": seed, "threads": threads, "backend": check_backend(backend or BACKENDS[0])}
        _evaluate(checked, options, hypers, names, how, out, shown)
    return Exit.OK


def _of_run(
    path: Path, data: Path | None, weights: Path | None, shown: Display
) -> tuple[Checked, DataOptions, Configuration, Path | None]:
    """The program of a run, its data, what it was started with and its last weights."""
    run = view_run(path)
    config = configuration_of(run)

    def options(data_dir: Path | None, program_dir: Path | None) -> DataOptions:
        return program_options(data_dir, program_dir, shown.downloading)

    checked, of_run = check_copy(run, config, options, data)
    return checked, of_run, config, weights or run.latest


def _evaluate(
    checked: Checked, options: DataOptions, hypers: dict[str, Any], names: Sequence[str], how: dict[str, Any],
    out: Path | None, shown: Display,
) -> None:  # fmt: skip
    program = checked.require()
    if not program.evals:
        raise errors.nothing_to_do(program.source.name, "eval block")
    for name in names:
        if name not in program.evals:
            raise errors.unknown_part("eval block", name, program.evals)
    execution, memory, notes = evaluation(checked, options, hypers, out=out, **how)
    for note in notes:
        shown.show(Noted(Moment(), note))
    at = execution.moment(memory.position)
    for name in names or program.evals:
        if out is None and program.evals[name].writes:
            shown.show(Noted(at, f"the images of `{name}` are not written: name a folder with --out DIR"))
        shown.show(execution.evaluate(name, at, memory.position.total_steps))
