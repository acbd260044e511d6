"""Long texts take time in proportion, deep ones are refused by name, and nothing makes the parser raise."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.render import render, to_json
from gdl.source import Source
from gdl.syntax.ast import MAX_NESTING
from gdl.syntax.parser import is_incomplete, parse
from tests.syntax.reading import codes, item, module, nodes

TESTS = Path(__file__).parent.parent
TEXTS = [path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("programs/*.gdl"))]
TEXTS += [path.read_bytes().decode() for path in sorted(TESTS.glob("syntax/goldens/*.gdl"))]
PIECES = [
    *"()[]{}=:,;.+-*/@%<>|!\"'#\n\t\\ $`", "|>", "->", "==", "~=", "..", "...", "//", "/*", "*/", '"""', "\r\n", "\r",
    "\x00", "\x1b[31m", "\ud800", "\u202e", "\ufeff", "\u00a0", "é", "μ", "数", "10", "1e999", "1.", ".5", "9" * 5000,
    "if", "else", "else if", "for", "in", "scan", "carry", "along", "not", "train {", "def f(", "layer", "f32[",
    "every", "with", "feed", "expect error", "return", "yield", "variable x: ", "*s", "gdl 1\n", "lambda x:",
    "+=", "True", "import",
]  # fmt: skip


def seconds(text: str) -> float:
    start = time.process_time()
    parse(Source("test", text))
    return time.process_time() - start


def test_a_sum_of_100_000_terms() -> None:
    value = item("x = " + " + ".join(["a"] * 100_000)).value
    assert len(value.rest) == 99_999


def test_100_000_lines() -> None:
    assert len(module("a = b\n" * 100_000).items) == 100_000


@pytest.mark.parametrize(
    "piece",
    [
        "x = a + b\n",
        "(",
        "{",
        "[",
        ")",
        "x = (\n",
        "x x\n",
        "{ [ ",
        '"\n',
        "/*\n",
        "$ ",
        " ",
        "if a:\n  b = 3\n",
        "\\d",
        "; ",
        "é ",
    ],
)
def test_time_is_linear(piece: str) -> None:
    small, large = 300, 2400
    parse(Source("warm", piece * small))
    times = [(seconds(piece * small), seconds(piece * large)) for _ in range(3)]
    assert min(t for _, t in times) < 4 * (large / small) * min(t for t, _ in times) + 0.02


@pytest.mark.parametrize(
    ("before", "level", "middle", "after"),
    [
        ("x = ", "(", "1", ")"),
        ("x = ", "[", "1", "]"),
        ("x = ", "-", "1", ""),
        ("x = ", "not ", "a", ""),
        ("x = a", ".b", "", ""),
        ("", "if a { ", "b = 1", "}"),
    ],
)
def test_nesting_has_a_limit(before: str, level: str, middle: str, after: str) -> None:
    assert codes(before + level * MAX_NESTING + middle + after * MAX_NESTING) == []
    over = MAX_NESTING + 1
    assert codes(before + level * over + middle + after * over) == ["E0010"]


def test_trees_are_no_deeper_than_the_limit_allows() -> None:
    found = module("x = " + "f(-" * 99 + "1" + ")" * 99)
    assert len(nodes(found)) > 300
    assert repr(found) and hash(found) and found == found


def check(text: str) -> None:
    source = Source("fuzz.gdl", text)
    found, diagnostics = parse(source)
    for node in nodes(found):
        assert 0 <= node.span.start <= node.span.end <= len(text)
    for diagnostic in diagnostics:
        assert diagnostic.labels
        for label in diagnostic.labels:
            assert 0 <= label.span.start <= label.span.end <= len(text)
        to_json(diagnostic)
    drawn = render(diagnostics)
    assert all(c == "\n" or c.isprintable() or ord(c) >= 0xA0 for c in drawn)
    drawn.encode()
    is_incomplete(text)


@settings(max_examples=150)
@given(st.text(st.sampled_from("ab1 =()[]{}:,.+-*/|>\"'#\n\t\r\x00\ud800é")))
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_pieces(pieces: list[str]) -> None:
    check(" ".join(pieces))
    check("".join(pieces))


def mutated(rng: random.Random) -> str:
    text = rng.choice(TEXTS)
    for _ in range(rng.randint(1, 6)):
        start = rng.randrange(len(text) + 1)
        end = min(len(text), start + rng.choice([0, 1, 2, 5, 30]))
        donor = rng.choice(TEXTS)
        at = rng.randrange(len(donor) + 1)
        middle = rng.choice(["", rng.choice(PIECES), rng.choice(PIECES), donor[at : at + 40]])
        text = text[:start] + middle + text[end:]
    return text


@pytest.mark.parametrize("seed", range(8))
def test_mutated_programs(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        check(mutated(rng))


@pytest.mark.slow
def test_many_mutated_programs() -> None:
    rng = random.Random(0)
    for _ in range(100_000):
        check(mutated(rng))
