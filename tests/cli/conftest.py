"""The command, run in this process or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gdl.cli.main import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a process that uses this checkout, its bytecode cached as that of an installed package is."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    cache = str(tmp_path_factory.mktemp("bytecode"))
    return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": cache, "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GDL_OFFLINE", "1")
    monkeypatch.setenv("GDL_CACHE", str(tmp_path / "cache"))
    for name in ("GDL_DATA", "GDL_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def gdl(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command in this process."""

    def run(*args: object) -> Said:
        capfd.readouterr()
        code = main([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return run


@pytest.fixture
def spawn(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts the command as a process of its own; what is still alive at the end is killed."""
    started: list[subprocess.Popen] = []

    def start(*args: object, **how) -> subprocess.Popen:
        offline = {"GDL_OFFLINE": "1", "GDL_CACHE": str(tmp_path / "cache")}
        command = [sys.executable, "-W", "error", "-m", "gdl", *map(str, args)]
        variables = {**environment, **offline, **how.pop("env", {})}
        process = subprocess.Popen(command, env=variables, text=how.pop("text", True), **how)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
