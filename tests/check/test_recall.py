"""What is made again of a call like another is as it would be evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdl.graph.node import Node, topological
from gdl.lang import calls, check, recall
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


#: What must not be mistaken for one another, each in two forms.
UNLIKE = """
gdl 1
from nn import Dense, Dropout, Gru

dim batch, other, third
placeholder p: f32[batch, row: 8]
placeholder q: f32[other, col: 8]
placeholder r: f32[batch, row: 8]
placeholder t: f32[third, row: 8]
def named(x: f32[n, row: d]) -> f32[n, d] { return x / sum(x, over=row, keepdims=true) }
def inside(x: f32[*s]) -> f32[*s] {
  z = x
  return tanh(z)
}
def drawn(x: f32[n, d]) -> f32[n, d] {
  first = normal([3, 8]) + normal([3, 8])
  return x + mean(first, axis=0) * normal([8])
}
def powers(x: f32[*s], p: float, f: fn = identity) -> f32[*s] { return f(x) ** p }
def pair(x: f32[n, d], y: f32[n, d]) -> f32[n, d] { return x * y - x }
def wrapped(x: f32[n, d]) -> f32[n, d] { return dropout(x, 0.5) }
def size_of(n: int) { return n * 2 }
def fewer(x: f32[n, d]) -> f32[n, d] { return x @ full([d, d], 1.0 / d) }
def meets(x: f32[n, d], y: f32[m, d]) -> f32[n, d] { return x + y }
layer Own(x: f32[n, d], k: float = 1.0) -> f32[n, d] {
  variable v: f32[d] = normal(std=scale)
  variable w: f32[d, d] = normal([d, d]) * k + uniform([d, d])
  state calls: f32[] = 0
  update calls = calls + 1
  h = x @ w + v
  if training { kept = h |> dropout(0.1) }
  return h |> inner: Dense(d, act=leaky_relu(slope=k)) |> rest: Dropout(0.5)
}
layer Plain(x: f32[n, *s]) -> f32[n, *s] {
  variable w: f32[*s] = zeros()
  return x * tanh(w)
}
layer Drops(x: f32[n, d]) -> f32[n, d] { return x |> rest: Dropout(0.5) }
layer Twice(x: f32[n, d]) -> f32[n, d] {
  net own = Own(k=2.0)
  net same = Dense(d)
  return same(own(x)) + same(own(own(x, training=false)))
}
optimizer Wild(w: f32[...], g: f32[...], lr: float = 0.1) {
  state m: f32[...] = normal(std=0.1)
  state t: f32[...] = w
  update m = 0.9 * m + g
  update w = w - lr * m * normal(shape(w)) + t
}
scale = 0.5
net a = Own()
net b = Own()
net c = Own(k=2.0)
net each = Dense(8)
net deep = Twice()
net deeper = Twice()
ap = a(p)
bp = b(p)
cq = c(q)
scale = 2.0
net d = Own()
dq = d(q)
dp = d(p)
aq = a(q * 1.0)
net g = Gru(8)
net g2 = Gru(8)
net g3 = Gru(8)
fed = g3(expand(p if training else r, axis=0))
recurrent = g(expand(p, axis=0)) + g2(expand(p, axis=0))
in_scan = scan e in q along col carry h = zeros([8]) {
  next h = tanh(mean(e) + mean(each(expand(h, axis=0)), axis=0) + drawn(expand(h, axis=0))[0])
  yield h
}
r1 = named(p)
r2 = named(named(p * 1.0))
i1 = inside(p * 2.0)
half = q * 2.0
i2 = inside(half)
i3 = inside(inside(q * 2.0))
n1 = drawn(p) + drawn(p)
n2 = drawn(p * 1.0) + f32(bernoulli([3, 8], p=0.5)) * drawn(p)
w1 = powers(p, 2.0) + powers(p, 2) + powers(p, 0.0) + powers(p, -0.0) + powers(p, 2.0, f=inside) + powers(p, 2.0, f=abs)
s1 = pair(p, p)
s2 = pair(p, p * 1.0)
halves = p * 0.5
twice = p * 2.0
s3 = pair(halves, halves) - pair(halves, twice) + pair(twice, twice)
d1 = dropout(s3, 0.5)
d2 = wrapped(s3)
net drop = Dropout(0.5)
net drops = Drops()
d3 = drop(s3)
d4 = drops(s3)
m1 = meets(p, p * 1.0) + fewer(p)
m2 = meets(q, q * 1.0) + fewer(q)
m3 = meets(p, t) - meets(r, t) + meets(p, t) * meets(r * 1.0, t * 1.0)
net plain = Plain()
net again = Plain()
o1 = plain(q)
o2 = again(p * 1.0) + again(p * 1.0) + plain(p * 1.0)
k = size_of(3) + size_of(4)
all = mean(ap + bp + dp + r1 + i1 + n1 + n2 + w1 + s1 + s2 + m1) + mean(cq + dq + aq + r2[0, 0] + i2 + i3 + m2)
more = mean(d1 + d2 + d3 + d4) + mean(fed) + mean(m3) + mean(o1) + mean(o2)
loss = all + more + mean(deep(p)) + mean(deeper(deep(q))) + mean(recurrent) + f32(k) * mean(deep.own.v) + mean(in_scan)
train first { steps 1
  feed p = ones([3, 8]), q = ones([5, 8]), r = zeros([3, 8]), t = ones([3, 8])
  minimize loss with Wild() }
