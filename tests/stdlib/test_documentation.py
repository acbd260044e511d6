"""Every file of the standard library says what it is, and a test names every definition. What a definition must say of
itself, and that its examples hold, is tested with the reference."""

from __future__ import annotations

import re
from pathlib import Path

import gdl
from gdl.syntax import ast

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "stdlib").glob("*.gdl"))


def test_every_file_says_what_it_is() -> None:
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "gdl 1" and lines[1].startswith("## "), path.name
        assert max(map(len, lines)) <= 120, path.name


def test_every_definition_is_named_by_a_test() -> None:
    tests = "".join(
        p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py") if p.name != Path(__file__).name
    )
    items = [item for path in FILES for item in gdl.parse(path.read_text(encoding="utf-8"), path.name).items]
    names = [item.name for item in items if isinstance(item, ast.Definition)]
    assert len(names) > 60
    assert not [name for name in names if not re.search(rf"\b{name}\b", tests)]
