"""The folder of a run: all that is needed to see what was done, to continue it, and to do it again.

    program/         byte-for-byte copies of the program and the files it imports
    config.json      what the run was started with
    metrics.jsonl    one JSON record a line; numbers that JSON lacks are the texts "NaN", "Infinity", "-Infinity"
    checkpoints/     step-00000500.safetensors, ...; `latest` and `best` hold the name of one of them

The last three checkpoints and the best are kept. Whatever moment a process is killed at, `open_run` finds a usable
folder: what the pointers say can be told from the checkpoints themselves, and they are put right.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from gdl.errors import CheckpointError
from gdl.errors import checkpoint as errors
from gdl.train import checkpoint
from gdl.train.atomic import TEMPORARY_SUFFIX, remove_unfinished, sync_folder, write_atomically
from gdl.train.checkpoint import Checkpoint

if TYPE_CHECKING:
    import numpy as np

KEEP_LAST = 3
_BEST_KEY, _METRICS_KEY, _STEP_KEY = "is_best", "metrics_bytes", "step"


@dataclass(slots=True)
class RunDirectory:
    """An open run: where its metrics and checkpoints go. Made by `create` or `open_run`."""

    path: Path
    config: Mapping[str, Any]
    resumed: Checkpoint | None = None  # where to continue from; None: from the start
    notes: Sequence[str] = ()
    _metrics_bytes: int = field(default=0, repr=False)

    @property
    def program(self) -> Path:
        return self.path / "program"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def latest(self) -> Path | None:
        """The newest checkpoint."""
        return self._pointed_at("latest")

    @property
    def best(self) -> Path | None:
        """The checkpoint that was saved as the best."""
        return self._pointed_at("best")

    def append_metrics(self, record: Mapping[str, object]) -> None:
        """Adds one record. It outlasts the process at once, and a power failure from the next checkpoint on."""
        line = json.dumps(_jsonable(record), allow_nan=False).encode() + b"\n"
        try:
            with open(self.metrics, "ab") as stream:
                stream.write(line)
        except OSError as fault:
            raise errors.not_written(self.metrics, fault.strerror or str(fault)) from None
        self._metrics_bytes += len(line)

    def save_checkpoint(
        self, step: int, tensors: Mapping[str, np.ndarray], meta: Mapping[str, Any], *, is_best: bool = False
    ) -> Path:
        """Writes the checkpoint of a step, and lets go of those that are neither new nor best.

        Everything logged so far belongs to it: a run that is resumed from here continues the log from here.
        """
        path = self.checkpoints / f"step-{step:08d}.safetensors"
        marks = {_STEP_KEY: step, _METRICS_KEY: self._metrics_bytes, _BEST_KEY: is_best}
        try:
            _sync_file(self.metrics)
            checkpoint.save(path, tensors, {**meta, **marks})
            if is_best:
                self._point("best", path)
            self._point("latest", path)
            self._prune()
        except OSError as fault:
            raise errors.not_written(fault.filename or path, fault.strerror or str(fault)) from None
        return path

    def _pointed_at(self, pointer: str) -> Path | None:
        file = self.checkpoints / pointer
        if not file.is_file():
            return None
        target = self.checkpoints / Path(file.read_bytes().decode("utf-8", "replace").strip()).name
        return target if target.is_file() else None

    def _point(self, pointer: str, path: Path) -> None:
        write_atomically(self.checkpoints / pointer, [path.name.encode() + b"\n"])

    def _prune(self) -> None:
        best = self.best
        for path in _step_files(self.checkpoints)[KEEP_LAST:]:
            if path != best:
                path.unlink()


def create(out: Path, program_files: Mapping[str, bytes], config: Mapping[str, object]) -> RunDirectory:
    """A new run in `out`, which must not exist or be empty. A new folder appears whole or not at all.

    Errors: CheckpointError where `out` holds something, or can't be written.
    """
    inside = out / f".run{TEMPORARY_SUFFIX}"
    if out.exists() and (not out.is_dir() or any(path != inside for path in out.iterdir())):
        raise errors.directory_taken(out, (out / "config.json").is_file())
    new = inside if out.exists() else out.with_name(f".{out.name}{TEMPORARY_SUFFIX}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if new.exists():
            shutil.rmtree(new)
        (new / "checkpoints").mkdir(parents=True)
        for name, content in program_files.items():
            _write_below(new / "program", name, content)
        write_atomically(new / "config.json", [json.dumps(_jsonable(config), indent=2).encode() + b"\n"])
        (new / "metrics.jsonl").touch()
        _move_in(new, out)
    except OSError as fault:
        raise errors.not_written(out, fault.strerror or str(fault)) from None
    return RunDirectory(out, dict(config))


def open_run(path: Path) -> RunDirectory:
    """A run to continue: from its newest intact checkpoint, its log cut back to that moment.

    A damaged checkpoint is set aside as `*.damaged`, with a note. Without any checkpoint the run starts again.
    Errors: CheckpointError where this is no run, or checkpoints are there and all are damaged.
    """
    config = _read_config(path)
    checkpoints = path / "checkpoints"
    try:
        checkpoints.mkdir(exist_ok=True)
        for folder in (path, checkpoints):
            remove_unfinished(folder)
        resumed, notes = _newest_intact(checkpoints)
        run = RunDirectory(path, config, resumed, tuple(notes))
        run._metrics_bytes = _cut_log(run.metrics, resumed.meta[_METRICS_KEY] if resumed else 0)
        _repair_pointers(run)
    except OSError as fault:  # a folder where a file belongs, a full disk
        raise errors.not_written(fault.filename or path, fault.strerror or str(fault)) from None
    return run


def view_run(path: Path) -> RunDirectory:
    """A run to look at: nothing in it is changed."""
    return RunDirectory(path, _read_config(path))


def _read_config(path: Path) -> dict[str, object]:
    file = path / "config.json"
    if not file.is_file():
        raise errors.not_a_run(path, "it has no config.json" if path.is_dir() else "there is no such folder")
    try:
        config = json.loads(file.read_bytes())
    except OSError as fault:
        raise errors.not_a_run(path, f"its config.json can't be read: {fault.strerror or fault}") from None
    except (ValueError, RecursionError) as fault:
        raise errors.not_a_run(path, f"its config.json is damaged ({str(fault)[:80]})") from None
    if not isinstance(config, dict):
        raise errors.not_a_run(path, "its config.json holds no settings")
    return config


def _newest_intact(checkpoints: Path) -> tuple[Checkpoint | None, list[str]]:
    files = _step_files(checkpoints)
    faults = []
    for path in files:
        try:
            found = checkpoint.load(path)
            if not all(_is_count(found.meta.get(key)) for key in (_STEP_KEY, _METRICS_KEY)):
                raise errors.damaged(path, "a checkpoint of a run", "one without the step that it belongs to")
        except CheckpointError as error:
            faults.append((path, error.diagnostics[0].message))
            continue
        for damaged, _ in faults:
            os.replace(damaged, damaged.with_name(f"{damaged.name}.damaged"))
        notes = [f"{message}; set aside as {p.name}.damaged, {path.name} serves" for p, message in faults]
        return found, notes
    if files:
        raise errors.nothing_intact(checkpoints, [message for _, message in faults])
    return None, ["no checkpoint was saved yet: the run starts again"]


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _cut_log(metrics: Path, length: int) -> int:
    """Takes from the log what a resumed run will write again; its length afterwards."""
    metrics.touch()
    length = min(length, metrics.stat().st_size)
    os.truncate(metrics, length)
    return length


def _repair_pointers(run: RunDirectory) -> None:
    """Brings `latest` and `best` to what the checkpoints say, should the run have been killed in between."""
    files = _step_files(run.checkpoints)
    best = next((path for path in files if _is_best(path)), None)
    for pointer, path in (("latest", files[0] if files else None), ("best", best)):
        if path is None:
            (run.checkpoints / pointer).unlink(missing_ok=True)
        elif run._pointed_at(pointer) != path:
            run._point(pointer, path)
    run._prune()


def _is_best(path: Path) -> bool:
    try:
        return checkpoint.peek(path).meta.get(_BEST_KEY) is True
    except CheckpointError:
        return False  # an old one that is damaged: what it was can't be told


def _step_files(checkpoints: Path) -> list[Path]:
    """The checkpoints of a run, newest first."""
    return sorted(checkpoints.glob("step-*.safetensors"), key=lambda path: (len(path.name), path.name), reverse=True)


def _move_in(new: Path, out: Path) -> None:
    """Puts the prepared folder in its place. An empty one that is there stays: it may be a mount, or where we are."""
    if new.parent != out:
        os.rename(new, out)
    else:
        for path in sorted(
            new.iterdir(), key=lambda path: path.name == "config.json"
        ):  # what makes it a run comes last
            os.rename(path, out / path.name)
        new.rmdir()
    sync_folder(out.parent)


def _write_below(folder: Path, name: str, content: bytes) -> None:
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or PurePosixPath(name).is_absolute():
        raise ValueError(f"not a name below the folder: {name!r}")
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _sync_file(path: Path) -> None:
    with open(path, "ab") as stream:
        os.fsync(stream.fileno())


def _jsonable(value: object) -> object:
    """The value in JSON's own types, numbers of numpy as Python's."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if hasattr(value, "tolist"):
        return _jsonable(value.tolist())  # type: ignore[attr-defined]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, Path) else value
