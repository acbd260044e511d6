"""`gdl check --fix`: what it changes, what it says, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gdl.errors import Exit

WRONG = "gdl 1\nplaceholder x: f32[2]\ny = sofmax(x) |> Tanh\r\nz = sum(y, axs=0)   # \u00e4\n"
RIGHT = "gdl 1\nplaceholder x: f32[2]\ny = softmax(x) |> tanh\r\nz = sum(y, axis=0)   # \u00e4\n"


def test_the_file_is_mended(gdl) -> None:
    file = Path("a.gdl")
    file.write_bytes(b"\xef\xbb\xbf" + WRONG.encode())
    file.chmod(0o640)
    told = gdl("check", file)
    assert told.code == Exit.PROGRAM
    assert told.err.endswith("a.gdl: 1 error; `gdl explain E0101` tells more; `gdl check --fix` mends it\n")
    said = gdl("check", "--fix", file)
    assert (said.code, said.err) == (Exit.OK, "")
    assert said.out.splitlines() == [
        "a.gdl:3:5: fixed E0101: `sofmax` is now `softmax`",
        "a.gdl:3:19: fixed E0101: `Tanh` is now `tanh`",
        "a.gdl:4:12: fixed E0203: `axs` is now `axis`",
        "a.gdl: 3 fixed, right",
    ]
    assert file.read_bytes() == b"\xef\xbb\xbf" + RIGHT.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in Path().iterdir()] == ["a.gdl"]


def test_what_has_no_fix_is_left_and_told(gdl) -> None:
    Path("a.gdl").write_text("x = ones([2]) + ones([3])\ny = sofmax(ones([2]))\n")
    said = gdl("check", "--fix", "a.gdl")
    assert said.code == Exit.PROGRAM
    assert said.out == "a.gdl:2:5: fixed E0101: `sofmax` is now `softmax`\n"
    assert "error[E0302]" in said.err and said.err.endswith("a.gdl: 1 fixed, 1 error; `gdl explain E0302` tells more\n")
    assert Path("a.gdl").read_text() == "x = ones([2]) + ones([3])\ny = softmax(ones([2]))\n"


def test_a_right_program_is_not_written(gdl) -> None:
    file = Path("a.gdl")
    file.write_text("y = softmax(ones([2]))\n")
    before = file.stat()
    assert gdl("check", "--fix", file).out == "a.gdl: right\n"
    assert file.stat() == before


def test_json_tells_fixes_and_what_was_fixed(gdl) -> None:
    Path("a.gdl").write_text("y = sofmax(ones([2]))\nz = w\n")
    first, second = [json.loads(line) for line in gdl("check", "--json", "a.gdl").out.splitlines()]
    place = {"file": "a.gdl", "line": 1, "column": 5, "end_line": 1, "end_column": 11}
    assert first["fix"] == [place | {"text": "softmax"}] and second["fix"] == []
    mended, left = [json.loads(line) for line in gdl("check", "--fix", "--json", "a.gdl").out.splitlines()]
    assert mended == first | {"fixed": True} and left == second


def test_warnings_are_mended_too(gdl) -> None:
    Path("a.gdl").write_text("from nn import Conv\nplaceholder x: f32[2]\n")
    assert gdl("check", "--strict", "a.gdl").code == Exit.PROGRAM
    said = gdl("check", "--strict", "--fix", "a.gdl")
    assert said.out == "a.gdl:1:1: fixed W0118: `from nn import Conv` taken out\na.gdl: 1 fixed, right\n"
    assert Path("a.gdl").read_text() == "placeholder x: f32[2]\n"


def test_of_a_link_the_file_is_mended(gdl) -> None:
    Path("folder").mkdir()
    Path("folder/a.gdl").write_text("y = sofmax(ones([2]))\n")
    Path("b.gdl").symlink_to("folder/a.gdl")
    assert gdl("check", "--fix", "b.gdl").code == Exit.OK
    assert Path("b.gdl").is_symlink() and Path("folder/a.gdl").read_text() == "y = softmax(ones([2]))\n"


def test_a_file_that_can_not_be_written_is_told(gdl, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.gdl").write_text("y = sofmax(ones([2]))\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gdl.cli.replacing.write_atomically", full)
    said = gdl("check", "--fix", "a.gdl")
    assert said.code == Exit.USAGE and "I cannot write a.gdl: No space left on device" in said.err
    assert Path("a.gdl").read_text() == "y = sofmax(ones([2]))\n"
