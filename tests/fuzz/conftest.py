"""The folders that fuzzing works in, and its bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gdl.train.data import DataOptions
from tests.fuzz import attacks, world
from tests.fuzz.oracle import bounded_memory, tight_limits


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    with tight_limits(), bounded_memory():
        yield


@pytest.fixture
def options(tmp_path: Path) -> DataOptions:
    """Of programs that lie beside some small data files."""
    return world.build(tmp_path)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> attacks.Place:
    """The current folder: a program, its data, a run of it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GDL_OFFLINE", "1")
    monkeypatch.setenv("GDL_CACHE", str(tmp_path / "cache"))
    for name in ("GDL_DATA", "GDL_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return attacks.prepare(folder)
