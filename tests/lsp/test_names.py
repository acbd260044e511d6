"""Declarations and uses, found and renamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdl.fixes import applied
from gdl.lsp import navigating, renaming
from gdl.lsp.names import Symbol
from gdl.lsp.page import Page
from gdl.lsp.renaming import Refused
from tests.lsp.pages import EXAMPLES, asked, example, page_of


def lines(page: Page, offset: int) -> list[tuple[int, str]]:
    return [(span.line, span.text) for span in navigating.references(page, offset)]


def test_uses_of_a_layers_parameter_are_those_in_its_body_and_keywords() -> None:
    page, at = asked(
        "layer L(x: f32[b, n], \u2038out: int) -> f32[b, out] {\n"
        '  require out > 0 : "{out} is too few, {x} is fine"\n'
        "  return x |> fc: Affine(out)\n"
        "}\n"
        "layer Affine(x: f32[b, n], out: int) -> f32[b, out] {\n"
        "  variable w: f32[n, out] = zeros()\n"
        "  return x @ w\n"
        "}\n"
        "y = zeros([2, 3]) |> l: L(out=4)\n"
    )
    assert lines(page, at) == [(1, "out"), (1, "out"), (2, "out"), (2, "out"), (3, "out"), (9, "out")]


def test_members_of_a_net_are_what_its_layer_declares() -> None:
    page, at = asked(
        "from nn import Dense\n"
        "layer L(x: f32[b, n]) { return x |> fc: Dense(n) }\n"
        "net l = L()\n"
        "y = l(zeros([2, 3]))\n"
        "z = sum(l.\u2038fc.w)\n"
    )
    assert lines(page, at) == [(2, "fc"), (5, "fc")]
    found = navigating.definition(page, at)
    assert found is not None and (found.line, found.text) == (2, "fc")


def test_a_dim_labels_its_axis() -> None:
    page, at = asked("dim \u2038time\nplaceholder x: f32[3, time]\ny = mean(x, over=time)\nz = sum(x, over=(time))\n")
    assert lines(page, at) == [(1, "time"), (2, "time"), (3, "time"), (4, "time")]


def test_fields_of_records_are_not_the_placeholders_of_their_name() -> None:
    page, at = asked(
        "dim batch\ndata d = digits()\nplaceholder \u2038label: i64[batch]\n"
        "eval e {\n  feed label = label from d.test batch 10\n  report label == 0\n}\n"
    )
    assert lines(page, at) == [(3, "label"), (5, "label"), (6, "label")]
    with pytest.raises(Refused, match="a field of `d`"):
        renaming.rename(page, page.source.text.index("label from"), "y")


@pytest.mark.parametrize(
    ("text", "line", "file"),
    [
        ("y = rel\u2038u([1.0])", None, ""),  # an op is no text in GDL
        ("y = mean([1.0], over=ro\u2038w)", None, ""),  # no axis has this label
        ("y = softmax([1.0]) + mea\u2038n([1.0])", "def mean", "functions.gdl"),
        ("from nn import De\u2038nse\ny = zeros([1, 2]) |> d: Dense(3)", "layer Dense", "nn.gdl"),
        ("y = mean([1.0], axi\u2038s=0)", "def mean", "functions.gdl"),
        ("h = 1.0\nh = h + 1.0\ny = \u2038h", "h = h + 1.0", "text"),
    ],
)
def test_definitions(text: str, line: str | None, file: str) -> None:
    found = navigating.definition(*asked(text))
    if line is None:
        assert found is None
    else:
        assert found is not None and found.source.name == file
        assert found.source.line(found.line).startswith(line)


def test_the_definition_of_what_another_file_declares(tmp_path: Path) -> None:
    (tmp_path / "a.gdl").write_text("def twice(x: f[*a]) -> f[*a] { return 2 * x }\n")
    for text in ('from "a.gdl" import twice\ny = twi\u2038ce(1.0)', 'import "a.gdl" as m\ny = m.twi\u2038ce(1.0)'):
        found = navigating.definition(*asked(text, tmp_path / "b.gdl"))
        assert found is not None and found.source.path == tmp_path / "a.gdl" and found.text == "twice"


REFUSED = {
    "x = 1.0\n\u2038y = x": ("x", "declared already on line 1"),
    "\u2038y = 1.0 ": ("for", "word of the language"),
    "\u2038y = 1.0  ": ("training", "word of the language"),
    "\u2038y = 1.0   ": ("2y", "no name"),
    "\u2038y = relu([1.0])\n": ("relu", "of the library is used on line 1"),
    "from nn import \u2038Dense\ny = zeros([1, 2]) |> d: Dense(3)": ("Full", "declared in nn"),
    "y = rel\u2038u([1.0])": ("rectify", "nothing that this file declares"),
    "hyper \u2038k: int = 2\ndef f(x: f32[n], j: int) { return k * x }\ny = f([1.0], 2)": ("j", "already on line 2"),
    "hyper k: int = 2\ndef f(x: f32[n], \u2038j: int) { return k * x }\ny = f([1.0], 2)": ("k", "already on line 1"),
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_a_name_that_would_mean_something_else_is_refused(text: str) -> None:
    name, why = REFUSED[text]
    with pytest.raises(Refused, match=why):
        renaming.rename(*asked(text), name)


def own(page: Page) -> list[Symbol]:
    return [symbol for symbol in page.names.symbols if symbol.kind != "import"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_program_with_every_name_changed_is_the_same_program(path: Path, tmp_path: Path) -> None:
    page = example(path.name, tmp_path)
    edits = []
    for number, symbol in enumerate(own(page)):
        there = renaming.rename(page, symbol.declarations[0].start, f"name_{number}")
        assert there
        edits += there
    renamed = page_of(applied(page.source.text, edits), page.source.path)
    assert page.known.variables or path.stem == "affine"
    assert [d.code for d in renamed.known.diagnostics] == [d.code for d in page.known.diagnostics]
    assert [str(i.type) for i in renamed.known.variables.values() if i.trained] == [
        str(i.type) for i in page.known.variables.values() if i.trained
    ]
    back = [
        edit
        for symbol, before in zip(own(renamed), own(page))
        for edit in renaming.rename(renamed, symbol.declarations[0].start, before.name)
    ]
    assert applied(renamed.source.text, back) == page.source.text
