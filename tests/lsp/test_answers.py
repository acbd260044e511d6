"""Hovers, hints, completion, calls, fixes, outline and colours: plain answers about a text and a place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdl.fixes import applied
from gdl.graph.node import Node
from gdl.lsp import acting, calls, coloring, completing, hints, hovering, outline
from gdl.lsp.page import Page, turned
from gdl.session.checking import check_program
from gdl.source import Source
from gdl.train.data import data_options
from tests.lsp.pages import EXAMPLES, MARK, asked, example, page_of, typed


@pytest.fixture(scope="module")
def convnet(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return example("convnet.gdl", tmp_path_factory.mktemp("convnet"))


def at(page: Page, text: str, mark: str = "") -> int:
    """The offset of a text in the page's, or of a mark within it."""
    return page.source.text.index(text) + (text.index(mark) if mark else 0)


def told(page: Page, offset: int) -> str:
    found = hovering.hover(page, offset)
    return "" if found is None else found.text


# ---- hovers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mark", "says"),
    [
        ("logits = model", "logits", "logits: f32[batch, 10]\n```\nvalue"),
        ("metric accuracy", "accuracy", "accuracy: bool[batch]\n```\nmetric"),
        ("placeholder y", "y", "y: i64[batch]\n```\nplaceholder"),
        ("dim   batch", "batch", "dim batch"),
        ("hyper width", "width", "hyper width: int = 16 in (1, 512)"),
        ("data  digit", "digit", "fields image: u8[28, 28], label: u8[]; train"),
        ("net model", "model", "`model`, a `ConvNet`, gives `f32[batch, 10]`: 395,386 parameters"),
        ("b4: Block", "b4", "`model/b4`, a `Block`, gives `f32[batch, row: 7, col: 7, 128]`: 73,984 parameters"),
        ("b4: Block", "Block", "layer Block(x: f32[b, h, w, c], out: int, stride: int = 1)"),
        ("layer Block(x", "x", "parameter of `Block`, here `f32[batch, row: 28, col: 28, 1] or f32[batch"),
        ("head: Dense", "Dense", "Fully connected layer on the last axis: act(x @ w + b).\n\n`from nn import Dense`"),
        ("stride=2)    # [b, 14", "stride", "stride: int = 1\n```\nparameter of `Block`"),
        ("bias=false", "bias", "bias: bool = true\n```\nparameter of `Conv`"),
        ("argmax(logits", "argmax", "Here it gives `i64[batch]`."),
        ("argmax(logits", "logits", "logits: f32[batch, 10]"),
        ("/ 255, y = label", "/", "f32[batch, 28, 28, 1]"),
        ("y = label", "label", "field of the records of `digit`, whole numbers below 10"),
        ("digit.train", "train", "of `digit`"),
        ("Adam(lr)", "Adam", "Kingma and Ba, 2015"),
        ("mnist()", "mnist", "70,000 handwritten digits"),
        ("row: 28, col: 28, 1]", "row", "label of an axis"),
    ],
)
def test_hovers(convnet: Page, text: str, mark: str, says: str) -> None:
    assert says in told(convnet, at(convnet, text, mark))


def test_hovers_tell_nothing_where_nothing_is(convnet: Page) -> None:
    assert told(convnet, at(convnet, "# [b, 28", "b")) == ""
    assert told(convnet, at(convnet, "255", "5")) == ""


def test_a_variable_is_told_with_its_path() -> None:
    page, offset = asked(
        "layer L(x: f32[b, n]) {\n  variable \u2038w: f32[n, 2] = zeros()\n  return x @ w\n}\n"
        "y = zeros([1, 3]) |> left: L()\nz = zeros([1, 4]) |> right: L()\n"
    )
    assert "w: f32[3, 2] or f32[4, 2]\n```\nvariable at `left/w`, `right/w`" in told(page, offset)


# ---- hints -------------------------------------------------------------------------------------------------------


def test_hints_of_convnet(convnet: Page) -> None:
    found = [(convnet.source.position(h.offset)[0], h.text) for h in hints.hints(convnet, 0, 10_000)]
    assert found == [
        (18, ": f32[batch, row: 4, col: 4, 256]"),  # in a layer that is applied once
        (25, ": f32[batch, 10]"),
        (26, ": f32[]"),
        (27, ": bool[batch]"),
    ]
    assert hints.hints(convnet, 0, 100) == []


