"""How diagnostics are drawn: the examples of the language's page to the letter, then everything odd."""

from __future__ import annotations

import re

import pytest

from gdl.diagnostics import Diagnostic, Edit, Label, Severity
from gdl.render import render, to_json
from gdl.source import Source, Span


def source(name: str, lines: dict[int, str]) -> Source:
    """A file of which only some lines matter."""
    return Source(name, "".join(f"{lines.get(number, '')}\n" for number in range(1, max(lines) + 1)))


def at(source: Source, line: int, text: str, nth: int = 1) -> Span:
    """Where `text` stands, for the nth time, on a line."""
    start = source.line_starts[line - 1] - 1
    for _ in range(nth):
        start = source.text.index(text, start + 1)
    return Span(source, start, start + len(text))


def test_labels_on_several_lines() -> None:
    file = source(
        "mlp.gdl",
        {
            4: "placeholder x: f32[batch, 784]",
            7: "variable    W: f32[785, 10] = zeros()",
            9: "logits = x @ W + b",
        },
    )
    diagnostic = Diagnostic(
        "E0301",
        "`@` needs equal inner sizes, got 784 and 785",
        (
            Label(at(file, 9, "x @ W"), "x is f32[batch, 784], W is f32[785, 10]"),
            Label(at(file, 7, "785"), "785 comes from here"),
            Label(at(file, 4, "784"), "784 comes from here"),
        ),
        ("change line 7 to f32[784, 10], or if 785 includes a bias column, append ones to `x`",),
    )
    assert render([diagnostic]) == (
        """\
mlp.gdl:9:10: error[E0301]: `@` needs equal inner sizes, got 784 and 785
4 | placeholder x: f32[batch, 784]
  |                           --- 784 comes from here
7 | variable    W: f32[785, 10] = zeros()
  |                    --- 785 comes from here
9 | logits = x @ W + b
  |          ^^^^^ x is f32[batch, 784], W is f32[785, 10]
help: change line 7 to f32[784, 10], or if 785 includes a bias column, append ones to `x`"""
    )


def test_help_and_note_share_a_line_and_numbers_are_aligned() -> None:
    file = source("mlp.gdl", {9: "logits = x @ W + b", 10: "loss   = mean(cross_entropy(logit, y))"})
    diagnostic = Diagnostic(
        "E0101",
        "I cannot find `logit`",
        (
            Label(at(file, 10, "logit"), "not defined in this file or its imports"),
            Label(at(file, 9, "logits"), "a similar name is defined here"),
        ),
        ("did you mean `logits`?",),
        ("`loss` is used on 2 later lines; they are not reported again",),
    )
    assert render([diagnostic]) == (
        """\
mlp.gdl:10:29: error[E0101]: I cannot find `logit`
 9 | logits = x @ W + b
   | ------ a similar name is defined here
10 | loss   = mean(cross_entropy(logit, y))
   |                             ^^^^^ not defined in this file or its imports
help: did you mean `logits`?     note: `loss` is used on 2 later lines; they are not reported again"""
    )
    assert render([diagnostic], width=60).splitlines()[-2:] == [
        "help: did you mean `logits`?",
        "note: `loss` is used on 2 later lines; they are not reported again",
    ]


def test_two_labels_on_a_line() -> None:
    file = source("mlp.gdl", {5: "placeholder y: i64[batch]", 12: "err  = logits[:, 0] + y"})
    diagnostic = Diagnostic(
        "E0401",
        "`+` cannot mix i64 and f32",
        (
            Label(at(file, 12, "logits[:, 0]"), "f32[batch]"),
            Label(at(file, 12, "y"), "i64[batch]", is_primary=True),
            Label(at(file, 5, "i64"), "i64 comes from here"),
        ),
        ("convert explicitly: logits[:, 0] + f32(y)",),
        ("literals adapt (x + 1 is fine), variables never do",),
    )
    assert render([diagnostic]) == (
        """\
mlp.gdl:12:8: error[E0401]: `+` cannot mix i64 and f32
 5 | placeholder y: i64[batch]
   |                --- i64 comes from here
12 | err  = logits[:, 0] + y
   |        ^^^^^^^^^^^^ f32[batch]
   |                       ^ i64[batch]
help: convert explicitly: logits[:, 0] + f32(y)     note: literals adapt (x + 1 is fine), variables never do"""
    )


def test_details_stand_between_the_code_and_the_help() -> None:
    file = source("net.gdl", {30: '  load model from "runs/a.safetensors"'})
    diagnostic = Diagnostic(
        "E0701",
        "checkpoint runs/a.safetensors does not fit this program",
        (Label(at(file, 30, "model"), "38 of 40 variables match"),),
        ("run with --set width=32",),
        details=("missing     model/head/w  f32[256, 10]", "wrong size  model/b1/w"),
    )
    assert render([diagnostic]) == (
        """\
net.gdl:30:8: error[E0701]: checkpoint runs/a.safetensors does not fit this program
30 |   load model from "runs/a.safetensors"
   |        ^^^^^ 38 of 40 variables match
  missing     model/head/w  f32[256, 10]
  wrong size  model/b1/w
help: run with --set width=32"""
    )


def test_several_diagnostics_and_none() -> None:
    file = Source("a.gdl", "x")
    warning = Diagnostic("W0303", "odd", (Label(Span(file, 0, 1)),), severity=Severity.WARNING)
    assert render([]) == ""
    assert render([warning, Diagnostic("E0901", "no such file")]) == (
        "a.gdl:1:1: warning[W0303]: odd\n1 | x\n  | ^\n\nerror[E0901]: no such file"
    )


