"""What mutation starts from: every GDL text of the repository, whole and in pieces."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CASES = Path(__file__).parent / "cases"

#: Between the programs of one file of cases.
SEPARATOR = "\n---\n"

#: Whole programs and libraries, then goldens and cases: small, and strange already.
_PROGRAMS = ("examples/*.gdl", "tests/programs/*.gdl", "tests/train/*.gdl")
_PIECES = ("tests/**/goldens/**/*.gdl", "tests/fuzz/cases/*.gdl", "tests/diagnostics/**/*.gdl")
_LARGE = re.compile(r"\b(?:32|64|100|128|200|250|256|512)\b(?!\.)")
_DEFINITION = re.compile(r"^(?:def|layer|optimizer) ", re.MULTILINE)
_FENCED = re.compile(r"^```gdl\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _texts(patterns: tuple[str, ...]) -> list[str]:
    paths = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    texts = [path.read_bytes().decode("utf-8", "surrogateescape") for path in paths]
    return list(dict.fromkeys(part for text in texts for part in text.split(SEPARATOR)))


@cache
def programs() -> tuple[str, ...]:
    """Whole programs: tens of lines that train, evaluate and test something. Their large sizes are made small."""
    return tuple(_LARGE.sub("4", text) for text in _texts(_PROGRAMS))


@cache
def transcripts() -> tuple[str, ...]:
    """What was typed at the prompt and answered."""
    return tuple(_texts(("tests/repl/transcripts/*.gdls",)))


@cache
def pieces() -> tuple[str, ...]:
    """Short texts: bad programs, former findings, definitions of the library, snippets of the documentation."""
    found = _texts(_PIECES)
    for library in _texts(("stdlib/*.gdl",)):
        starts = [match.start() for match in _DEFINITION.finditer(library)]
        found += [library[start:end] for start, end in zip(starts, [*starts[1:], len(library)])]
    for page in _texts(("docs/*.md", "README.md")):
        found += _FENCED.findall(page)
    return tuple(found)


@cache
def tokens() -> tuple[str, ...]:
    """Words and signs that occur in programs, the frequent ones more often."""
    return tuple(token for text in programs() + pieces() for token in split(text) if not token.isspace())


_TOKEN = re.compile(r"\s+|#[^\n]*|\w+(?:\.\d+)?|\"[^\"\n]*\"|\|>|->|\.\.\.|\.\.|~=|[=!<>]=|\*\*|//|.", re.DOTALL)


def split(text: str) -> list[str]:
    """The text in tokens, roughly; nothing is lost."""
    return _TOKEN.findall(text)
