"""`gdl test` runs the examples of doc comments: those that hold pass, the others say where and why they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gdl.session.reference import entries
from tests.cli.conftest import ROOT, Said

Gdl = Callable[..., Said]
STDLIB = sorted((ROOT / "stdlib").glob("*.gdl"))
HEAD = "gdl 1\nfrom nn import Dense\n\n"
GATE = "layer Gate(x: f32[*s, d]) -> f32[*s, d] { return x * (x |> open: Dense(d, act=sigmoid)) }\n"


def of_gate(tmp_path: Path, *examples: str) -> Path:
    """A module whose one layer has these examples, the first of them on line 4."""
    path = tmp_path / "gates.gdl"
    path.write_text(HEAD + "".join(f"## Example: {example}\n" for example in examples) + GATE)
    return path


@pytest.mark.parametrize("path", STDLIB, ids=lambda path: path.stem)
def test_every_example_of_the_library_holds(path: Path, gdl: Gdl) -> None:
    said = gdl("test", path)
    assert said.code == 0, said
    told = [entry for entry in entries() if entry.place == f"stdlib/{path.name}"]
    assert f"{sum(len(entry.examples) for entry in told)} passed" in said.out


@pytest.mark.parametrize(
    "example",
    [
        "ones([2, 3]) |> g: Gate()",
        "shape(ones([2, 3]) |> Gate()) == [2, 3]",
        "abs([1.0, -2.0] |> Gate()) <= [1.0, 2.0]",
        "0.1 + 0.2 ~= 0.3",
        "all(([1.0] |> Gate()) <\n##   [1.0])",
        "ones([2, 3])\n##   |> g: Gate()",
        'dtype(ones([2]) |> Gate()) == "f32"',
        "moments([1.0, 2.0])",
    ],
)
def test_what_an_example_may_be(example: str, gdl: Gdl, tmp_path: Path) -> None:
    said = gdl("test", of_gate(tmp_path, example))
    assert (said.code, said.err) == (0, ""), said
    assert said.out.endswith("gates.gdl: ok     example of Gate\n1 passed\n")


@pytest.mark.parametrize(
    ("example", "code", "told"),
    [
        ("([2.0, 1.0] |> Gate()) >= [3.0, 3.0]", "E0826", "false for 2 of 2 elements, first at [0]: left "),
        ("shape([2.0] |> Gate()) == [2]", "E0826", "this is false: left [1], right [2]"),
        ("([1.0] |> Gate()) ~= 1", "E0826", "is not near 1"),
        ("log([1.0, -1.0]) |> Gate()", "E0826", "is not finite"),
        ("[1.0] |> gate: Gat()", "E0101", "did you mean `Gate`?"),
        ("ones([2, 3]) |> Gate(1)", "E0202", "Gate"),
        ("ones([2, 3]) @ ones([2, 3])", "E0301", "3 and 2"),
        ("net g = Gate()", "E0005", "write what holds"),
        ("y = Gate([1.0])", "E0005", "write what holds"),
        ("Gate()([1.0]) = 1.0", "E0014", "to compare, write `==`"),
        ("Gate([1.0]", "E0003", "never closed"),
        ("[1.0][argmax([0.0, 1.0] |> Gate(), axis=0) + 1]", "E0809", "outside an axis"),
        ("grad(sum(round([1.0])), ones([1]))", "E0501", "does not depend"),
        ("Gate", "E0207", "still waits"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(example: str, code: str, told: str, gdl: Gdl, tmp_path: Path) -> None:
    said = gdl("test", of_gate(tmp_path, "[1.0] |> Gate()", example, "([0.0] |> Gate()) == 0"))
    assert said.code == 1, said
    assert said.out.splitlines()[-1] == "2 passed, 1 failed"
    assert "gates.gdl:5:" in said.err and f"error[{code}]" in said.err and told in said.err


def test_an_example_stands_apart(gdl: Gdl, tmp_path: Path) -> None:
    path = tmp_path / "page.gdl"
    path.write_text(
        HEAD
        + "## Example: net_of_page([1.0, 2.0, 3.0])\n## Example: [1.0] |> net_of_page2: Gate()\n"
        + GATE
        + "dim b\nhyper k: int = 3\nplaceholder x: f32[b, 3]\nnet net_of_page = Gate()\ny = x |> out: Dense(k)\n"
        + "## Gives k.\n## Example: knob() == 3\n## Example: x + 1\ndef knob() -> f32[] { return 1.0 * k }\n"
        + "train { steps 1; feed x = ones([2, 3]); minimize sum(y + net_of_page(x)) with Sgd(0.1) }\n"
        + 'test "own" { feed x = ones([2, 3]); expect shape(y) == [2, 3] }\n'
    )
    said = gdl("test", path, "--json")
    told = {result["test"]: result for result in map(json.loads, said.out.splitlines())}
    assert {name for name in told if not told[name]["passed"]} == {"example 2 of knob"}
    assert len(told) == 5 and told["example 2 of knob"]["failures"][0]["code"] == "E0601"
    assert said.err == "" and said.code == 1


def test_an_import_that_an_example_uses_is_used(gdl: Gdl, tmp_path: Path) -> None:
    path = tmp_path / "twice.gdl"
    path.write_text(HEAD + "## Example: twice([1.0] |> Dense(2))\ndef twice(x: f32[n]) -> f32[n] { return x + x }\n")
    assert gdl("check", path).err == ""
    assert gdl("test", path).code == 0
