"""Every text by which an op or the library refuses what it is given is said by a golden, or by a test of the op."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gdl.resources import resource

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "gdl"
SAID = "\n".join(path.read_text(encoding="utf-8") for path in (TESTS / "check" / "goldens").rglob("*.txt"))
#: What takes the text of a refusal, and what such a text is called before it is handed on.
TAKERS = ("refuse", "Mismatch", "fit", "divides", "agree", "_wrong")
NAMES = ("text", "given", "wanted", "why")
TESTED = "\n".join(path.read_text(encoding="utf-8") for path in (TESTS / "ops").glob("test_*.py"))
#: What only Python can ask for: the language refuses it before it comes to an op, or an op's author has written it.
BEYOND_PROGRAMS = (
    "does not fit the part",  # the gradient of a slice
    "the axes of indices and more",
    "an index is a list of whole numbers",
    "an index is a whole number, a slice",
    "the bound of a slice is a whole number",
    "must be names with values",
    " tensors, got ",
    "an axis is one size, not several",
    "takes names that a `*` of the signature binds",
    "` is no size",
    "can't be reached from",  # of a guard that only numbers of a run decide
)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and pattern of every text of a refusal in a module of ops."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TAKERS:
            given = [*node.args, *[k.value for k in node.keywords if k.arg == "text"]]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in NAMES:
            given = [node.value]
        for value in given:
            for each in (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,):
                text = pattern_of(each)
                if len(text.replace(".+", "")) > 12:
                    yield each.lineno, text


def pattern_of(value: ast.expr) -> str:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return re.escape(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(re.escape(str(v.value)) if isinstance(v, ast.Constant) else ".+" for v in value.values)
    return ""


def requirements_of(path: Path) -> Iterator[tuple[int, str]]:
    """The same of the `require` lines of a library file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = re.match(r'\s*require .* : "(.*)"$', line)
        if found:
            yield number, re.sub(r"\\\{\w+\\\}", ".+", re.escape(found[1]))


def cases() -> list[pytest.param]:
    ops = [(p, texts_of(p)) for p in [*sorted((PACKAGE / "ops").glob("*.py")), PACKAGE / "types" / "match.py"]]
    library = [(p, requirements_of(p)) for p in sorted(resource("stdlib").glob("*.gdl"))]
    return [pytest.param(text, id=f"{path.name}:{line}") for path, texts in ops + library for line, text in texts]


@pytest.mark.parametrize("text", cases())
def test_a_refusal_is_shown(text: str) -> None:
    beyond = any(re.escape(part) in text for part in BEYOND_PROGRAMS)
    shown = re.search(text, SAID) or re.search(text, re.escape(TESTED)) or re.search(text, TESTED)
    assert shown or beyond, text
