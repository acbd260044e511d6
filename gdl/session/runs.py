"""Runs of a program: started in a directory of their own, resumed from it, evaluated."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from gdl.errors import training as errors
from gdl.lang.program import Load, Program
from gdl.resources import is_file_name, open_source
from gdl.runtime.backends import check_backend
from gdl.runtime.blas import use_one_thread
from gdl.runtime.pool import Pool
from gdl.runtime.state import State
from gdl.session.checking import Checked, check_program, find_checkpoint, fit_checkpoint
from gdl.session.configuration import Configuration, Length, configuration_of
from gdl.train import checkpoint
from gdl.train.data import DataOptions, Dataset, open_data
from gdl.train.evaluate import check_writes
from gdl.train.events import Event, Moment, Noted, Progress
from gdl.train.execution import Execution
from gdl.train.initial import initial_state, load_into, restore
from gdl.train.keeping import Keeper, Memory, memory_of
from gdl.train.loop import run as run_program
from gdl.train.rundir import RunDirectory, create, open_run, view_run
from gdl.train.step import Position, statements


@dataclass(slots=True)
class Run:
    """A program about to run, or to run on."""

    execution: Execution
    directory: RunDirectory | None
    memory: Memory
    progress: Progress
    facts: Mapping[str, Any]
    notes: list[str] = field(default_factory=list)

    def events(self) -> Iterator[Event]:
        """Training and evaluation, event by event."""
        for note in self.notes:
            yield Noted(Moment(), note)
        keeper = Keeper(self.directory, self.execution.state, self.facts)
        yield from run_program(self.execution, keeper, self.memory, self.progress)


# ---- data --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class OpenData:
    """The data sources of a program, each opened once."""

    program: Program
    options: DataOptions
    _open: dict[str, Dataset] = field(default_factory=dict, repr=False)

    def __call__(self, name: str) -> Dataset:
        if name not in self._open:
            self._open[name] = open_data(self.program.data[name].calls, self.options)
        return self._open[name]

    def used(self) -> list[str]:
        """The names of the sources that the program's procedures feed from."""
        feeds = [block.feed for block in (*self.program.trains, *self.program.evals.values(), *self.program.tests)]
        return list(dict.fromkeys(feed.data for feed in feeds if feed.data is not None))


def open_all(checked: Checked, options: DataOptions, hypers: Mapping[str, Any]) -> tuple[Program, OpenData, list[str]]:
    """The program with its data open, and notes on which of `A or B` serve. Where another one serves than the one that
    the program was checked with, it is checked again if sizes hang on it."""
    program = checked.require()
    data = OpenData(program, options)
    notes: list[str] = []
    absent: set[str] = set()
    for name in data.used():
        dataset, info = data(name), program.data[name]
        notes += dataset.notes
        serving = next((i for i, call in enumerate(info.calls) if str(call) == dataset.header.name), 0)
        same = (dataset.header.fields, dataset.header.attributes) == (info.header.fields, info.header.attributes)
        if not same or (dataset.header.splits != info.header.splits and _has_guards(program)):
            absent |= {str(call) for call in info.calls[:serving]}
    if absent:
        program = check_program(checked.source, options, hypers, frozenset(absent)).require()
        data.program = program
    return program, data, notes


def _has_guards(program: Program) -> bool:
    """Whether the program needs sizes to be equal that hang on the number of records."""
    trained = [minimize.computation for train in program.trains for minimize in statements(train.body)]
    return any(c.graph.guards for c in (*trained, *[block.computation for block in program.evals.values()]))


# ---- starting ----------------------------------------------------------------------------------------------------


