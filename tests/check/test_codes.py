"""Every message of the checker is shown by a golden, and every constructor of one is used."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from gdl.errors import calls, names, procedures, types

MODULES = [calls, names, procedures, types]
GOLDENS = "\n".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.txt"))
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in Path(inspect.getfile(names)).parents[1].rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_code_is_shown_by_a_golden(module: ModuleType) -> None:
    codes = set(re.findall(r'"([EW]\d{4})"', inspect.getsource(module)))
    assert codes
    assert sorted(code for code in codes if f"[{code}]" not in GOLDENS) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_constructor_is_used(module: ModuleType) -> None:
    made = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    ]
    public = [name for name in made if not name.startswith("_")]
    assert [name for name in public if len(re.findall(rf"\b{name}\(", SOURCES)) < 2] == []
