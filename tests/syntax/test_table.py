"""The shipped parse table belongs to the grammar, and needs no Lark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gdl.resources import resource
from gdl.syntax import table as tables
from gdl.syntax.placement import BLOCKS
from gdl.syntax.tokens import ENDS_OPERAND, RESERVED, STARTS_OPERAND, STATEMENT_WORDS
from gdl.syntax.tree import BUILDERS, NESTING

GRAMMAR = resource("grammar/gdl.lark").read_text(encoding="utf-8")


def test_the_shipped_table_is_the_grammars() -> None:
    shipped = json.loads(resource("grammar/gdl.table.json").read_bytes())
    assert shipped["grammar"] == tables.grammar_hash(GRAMMAR), "run python -m gdl.syntax.build"


def test_every_rule_is_built_and_nothing_else() -> None:
    builders = {rule.builder for rule in tables.load_table().rules} - {None}
    assert builders == set(BUILDERS)
    assert NESTING <= builders


def test_words_known_elsewhere_are_the_grammars() -> None:
    table = tables.load_table()
    terminals = {*table.patterns, *table.keywords.values(), *table.operators.values()}
    assert RESERVED | STATEMENT_WORDS <= set(table.keywords)
    assert ENDS_OPERAND | STARTS_OPERAND | set(BLOCKS) - {""} <= terminals


@pytest.mark.parametrize("shipped", [None, '{"grammar": "of another time"}'])
def test_a_missing_or_stale_table_is_built_anew(
    shipped: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gdl.lark").write_text(GRAMMAR, encoding="utf-8")
    if shipped:
        (tmp_path / "gdl.table.json").write_text(shipped)
    monkeypatch.setattr(tables, "resource", lambda name: tmp_path / Path(name).name)
    built = tables.load_table.__wrapped__()
    assert built.keywords == tables.load_table().keywords
    assert len(built.rules) == len(tables.load_table().rules)


def test_parsing_imports_no_lark() -> None:
    program = (
        "import sys; from gdl.source import Source; from gdl.syntax.parser import parse; parse(Source('a', 'x = 1'))"
    )
    check = "; print([m for m in ('lark', 'numpy', 'hashlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program + check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