def test_a_body_that_runs_with_several_types_has_hints_where_they_agree() -> None:
    page = page_of(
        "def f(x: f32[b, n]) {\n  s = sum(x)\n  y = x + 1.0\n  a, c = split(x, 2, axis=0)\n  return sum(y) + s\n}\n"
        "u = f(zeros([2, 3])) + f(zeros([2, 4]))\n"
    )
    found = [(page.source.position(h.offset)[0], h.text) for h in hints.hints(page, 0, 1000)]
    assert found == [(2, ": f32[]"), (7, ": f32[]")]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_hint_can_be_written_down(path: Path, tmp_path: Path) -> None:
    """At the top level every hint is a type that the checker takes as a declaration."""
    page = example(path.name, tmp_path)
    shown = {hint.offset: hint.text for hint in hints.hints(page, 0, 100_000)}
    text = page.source.text
    single = [i for i in page.module.items if i.span.end in shown and len(getattr(i, "targets", ())) == 1]
    for item in reversed(single):
        (name,) = item.target_spans
        text = text[: name.end] + shown[item.span.end] + text[name.end :]
    assert path.stem == "batch_norm" or text != page.source.text
    again = page_of(text, page.source.path).known.diagnostics
    assert [d.code for d in again] == [d.code for d in page.known.diagnostics]


# ---- completion --------------------------------------------------------------------------------------------------


def offered(page: Page, text: str) -> list[str]:
    return [offer.text for offer in completing.complete(*typed(page, text))]


def edited(page: Page, old: str, new: str) -> str:
    assert old in page.source.text
    return page.source.text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        ("logits = model(x)", "logits = model(x)\nz = logits.\u2038", ["shape"]),
        ("  run test", "  r\u2038\n  run test", ["repeat", "report", "run"]),
        ("run test every", "run \u2038", ["test"]),
        ("with Adam(lr)", "with \u2038", ["Sgd", "Momentum"]),
        ("save best accuracy", "save best \u2038", ["logits", "loss", "accuracy"]),
        ("expand(image, axis=-1) / 255, y", "expand(\u2038, y", ["x=", "axis=", "image", "label"]),
        ("logits = model(x)", "logits = x |> expand(\u2038)", ["axis=", "Conv"]),  # `x=` is what comes through
        ("from digit.train", "from \u2038", ["digit"]),
        ("digit.train", "digit.\u2038", ["train", "test", "classes"]),
        ("Block(2 * width, stride=2)", "Block(2 * width, st\u2038)", ["stride="]),
        ("over=(row, col)", "over=(\u2038)", ["row", "col"]),
        ("data  digit = mnist()", "data digit = f\u2038", ["fashion_mnist"]),
        ("from nn import Conv, BatchNorm, Dense", "from nn import Conv, Gr\u2038", ["GroupNorm", "Gru"]),
        ("from nn import", "from n\u2038", ["nn"]),
        ("return x |> conv", "ret\u2038 |> conv", ["return"]),
        ("net model", "net other = model.b1.\u2038\nnet model", ["conv", "bn"]),
        ("dim   batch\n", "dim   batch\nhyp\u2038\n", ["hyper"]),
        ("report loss every", "report loss ev\u2038", ["every"]),
        ("# [b, 28, 28, 16]", "# [b\u2038", []),
        ("every epoch", 'every epoch\n  save "ru\u2038', []),
    ],
)
def test_completion(convnet: Page, old: str, new: str, first: list[str]) -> None:
    assert offered(convnet, edited(convnet, old, new))[: len(first) or 1] == first


def test_completion_brings_the_import(convnet: Page) -> None:
    page, offset = typed(convnet, edited(convnet, "head: Dense(10)", "norm: LayerN\u2038"))
    (offer,) = completing.complete(page, offset)
    assert offer.text == "LayerNorm" and offer.edit is not None
    assert "import Conv, BatchNorm, Dense, LayerNorm\n" in applied(page.source.text, [offer.edit])


def test_completion_in_a_body_tells_the_types_that_the_last_check_found(convnet: Page) -> None:
    page, offset = typed(convnet, edited(convnet, "return mean(feat", "return mean(fe\u2038"))
    assert completing.complete(page, offset)[0].meta == "f32[batch, row: 4, col: 4, 256]"


# ---- calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "head", "active"),
    [
        ("y = concat(\u2038", "concat(", 0),
        ("y = mean([1.0], \u2038", "mean(x: f[...], axis", 1),
        ("y = mean([1.0], keepdims=\u2038", "mean(x: f[...], axis", 2),
        ("y = mean([1.0, \u2038", "mean(x: f[...], axis", 0),
        ("from nn import Dense\ny = zeros([1, 2]) |> d: Dense(\u2038", "Dense(x: f[*s, d], units", 1),
        ("def f(a: f32[n], k: int) { return a }\ny = f([1.0], \u2038", "f(a: f32[n], k: int)", 1),
    ],
)
def test_signatures(text: str, head: str, active: int) -> None:
    offset = text.index(MARK)
    page = turned(Source("text", text.replace(MARK, ""), None), page_of("x = 1.0\n").known)
    found = calls.signature_at(page, offset)
    assert found is not None and (found.text.startswith(head), found.active) == (True, active)