def start(
    checked: Checked,
    options: DataOptions,
    *,
    hypers: Mapping[str, Any],
    seed: int = 0,
    length: Length | None = None,
    threads: int | None = None,
    out: Path | None = None,
    progress: Progress | None = None,
    keep: bool = True,
    backend: str = "numpy",
) -> Run:
    """A new run. It has a directory if there is something to keep: weights that are trained, images that are written.

    `out` is the directory, else the first free one of the program's name under runs/ (or what its `save` names).
    `threads` share the work of a step; None leaves BLAS as it is set.
    """
    program, data, notes = open_all(checked, options, hypers)
    for block in program.evals.values():
        check_writes(block)
    program = _with_length(program, length)
    state = _initial(program, options, seed)
    facts = _facts(program, seed)
    directory = None
    if keep and (program.trains or any(block.writes for block in program.evals.values())):
        folder, names = _program_files(program)
        entry = _entry(program, folder)
        config = facts | {"entry": entry, "threads": threads, "backend": backend}
        config |= _circumstances(program, data, options, length)
        directory = create(out or free_directory(program), names, config)
    execution = Execution(program, state, data, seed, directory.path if directory else out, backend)
    notes += _with_threads(execution, threads)
    return Run(execution, directory, Memory(), progress or Progress(), facts, notes)


def _initial(program: Program, options: DataOptions, seed: int) -> State:
    """The tensors that the program's text says: initializers, then what it loads."""
    state = initial_state(program, seed)
    for load in program.loads:
        path = find_checkpoint(load, options)
        load_into(state, path, fit_checkpoint(program, load, path, checkpoint.peek(path)))
    return state


def _facts(program: Program, seed: int) -> dict[str, Any]:
    """What every checkpoint of a run says of its making."""
    hypers = {name: hyper.value for name, hyper in program.hypers.items()}
    digest = hashlib.sha256(program.source.text.encode()).hexdigest()
    return {"program": Path(program.source.name).name, "program_sha256": digest, "seed": seed, "hypers": hypers}


def _circumstances(program: Program, data: OpenData, options: DataOptions, length: Length | None) -> dict[str, Any]:
    """What else a resumed run must find again."""
    return {
        "program_dir": str(options.program_dir.resolve()) if options.program_dir else None,
        "data_dir": str(options.data_dir.resolve()) if options.data_dir else None,
        "data": {name: _describe(data(name)) for name in data.used()},
        "length": [length.unit, length.count] if length else None,
    }


def _describe(dataset: Dataset) -> dict[str, Any]:
    return {"source": dataset.header.name, "splits": dict(dataset.header.splits)}


def _with_threads(execution: Execution, threads: int | None) -> list[str]:
    """Gives the execution its threads; notes on what can't be had."""
    if threads is None:
        return []
    execution.pool = Pool(threads)
    if use_one_thread():
        return []
    return ["NumPy's BLAS here can't be told how many threads to use: set OMP_NUM_THREADS=1 (Accelerate: "
            "VECLIB_MAXIMUM_THREADS=1) before the start, or results may differ from one run to the next"]  # fmt: skip


def _with_length(program: Program, length: Length | None) -> Program:
    if length is None:
        return program
    trains = tuple([replace(train, unit=length.unit, count=length.count) for train in program.trains])
    return replace(program, trains=trains)


def _is_below(name: str) -> bool:
    """Whether a folder's name stays below the current one, on every platform alike."""
    path = PurePosixPath(name.replace("\\", "/"))
    return is_file_name(name) and not path.is_absolute() and ".." not in path.parts and ":" not in name


