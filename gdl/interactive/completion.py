"""What could be typed next, with what is known of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gdl.interactive.commands import COMMANDS
from gdl.interactive.describing import describe_item
from gdl.interactive.offers import (
    IMPORT,
    MEMBER,
    WORD,
    WORDS,
    Completion,
    fitting,
    importable,
    keywords,
    library,
    members,
    open_call,
    told,
)
from gdl.session.reference import Entry, entries, find
from gdl.syntax.tokens import STATEMENT_WORDS

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive

_PATH = re.compile(r"^\s*[\w.]+(?:/[\w.]*)+$")
_COMMAND = re.compile(r"^\s*:(\w*)$")
_CHOICES = {"mode": ("train", "eval"), "reset": ("all",)}


def completions(session: Interactive, before: str) -> list[Completion]:
    """Everything that fits behind a text, the session's own names first."""
    line = before.rpartition("\n")[2]
    command = _COMMAND.match(before)
    if command:
        return fitting(command[1], [(e.name, e.usage, e.doc) for e in COMMANDS.values()])
    choices = re.match(r"^\s*:(\w+)\s+(\w*)$", before)
    if choices and choices[1] in _CHOICES:
        return fitting(choices[2], [(each, "", "") for each in _CHOICES[choices[1]]])
    if choices and choices[1] in ("eval", "plot", "feed", "set"):
        return fitting(choices[2], [(name, "", "") for name in _argument_names(session, choices[1])])
    imported = IMPORT.match(line)
    if imported:
        return fitting(imported[2], [(e.name, e.signature, e.summary) for e in importable(imported[1])])
    if _PATH.match(line):
        typed = line.strip()
        return fitting(typed, [(path, str(i.type), "") for path, i in session.live.cx.variables.items()])
    member = MEMBER.search(line)
    if member:
        first, *names = member[1].split(".")
        return fitting(member[2], members(session.live.names.get(first), names))
    word = WORD.search(line)
    if line.lstrip().startswith("?"):
        return fitting(word[0] if word else "", [(e.name, e.signature, e.summary) for e in entries()])
    typed = word[0] if word else ""
    call = open_call(line[: len(line) - len(typed)])
    offered = list(keywords(signature_of(session, call[0]))) if call else []
    if not typed:
        return fitting("", offered)
    return fitting(typed, [*offered, *_names(session, line, typed)])


def _argument_names(session: Interactive, command: str) -> list[str]:
    cx = session.live.cx
    if command == "plot":
        return list(session.trainer.history)
    if command == "eval":
        return [n.removeprefix("eval ") for e in session.ledger for n in e.names if n.startswith("eval ")]
    return [f"{name} = " for name in (cx.placeholders if command == "feed" else cx.hypers)]


def _names(session: Interactive, line: str, typed: str) -> Iterator[tuple[str, str, str]]:
    for name, value in session.live.names.items():
        if not name.startswith("_"):
            yield name, told(value), ""
    for entry in session.ledger:
        for name in entry.names:
            if name not in session.live.names and " " not in name:
                yield name, describe_item(entry.item, name, None), getattr(entry.item, "doc", "").partition("\n")[0]
    yield from library()
    if line.strip() == typed:
        yield from [(word, "statement", "") for word in sorted(STATEMENT_WORDS)]
    yield from [(word, "", "") for word in WORDS]


def signature_of(session: Interactive, name: str) -> str:
    """How something is called, "" where that is not known."""
    for owner in session.ledger.owners(name)[-1:]:
        if hasattr(owner.item, "params"):
            return describe_item(owner.item, name, None)
    found: Entry | None = find(name)
    return found.signature if found is not None else ""
