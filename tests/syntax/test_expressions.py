"""How expressions are read: precedence, chains, slices, pipes, literals."""

from __future__ import annotations

import pytest

from gdl.syntax import ast
from gdl.syntax.ast import Argument, Call, Chain, Index, Name, Number, Slice, Stage, String, Term, Unary
from tests.syntax.reading import expression, item

a, b, c = Name("a"), Name("b"), Name("c")


def chain(first: ast.Expr, *rest: object) -> Chain:
    return Chain(first, tuple(Term(op, operand) for op, operand in zip(rest[::2], rest[1::2], strict=True)))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a - b + c", chain(a, "-", b, "+", c)),
        ("a - b * c", chain(a, "-", chain(b, "*", c))),
        ("(a - b) * c", chain(chain(a, "-", b), "*", c)),
        ("a / b @ c % a // b", chain(a, "/", b, "@", c, "%", a, "//", b)),
        ("-a ** b", Unary("-", chain(a, "**", b))),
        ("a ** -b", chain(a, "**", Unary("-", b))),
        ("a ** b ** c", chain(a, "**", chain(b, "**", c))),
        ("not a == b", Unary("not", chain(a, "==", b))),
        ("a or b and not c", chain(a, "or", chain(b, "and", Unary("not", c)))),
        ("a < b and b < c", chain(chain(a, "<", b), "and", chain(b, "<", c))),
        ("a if b else c", ast.Conditional(a, b, c)),
        ("a if b else b if c else a", ast.Conditional(a, b, ast.Conditional(b, c, a))),
        ("a |> b |> c", ast.Pipe(a, (Stage(b), Stage(c)))),
        ("a + b |> c", ast.Pipe(chain(a, "+", b), (Stage(c),))),
        ("a |> b if c else a", ast.Conditional(ast.Pipe(a, (Stage(b),)), c, a)),
        ("a |> f: b(c)", ast.Pipe(a, (Stage(b, (Argument(c),), "f"),))),
        ("a |> f[c]: m.b()", ast.Pipe(a, (Stage(ast.Attribute(Name("m"), "b"), (), "f", c),))),
        ("a(b, x=c)", Call(a, (Argument(b), Argument(c, "x")))),
        ("a(b, x=c,)", Call(a, (Argument(b), Argument(c, "x")))),
        ("a()", Call(a, ())),
        ("a.b.c", ast.Attribute(ast.Attribute(a, "b"), "c")),
        ("a.if.from", ast.Attribute(ast.Attribute(a, "if"), "from")),
        ("(a, b)", ast.Tuple((a, b))),
        ("(a,)", ast.Tuple((a,))),
        ("()", ast.Tuple(())),
        ("((a))", a),
        ("[]", ast.Array(())),
        ("[a, b,]", ast.Array((a, b))),
        ("[a,\n b,\n\n c # last\n]", ast.Array((a, b, c))),
        ("*a", ast.Splice("a")),
        ("true", ast.Bool(True)),
        ("none", Name("none")),
    ],
)
def test_expression(text: str, tree: ast.Expr) -> None:
    assert expression(text) == tree


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a[b]", (b,)),
        ("a[:]", (Slice(None, None),)),
        ("a[b:]", (Slice(b, None),)),
        ("a[:b]", (Slice(None, b),)),
        ("a[b:c]", (Slice(b, c),)),
        ("a[::-1]", (Slice(None, None, Unary("-", Number(1))),)),
        ("a[b:c:a]", (Slice(b, c, a),)),
        ("a[::]", (Slice(None, None),)),
        ("a[..., 0]", (ast.Ellipsis_(), Number(0))),
        ("a[:, 0, b]", (Slice(None, None), Number(0), b)),
    ],
)
def test_index(text: str, items: tuple[ast.Expr, ...]) -> None:
    assert expression(text) == Index(a, items)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("0.5", 0.5),
        ("0.0", 0.0),
        ("1e3", 1000.0),
        ("3e-4", 3e-4),
        ("0.5e-3", 0.5e-3),
        ("0e-999", 0.0),
    ],
)
def test_number(text: str, value: float) -> None:
    found = expression(text)
    assert found == Number(value)
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a b"', "a b"),
        (r'"\n\t\"\\"', '\n\t"\\'),
        (r'"\u{3b1}\u{1F600}"', "α😀"),
        ('"width {d} # no comment"', "width {d} # no comment"),
        ('"数"', "数"),
    ],
)
def test_string(text: str, value: str) -> None:
    assert expression(text) == String(value)


def test_scan_stands_wherever_a_value_does() -> None:
    scan = item("x = f(scan a, b in xs, ys along t carry h = h0, k = k0 { next h = a; next k = b; yield h, k })[0]")
    scan = scan.value.value.args[0].value
    assert scan.names == ("a", "b")
    assert scan.over == ast.Tuple((Name("xs"), Name("ys")))
    assert scan.along == "t"
    assert scan.carries == (Argument(Name("h0"), "h"), Argument(Name("k0"), "k"))
    assert scan.body[-1] == ast.Yield((Name("h"), Name("k")))


def test_spans_are_exact() -> None:
    value = item("y = f(a, k=b)[0] + (c * d)").value
    assert value.span.text == "f(a, k=b)[0] + (c * d)"
    assert value.first.span.text == "f(a, k=b)[0]"
    assert value.rest[0].op_span.text == "+"
    assert value.rest[0].operand.span.text == "c * d"
    assert [(x.span.text, x.name_span and x.name_span.text) for x in value.first.value.args] == [
        ("a", None),
        ("k=b", "k"),
    ]


def test_the_stages_of_a_pipe_may_begin_lines() -> None:
    pipe = item("y = x |> f # one\n\n  # two\n  |> g: Dense(3)\n\t|> h\n").value
    assert [stage.span.text for stage in pipe.stages] == ["|> f", "|> g: Dense(3)", "|> h"]
    assert pipe.stages[1].label_span.text == "g"
