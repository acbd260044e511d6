"""Writes docs/library.md from the op table and the standard library: `python docs/make_library.py`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from inspect import getdoc
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import gdl.ops  # noqa: E402, F401  (fills the table)
from gdl.lang.builtins import SIGNATURES  # noqa: E402
from gdl.ops.table import TABLE, Op  # noqa: E402
from gdl.source import Source  # noqa: E402
from gdl.syntax import ast  # noqa: E402
from gdl.syntax.parser import parse  # noqa: E402
from gdl.train.data import SOURCES  # noqa: E402

PAGE = ROOT / "docs" / "library.md"
MODULES = ("functions", "losses", "random", "initializers", "optimizers", "schedules", "nn")
SECTIONS = ("Shapes", "Errors", "Reference", "Example")
INTRODUCTION = """\
# The library

<!-- Written by docs/make_library.py from the op table and stdlib/: change them, not this page. -->

Everything that can be called. Signatures are those of the [language](language.md#definitions): `f` is `f32` or `f64`,
`i` is `i32` or `i64`, `n` any of these, `t` every dtype; parameters of a tensor type are tensors, all others are
static. Where there is a parameter `axis`, `over` takes labels.

Layers are imported (`from nn import Dense`); everything else is in scope everywhere.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_builtins(), *_ops(), *_standard(), *_sources()]).rstrip("\n") + "\n"


def _builtins() -> Iterator[str]:
    yield "## Of the language itself\n"
    for name, (signature, doc) in SIGNATURES.items():
        yield from _entry(name + signature, f"{doc}.")


def _ops() -> Iterator[str]:
    groups: dict[str, list[Op]] = {}
    for entry in TABLE.values():
        groups.setdefault(_home(entry), []).append(entry)
    yield "## Ops\n"
    yield "What the standard library is made of: computed by a kernel, or built from other ops.\n"
    for home, entries in groups.items():
        title, *more = re.split("[:;.] ", _first_line(getdoc(import_module(home))), maxsplit=1)
        yield f"### {title}\n"
        yield from (f"{text[0].upper()}{text[1:]}.\n" for text in more)
        for entry in entries:
            yield from _entry(entry.name + _shown(entry.signature_text), entry.doc)


def _home(entry: Op) -> str:
    return str((entry.kernel or entry.expand).__module__)


def _shown(signature: str) -> str:
    """The signature without what the language fills in by itself."""
    return signature.replace(', key: string = ""', "")


def _standard() -> Iterator[str]:
    for name in MODULES:
        path = ROOT / "stdlib" / f"{name}.gdl"
        text = path.read_text(encoding="utf-8")
        module, _ = parse(Source(path.name, text))
        yield f"## [{path.name}](../stdlib/{path.name})\n"
        yield _introduction(text) + "\n"
        for item in module.items:
            if isinstance(item, ast.Definition):
                signature = " ".join(item.span.text.partition("{")[0].split())
                yield from _entry(re.sub(r"\( | \)", lambda m: m.group().strip(), signature), item.doc)


def _introduction(text: str) -> str:
    """The doc comment at the top of a module."""
    lines = text.partition("\n\n")[0].splitlines()[1:]
    return "\n".join(line.removeprefix("##").strip() for line in lines)


def _sources() -> Iterator[str]:
    yield "## Data sources\n"
    for kind in SOURCES.values():
        yield from _entry(str(kind), kind.doc)


def _entry(signature: str, doc: str) -> Iterator[str]:
    """`signature`, what it is, and examples as code."""
    lines = [f"**`{signature}`**"]
    for text in _paragraphs(doc.splitlines()):
        section, _, rest = text.partition(": ")
        lines.append(f"Example: `{rest}`" if section == "Example" else text)
    yield "<br>\n".join(lines) + "\n"


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Lines joined where one continues the other."""
    kept: list[str] = []
    for line in [*lines, ""]:
        starts = line.split(":")[0] in SECTIONS
        if kept and (not line.strip() or starts):
            yield " ".join(kept)
            kept = []
        if line.strip():
            kept.append(line.strip())


def _first_line(doc: str | None) -> str:
    return (doc or "").partition("\n")[0].rstrip(".")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
