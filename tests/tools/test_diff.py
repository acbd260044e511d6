"""`gdl diff`: goldens of programs, and comparisons with runs and checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gdl.errors import Exit
from tests.golden import Golden, cases
from tests.tools.conftest import Gdl

FOLDER = Path(__file__).parent / "diff"
TINY = Path(__file__).parents[1] / "train" / "tiny.gdl"


@pytest.mark.parametrize("case", cases(FOLDER))
def test_what_changed(case: Path, gdl: Gdl, golden: Golden) -> None:
    shutil.copy(case, "before.gdl")
    shutil.copy(case.with_suffix(".after"), "after.gdl")
    said = gdl("diff", "before.gdl", "after.gdl")
    assert said.err == "" and said.code == (Exit.OK if case.stem == "layout_only" else Exit.DIFFERENT)
    golden(case, said.out)


@pytest.mark.parametrize("case", cases(FOLDER))
def test_both_ways_tell_the_same(case: Path, gdl: Gdl) -> None:
    shutil.copy(case.with_suffix(".after"), "after.gdl")
    there, back = changes(gdl, case, "after.gdl"), changes(gdl, "after.gdl", case)
    opposite = {"added": "removed", "removed": "added"}
    turned = {(c["section"], opposite.get(c["kind"], c["kind"]), c["before"], c["after"]) for c in there}
    assert turned == {(c["section"], c["kind"], c["after"], c["before"]) for c in back}
    assert changes(gdl, case, case) == []


def changes(gdl: Gdl, *sides: object) -> list[dict]:
    return json.loads(gdl("diff", "--json", *sides).out)["changes"]


@pytest.fixture
def runs(gdl: Gdl) -> list[Path]:
    """Two runs, of which the second is wider and has another seed."""
    for i, settings in enumerate((["--seed", 0], ["--seed", 1, "--set", "width=16"])):
        assert gdl("run", TINY, "--steps", 2, "--out", f"run{i}", "--quiet", *settings).code == Exit.OK
    return [Path("run0"), Path("run1")]


def weights_of(run: Path) -> Path:
    return next((run / "checkpoints").glob("*.safetensors"))


def test_runs_differ_by_what_they_were_started_with(gdl: Gdl, runs: list[Path]) -> None:
    found = {(c["section"], c["name"]): (c["before"], c["after"]) for c in changes(gdl, *runs)}
    assert found[("values used", "width")] == ("8", "16") and found[("run", "seed")] == ("0", "1")
    assert found[("variables", "fc1/w")] == ("f32[2, 8]", "f32[2, 16]")
    assert ("weights", "sha256") in found and not any(section in ("hypers", "definitions") for section, _ in found)


def test_a_program_and_its_own_run_are_the_same(gdl: Gdl, runs: list[Path]) -> None:
    for side in (runs[0], weights_of(runs[0])):
        said = gdl("diff", TINY, side)
        assert said.code == Exit.OK and "are the same" in said.out
    assert gdl("diff", runs[0], weights_of(runs[0])).code == Exit.OK


def test_a_program_and_a_checkpoint_that_does_not_fit(gdl: Gdl, runs: list[Path]) -> None:
    said = gdl("diff", TINY, weights_of(runs[1]))
    assert said.code == Exit.DIFFERENT
    assert "fc1/w  f32[2, 8] -> f32[2, 16]" in said.out and "width  8 -> 16" in said.out
    assert {c["section"] for c in changes(gdl, TINY, weights_of(runs[1]))} == {"variables", "values used", "parameters"}


def test_other_numbers_in_the_same_tensors(gdl: Gdl, runs: list[Path]) -> None:
    gdl("run", TINY, "--steps", 3, "--out", "run2", "--quiet")
    found = changes(gdl, weights_of(runs[0]), weights_of(Path("run2")))
    assert {(c["section"], c["name"]) for c in found} == {("weights", "sha256"), ("run", "step")}


@pytest.mark.parametrize(
    ("sides", "code", "words"),
    [
        (["nowhere.gdl", TINY], Exit.USAGE, "E0902"),
        ([TINY, "nowhere.safetensors"], Exit.CHECKPOINT, "E0711"),
        ([".", TINY], Exit.CHECKPOINT, "E0721"),
        ([TINY, "wrong.gdl"], Exit.PROGRAM, "E0101"),
        ([TINY], Exit.USAGE, "B"),
    ],
)
def test_sides_that_are_not_there(gdl: Gdl, sides: list, code: int, words: str) -> None:
    Path("wrong.gdl").write_text("gdl 1\nx = logit\n")
    said = gdl("diff", *sides)
    assert said.code == code and words in said.err and said.out == ""
