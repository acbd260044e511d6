"""docs/grammar.md is what docs/make_grammar.py writes, and what it shows is whole."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
WRITTEN = (ROOT / "docs" / "grammar.md").read_text(encoding="utf-8")


def test_the_page_is_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_grammar.py"))["page"]()
    assert made == WRITTEN, "run `python docs/make_grammar.py`"


def test_what_the_rules_name_is_a_rule_or_a_token() -> None:
    rules = "\n".join(re.findall(r"^```text\n(.*?)^```", WRITTEN, re.MULTILINE | re.DOTALL))
    rules = re.sub(r'"[^"]*"|: /.*|\(nothing\)', "", rules)
    defined = re.findall(r"^(\w+):?", rules, re.MULTILINE)
    assert len(defined) == len(set(defined)) > 70
    assert set(re.findall(r"\w+", rules)) - set(defined) == {"DTYPE"}  # which the page explains
