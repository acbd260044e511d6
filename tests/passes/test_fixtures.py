"""Each pass by example: fixtures/PASS.txt holds what it makes of what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gdl.graph.node as node_module
from gdl.graph.node import Node, show
from gdl.graph.verify import verify
from gdl.ops.table import TABLE, apply
from gdl.passes import factor, fold, regroup, retype, share, simplify, turn
from tests.graph.building import batch, graph, leaf

PASSES = {"factor": factor, "fold": fold, "regroup": regroup, "share": share, "simplify": simplify, "turn": turn}
LEAVES = {
    "x": leaf("x", 2, 3), "y": leaf("y", 3), "s": leaf("s"), "b": leaf("b", batch, 3), "c": leaf("c", 2, 1),
    "h": leaf("h", 3, dtype="f32"), "i": leaf("i", 3, dtype="i64"), "p": leaf("p", 3, dtype="bool"), "batch": batch,
    "w": leaf("w", 64, 128), "g": leaf("g", 16, 4), "m": leaf("m", 4, 3), "r": leaf("r", 16, 3),
    "d": leaf("d", 2, 8, 4), "q": leaf("q", 2, 8, 3),
}  # fmt: skip


def constant(value: Any, dtype: str = "f64", shape: tuple[int, ...] = ()) -> Node:
    return node_module.constant(value, dtype, shape)


def draw(key: str) -> Node:
    return apply("standard_normal", (), {"shape": (2,), "dtype": "f64", "key": key})


def twice(node: Node, op: Any) -> Node:
    return op(node, node)


def part(node: Node, start: int, stop: int) -> Node:
    """Four rows of zeros, with the node in two of them."""
    return apply("scatter_slice", (node,), {"shape": (4, 3), "index": (("slice", start, stop, None), "...")})


def built(text: str) -> Node:
    names = {**TABLE, **LEAVES, "constant": constant, "draw": draw, "twice": twice, "part": part, "float": float}
    return eval(text, {"__builtins__": {}, **names})


def cases() -> list[Any]:
    found = []
    for name in PASSES:
        lines = (Path(__file__).parent / "fixtures" / f"{name}.txt").read_text().splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                before, after = line.split("=>")
                found.append(pytest.param(name, before.strip(), after.strip(), id=f"{name}.txt:{number}"))
    return found


@pytest.mark.parametrize("name,before,after", cases())
def test_pass(name, before, after):
    result = PASSES[name](verify(graph(built(before)), retype))
    verify(result, retype)
    assert show(result) == show(graph(built(after)))


@pytest.mark.parametrize("name,before,after", cases())
def test_the_result_is_left_alone_by_another_round(name, before, after):
    once = PASSES[name](graph(built(before)))
    assert show(PASSES[name](once)) == show(once)