def free_directory(program: Program) -> Path:
    """runs/<program>, or runs/<program>-2 and so on: the first that is not there."""
    named = next((save.directory for train in program.trains for save in train.saves if save.directory), None)
    if named is not None and not _is_below(named):
        raise errors.save_outside(named)
    wanted = Path(named) if named else Path("runs") / (Path(program.source.name).stem or "program")
    number, folder = 1, wanted
    while folder.exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def _program_files(program: Program) -> tuple[Path, dict[str, bytes]]:
    """The program and the files it imports, by their names below the folder that holds them all."""
    paths = [path.resolve() for path in program.files]
    if not paths:
        return Path(), {_TEXT_NAME: program.source.text.encode()}
    folder = paths[0].parent
    while not all(path.is_relative_to(folder) for path in paths):
        folder = folder.parent
    return folder, {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


_TEXT_NAME = "program.gdl"


def _entry(program: Program, folder: Path) -> str:
    """The name of the program's own file among its files."""
    return program.files[0].resolve().relative_to(folder).as_posix() if program.files else _TEXT_NAME


# ---- resuming ----------------------------------------------------------------------------------------------------


def resume(
    path: Path,
    make_options: Callable[[Path | None, Path | None], DataOptions],
    *,
    data_dir: Path | None = None,
    length: Length | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """The run of a directory, to be continued from its newest checkpoint, with the copy of the program that lies there.

    `make_options` makes the data options from the data folder and the program's folder.
    """
    config = configuration_of(view_run(path))  # before anything there is changed
    check_backend(config.backend)
    directory = open_run(path)
    checked, options = check_copy(directory, config, make_options, data_dir)
    program, data, notes = open_all(checked, options, config.hypers)
    for name in data.used():
        then, now = config.data.get(name), _describe(data(name))
        if then != now:
            raise errors.other_data(name, then, now)
    program = _with_length(program, length or config.length)
    state = initial_state(program, config.seed)
    memory = Memory()
    if directory.resumed is not None:
        restore(state, path, directory.resumed.tensors)
        memory = memory_of(directory.resumed.meta, path)
        if memory.position.block >= len(program.trains):
            raise errors.other_program(path, f"it has no train block number {memory.position.block + 1}")
        memory.position.is_over = memory.position.is_over and length is None
    execution = Execution(program, state, data, config.seed, directory.path, config.backend)
    run = Run(execution, directory, memory, progress or Progress(), _facts(program, config.seed))
    run.notes = [*notes, *directory.notes, *_with_threads(execution, threads or config.threads)]
    if threads not in (None, config.threads):
        before = f"{config.threads} thread{'s' * (config.threads != 1)}" if config.threads else "BLAS as it was set"
        run.notes.append(f"this run was started with {before}; from here on its numbers may differ in their last bits")
    if memory.position.is_over and memory.position.block == len(program.trains) - 1:
        run.notes.append("this run has ended; to train on, say how far in all: --epochs N or --steps N")
    return run


def check_copy(
    directory: RunDirectory, config: Configuration,
    make_options: Callable[[Path | None, Path | None], DataOptions], data_dir: Path | None,
) -> tuple[Checked, DataOptions]:  # fmt: skip
    """The program of a run directory, checked with the hypers and the data of that time."""
    options = make_options(data_dir or config.data_dir, config.program_dir)
    return check_program(open_source(directory.program / config.entry), options, config.hypers), options


# ---- evaluating --------------------------------------------------------------------------------------------------


def evaluation(
    checked: Checked, options: DataOptions, hypers: Mapping[str, Any], *,
    weights: Path | None = None, seed: int = 0, threads: int | None = None, out: Path | None = None,
    backend: str = "numpy",
) -> tuple[Execution, Memory, list[str]]:  # fmt: skip
    """A program ready to be evaluated, with the weights of a checkpoint or its initial ones; what the checkpoint
    remembers; notes. Images are written below `out` only."""
    program, data, notes = open_all(checked, options, hypers)
    for block in program.evals.values():
        check_writes(block)
    memory = Memory()
    state = _initial(program, options, seed)
    if weights is not None:
        peek = checkpoint.peek(weights)
        load_into(state, weights, fit_checkpoint(program, Load("", str(weights)), weights, peek))
        memory = memory_of(peek.meta, weights)
        if memory.position.block >= len(program.trains):  # of another program, whose weights fit this one
            memory.position = Position(total_steps=memory.position.total_steps)
    elif program.trains and not program.loads:
        notes.append("these are the initial weights, nothing was trained; --from CHECKPOINT takes others")
    execution = Execution(program, state, data, seed, out, backend)
    return execution, memory, notes + _with_threads(execution, threads)
