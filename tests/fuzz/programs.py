"""Programs that a person might mean: every op and library function called, mostly with arguments of the right kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from random import Random

import gdl.ops  # noqa: F401  fills the table
from gdl.lang.builtins import SIGNATURES
from gdl.ops.table import TABLE
from gdl.resources import resource
from gdl.source import Source
from gdl.syntax import ast
from gdl.syntax.parser import parse
from tests.fuzz import words

_DECLARED = """\
dim batch, n
hyper lr: float = 0.1 in (0, 10)
hyper k: int = 2
hyper flag: bool = true
placeholder x: f32[2, 3]
placeholder y: f32[3]
placeholder z: f64[batch, 4]
placeholder img: f32[2, row: 6, col: 6, ch: 2]
placeholder ids: i64[4]
placeholder m: bool[2, 3]
placeholder u: u8[n, n]
placeholder s: f32[]
placeholder e: f32[0, 3]
placeholder seq: f32[2, t: 5, 3]
variable w: f32[3, 3] = glorot_uniform()
variable v: f32[3] = zeros()
state c: f32[3] = ones()
"""
#: name -> (dtype, rank)
_TENSORS = {
    "x": ("f32", 2), "y": ("f32", 1), "z": ("f64", 2), "img": ("f32", 4), "ids": ("i64", 1), "m": ("bool", 2),
    "u": ("u8", 2), "s": ("f32", 0), "e": ("f32", 2), "seq": ("f32", 3), "w": ("f32", 2), "v": ("f32", 1),
    "c": ("f32", 1),
}  # fmt: skip
_FAMILIAR = ("x", "x", "x", "w", "w", "y", "v", *_TENSORS)
_FEEDS = {
    "x": "[[1, 2, 3], [4, 5, 6]]", "y": "[0.5, -1, 2]", "z": 'ones([2, 4], dtype="f64")', "img": "zeros([2, 6, 6, 2])",
    "ids": "[0, 1, 2, 1]", "m": "[[true, false, true], [false, true, false]]", "u": 'zeros([2, 2], dtype="u8")',
    "s": "0.5", "e": "zeros([0, 3])", "seq": "ones([2, 5, 3])",
}  # fmt: skip


_OUTSIDE = re.compile(r"\b(?:y|z|img|ids|m|u|s|e|seq|w|v|c|a\d)\b(?!=)")


@dataclass(frozen=True)
class _Param:
    """A parameter: `tensors` are those of the declared ones that could be meant, empty for a static one."""

    name: str
    tensors: tuple[str, ...]
    kinds: tuple[str, ...]
    has_default: bool


@dataclass(frozen=True)
class _Callee:
    """What a program can call."""

    name: str
    params: tuple[_Param, ...]
    variadic: bool = False


def _param(param: ast.Param) -> _Param:
    kinds = param.type.names if isinstance(param.type, ast.Kind) else ()
    tensors = _fitting(param.type) if isinstance(param.type, ast.TypeExpr) else ()
    return _Param(param.name, tensors, kinds, param.default is not None)


def _fitting(type: ast.TypeExpr) -> tuple[str, ...]:
    """The declared tensors of a fitting dtype and, where the type says it, rank."""
    classes = {"f": ("f32", "f64"), "n": ("f32", "f64", "i64"), "i": ("i64",), "t": None}
    dtypes = classes.get(type.dtype or "f32", (type.dtype,))
    is_open = any(isinstance(axis.size, (ast.Splice, ast.Ellipsis_)) for axis in type.axes)
    fits = [
        name for name, (dtype, rank) in _TENSORS.items()
        if (dtypes is None or dtype in dtypes) and (is_open or rank == len(type.axes))
    ]  # fmt: skip
    return tuple(fits) or tuple(_TENSORS)


@cache
def _library() -> dict[str, tuple[_Callee, ...]]:
    """By what they are: op, def, layer, optimizer."""
    found: dict[str, list[_Callee]] = {"op": [], "def": [], "layer": [], "optimizer": []}
    for op in TABLE.values():
        found["op"].append(_Callee(op.name, tuple(_param(p) for p in op.signature.params), op.variadic))
    for path in sorted(resource("stdlib").glob("*.gdl")):
        for item in parse(Source(path.name, path.read_text(encoding="utf-8")))[0].items:
            if isinstance(item, ast.Definition):
                found[item.what].append(_Callee(item.name, tuple(_param(p) for p in item.params)))
    return {what: tuple(callees) for what, callees in found.items()}


def program(random: Random, bindings: int | None = None) -> str:
    """A whole program: declarations, some bindings, then procedures that use them."""
    writer = _Writer(random)
    used = bindings or random.choice((1, 1, 1, 2, 3, 6))
    body = "\n".join(writer.statement() for _ in range(used))
    blocks = "\n".join(writer.block() for _ in range(random.choice((0, 1, 1, 2))))
    layers = [callee.name for callee in _library()["layer"] if callee.name in body + blocks]
    imports = f"from nn import {', '.join(layers)}\n" if layers else ""
    return _without_unused(random, f"{imports}{_DECLARED}{body}\n{blocks}\n")


def _without_unused(random: Random, text: str) -> str:
    """Most of the declarations that nothing uses are left out, so that programs stay small."""
    kept = []
    for line in text.split("\n"):
        declared = re.match(r"(?:placeholder|variable|state|hyper) (\w+)", line)
        if declared and len(re.findall(rf"\b{declared[1]}\b", text)) == 1 and random.random() < 0.95:
            continue
        kept.append(line)
    return "\n".join(kept)


@dataclass
class _Writer:
    random: Random
    names: list[str] = field(default_factory=list)

    def pick(self, options: tuple[str, ...] | list[str]) -> str:
        return self.random.choice(options)

    # ---- statements

    def statement(self) -> str:
        form = self.random.random()
        name = f"a{len(self.names)}" if self.random.random() < 0.9 else self.pick(("loss", "x", "batch", "mean"))
        if form < 0.04:
            return f"def {name}(x: f[*s], k: int = 2) -> f[*s] {{\n  return {self._inside()}\n}}\nr{name} = {name}(x)"
        if form < 0.09:
            return self._layer(name)
        if form < 0.12:
            turns = f"{self.pick(words.INTS[:8])}..{self.pick(words.INTS[:12])}"
            return f"for i in {turns} {{ {name} = {self.expression()} }}"
        if form < 0.14:
            test = self.pick(("flag", "k > 1", "true", "x", "n == 2", "batch > 1"))
            return f"if {test} {{ {name} = {self.expression()} }} else {{ {name} = x }}"
        if form < 0.16:
            return f"metric {name} = {self.expression()}"
        if form < 0.18:
            return f"update {self.pick(('c', 'v', 'x'))} = {self.expression()}"
        if form < 0.2:
            return f"require {self.expression()} : \"text {{k}} {{x}}\""
        if form < 0.24:
            return f"{name}: {self.pick(('f32', 'i64', 'f', ''))}{self.shape()} = {self.expression()}"
        if form < 0.27:
            target = f"{name}, {name}2"
        else:
            target = name
        bound = f"{target} = {self.expression()}"
        self.names.append(name)
        return bound

    def _layer(self, name: str) -> str:
        first = self.pick(("zeros()", "normal(std=0.1)", "0.5", "orthogonal()"))
        variable = f"  variable w2: f32{self.shape()} = {first}\n"
        state = "  state m2: f32[d] = zeros()\n  update m2 = mean(x, axis=0)\n"
        inside = self.pick(("", variable, state))
        head = f"layer L{name}(x: f32[b, d], k: int = 2)"
        text = f"{head} {{\n{inside}  return {self._inside()}\n}}\n{name} = x |> l{name}: L{name}()"
        self.names.append(name)
        return text

    def _inside(self) -> str:
        """An expression in a definition, which sees its parameters only."""
        expression = self.expression()
        return _OUTSIDE.sub("x", expression) if self.random.random() < 0.9 else expression

    def block(self) -> str:
        feeds = ", ".join(f"{name} = {value}" for name, value in _FEEDS.items() if self.random.random() < 0.99)
        feed = f"  feed {feeds}\n" if feeds else ""
        form = self.random.random()
        if form < 0.4:
            return self._train(feed)
        values = ", ".join([*self.names[-2:], self.expression(self.random.choice((0, 0, 1, 2)))])
        if form < 0.8:
            return f"eval show {{\n{feed}  report {values}\n}}"
        expected = f"{self.expression()} {self.pick(('==', '~=', '<='))} {self.expression()}"
        return f'test "t" {{\n{feed}  expect {expected}\n}}'

    def _train(self, feed: str) -> str:
        optimizer = self.random.choice(_library()["optimizer"]).name + self.pick(("()", "(0.01)", "(lr)"))
        product = f"mean({self.pick((*self.names[-1:], self.expression()))} * w)"
        loss = self.pick((product, f"sum({self.expression()}) + sum(w) * sum(v)", *self.names[-1:]))
        over = self.pick(("", "", "", " over vars(w)", " over w", f" over {self.expression()}"))
        clip = self.pick(("", "", "", " clip 1.0", f" clip {self.value(('float',))}"))
        length = self.pick(("steps 2", "epochs 1", "steps 0", f"steps {self.pick(words.INTS)}"))
        more = (f"report {self.expression()}", "save", "run show", f"stop when {self.expression()}")
        extra = self.pick(("", "", *more, "repeat 3 { minimize sum(w) with Sgd(0.1) }"))
        return f"train {{\n  {length}\n{feed}  minimize {loss}{over} with {optimizer}{clip}\n  {extra}\n}}"

    # ---- expressions

    def expression(self, depth: int = 2) -> str:
        form = self.random.random()
        if depth <= 0 or form < 0.12:
            return self.tensor()
        if form < 0.52:
            return self.call(depth)
        if form < 0.64:
            return f"({self.expression(depth - 1)} {self.pick(words.OPERATORS)} {self.expression(depth - 1)})"
        if form < 0.7:
            return f"{self.tensor()}{self.pick(words.INDICES)}"
        if form < 0.77:
            return self._pipe(depth)
        if form < 0.88:
            return self._builtin(depth)
        if form < 0.92:
            return self._scan(depth)
        if form < 0.95:
            test = self.pick(("flag", "k == 2", "not flag"))
            return f"({self.expression(depth - 1)} if {test} else {self.expression(depth - 1)})"
        pair = f"[{self.expression(0)}, {self.expression(0)}]"
        return self.pick((pair, f"-{self.tensor()}", self.pick(words.NUMBERS), f"not {self.tensor()}"))

    def tensor(self) -> str:
        if self.names and self.random.random() < 0.3:
            return self.pick(self.names)
        return self.pick(_FAMILIAR)

    def call(self, depth: int) -> str:
        callee: _Callee = self.random.choice(_library()[self.pick(("op", "op", "op", "def"))])
        arguments = []
        for param in callee.params:
            if param.has_default and self.random.random() < 0.6:
                continue
            keyword = "" if param.tensors or self.random.random() < 0.3 else f"{param.name}="
            if param.tensors and callee.variadic:
                arguments += [self.argument(param, depth)] * self.random.choice((0, 1, 2, 2, 3))
            else:
                arguments.append(keyword + (self.argument(param, depth) if param.tensors else self.value(param.kinds)))
        if self.random.random() < 0.04:
            arguments.append(f"{self.pick(words.KEYWORDS)}={self.pick((*words.INTS, '(row, col)', 't', 'false'))}")
        if self.random.random() < 0.03 and arguments:
            arguments.pop(self.random.randrange(len(arguments)))
        return f"{callee.name}({', '.join(arguments)})"

    def argument(self, param: _Param, depth: int) -> str:
        """A tensor that could be meant, or any expression."""
        return self.pick(param.tensors) if self.random.random() < 0.7 else self.expression(depth - 1)

    def value(self, kinds: tuple[str, ...]) -> str:
        """A static argument: of one of the kinds, mostly."""
        if not kinds or self.random.random() < 0.03:
            return self.pick((*words.NUMBERS, *words.STRINGS, *words.SHAPES, *_TENSORS))
        kind = self.pick(kinds)
        if kind == "int":
            return self.pick(words.INTS[:8] if self.random.random() < 0.8 else words.INTS)
        if kind == "float":
            return self.pick(words.FLOATS)
        if kind == "bool":
            return self.pick(("true", "false", "flag"))
        if kind in ("ints", "any"):
            pair = f"[{self.pick(words.INTS[:4])}, {self.pick(words.INTS[:6])}]"
            return self.pick((*words.INTS[:4] * 3, pair, self.shape(), '"same"', "[[1, 1], [0, 2]]"))
        if kind == "shape":
            return self.shape()
        if kind == "fn":
            return self.pick(words.FUNCTIONS)
        if kind == "string":
            return self.pick(words.STRINGS)
        return kind if kind == "none" else f'"{kind}"'

    def shape(self) -> str:
        return self.pick(words.SHAPES[:12] if self.random.random() < 0.85 else words.SHAPES)

    def _pipe(self, depth: int) -> str:
        layer: _Callee = self.random.choice(_library()["layer"])
        tensor, *statics = layer.params
        given = [
            f"{param.name}={self.value(param.kinds)}"
            for param in statics if not param.has_default or self.random.random() < 0.4
        ]  # fmt: skip
        label = self.pick(("", f"l{self.random.randrange(9)}: "))
        return f"({self.argument(tensor, depth)} |> {label}{layer.name}({', '.join(given)}))"

    def _builtin(self, depth: int) -> str:
        name = self.pick(("grad", "grad", "grad", "vjp", "jvp", *SIGNATURES, "f32", "i64", "f64", "bool"))
        if name == "grad" and self.random.random() < 0.8:
            inner = self.expression(depth - 1)
            used = [tensor for tensor in _TENSORS if re.search(rf"\b{tensor}\b", inner)]
            return f"grad({self.pick(('sum', 'mean'))}({inner}), {self.pick(used) if used else self.tensor()})"
        count = SIGNATURES[name][0].count(",") + 1 if name in SIGNATURES else 1
        return f"{name}({', '.join(self.expression(depth - 1) for _ in range(count))})"

    def _scan(self, depth: int) -> str:
        axis = self.pick(("t", "t", "t", "batch", "row", "d", "axis"))
        start = self.pick(("zeros([2, 3])", "x", "y", "0", "s", self.expression(0)))
        step = self.pick(("r + i", "i", "tanh(i @ w + r)", self.expression(depth - 1)))
        out = self.pick(("r", "i", "i * 2", self.expression(depth - 1)))
        over = "seq" if self.random.random() < 0.8 else self.tensor()
        return f"scan i in {over} along {axis} carry r = {start} {{\n  next r = {step}\n  yield {out}\n}}"
