"""Finding the file that a program names, in the folders that the user named and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from gdl.errors import data as errors
from gdl.resources import is_file_name
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


def find_folder(request: Request, name: str) -> Path:
    """The folder of that name in the data folder, else in the program's."""
    _refuse_outside(name)
    looked = []
    for folder, called in _folders(request, ""):
        looked.append(f"{folder} ({called})")
        if (folder / name).is_dir():
            _refuse_link_outside(request, name, folder / name, folder)
            return folder / name
    reasons = [f'there is no folder "{name}" in {", ".join(looked)}'] if looked else [f'no place to find "{name}" in']
    raise errors.not_to_be_had(str(request.call), reasons, ["put the folder there, or name its place with --data DIR"])


def is_inside(request: Request, path: Path) -> bool:
    """Whether what was found stays where it was found: links in the data folder are the user's own, one beside the
    program may have come with it."""
    home, own = request.options.program_dir, request.options.data_dir
    if home is None or not path.is_relative_to(home) or (own is not None and path.is_relative_to(own)):
        return True
    return path.resolve().is_relative_to(home.resolve())


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
    if not is_file_name(name):
        raise errors.outside(name.replace("\0", "\\0")[:100], "that is no file name")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        raise errors.outside(name, "the path is absolute")
    depth = 0
    for part in name.replace("\\", "/").split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            raise errors.outside(name, "`..` leads out of the folder")


def _refuse_link_outside(request: Request, name: str, path: Path, folder: Path) -> None:
    if folder == request.options.program_dir and not is_inside(request, path):
        raise errors.outside(name, f"it is a link to {path.resolve()}, outside the program's folder")
