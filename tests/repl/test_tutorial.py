"""The tutorial is one session, answered as it says. `pytest --accept` writes the answers in.

After training, last digits hang on the machine: of a block below `<!-- answers vary -->` it is only checked that no
input is answered with an error.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gdl.repl.transcript import rewritten, run_transcript

PAGE = Path(__file__).parents[2] / "docs" / "repl-tutorial.md"
_BLOCK = re.compile(r"(?<=^```gdls\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


def test_tutorial(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = _BLOCK.findall(page)
    text = "# next\n".join(f"{block}\n" for block in blocks)
    outcomes = list(run_transcript(text, tmp_path))
    if request.config.getoption("--accept"):
        parts = iter(rewritten(text, outcomes).split("# next\n"))
        PAGE.write_text(_BLOCK.sub(lambda _: next(parts).rstrip("\n") + "\n", page), encoding="utf-8")
        return
    assert len(blocks) > 8
    varying = "".join(re.findall(r"^<!-- answers vary -->\n```gdls\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    for outcome in outcomes:
        if f">>> {outcome.exchange.text.splitlines()[0]}\n" in varying:
            assert "error[" not in outcome.actual, outcome.actual
        else:
            assert outcome.passed, f"{outcome.exchange.text}\n{outcome.actual}"
