"""What is made again (in the second mode from the first, variables from one another) is as it would be evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdl.graph.node import Node, topological
from gdl.lang import calls, check, recall, tensors
from gdl.lang.program import Program
from gdl.resources import open_source
from gdl.source import Source
from gdl.train.data import SOURCES, DataOptions, describe
from gdl.types.tensor import TensorType

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for file in sorted([*(ROOT / "tests/programs").glob("*.gdl"), *(ROOT / "tests/check/goldens").glob("*/*.gdl")])
    if "train" in file.read_text(encoding="utf-8")
]
BODIES = """
gdl 1
from nn import Dense, BatchNorm, Lstm

hyper noise: float = 0.5
variable x: f32[6, 4, row: 8] = normal()
y = ones([6, 4])

rate = 0.1 if training else 0.0
def scaled(x: f32[*s]) -> f32[*s] { return x * noise }
def rated(x: f32[*s]) -> f32[*s] { return x + rate }
def noisy(x: f32[*s]) -> f32[*s] { return x + 1.0 if training else x }
def halves(x: f32[b, d]) -> (f32[b, d], f32[b, d]) {
  low = x / 2.0
  return low, x - low
}
def itself(x: f32[*s]) -> f32[*s] {
  inside = x
  return inside
}
layer Block(x: f32[b, d]) -> f32[b, d] {
  state seen: f32[] = 0.0
  update seen = seen + mean(x)
  h = x |> inner: Dense(d) |> norm: BatchNorm() |> dropout(noise)
  for i in 0..2 { h = h |> part[i]: Dense(d, act=gelu) }
  lone = scaled(h)
  return lone + rated(h) + scaled(2.0)
}
net a = Block()
net b = Block()
net after = Lstm(8)
flat   = mean(x, over=row)
first  = b(a(noisy(flat)))
second = b(first * 2.0 + a.lone)
low, high = halves(itself(second * 3.0))
quiet  = noisy(scaled(high))
states = after(x |> noisy() |> scaled())
loss   = mean((low + quiet - y) ** 2) + mean(states) + mean(a.inner.w ** 2) + mean(b.norm.scale) + mean(b.lone)
train {
  steps 1
  minimize loss with Sgd(0.1)
}
eval also { report loss }
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_programs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same_both_ways(open_source(file), monkeypatch)


def test_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members, states, updates, instances in lists, an instance applied twice, statics of a mode, a scan, names."""
    program, made = same_both_ways(Source("bodies.gdl", BODIES), monkeypatch)
    assert program is not None
    assert made > 10


def same_both_ways(source: Source, monkeypatch: pytest.MonkeyPatch) -> tuple[Program | None, int]:
    """Checks with and without; the program, and how many calls were made again."""
    options, made, again = DataOptions(program_dir=source.path.parent if source.path else None), [], recall._made_again
    monkeypatch.setattr(recall, "_made_again", lambda *given: made.append(given) or again(*given))
    program, said = check(source, describe=lambda call: describe(call, options), sources=SOURCES)
    monkeypatch.setattr(calls, "recalled", lambda cx, function, bound, body, run: run())
    monkeypatch.setattr(tensors, "_is_of_library", lambda callee, init: False)
    plain, said_plain = check(source, describe=lambda call: describe(call, options), sources=SOURCES)
    assert repr(said) == repr(said_plain)
    assert (program is None) == (plain is None)
    if program is not None and plain is not None:
        assert list(lines(program)) == list(lines(plain))
        assert repr(program.guards) == repr(plain.guards)
        assert repr(program.layers) == repr(plain.layers)
        assert list(program.variables) == list(plain.variables)
    return program, len(made)


def lines(program: Program) -> Iterator[str]:
    """All that a program's nodes say of themselves."""
    for mode, named in program.nodes.items():
        yield f"{mode}: {list(named)}"
        yield from nodes(named.values())
    for path, variable in program.variables.items():
        yield f"{path}: {variable.trained} {variable.span}"
        yield from nodes([variable.initial])
    for block in (*program.evals.values(), *program.tests):
        yield from nodes(block.computation.graph.roots)
    for train in program.trains:
        for action in train.body:
            if hasattr(action, "computation"):
                yield from nodes(action.computation.graph.roots)


def nodes(roots: Any) -> Iterator[str]:
    roots = tuple(roots)
    number: dict[Node, int] = {}
    for node in topological(roots):
        number[node] = len(number)
        inputs = [number[each] for each in node.inputs]
        attrs = {name: nodes_of_body(value) for name, value in node.attrs.items()}
        yield f"{node.op} {inputs} {attrs} {full(node.type)} {node.origin} {node.scope} {node.name}"
    yield str([number[root] for root in roots])


def nodes_of_body(value: Any) -> Any:
    return list(nodes(value.roots)) if hasattr(value, "roots") else value


def full(type: TensorType) -> str:
    return f"{type.dtype} {type.origin} {[(d.size, d.label, d.origin) for d in type.dims]}"
