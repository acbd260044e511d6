"""The TextMate grammar: made from the grammar's tables, and of the same mind as the lexer."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gdl.syntax.highlight import tokens

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "editors" / "make_textmate.py"
GRAMMAR = ROOT / "docs" / "editors" / "vscode" / "syntaxes" / "gdl.tmLanguage.json"
FOLDERS = ("examples", "stdlib", "benchmarks/programs", "tests/programs", "tests/train", "tests/syntax/formatting")
PROGRAMS = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.gdl"))]
#: scope -> kind of the lexer's tokens; the others are not compared
KINDS = {
    "comment.line.number-sign.documentation.gdl": "doc", "comment.line.number-sign.gdl": "comment",
    "string.quoted.double.gdl": "string", "constant.numeric.gdl": "number", "storage.type.gdl": "type",
    "constant.language.gdl": "keyword", "keyword.control.gdl": "keyword", "keyword.other.gdl": "keyword",
}  # fmt: skip


@pytest.fixture(scope="module")
def rules() -> list[tuple[re.Pattern[str], int, str]]:
    """Pattern, group and scope of each rule."""
    found = []
    for rule in json.loads(GRAMMAR.read_text(encoding="utf-8"))["patterns"]:
        group = 0 if "name" in rule else 1
        scope: Any = rule.get("name") or rule["captures"]["1"]["name"]
        found.append((re.compile(rule["match"]), group, scope))
    return found


def colored(text: str, rules: list[tuple[re.Pattern[str], int, str]]) -> list[tuple[int, str, str]]:
    """(offset, kind, text) of what the rules colour, as an editor would: of each line, the rule that matches first."""
    found = []
    start = 0
    for line in text.split("\n"):
        at = 0
        while at < len(line):
            matches = [(match, group, scope) for rule, group, scope in rules if (match := rule.search(line, at))]
            if not matches:
                break
            match, group, scope = min(matches, key=lambda found: found[0].start())  # of several the first rule
            if scope in KINDS:
                found.append((start + match.start(group), KINDS[scope], match[group]))
            at = max(match.end(), at + 1)
        start += len(line) + 1
    return found


def test_it_is_not_stale() -> None:
    program = "import runpy, sys; sys.stdout.write(runpy.run_path(sys.argv[1])['text']())"
    made = subprocess.run([sys.executable, "-c", program, SCRIPT], capture_output=True, text=True, check=True).stdout
    assert made == GRAMMAR.read_text(encoding="utf-8"), f"run python {SCRIPT.relative_to(ROOT)}"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_agrees_with_the_lexer(path: Path, rules: list) -> None:
    text = path.read_text(encoding="utf-8")
    wanted = [(token.start, token.kind, token.text) for token in tokens(text) if token.kind in set(KINDS.values())]
    assert colored(text, rules) == wanted


def test_words_are_keywords_only_where_they_are(rules: list) -> None:
    text = 'data = f(batch=1, over=(a, b))\nx.from = test\nsteps: f32[] = every + step\nreport test every 10 steps # "'
    assert [word for _, kind, word in colored(text, rules) if kind == "keyword"] == ["report", "every", "steps"]


def test_an_unclosed_string_ends_with_its_line(rules: list) -> None:
    assert colored('x = "a # b\ny = 1', rules) == [(4, "string", '"a # b'), (15, "number", "1")]
