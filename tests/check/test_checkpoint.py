"""A checkpoint that does not fit: told at check time, from the header and what the run that wrote it was set to."""

from __future__ import annotations

from pathlib import Path

import pytest

import gdl
from gdl.render import render
from tests.golden import Golden

SAMPLE = Path(__file__).parent / "samples" / "net.gdl"


def test_a_checkpoint_of_another_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden: Golden) -> None:
    monkeypatch.chdir(tmp_path)
    text = SAMPLE.read_text(encoding="utf-8")
    saved = "\n".join(line for line in text.replace("head:", "last:").splitlines() if "load model" not in line)
    Path("runs").mkdir()
    gdl.loads(saved, width=32).save("runs/a.safetensors")
    Path("net.gdl").write_text(text, encoding="utf-8")
    (found,) = gdl.check(Path("net.gdl"))
    golden(SAMPLE, render([found]))
    assert gdl.check(text.replace('.safetensors"', '.safetensors" map "model/last" -> "model/head"'), width=32) == []