train second { steps 1
  feed p = ones([3, 8]), q = ones([5, 8]), r = zeros([3, 8]), t = ones([3, 8])
  minimize mean(deep(p)) over vars(deep) with Adam(cosine(1.0, 10))
  minimize loss with Momentum(0.1) clip 1.0 }
eval also { feed p = ones([3, 8]), q = ones([5, 8]), r = ones([3, 8]), t = ones([3, 8])
  report loss, mean(a(p)) }
"""
OPTIMIZERS = """
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
variable v: f32[4, 4] = glorot_uniform()
variable u: f32[4, 4] = glorot_uniform()
y = x @ v @ u |> a: Dense(4) |> b: Dense(4) |> c: Dense(4)
loss = mean(y ** 2)
train {{
  steps 2
  minimize loss with {optimizer}
}}
"""


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_programs(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same_both_ways(open_source(file), monkeypatch)


def test_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members, states, updates, instances in lists, an instance applied twice, statics of a mode, a scan, names."""
    program, made = same_both_ways(Source("bodies.gdl", BODIES), monkeypatch)
    assert program is not None
    assert made > 40


def test_what_is_unlike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, places, names, draws, numbers, functions, names of the program, modes, paths that are there already."""
    program, _ = same_both_ways(Source("unlike.gdl", UNLIKE), monkeypatch)
    assert program is not None


@pytest.mark.parametrize(
    "optimizer",
    ["Sgd(0.1)", "Momentum(0.1)", "Nesterov(0.1)", "RmsProp(0.1)", "Adagrad(0.1)", "Adam(0.1) clip 1.0", "Lion(0.1)",
     "AdamW(warmup_cosine(0.1, 10, 100))", "Noisy()", "Slow()"],
)  # fmt: skip
def test_optimizers(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rule makes of one variable is taken over for others of its type."""
    program, made = same_both_ways(Source("optimizers.gdl", OPTIMIZERS.format(optimizer=optimizer)), monkeypatch)
    assert program is not None
    assert made > (10 if optimizer in ("Noisy()", "Slow()") else 12)


def same_both_ways(source: Source, monkeypatch: pytest.MonkeyPatch) -> tuple[Program | None, int]:
    """Checks with and without; the program, and how many calls were made again."""
    options, made, again = DataOptions(program_dir=source.path.parent if source.path else None), [], recall._made_again
    monkeypatch.setattr(recall, "_made_again", lambda *given: made.append(given) or again(*given))
    program, said = check(source, describe=lambda call: describe(call, options), sources=SOURCES)
    monkeypatch.setattr(calls, "recalled", lambda cx, function, bound, body, run: run())
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
                graph = action.computation.graph
                yield from nodes((*graph.roots, *[variable for variable, _ in graph.updates]))


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