# ---- broken programs ---------------------------------------------------------------------------------------------


def test_what_is_right_in_a_wrong_program_is_known() -> None:
    page = page_of(
        "from nn import Dense\ndim batch\nplaceholder x: f32[batch, 4]\n"
        "layer L(v: f32[b, d]) {\n  h = v |> fc: Dense(8)\n  bad = h @\n  return h |> out: Dense(2)\n}\n"
        "net l = L()\ny = l(x)\nz = x @ zeros([5, 2])\nw = sum(x)\n"
    )
    codes = [d.code for d in page.known.diagnostics]
    assert len(codes) == 2 and "E0301" in codes
    assert "h: f32[batch, 8]" in told(page, at(page, "h = v"))
    assert "y: f32[batch, 2]" in told(page, at(page, "y = l"))
    assert "w: f32[]" in told(page, at(page, "w = sum"))
    assert told(page, at(page, "z = x")) == "```gdl\nz\n```\nvalue"
    found = [page.source.position(h.offset)[0] for h in hints.hints(page, 0, 1000)]
    assert found == [5, 10, 12]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_place_of_a_broken_text_breaks_an_answer(path: Path, tmp_path: Path) -> None:
    """Every answer at many places of texts that are cut off, or lack a character somewhere."""
    whole = example(path.name, tmp_path)
    text = whole.source.text
    for cut in range(17, len(text), max(len(text) // 12, 1)):
        for broken in (text[:cut], text[:cut] + text[cut + 1 :]):
            page = turned(Source(whole.source.name, broken, whole.source.path), whole.known)
            for offset in (0, cut, min(cut + 40, len(broken))):
                assert isinstance(completing.complete(page, offset), list)
                hovering.hover(page, offset)
                calls.signature_at(page, offset)
            outline.outline(page)
            assert list(coloring.colors(page))


# ---- the rest ----------------------------------------------------------------------------------------------------


def test_fixes_are_offered_where_they_belong() -> None:
    page = page_of("logits = [1.0, 2.0]\na = sum(logit)\nb = relu(lgits)\n")
    (fix,) = acting.fixes(page, at(page, "logit)"), at(page, "logit)"))
    assert fix.title == "replace `logit` by `logits`" and fix.diagnostic.code == "E0101"
    assert "sum(logits)" in applied(page.source.text, fix.edits)
    assert len(list(acting.fixes(page, 0, 1000))) == 2


def test_outline_of_convnet(convnet: Page) -> None:
    found = outline.outline(convnet)
    assert [(e.kind, e.name) for e in found] == [
        ("dim", "batch"), ("hyper", "width"), ("hyper", "lr"), ("data", "digit"), ("layer", "Block"),
        ("layer", "ConvNet"), ("placeholder", "x"), ("placeholder", "y"), ("net", "model"), ("value", "logits"),
        ("value", "loss"), ("metric", "accuracy"), ("train", "train"), ("eval", "test"),
    ]  # fmt: skip
    inside = [child.name for child in found[5].children]
    assert inside == ["feat", "b1", "b2", "b3", "b4", "b5", "head"]


def test_colours_tell_layers_functions_and_parameters(convnet: Page) -> None:
    text = convnet.source.text
    found = {(text[p.start : p.end], p.kind) for p in coloring.colors(convnet)}
    assert {("Block", "class"), ("argmax", "function"), ("stride", "parameter"), ("train", "keyword"), ("f32", "type"),
            ("image", "property"), ("logits", "variable"), ("1e-3", "number"), ("|>", "operator")} <= found  # fmt: skip
    pieces = list(coloring.colors(convnet))
    assert pieces == sorted(pieces) and all(a.end <= b.start for a, b in zip(pieces, pieces[1:]))


def test_what_is_seen_agrees_with_the_checked_program(convnet: Page) -> None:
    """The values noted while checking are the nodes that the program has by name."""
    path = convnet.source.path
    assert path is not None
    program = check_program(convnet.source, data_options(None, path.parent)).require()
    declared = convnet.names.top.symbols
    assert {"x", "y", "logits", "loss", "accuracy"} <= program.nodes[False].keys() & declared.keys()
    for name, node in program.nodes[False].items():
        if name in declared:
            types = {str(v.type) for v in convnet.meaning(declared[name]) if isinstance(v, Node)}
            assert types == {str(node.type)}, name
