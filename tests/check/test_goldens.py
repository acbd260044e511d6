"""Bad programs, each with what `gdl check` says of it, and the tests in it that are known to fail without running.

A last line `# hypers {"lr": 0.1}` sets hypers.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gdl.diagnostics import Diagnostic
from gdl.lang.modules import PRELUDE
from gdl.render import render
from gdl.session.checking import check_program, diagnose
from gdl.source import Source
from gdl.train.data import DataOptions
from tests.golden import Golden, cases

FOLDER = Path(__file__).parent / "goldens"
_HYPERS = "# hypers "
_LIBRARY_PLACE = re.compile(rf"\b({'|'.join(PRELUDE)}|nn)\.gdl:\d+(:\d+)?")  # the library may grow


@pytest.mark.parametrize("case", cases(FOLDER))
def test_golden(case: Path, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    diagnostics = diagnostics_of(case)
    assert diagnostics, "a golden of a mistake needs one"
    text = render(diagnostics).replace(str(case.parent), "FOLDER")
    golden(case, _LIBRARY_PLACE.sub(r"\1.gdl:LINE", text))


def diagnostics_of(case: Path) -> tuple[Diagnostic, ...]:
    """What the checker says, the same everywhere: data are only what the package and the case's folder hold."""
    source = Source(case.name, case.read_text(encoding="utf-8"), case)
    options = DataOptions(program_dir=case.parent, cache_dir=case.parent / "no cache", offline=True)
    checked = check_program(source, options, hypers_of(source))
    assert render(diagnose(source, options, hypers_of(source))) == render(checked.diagnostics)
    failures = [failure for test in checked.program.tests for failure in test.failures] if checked.program else ()
    return (*checked.diagnostics, *failures)


def hypers_of(source: Source) -> dict[str, Any]:
    last = source.text.rstrip().rpartition("\n")[2]
    return json.loads(last.removeprefix(_HYPERS)) if last.startswith(_HYPERS) else {}
