"""`gdl doc`: the reference in the terminal, of GDL and of a user's module."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gdl.errors import Exit
from gdl.session.reference import entries
from tests.golden import Golden, cases
from tests.tools.conftest import Gdl

FOLDER = Path(__file__).parent / "doc"


@pytest.mark.parametrize("name", ["conv2d", "Dense", "BatchNorm", "grad", "mnist", "Adam", "losses"])
def test_what_is_told_of_a_name(name: str, gdl: Gdl, golden: Golden) -> None:
    said = gdl("doc", name)
    assert (said.code, said.err) == (Exit.OK, "")
    golden(FOLDER / f"{name}.name", said.out)


@pytest.mark.parametrize("case", cases(FOLDER))
def test_what_is_told_of_a_module(case: Path, gdl: Gdl, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    listed = gdl("doc", case.name).out
    names = [line.split()[0] for line in listed.splitlines()[1:]]
    golden(case, f"{listed}\n{gdl('doc', case.name, *names).out}")


def test_everything_is_listed_and_found(gdl: Gdl) -> None:
    listed = gdl("doc").out.splitlines()
    names = [line.split()[0] for line in listed if line.startswith("  ")]
    assert names == [entry.name for entry in entries()]
    found = gdl("doc", "--search", "rotary attention").err + gdl("doc", "--search", "ATTENTION heads").out
    assert "nothing in GDL mentions `rotary attention`" in found and "MultiHeadAttention" in found
    assert "conv2d" not in found


def test_no_colour_off_a_terminal(gdl: Gdl) -> None:
    assert "\x1b" not in gdl("doc", "conv2d").out + gdl("doc").out


def test_entries_for_programs(gdl: Gdl) -> None:
    (record,) = [json.loads(line) for line in gdl("doc", "--json", "relu").out.splitlines()]
    assert record["kind"] == "op" and record["signature"] == "relu(x: f[*a]) -> f[*a]"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["conv2"], Exit.USAGE, "did you mean `conv2d`?"),
        (["Desne"], Exit.USAGE, "did you mean `Dense`?"),
        (["loses"], Exit.USAGE, "did you mean `losses`?"),
        (["cross", "entropy"], Exit.USAGE, "did you mean `cross_entropy`?"),
        (["qqqq"], Exit.USAGE, "gdl doc --search qqqq"),
        (["nowhere.gdl"], Exit.USAGE, "E0902"),
        ([FOLDER / "my_layers.gdl", "Residul"], Exit.USAGE, "did you mean `Residual`?"),
    ],
)
def test_wrong_names(gdl: Gdl, args: list, code: int, words: str) -> None:
    said = gdl("doc", *args)
    assert said.code == code and words in said.err and said.out == ""


def test_modules_that_tell_nothing(gdl: Gdl, tmp_path: Path) -> None:
    (tmp_path / "plain.gdl").write_text("gdl 1\nx = 1\n")
    (tmp_path / "broken.gdl").write_text("gdl 1\nlayer A(x {\n")
    assert gdl("doc", "plain.gdl").code == Exit.USAGE
    assert gdl("doc", "broken.gdl").code == Exit.PROGRAM
