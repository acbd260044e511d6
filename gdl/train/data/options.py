"""Where data may come from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from gdl.record import Record, record
from gdl.resources import platform_cache
from gdl.train.data.given import as_splits

DATA_LIMIT_BYTES = 8 * 2**30

Progress = Callable[[str, int, int], None]


def _silent(name: str, done_bytes: int, total_bytes: int) -> None:
    """No progress is shown."""


@record
class DataOptions(Record):
    """The places that a program's sources may read, and what they may do."""

    data_dir: Path | None = None  # --data, else GDL_DATA
    program_dir: Path | None = None  # the folder of the .gdl file
    cache_dir: Path | None = None  # None: the platform's
    offline: bool = False
    arrays: Mapping[str, object] = field(default_factory=dict)  # given from Python, see sources/arrays.py
    on_download: Progress = _silent  # (file name, bytes done, bytes in all)
    limit_bytes: int = DATA_LIMIT_BYTES  # of one source, decompressed

    @property
    def cache(self) -> Path:
        return self.cache_dir or platform_cache(os.environ)


def data_options(
    data_dir: Path | None = None,
    program_dir: Path | None = None,
    *,
    offline: bool = False,
    arrays: Mapping[str, object] | None = None,
    on_download: Progress = _silent,
    environ: Mapping[str, str] = os.environ,
) -> DataOptions:
    """Options from what a command was given, completed by GDL_DATA, GDL_CACHE, GDL_OFFLINE and GDL_DATA_LIMIT_BYTES."""
    if data_dir is None and environ.get("GDL_DATA"):
        data_dir = Path(environ["GDL_DATA"])
    limit = environ.get("GDL_DATA_LIMIT_BYTES", "")
    return DataOptions(
        data_dir=data_dir,
        program_dir=program_dir,
        cache_dir=Path(environ["GDL_CACHE"]) if environ.get("GDL_CACHE") else platform_cache(environ),
        offline=offline or environ.get("GDL_OFFLINE", "") not in ("", "0"),
        arrays={name: as_splits(name, given) for name, given in (arrays or {}).items()},
        on_download=on_download,
        limit_bytes=int(limit) if limit.isascii() and limit.isdigit() else DATA_LIMIT_BYTES,
    )
