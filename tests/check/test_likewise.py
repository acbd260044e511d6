"""Variables of one type: what the optimizer makes of the first is taken over for the others, and is the same."""

from __future__ import annotations

from typing import Any

import pytest

from gdl.graph.node import Graph, Node, show
from gdl.lang import minimize
from gdl.lang.program import Program
from gdl.session.checking import check_program
from gdl.source import Source
from gdl.train.data import DataOptions

PROGRAM = """
from nn import Dense
optimizer Slow(w: f32[...], g: f32[...]) {{
  state slow: f32[...] = w
  update slow = 0.9 * slow + 0.1 * w
  update w = slow - 0.1 * g
}}
optimizer Noisy(w: f32[...], g: f32[...]) {{
  state m: f32[...] = normal(std=0.1)
  update m = 0.9 * m + g
  update w = w - 0.1 * m
}}
x = ones([3, 4])
y = x |> a: Dense(4) |> b: Dense(4) |> c: Dense(4)
loss = mean(y ** 2)
train {{
  steps 2
  minimize loss with {optimizer}
}}
"""


def checked(optimizer: str) -> Program:
    source = Source("likewise.gdl", PROGRAM.format(optimizer=optimizer))
    return check_program(source, DataOptions(offline=True)).require()


@pytest.mark.parametrize(
    "optimizer",
    ["Sgd(0.1)", "Momentum(0.1)", "Nesterov(0.1)", "RmsProp(0.1)", "Adagrad(0.1)", "Adam(0.1) clip 1.0", "Lion(0.1)",
     "AdamW(warmup_cosine(0.1, 10, 100))", "Noisy()", "Slow()"],
)  # fmt: skip
def test_the_graph_is_the_same(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_over: list[bool] = []
    likewise = minimize._likewise

    def watched(*how: Any) -> Any:
        made = likewise(*how)
        taken_over.extend([True] * bool(made))
        return made

    monkeypatch.setattr(minimize, "_likewise", watched)
    quick = checked(optimizer)
    assert len(taken_over) == (4 if optimizer != "Noisy()" else 0)  # two of three kernels, two of three biases
    monkeypatch.setattr(minimize, "_likewise", lambda *_: [])
    thorough = checked(optimizer)
    (a,), (b,) = quick.trains[0].body, thorough.trains[0].body
    quick_updates, thorough_updates = a.computation.graph.updates, b.computation.graph.updates
    assert [show_of(new) for _, new in quick_updates] == [show_of(new) for _, new in thorough_updates]
    assert [v.attrs for v, _ in quick_updates] == [v.attrs for v, _ in thorough_updates]
    assert list(quick.variables) == list(thorough.variables)
    for path, info in quick.variables.items():
        other = thorough.variables[path]
        assert (info.path, info.type, info.trained) == (path, other.type, other.trained)
        assert show_of(info.initial) == show_of(other.initial)


def show_of(node: Node) -> str:
    return show(Graph((node,)))
