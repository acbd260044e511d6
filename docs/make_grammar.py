"""Writes docs/grammar.md from grammar/gdl.lark: `python docs/make_grammar.py`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "grammar.md"
GRAMMAR = ROOT / "grammar" / "gdl.lark"

HEAD = """\
# The grammar

<!-- Written by docs/make_grammar.py from grammar/gdl.lark: change those, not this page. -->

What a program may look like, for those who want to know exactly; the [language](language.md) says what it means. These
are the rules of [grammar/gdl.lark](../grammar/gdl.lark), from which the parser is made, without its notes to the
parser. The grammar is LALR(1), without a conflict.

| written | means |
|---|---|
| `rule: ...` | a `rule` is ... |
| `a b` | `a`, then `b` |
| `a \\| b` | `a` or `b` |
| `[a]` | `a` or nothing |
| `a*` `a+` | any number of `a`; at least one |
| `( )` | what belongs together |
| `"for"` | these characters |
| `NAME` | a token, of those [below](#tokens) |

- `END` is the end of a line, or `;`. A line goes on inside `( )` and `[ ]`, and before `|>`, `else` and `{`. Before `}`
  there is always an `END`.
- A word is a keyword only where the grammar takes that keyword: elsewhere `test`, `data` or `batch` is a name.
- Every statement may stand in every block as far as the grammar goes; which of them belongs where is checked after
  parsing ([E0009](errors/E00.md#e0009)).
- `#` begins a comment, `##` one that documents what follows; both end with the line.
"""
#: section of the grammar -> its title, and what is said of it
SECTIONS = {
    "": ("Files and statements", "`gdl run` reads a `file`; the prompt reads an `expression` too."),
    "declarations": (
        "Declarations",
        "What they mean: [declarations](language.md#declarations), [types](language.md#types-and-sizes),\n"
        "[parameters and kinds](language.md#definitions).",
    ),
    "statements": (
        "Statements",
        "What a body is made of: [definitions](language.md#definitions), [nets](language.md#layers-nets-and-paths),\n"
        "[checkpoints](language.md#checkpoints).",
    ),
    "procedures": (
        "Procedures",
        "[Feeds](language.md#feeds), [train](language.md#train), [eval](language.md#eval), [test](language.md#test).",
    ),
    "expressions, loosest first": (
        "Expressions",
        "What comes first binds loosest: [expressions](language.md#expressions), [scan](language.md#scan).",
    ),
    "tokens": (
        "Tokens",
        "Between slashes stand regular expressions. A `DTYPE` is a word before `[` where a type is due.",
    ),
}


def page() -> str:
    """The text of the page."""
    text = GRAMMAR.read_text(encoding="utf-8")
    literals = dict(re.findall(r'^([A-Z_]+): ("[^"]+")$', text, re.MULTILINE))
    first, *others = re.split(r"^// ---- ", text, flags=re.MULTILINE)
    parts = [HEAD, _section("", first, literals)]
    for section in others:
        title, _, rules = section.partition(" ----\n")
        parts.append(_section(title, rules, literals))
    return "\n".join(parts)


def _section(title: str, rules: str, literals: dict[str, str]) -> str:
    heading, about = SECTIONS[title]
    lines = [_readable(line, literals) for line in rules.splitlines() if not line.startswith(("//", "%"))]
    shown = re.sub(r"\n{3,}", "\n\n", "\n".join(line for line in lines if line is not None).strip("\n"))
    return f"## {heading}\n\n{about}\n\n```text\n{shown}\n```\n"


def _readable(line: str, literals: dict[str, str]) -> str | None:
    """A line of the grammar without what only the parser needs; None for one that then says nothing."""
    if re.match(r"[A-Z_]+: /", line):
        return line
    if re.match(r'[A-Z_]+: "', line):
        return None  # the rules show these characters themselves
    line = re.sub(r" +-> \w+$", "", line).removeprefix("?")
    pieces = re.split(r'("[^"]*")', line)  # texts stay as they are
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"\b[A-Z_]+\b", lambda found: literals.get(found[0], found[0]), pieces[i])
        pieces[i] = re.sub(r"\b_?([a-z][a-z_]*?)_?\b", r"\1", pieces[i])  # import_ is the rule of "import"
    told = "".join(pieces).rstrip()
    name, colon, meaning = told.partition(": ")
    if colon and name == meaning:
        return None
    return f"{told} (nothing)" if told.endswith(":") else told


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
