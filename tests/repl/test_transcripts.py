"""Every transcript is answered as it says. `pytest --accept` writes the answers in: read them before committing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gdl.repl.transcript import exchanges, rewritten, run_transcript

FOLDER = Path(__file__).parent / "transcripts"
CASES = sorted(FOLDER.glob("*.gdls"))


@pytest.mark.parametrize("case", [pytest.param(c, id=c.stem) for c in CASES])
def test_transcript(
    case: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GDL_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    for beside in FOLDER.glob("*.gdl"):
        shutil.copy(beside, tmp_path)
    text = case.read_text(encoding="utf-8")
    outcomes = list(run_transcript(text, tmp_path))
    if request.config.getoption("--accept"):
        case.write_text(rewritten(text, outcomes), encoding="utf-8")
        return
    assert len(outcomes) == len(list(exchanges(text)))
    for outcome in outcomes:
        assert outcome.passed, f"line {outcome.exchange.line}: {outcome.exchange.text}\n{outcome.actual}"


def test_there_are_many_transcripts() -> None:
    assert len(CASES) >= 40
