"""Writes vscode/syntaxes/gdl.tmLanguage.json from the grammar's tables: `python docs/editors/make_textmate.py`

Editors that know TextMate grammars (VS Code, Sublime Text) colour line by line, with regular expressions. Whether a
word such as `data` or `batch` is a keyword depends on the statement; what stands beside the word has to tell.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from gdl.syntax.table import Table, load_table  # noqa: E402
from gdl.syntax.tokens import DTYPE_VARIABLES, DTYPES, RESERVED, STATEMENT_WORDS  # noqa: E402

FILE = FOLDER / "vscode" / "syntaxes" / "gdl.tmLanguage.json"

_END = r"\s*(?:$|[#;}])"
_WORD = r"\s+(?!(?:and|or|if|else|in)\b)[\w(]"
_BEGUN = rf'{_END}|\s*{{|\s+[\w"(\[*-]'  # what follows the first word of a statement
#: Words inside a statement, and what follows them where they are keywords.
FOLLOWED_BY = {
    "as": rf"\s+\w+{_END}", "along": _WORD, "batch": _WORD, "best": r"\s+\w", "carry": r"\s+\w+\s*=", "clip": _WORD,
    "epoch": _END, "epochs": _END, "error": r"\s+[EW][0-9]{4}\b", "every": _WORD, "freeze": _END,
    "from": r'\s+[\w("]', "map": r'\s+"', "over": _WORD, "scan": r"\s+\w+\s*(?:,|in\b)", "shuffle": _END,
    "step": _END, "steps": _END, "when": r"\s", "with": _WORD,
}  # fmt: skip
_CONSTANTS = frozenset({"true", "false"})


def grammar(table: Table) -> dict[str, Any]:
    """The TextMate grammar. Every keyword of the language has its place in it."""
    missing = set(table.keywords) - STATEMENT_WORDS - RESERVED - set(FOLLOWED_BY)
    assert not missing, f"say in FOLLOWED_BY where these are keywords: {sorted(missing)}"
    reserved = sorted(RESERVED - _CONSTANTS)
    return {
        "name": "GDL",
        "scopeName": "source.gdl",
        "fileTypes": ["gdl"],
        "patterns": [
            _rule("comment.line.number-sign.documentation.gdl", "##.*$"),
            _rule("comment.line.number-sign.gdl", "#.*$"),
            {
                **_rule("string.quoted.double.gdl", r'"(?:\\.|[^"\\])*(?:"|$)'),
                "captures": {"0": {"patterns": [_rule("constant.character.escape.gdl", r"\\(?:u\{[0-9A-Fa-f]+\}|.)")]}},
            },
            _rule("constant.numeric.gdl", rf"(?<!\w){table.patterns['NUMBER']}"),
            _rule("storage.type.gdl", rf"\b{_any(DTYPES)}\b"),
            {
                "match": rf"(?::\s*|->\s*\(?|(?<=\]), ){_any(DTYPE_VARIABLES, group=True)}(?=\[)",
                "captures": {"1": {"name": "storage.type.gdl"}},
            },
            _rule("constant.language.gdl", rf"(?<!\.)\b{_any(_CONSTANTS)}\b(?!\s*=(?!=))"),
            _rule("keyword.control.gdl", rf"(?<!\.)\b{_any(reserved)}\b(?!\s*=(?!=))"),
            {
                "match": rf"(?:^|(?<=[{{;]))\s*{_any(STATEMENT_WORDS - RESERVED, group=True)}\b(?={_BEGUN})",
                "captures": {"1": {"name": "keyword.control.gdl"}},
            },
            *(
                _rule("keyword.other.gdl", rf"{_before(word)}\b{word}\b(?={after})")
                for word, after in FOLLOWED_BY.items()
            ),
            _rule("keyword.operator.gdl", _any(_signs(table), escape=True)),
            _rule("entity.name.function.gdl", r"\b[A-Za-z_]\w*(?=\()"),
        ],
    }


def _before(word: str) -> str:
    """What must precede a word inside a statement; one that ends the statement must not be an operand."""
    if word == "scan":
        return r"(?<![.\w])"
    return r"(?:(?<=[\w)\]\"}] )|(?<=\s\s))" if FOLLOWED_BY[word] == _END else r"(?<=\s)"


def _rule(name: str, match: str) -> dict[str, Any]:
    return {"name": name, "match": match}


def _any(words: Iterable[str], escape: bool = False, group: bool = False) -> str:
    words = sorted(words, key=lambda word: (-len(word), word))
    texts = ["".join(f"\\{sign}" for sign in word) if escape else word for word in words]
    return f"({'' if group else '?:'}{'|'.join(texts)})"


def _signs(table: Table) -> set[str]:
    return {sign for sign in table.operators if sign not in "()[]{},:."}


def text() -> str:
    """What the file holds."""
    return json.dumps(grammar(load_table()), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
