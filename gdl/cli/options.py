"""Options that several commands have."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gdl.errors.command import MOST_THREADS
from gdl.runtime.backends import BACKENDS
from gdl.train.data import DataOptions, data_options


class FilePath(click.Path):
    """A file or folder, there or not; but a name that can be one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        try:
            path.lstat()
        except OSError as fault:
            if fault.errno == errno.ENAMETOOLONG:
                self.fail(f"the name {str(path)[:40]}... is too long", param, ctx)
        return path


class Folder(FilePath):
    """A folder that is there."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        if not path.is_dir():
            self.fail(f"{path} is {'no folder' if path.exists() else 'not there'}", param, ctx)
        return path


#: What is named on a command line by its path.
FILE_PATH = FilePath(path_type=Path)

data_option = click.option(
    "--data",
    metavar="DIR",
    type=Folder(path_type=Path),
    help="Folder of the data files (else GDL_DATA, the cache).",
)
set_option = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a hyper; may be repeated."
)
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=None, metavar="N", help="Seed of all random draws."
)
threads_option = click.option(
    "--threads", type=click.IntRange(1, MOST_THREADS), metavar="N", help="Threads that share the work of a step [1]."
)
backend_option = click.option(
    "--backend", type=click.Choice(BACKENDS), default=None,
    help="What runs the plan: numpy, or compiled by numba (pip install 'gdl[fast]').",
)  # fmt: skip
quiet_option = click.option("--quiet", is_flag=True, help="Show errors and warnings only.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object per event, on standard output.")

OnDownload = Callable[[str, int, int], None]


def program_options(data: Path | None, folder: Path | None, on_download: OnDownload | None = None) -> DataOptions:
    """Where the data of a program may come from, as the command line and the environment say."""
    return data_options(data, folder) if on_download is None else data_options(data, folder, on_download=on_download)