def test_labels_in_other_files_and_help_of_several_lines() -> None:
    main, library = Source("main.gdl", "a = f(1)\n"), source("nn.gdl", {12: "def f(x: f32[]) {"})
    diagnostic = Diagnostic(
        "E0201",
        "wrong",
        (Label(Span(main, 4, 8), "here"), Label(at(library, 12, "x: f32[]"), "wants this")),
        ("one\ntwo",),
        notes=("three",),
    )
    assert render([diagnostic]) == (
        """\
main.gdl:1:5: error[E0201]: wrong
 1 | a = f(1)
   |     ^^^^ here
  --> nn.gdl:12
12 | def f(x: f32[]) {
   |       -------- wants this
help: one
      two
note: three"""
    )


def mark(text: str, start: int, end: int, width: int | None = None) -> list[str]:
    """The rows drawn for one label."""
    diagnostic = Diagnostic("E0001", "m", (Label(Span(Source("t", text), start, end), "here"),))
    return render([diagnostic], width=width).splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "start", "end", "rows"),
    [
        ("\tx = 1", 1, 2, ["1 |     x = 1", "  |     ^ here"]),
        ("a\tx", 2, 3, ["1 | a   x", "  |     ^ here"]),
        ("a\tx", 1, 2, ["1 | a   x", "  |  ^^^ here"]),
        ("数据 = x", 5, 6, ["1 | 数据 = x", "  |        ^ here"]),
        ("数据 = x", 0, 2, ["1 | 数据 = x", "  | ^^^^ here"]),
        ("e\u0301 = x", 5, 6, ["1 | e\u0301 = x", "  |     ^ here"]),
        ("\x1b[31m x", 6, 7, ["1 | \\x1b[31m x", "  |          ^ here"]),
        ("\u202ex", 1, 2, ["1 | \\u{202e}x", "  |         ^ here"]),
        ("\ud800x", 1, 2, ["1 | \\u{d800}x", "  |         ^ here"]),
        ("x = ", 4, 4, ["1 | x =", "  |     ^ here"]),
        ("", 0, 0, ["1 |", "  | ^ here"]),
        ("x\n", 2, 2, ["2 |", "  | ^ here"]),
        ("x\r\ny", 0, 1, ["1 | x", "  | ^ here"]),
        (
            "a = f(\n  1,\n  2)\n",
            4,
            16,
            ["1 | a = f(", "  |     ^^ here", "3 |   2)", "  |   ^^ ... to here"],
        ),
    ],
)
def test_marks_stand_under_their_text(text: str, start: int, end: int, rows: list[str]) -> None:
    assert mark(text, start, end) == rows


def test_marks_without_text_share_a_row() -> None:
    file = Source("t", "f(a b)")
    labels = (Label(Span(file, 4, 5)), Label(Span(file, 2, 3)))
    assert render([Diagnostic("E0008", "m", labels)]).splitlines()[2] == "  |   - ^"
    overlapping = (Label(Span(file, 0, 6), "all"), Label(Span(file, 2, 3), "a"))
    assert render([Diagnostic("E0008", "m", overlapping)]).splitlines()[2:] == ["  | ^^^^^^ all", "  |   - a"]


@pytest.mark.parametrize("start", [0, 5, 60, 500, 993])
def test_long_lines_are_cut_around_the_mark(start: int) -> None:
    text = "x" * start + "HERE" + "y" * (1000 - start - 4)
    code, marks = mark(text, start, start + 4, width=60)
    assert len(code) <= 60
    assert code[marks.index("^") :].startswith("HERE")
    assert marks.count("^") == 4
    code, marks = mark(text, 0, 1000, width=60)
    assert len(marks) <= 70


def test_wide_text_is_cut_by_its_cells() -> None:
    code, marks = mark("数" * 200 + "!", 200, 201, width=60)
    assert sum(2 if c == "数" else 1 for c in code) <= 60
    before = code[: code.index("!")]
    assert marks.index("^") == sum(2 if c == "数" else 1 for c in before)


def test_colour_changes_nothing_but_the_colour() -> None:
    file = Source("t", "a = b\n\nc = a\n")
    diagnostic = Diagnostic(
        "E0101", "m", (Label(Span(file, 4, 5), "one"), Label(Span(file, 7, 8), "two")), ("do",), ("note",), ("row",)
    )
    coloured = render([diagnostic], color=True)
    assert "\x1b[1;31merror[E0101]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render([diagnostic])


def test_nothing_reaches_the_terminal_raw() -> None:
    file = Source("na\x1bme", "a\x1b[31m\x07\x9b\n")
    diagnostic = Diagnostic(
        "E0001", "m\x1b", (Label(Span(file, 0, 1), "l\x07"),), ("h\x1b\n\x1b",), ("n\r",), ("d\x00",)
    )
    assert all(c == "\n" or c.isprintable() for c in render([diagnostic]))


def test_json() -> None:
    file = Source("t.gdl", "a = b\nc = d\n")
    diagnostic = Diagnostic(
        "E0101", "m", (Label(Span(file, 4, 9), "l"),), ("h",), ("n",), ("d",), (Edit(Span(file, 4, 5), "e"),)
    )
    place = {"file": "t.gdl", "line": 1, "column": 5, "end_line": 2, "end_column": 4}
    assert to_json(diagnostic) == {
        "code": "E0101", "severity": "error", "message": "m", **place,
        "labels": [{**place, "text": "l"}],
        "helps": ["h"], "notes": ["n"], "details": ["d"],
        "fix": [{**place, "end_line": 1, "end_column": 6, "text": "e"}],
    }  # fmt: skip
    assert to_json(Diagnostic("E0901", "m"))["file"] is None
