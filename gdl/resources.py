"""Files: those that ship with GDL (grammar/, stdlib/, data/), and programs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from gdl.errors import UsageError
from gdl.errors.files import unreadable
from gdl.source import Source

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Path of a shipped file: inside the package when installed, else in the checkout around it."""
    packaged = _PACKAGE / name
    return packaged if packaged.exists() else _PACKAGE.parent / name


#: A program is a page; what is larger than this is something else.
MAX_SOURCE_BYTES = 16 * 1024 * 1024


def open_source(path: Path | str) -> Source:
    """The text of a program file. Raises UsageError where it can't be read as UTF-8 text."""
    path = Path(path)
    try:
        if path.is_dir():
            raise UsageError(unreadable(path, "it is a directory", siblings(path)))
        if path.stat().st_size > MAX_SOURCE_BYTES:
            raise UsageError(unreadable(path, f"it is larger than {MAX_SOURCE_BYTES // 2**20} MB", []))
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(unreadable(path, error.strerror or str(error), siblings(path))) from None
    return Source(str(path), decoded(path, data), path)


def decoded(path: Path, data: bytes) -> str:
    """The text of a program file's bytes."""
    if len(data) > MAX_SOURCE_BYTES:
        raise UsageError(unreadable(path, f"it is larger than {MAX_SOURCE_BYTES // 2**20} MB", []))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(unreadable(path, f"byte {error.start} is not UTF-8 text", [])) from None


def is_file_name(name: str) -> bool:
    """Whether a program's text may name a file by this, on every system: not empty, no NUL, no half of a character, no
    part too long."""
    if not name or "\0" in name or len(name) > _LONGEST_PATH:
        return False
    try:
        return all(len(part.encode()) <= _LONGEST_PART for part in name.replace("\\", "/").split("/"))
    except UnicodeEncodeError:
        return False


_LONGEST_PART, _LONGEST_PATH = 200, 1000  # what systems take, with room for folders and suffixes


def siblings(path: Path) -> list[str]:
    """Names of the .gdl files beside a path, or in it if it is a directory."""
    try:
        folder = path if path.is_dir() else path.parent
        return sorted(str(p) for p in folder.glob("*.gdl"))[:200]
    except OSError:
        return []


def platform_cache(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """The folder that `pooch.os_cache("gdl")` names, found without importing pooch."""
    if platform == "win32":
        local = environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
        return Path(local, "gdl", "gdl", "Cache")
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gdl"
    return Path(environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache") / "gdl"
