"""Every kind of syntax error, as it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdl.render import render
from gdl.source import Source
from gdl.syntax.parser import parse
from tests.golden import Golden, cases

FOLDER = Path(__file__).parent / "goldens"


@pytest.mark.parametrize("case", cases(FOLDER))
def test_golden(case: Path, golden: Golden) -> None:
    source = Source(case.name, case.read_bytes().decode())
    _, diagnostics = parse(source)
    assert diagnostics, "a golden of a syntax error needs one"
    golden(case, render(diagnostics))
