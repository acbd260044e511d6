"""A program of a thousand lines as a person would write it: data, functions, layers of layers, nets, losses, blocks."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

_HEAD = """\
gdl 1
## Many experts on one data set, each with a block of its own.
from nn import Dense, LayerNorm

dim   batch
hyper lr: float = 1e-3 in (0, 1)
hyper width: int = 32 in (1, 512)
data  digit = digits(size=28)

placeholder x: f32[batch, 784]
placeholder y: i64[batch]
"""

_GROUP = """
## A gate that lets through what it has learnt to.
def gated{n}(x: f32[*s, d], by: f32[*s, d]) -> f32[*s, d] {
  scaled = x * sigmoid(by) + {n}.0 * tanh(x) / sqrt(d)
  return where(scaled > 0, scaled, 0.1 * scaled)
}
layer Block{n}(x: f32[b, d], p: float = 0.1) -> f32[b, d] {
  h = x |> norm: LayerNorm() |> up: Dense(2 * d, act=relu)
        |> down: Dense(d) |> dropout(p)
  return x + gated{n}(h, x)
}
layer Net{n}(x: f32[b, d], width: int, depth: int = 2) -> f32[b, 10] {
  require width % 4 == 0 : "the width {width} is no multiple of 4"
  h = x |> inner: Dense(width, act=relu)
  for i in 0..depth { h = h |> block[i]: Block{n}() }
  return h |> head: Dense(10)
}
net net{n} = Net{n}(width)
logits{n} = net{n}(x)
mixed{n}  = softmax(logits{n}, axis=-1) * 0.5 + one_hot(y, 10) * 0.5
loss{n}   = mean(cross_entropy(logits{n}, y)) + 1e-4 * mean(mixed{n} ** 2)
metric accuracy{n} = argmax(logits{n}, axis=-1) == y
"""

_TAIL = """
total = (%s)
train {
  epochs 1
  feed x = flatten(image) / 255, y = label from digit.train batch 50 shuffle
  minimize total with Adam(lr)
  report total every 10 steps
  run check every epoch
}
eval check {
  feed x = flatten(image) / 255, y = label from digit.test batch 50
  report %s
}
"""


def program(lines: int = 1000) -> str:
    """The text of a program of so many lines, or a few more."""
    groups = max(1, ceil((lines - _HEAD.count("\n") - _TAIL.count("\n")) / _GROUP.count("\n")))
    losses = " + ".join(f"loss{n}" for n in range(groups))
    reports = ", ".join(f"accuracy{n}" for n in range(groups))
    return "".join((_HEAD, *_numbered(groups), _TAIL % (losses, reports)))


def _numbered(groups: int) -> Iterator[str]:
    for n in range(groups):
        yield _GROUP.replace("{n}", str(n))
