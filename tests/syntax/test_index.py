"""Library files: definitions found without parsing, parsed one by one."""

from __future__ import annotations

import pytest

from gdl.resources import resource
from gdl.source import Source
from gdl.syntax.ast import Definition
from gdl.syntax.index import index, parse_item
from gdl.syntax.parser import parse

LIBRARY = sorted(resource("stdlib").glob("*.gdl"))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_the_index_agrees_with_the_parser(path: object) -> None:
    source = Source(path.name, path.read_text(encoding="utf-8"))
    module, diagnostics = parse(source)
    assert diagnostics == []
    whole = {item.name: item for item in module.items if isinstance(item, Definition)}
    found = index(source)
    assert set(found) == set(whole)
    for name, (kind, span) in found.items():
        item, problems = parse_item(source, span)
        assert problems == [] and item == whole[name]
        assert (kind, item.span, item.doc) == (whole[name].what, whole[name].span, whole[name].doc)


def test_spans_hold_the_doc_comment_and_nothing_of_the_next() -> None:
    text = (
        "gdl 1\n# not this\n## One.\ndef f(\n  x: f32[]\n) {\n  # in it\n  return x\n}\n\n"
        "## Two.\noptimizer G(w: f32[], g: f32[]) { }\n"
    )
    found = index(Source("lib.gdl", text))
    assert [(name, kind) for name, (kind, _) in found.items()] == [("f", "def"), ("G", "optimizer")]
    assert found["f"][1].text.startswith("## One.\ndef f(") and found["f"][1].text.endswith("return x\n}")
    assert found["G"][1].text == "## Two.\noptimizer G(w: f32[], g: f32[]) { }"


def test_a_wrong_item_is_told_in_its_place() -> None:
    source = Source("lib.gdl", "def f(x: f32[]) { return x }\ndef g(x f32[]) { return x }\n")
    item, problems = parse_item(source, index(source)["g"][1])
    assert item is None
    assert [(d.code, d.span.line) for d in problems] == [("E0007", 2)]
