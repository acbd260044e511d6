"""After a mistake: how many diagnostics, what is left of the file, what is known to be broken."""

from __future__ import annotations

import pytest

from gdl.source import Source
from gdl.syntax import ast
from gdl.syntax.parser import is_incomplete, parse, parse_expression
from tests.syntax.reading import codes, mistakes

GOOD = "a = 1\n"


@pytest.mark.parametrize(
    "text",
    [
        "x = a b\n",
        "x = (a\n",
        "x = a)\n",
        "x = [a)\n",
        'x = "a\n',
        'x = f("a)\n',
        "x = a +\n  b\n",
        "x = a \\\n  + b\n",
        "x = $\n",
        "varaible x: f32[] = 0\n",
        "layer A(x: f32[b] {\n  y = x\n  return y\n}\n",
        "layer A(x: f32[b])\n  y = x\n  return y\n}\n",
        "layer A(x f32[b]) {\n  y = x\n  return y\n}\n",
        "def f(x):\n  y = x\n  return y\n",
        "if a:\n  x = 1\nelif b:\n  x = 2\nelse:\n  x = 3\n",
        "train {\n  epochs 3\n  variable w: f32[] = 0\n}\n",
        "train {\n  epochs 3\n  stop loss\n  run t\n}\n",
        "train {\n  repeat 5 {\n    minimize a with b\n  report a\n}\n",
        "for i in 0..3 {\n  layer B() { }\n}\n",
        "/* a\n b\n*/\n",
        '"""a\n b"""\n',
        "x = 99999999999999999999\n",
        "x = " + "(" * 300 + ")" * 300 + "\n",
        "x = " + "-" * 300 + "1\n",
        "x = " + "a if b else " * 300 + "c\n",
        "x = a" + "()" * 300 + "\n",
        "x = " + "a ** " * 300 + "b\n",
        "if a { } " + "else if a { } " * 300 + "\n",
        "x = a |> f" + ".b" * 300 + "\n",
        "def f(x: f32[n]) { " + "if a { " * 300 + "} " * 300 + "}\n",
    ],
)
def test_one_mistake_gives_one_diagnostic(text: str) -> None:
    assert len(codes(text)) == 1
    alone = [d.code for d in mistakes(text)]
    module, diagnostics = parse(Source("test.gdl", GOOD + text + "dim last\n" + text.replace("x", "y") + GOOD))
    assert [d.code for d in diagnostics] == alone * 2, "two mistakes give two"
    names = [item.names[0] for item in module.items if isinstance(item, ast.Dim)]
    assert names == ["last"] and module.items[0].span.text == "a = 1" == module.items[-1].span.text


def test_the_rest_of_a_block_is_kept() -> None:
    module, diagnostics = parse(
        Source("t", "train {\n  epochs 5\n  minimise x with y\n  stop when a\n}\nb = 1 1\nc = 2\n")
    )
    assert len(diagnostics) == 2
    train, c = module.items
    assert [type(s).__name__ for s in train.body] == ["Epochs", "Stop"]
    assert c.targets == ("c",)


def test_broken_statements_are_named() -> None:
    module, _ = parse(Source("t", "a, b = f(x y)\nlayer Net(x: f32[b]) {\n  h = 1 2\n  return x\n}\nc = 3\n"))
    assert {"a", "b", "h", "Net"} <= module.broken
    assert not {"c", "layer", "return"} & module.broken
    assert module.items[0].name == "Net"


def test_diagnostics_come_in_order_of_place() -> None:
    starts = [d.span.start for d in mistakes('x = a b\ny = "c\nz = (1\nq = 2)\nw = $\nv = 1 1\n')]
    assert starts == sorted(starts) and len(starts) == 6


def test_a_wrong_expression_is_none() -> None:
    value, diagnostics = parse_expression(Source("t", "a +"))
    assert value is None and [d.code for d in diagnostics] == ["E0017"]
    assert parse_expression(Source("t", ""))[0] is None
    assert parse_expression(Source("t", "a\nb"))[0] is None


@pytest.mark.parametrize(
    "text",
    [
        "layer A(x: f32[b]) {",
        "layer A(x: f32[b]) {\n  y = x\n",
        "x = f(a,",
        "x = [1,\n 2,\n",
        "x =",
        "x = a +\n",
        "net f",
        "x = a |>",
        "train {\n  epochs 3\n",
        "x = f(scan a in b along t carry h = 0 {\n",
    ],
)
def test_incomplete(text: str) -> None:
    assert is_incomplete(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x = 1",
        "x = 1\n",
        "layer A(x: f32[b]) { return x }",
        "x = a b",
        'x = "a',
        "x = )",
        "# note",
        "x = $",
        "}",
        "if a { b = 1 }",
    ],
)
def test_not_incomplete(text: str) -> None:
    assert not is_incomplete(text)
