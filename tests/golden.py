"""Golden files: what is expected of a case `name.gdl` stands in `name.txt` beside it; `pytest --accept` writes it.

Read what was accepted before it is committed: a golden that nobody read proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Golden = Callable[[Path, str], None]


def cases(folder: Path) -> list[pytest.param]:
    """One test parameter per `.gdl` file of a folder, named by its path in it."""
    found = sorted(folder.rglob("*.gdl"))
    assert found, f"no cases in {folder}"
    return [pytest.param(path, id=str(path.relative_to(folder).with_suffix(""))) for path in found]


def compare(case: Path, actual: str, accept: bool) -> None:
    """Fails where `actual` is not the text beside the case; with `accept`, it becomes that text."""
    expected = case.with_suffix(".txt")
    actual = actual.rstrip("\n") + "\n"
    if accept:
        if not expected.exists() or expected.read_text(encoding="utf-8") != actual:
            expected.write_text(actual, encoding="utf-8")
        return
    assert expected.exists(), f"{expected} is missing; read this and run pytest --accept:\n{actual}"
    assert actual == expected.read_text(encoding="utf-8")
