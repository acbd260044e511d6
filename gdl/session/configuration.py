"""What a run was started with, as its config.json says: read back, and held to be what a run writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from reprlib import repr as shortened
from typing import Any

from gdl.errors import checkpoint as errors
from gdl.errors.command import MOST_THREADS
from gdl.runtime.backends import BACKENDS
from gdl.train.rundir import RunDirectory


@dataclass(frozen=True, slots=True)
class Length:
    """`--epochs N` or `--steps N`: instead of what every train block says."""

    unit: str
    count: int


@dataclass(frozen=True, slots=True)
class Configuration:
    """`entry` is the program's file below the run's program/; the folders are those of the first start."""

    entry: str
    hypers: Mapping[str, Any]
    seed: int
    program_dir: Path | None
    data_dir: Path | None
    data: Mapping[str, Any]
    length: Length | None
    threads: int | None
    backend: str


def configuration_of(run: RunDirectory) -> Configuration:
    """The configuration of a run. Errors: E0721 where its file lacks something or holds something else."""
    config = {"threads": None, "backend": BACKENDS[0], **run.config}  # which the first runs did not tell
    for key, (expected, fits) in _FIELDS.items():
        if key not in config:
            raise errors.not_a_run(run.path, f"its config.json has no '{key}'")
        if not fits(config[key]):
            why = f"`{key}` in its config.json must be {expected}, got {shortened(config[key])}"
            raise errors.not_a_run(run.path, why)
    length = config["length"]
    return Configuration(
        config["entry"], config["hypers"], config["seed"], _folder(config["program_dir"]), _folder(config["data_dir"]),
        config["data"], Length(*length) if length else None, config["threads"], config["backend"],
    )  # fmt: skip


def _folder(text: str | None) -> Path | None:
    return Path(text) if text else None


def _is_path(value: object) -> bool:
    """A text that can name a file: no NUL, and nothing that is no character."""
    return isinstance(value, str) and "\0" not in value and value.isprintable()


def _is_entry(value: object) -> bool:
    if not isinstance(value, str) or not value or not _is_path(value):
        return False
    return ".." not in PurePosixPath(value).parts and not PurePosixPath(value).is_absolute()


def _is_folder(value: object) -> bool:
    return value is None or _is_path(value)


def _is_length(value: object) -> bool:
    match value:
        case None:
            return True
        case ["epochs" | "steps", count]:
            return _is_count(count)
    return False


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value


def _is_thread_count(value: object) -> bool:
    return value is None or (_is_count(value) and 1 <= value <= MOST_THREADS)  # type: ignore[operator]


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_sources(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_source, value.values()))


def _is_source(value: object) -> bool:
    match value:
        case {"source": str(), "splits": dict(splits)}:
            return all(map(_is_count, splits.values()))
    return False


_FIELDS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "entry": ("a file's name below program/", _is_entry),
    "hypers": ("values by name", _is_object),
    "seed": ("a whole number from 0 on", _is_count),
    "program_dir": ("a folder or null", _is_folder),
    "data_dir": ("a folder or null", _is_folder),
    "data": ("sources by name, each with its splits and their numbers of records", _is_sources),
    "threads": (f"null or a whole number from 1 to {MOST_THREADS}", _is_thread_count),
    "backend": ("a backend's name", lambda value: value in BACKENDS),
    "length": ('null, or as ["epochs", 5]', _is_length),
}
