"""Kernels compiled, and kept for the next time: each source is a module of its own in the cache, next to which numba
keeps its machine code.

The folder is named after everything that the machine code depends on besides the source: the versions of Python, numba
and llvmlite, and GDL's own functions; numba itself adds the processor. A cache that can't be written is done without.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba

from gdl.resources import platform_cache
from gdl.runtime.compiled import functions, intrinsics, tile

_kernels: dict[str, Any] = {}
_runners: dict[int, Callable[..., None]] = {}


def kernel_at(source: str) -> int:
    """The address of a kernel."""
    kernel = _kernels.get(source)
    if kernel is None:
        kernel = _kernels[source] = _module(source).kernel
    return kernel.address


def runner(fed: int) -> Callable[..., None]:
    """The function of a table, and the ids of so many arrays, that goes through the table."""
    if fed not in _runners:
        _runners[fed] = _module(_runner_source(fed)).run
    return _runners[fed]


def _runner_source(fed: int) -> str:
    names = [f"array{i}" for i in range(fed)]
    given = [f"        if which == {i}:\n            at = {name}\n" for i, name in enumerate(names)]
    return f"""\
from numba import njit
from gdl.runtime.compiled.intrinsics import call_at, loader, storer
load = loader("i64", 0, 1)
store = storer("i64", 0, 1)

@njit("void({", ".join(["int64"] * (fed + 1))})", cache=CACHED, nogil=True)
def run({", ".join(["table", *names])}):
    moves = load(table, 0)
    for i in range(moves):
        which = load(table, 2 + 3 * i)
        at = 0
{"".join(given)}        store(load(table, 1 + 3 * i), 0, load(at, {object.__basicsize__ // 8}) + load(table, 3 + 3 * i))
    first = 2 + 3 * moves
    for i in range(load(table, first - 1)):
        call_at(load(table, first + 2 * i), load(table, first + 2 * i + 1))
"""


def _module(source: str) -> ModuleType:
    path = _file_of(source)
    if path is None:
        module = ModuleType("gdl_kernel")
        exec(source.replace("CACHED", "False"), module.__dict__)
        return module
    spec = importlib.util.spec_from_file_location(f"gdl_kernel_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[spec.name] = module  # type: ignore[union-attr]  # where numba's cache looks for it
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def _file_of(source: str) -> Path | None:
    """The file that holds the source, written if there is none yet; None without a cache."""
    folder = _folder()
    path = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:32]}.py"
    text = source.replace("CACHED", "True")
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(".py", dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(name, path)
        elif path.read_text(encoding="utf-8") != text:
            return None
    except OSError:
        return None
    return path if os.access(folder, os.W_OK) else None


def _folder() -> Path:
    versions = [sys.version, platform.machine(), numba.__version__, llvmlite.__version__]
    digest = hashlib.sha256("\0".join(versions).encode())
    for module in (functions, intrinsics, tile):
        digest.update(Path(module.__file__).read_bytes())
    folder = os.environ.get("GDL_CACHE", "").strip()
    return (Path(folder) if folder else platform_cache(os.environ)) / "compiled" / digest.hexdigest()[:16]
