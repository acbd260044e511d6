"""Writes docs/reference/ from op table, standard library and data sources: `python docs/make_reference.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from gdl.session.reference import SECTIONS, Entry, entries, introductions  # noqa: E402

FOLDER = ROOT / "docs" / "reference"
MARK = "<!-- Written by docs/make_reference.py from what it tells of: change that, not this page. -->\n"
#: section -> file, where that is not called after it
FILES = {"nn": "layers.md"}
INTRODUCTIONS = {
    "language": "What the checker itself answers. The examples follow on `x: f32[3] = [1.0, 2.0, 3.0]`.",
    "ops": "What everything else is made of. An op is computed by a kernel; a composite stands for a graph of ops.",
    "data": "`data d = SOURCE` names one, `A or B` takes the first that is there. Files are looked for in the folder\n"
    "that `--data` or GDL_DATA names, then beside the program, and nowhere else.",
} | introductions()
INDEX = """\
Everything that can be called. Signatures are those of the [language](../language.md#definitions): `f` is `f32` or
`f64`, `i` is `i32` or `i64`, `n` any of these, `t` every dtype; parameters of a tensor type are tensors, all others are
static. Where there is a parameter `axis`, `over` takes labels. Layers are imported (`from nn import Dense`); everything
else is in scope everywhere. Every example on these pages is run by the tests.

| name | kind | what it is |
|---|---|---|"""


def pages() -> dict[str, str]:
    """File name -> text of every page."""
    made = {"README.md": _index()}
    for section, told in groupby(entries(), lambda entry: entry.section):
        head = [f"# {SECTIONS[section]}\n", MARK, *_introduction(section)]
        made[_file(section)] = _joined([*head, *_groups(list(told))])
    return made


def _file(section: str) -> str:
    return FILES.get(section, f"{section}.md")


def _index() -> str:
    rows = [
        f"| [{entry.name}]({_file(entry.section)}#{entry.name.lower()}) | {entry.kind} | {_cell(entry.summary)} |"
        for entry in entries()
    ]
    return _joined(["# The library\n", MARK, INDEX, *rows])


def _groups(told: list[Entry]) -> Iterator[str]:
    for group, members in groupby(told, lambda entry: entry.group):
        if group:
            yield f"## {group}\n"
            yield from _introduction(group)
        for entry in members:
            yield from _entry(entry, "###" if group else "##")


def _introduction(name: str) -> list[str]:
    return [INTRODUCTIONS[name] + "\n"] if name in INTRODUCTIONS else []


def _entry(entry: Entry, level: str) -> Iterator[str]:
    yield f"{level} {entry.name}\n"
    yield f"```text\n{entry.signature}\n```\n"
    yield from (f"{paragraph}\n" for paragraph in entry.text)
    lines = [f"- {word}: {text}" for word, text in entry.facts]
    if lines:
        yield "\n".join(lines) + "\n"
    yield "```gdl\n" + "\n".join(entry.examples) + "\n```\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _joined(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
