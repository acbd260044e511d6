"""Finding the file that a program names, in the folders that the user named and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from gdl.errors import data as errors
from gdl.train.data.source import Request


def find_file(request: Request, name: str, *, subfolder: str = "", or_gz: bool = False) -> Path:
    """The file in the data folder (or its `subfolder`), else in the program's; with `or_gz` also as name.gz."""
    _refuse_outside(name)
    names = (name, f"{name}.gz") if or_gz and not name.endswith(".gz") else (name,)
    looked = []
    for folder, called in _folders(request, subfolder):
        looked.append(f"{folder} ({called})")
        for candidate in names:
            path = folder / candidate
            if path.is_file():
                _refuse_link_outside(request, name, path, folder)
                return path
    reasons = [f'there is no "{name}" in {", ".join(looked)}'] if looked else [f'no folder to find "{name}" in']
    raise errors.not_to_be_had(str(request.call), reasons, ["put the file there, or name its folder with --data DIR"])


def _folders(request: Request, subfolder: str) -> Iterator[tuple[Path, str]]:
    options = request.options
    if options.data_dir is not None:
        yield options.data_dir, "--data or GDL_DATA"
        if subfolder:
            yield options.data_dir / subfolder, "--data or GDL_DATA"
    if options.program_dir is not None:
        yield options.program_dir, "the program's folder"


def _refuse_outside(name: str) -> None:
    """A program's file names are relative and stay below the folder, on every platform alike."""
    if not name or "\0" in name:
        raise errors.outside(name.replace("\0", "\\0"), "that is no file name")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise errors.outside(name, "the path is absolute")
    depth = 0
    for part in name.replace("\\", "/").split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            raise errors.outside(name, "`..` leads out of the folder")


def _refuse_link_outside(request: Request, name: str, path: Path, folder: Path) -> None:
    """Links in the data folder are the user's own; one beside the program may have come with it."""
    if folder == request.options.program_dir and not path.resolve().is_relative_to(folder.resolve()):
        raise errors.outside(name, f"it is a link to {path.resolve()}, outside the program's folder")
