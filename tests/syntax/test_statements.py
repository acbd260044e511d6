"""How statements and declarations are read, and which words stay free to be names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdl.source import Source
from gdl.syntax import ast
from gdl.syntax.ast import Argument, Name, Number
from gdl.syntax.parser import parse, parse_signature
from gdl.syntax.tokens import RESERVED, STATEMENT_WORDS
from tests.syntax.reading import expression, item, module

PROGRAMS = sorted((Path(__file__).parent.parent / "programs").glob("*.gdl"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_the_programs_of_the_language_parse(path: Path) -> None:
    found, diagnostics = parse(Source(path.name, path.read_text(encoding="utf-8")))
    assert diagnostics == []
    assert found.edition == "1"
    assert found.items


def train(*lines: str) -> ast.Statement:
    return item("train {\n" + "\n".join(lines) + "\n}").body[0]


every_epoch = ast.Every(Number(1), "epochs")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("epochs 5", ast.Epochs(Number(5))),
        ("steps n // 2", ast.Steps(expression("n // 2"))),
        ("run test every epoch", ast.Run("test", every_epoch)),
        ("run test every step", ast.Run("test", ast.Every(Number(1), "steps"))),
        ("run test every 2 epochs", ast.Run("test", ast.Every(Number(2), "epochs"))),
        ("run test every n", ast.Run("test", ast.Every(Name("n"), "steps"))),
        ("run test", ast.Run("test")),
        ("save", ast.Save()),
        ("save best accuracy", ast.Save(best="accuracy")),
        ('save "dir" best best every 10 steps', ast.Save("dir", "best", ast.Every(Number(10), "steps"))),
        ("stop when loss < 0.5", ast.Stop(expression("loss < 0.5"))),
        ("report a, b every 100 steps", ast.Report((Name("a"), Name("b")), ast.Every(Number(100), "steps"))),
        ("minimize a with b", ast.Minimize(Name("a"), Name("b"))),
        ("minimize a over c with b clip 1", ast.Minimize(Name("a"), Name("b"), Name("c"), Number(1))),
        ("repeat 5 { minimize a with b }", ast.Repeat(Number(5), (ast.Minimize(Name("a"), Name("b")),))),
        ("feed x = a", ast.Feed((Argument(Name("a"), "x"),))),
        (
            "feed batch = batch, shuffle = shuffle from from.train batch batch shuffle",
            ast.Feed(
                (Argument(Name("batch"), "batch"), Argument(Name("shuffle"), "shuffle")),
                expression("from.train"),
                Name("batch"),
                True,
            ),
        ),
        ('load model from "f"', ast.Load("model", "f")),
        ('load from "f" map "a" -> "b" map "c" -> "d" freeze', ast.Load(None, "f", (("a", "b"), ("c", "d")), True)),
    ],
)
def test_statements_of_train(text: str, tree: ast.Statement) -> None:
    assert train(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("dim a, b", ast.Dim(("a", "b"))),
        ("dim a = 3", ast.Dim(("a",), Number(3))),
        ("hyper lr: float = 0.5 in (0, 10)", ast.Hyper("lr", ast.Kind(("float",)), Number(0.5), expression("(0, 10)"))),
        ("hyper lr = 1", ast.Hyper("lr", None, Number(1))),
        ('hyper c: "a" | "b" = "a"', ast.Hyper("c", ast.Kind(("a", "b"), True), ast.String("a"))),
        ("data d = a() or b()", ast.Data("d", expression("a() or b()"))),
        ('import "f.gdl" as m', ast.Import("f.gdl", True, "m")),
        ("from nn import Dense, Conv", ast.Import("nn", False, None, ("Dense", "Conv"))),
        ('from "f.gdl" import Net', ast.Import("f.gdl", True, None, ("Net",))),
        ("a, b = f(x)", ast.Bind(("a", "b"), expression("f(x)"))),
        ("x: f32[] = 0", ast.Bind(("x",), Number(0), ast.TypeExpr("f32", ()))),
        ("variable w: [3] = a", ast.Variable("w", ast.TypeExpr(None, (ast.Axis(Number(3)),)), Name("a"))),
        ("state m: f32[...] = a", ast.State("m", ast.TypeExpr("f32", (ast.Axis(ast.Ellipsis_()),)), Name("a"))),
        ("net f = Dense(10)", ast.Net("f", expression("Dense(10)"))),
        ("update v = a", ast.Update("v", Name("a"))),
        ("for i in 0..n + 1 { x = i }", ast.For("i", Number(0), expression("n + 1"), (ast.Bind(("x",), Name("i")),))),
        ('require a > 0 : "no"', ast.Require(expression("a > 0"), "no")),
        ('load model from "f"', ast.Load("model", "f")),
        ('test "t" { expect a ~= b }', ast.Test("t", (ast.Expect(Name("a"), Name("b")),))),
        ('eval e { write "f" = a }', ast.Eval("e", (ast.Write("f", Name("a")),))),
    ],
)
def test_items(text: str, tree: ast.Item) -> None:
    assert item(text) == tree


def test_else_and_braces_may_begin_lines() -> None:
    found = item("if a\n{\n  x = 1\n}\n\nelse if b { x = 2 }\nelse\n{ x = 3 }\n")
    assert isinstance(found.orelse[0], ast.If)
    assert found.orelse[0].orelse == (ast.Bind(("x",), Number(3)),)


def test_a_definition() -> None:
    found = item(
        "layer Block(\n  x: f32[b, row: 28, *s, ...], n: n[], act: fn = relu, k: int | none = none,\n"
        '  pad: "same" | "valid" = "same", eps = 1e-5,\n) -> (f[b], i64[]) { return x, x }'
    )
    x, n, act, k, pad, eps = found.params
    assert [axis.label for axis in x.type.axes] == [None, "row", None, None]
    assert x.type.axes[2].size == ast.Splice("s")
    assert n.type == ast.TypeExpr("n", ())
    assert act.type == ast.Kind(("fn",))
    assert k.type == ast.Kind(("int", "none"))
    assert pad.type == ast.Kind(("same", "valid"), is_choice=True)
    assert (eps.type, eps.default) == (None, Number(1e-5))
    assert [t.dtype for t in found.results] == ["f", "i64"]
    assert found.name_span.text == "Block"


def test_docs_stand_right_above() -> None:
    found = module(
        "## Not this.\n\n## One.\n##  Two.\nlayer A(x: f32[]) { return x }\n"
        "## A knob.\nhyper n = 3\n# no\nhyper m = 3\n"
    )
    assert [i.doc for i in found.items] == ["One.\n Two.", "A knob.", ""]
    assert [c.text for c in found.comments] == ["## Not this.", "## One.", "##  Two.", "## A knob.", "# no"]


def test_comments_are_kept() -> None:
    found = module("# own\nx = 1 # behind\n  # indented\n")
    assert [(c.text, c.own_line, c.span.start) for c in found.comments] == [
        ("# own", True, 0),
        ("# behind", False, 12),
        ("# indented", True, 23),
    ]


@pytest.mark.parametrize(
    "word", sorted((STATEMENT_WORDS | {"step", "epoch", "batch", "best", "over", "error"}) - RESERVED)
)
def test_a_keyword_is_a_name_elsewhere(word: str) -> None:
    value = f"{word} + f({word}={word}).{word}[{word}]"
    found = module(f"{word} = {value}\nnet {word} = {word}()\ndim {word}\nz = x |> {word}: {word}()")
    assert found.items[0] == ast.Bind((word,), expression(value))


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_every_word_names_attributes_and_arguments(word: str) -> None:
    assert expression(f"x.{word}") == ast.Attribute(Name("x"), word)
    assert expression(f"f({word}=1, {word}=2)").args[1].name == word


def test_editions() -> None:
    assert module("gdl 1\nx = 3\n").edition == "1"
    assert module("# first\n\ngdl 1 # one\n").edition == "1"
    assert module("x = 3").edition is None


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "# only", "\r\n\r\n", ";;", "\t"])
def test_nothing_is_a_program(text: str) -> None:
    assert module(text).items == ()


def test_line_breaks_of_windows() -> None:
    text = "\ufeffgdl 1\r\nx = f(a,\r\n\tb)\r\ny = x\r\n  |> g\r\n"
    assert len(module(text).items) == 2


def test_signatures() -> None:
    found = parse_signature("(x: f[*a], axis: ints = all) -> (f[reduce(a, axis)], dtype[...])")
    assert [param.name for param in found.params] == ["x", "axis"]
    assert found.params[1].type == ast.Kind(("ints",))
    assert found.results[0].axes[0].size == expression("reduce(a, axis)")
    assert found.results[1].dtype == "dtype"
    assert parse_signature("() -> f32[]").params == ()
    with pytest.raises(ValueError, match="cannot stand here"):
        parse_signature("(x: f[*a]) -> f[*a] 3")
