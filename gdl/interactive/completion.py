"""What could be typed next, with what is known of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gdl.graph.node import Node
from gdl.interactive.commands import COMMANDS
from gdl.interactive.describing import describe_item, describe_value
from gdl.lang.values import DataValue, Instance, ModuleValue
from gdl.session.reference import Entry, entries, find
from gdl.syntax.tokens import DTYPES, STATEMENT_WORDS

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive

_WORD = re.compile(r"[A-Za-z_]\w*$")
_PATH = re.compile(r"^\s*[\w.]+(?:/[\w.]*)+$")
_MEMBER = re.compile(r"([A-Za-z_][\w.]*)\.(\w*)$")
_COMMAND = re.compile(r"^\s*:(\w*)$")
_IMPORT = re.compile(r"^\s*from\s+(\w+)\s+import\s+(?:.*,\s*)?(\w*)$")
_PARAMETER = re.compile(r"(\w+)\s*:")
_CHOICES = {"mode": ("train", "eval"), "reset": ("all",)}


@dataclass(frozen=True, slots=True)
class Completion:
    """Text to put in place of the last `length` characters; `meta` is its signature or type, `doc` a sentence."""

    text: str
    length: int
    meta: str = ""
    doc: str = ""


def completions(session: Interactive, before: str) -> list[Completion]:
    """Everything that fits behind a text, the session's own names first."""
    line = before.rpartition("\n")[2]
    command = _COMMAND.match(before)
    if command:
        return _fitting(command[1], [(e.name, e.usage, e.doc) for e in COMMANDS.values()])
    choices = re.match(r"^\s*:(\w+)\s+(\w*)$", before)
    if choices and choices[1] in _CHOICES:
        return _fitting(choices[2], [(each, "", "") for each in _CHOICES[choices[1]]])
    if choices and choices[1] in ("eval", "plot", "feed", "set"):
        return _fitting(choices[2], [(name, "", "") for name in _argument_names(session, choices[1])])
    imported = _IMPORT.match(line)
    if imported:
        found = [e for e in entries() if e.imported == imported[1]]
        return _fitting(imported[2], [(e.name, e.signature, e.summary) for e in found])
    if _PATH.match(line):
        typed = line.strip()
        return _fitting(typed, [(path, str(i.type), "") for path, i in session.live.cx.variables.items()])
    member = _MEMBER.search(line)
    if member:
        return _fitting(member[2], _members(session, member[1]))
    word = _WORD.search(line)
    if line.lstrip().startswith("?"):
        return _fitting(word[0] if word else "", [(e.name, e.signature, e.summary) for e in entries()])
    typed = word[0] if word else ""
    parameters = list(_parameters(session, line[: len(line) - len(typed)]))
    if not typed:
        return _fitting("", parameters)
    return _fitting(typed, [*parameters, *_names(session, line, typed)])


def _fitting(typed: str, offered: Iterable[tuple[str, str, str]]) -> list[Completion]:
    found: dict[str, Completion] = {}
    for text, meta, doc in offered:
        if text.startswith(typed) and text != typed:
            found.setdefault(text, Completion(text, len(typed), meta, doc))
    return list(found.values())


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
            yield name, _told(value), ""
    for entry in session.ledger:
        for name in entry.names:
            if name not in session.live.names and " " not in name:
                yield name, describe_item(entry.item, name, None), getattr(entry.item, "doc", "").partition("\n")[0]
    yield from _library()
    if line.strip() == typed:
        yield from [(word, "statement", "") for word in sorted(STATEMENT_WORDS)]
    yield from [(word, "", "") for word in ("true", "false", "not", "and", "or", "if", "else", "scan", *DTYPES)]


@lru_cache(maxsize=1)
def _library() -> tuple[tuple[str, str, str], ...]:
    return tuple([(e.name, e.signature, e.summary) for e in entries() if not e.imported and e.kind != "data source"])


def _members(session: Interactive, dotted: str) -> Iterator[tuple[str, str, str]]:
    value: Any = session.live.names.get(dotted.partition(".")[0])
    for name in dotted.split(".")[1:]:
        value = dict(_inside(value)).get(name)
    yield from [(name, _told(each), "") for name, each in _inside(value)]


def _inside(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Instance):
        return list(value.members.items())
    if isinstance(value, DataValue):
        splits = [s for s in value.header.splits if s] if value.split is None else []
        inner = [(s, DataValue(value.name, value.header, value.calls, s)) for s in splits]
        return [*inner, *value.header.attributes.items(), *([] if inner else value.header.fields.items())]
    if isinstance(value, ModuleValue):
        return [(name, value.library.lookup(name)) for name in value.library.names()]
    return [("shape", value.type.shape)] if isinstance(value, Node) else []


def _told(value: Any) -> str:
    return str(value.type) if isinstance(value, Node) else describe_value(value)[:60]


def _parameters(session: Interactive, line: str) -> Iterator[tuple[str, str, str]]:
    """Keyword arguments of the call that the text stands in."""
    depth = 0
    for at in range(len(line) - 1, -1, -1):
        depth += line[at] in ")]}"
        if line[at] in "([{":
            if not depth:
                callee = _WORD.search(line[:at])
                yield from _keywords(session, callee[0]) if line[at] == "(" and callee else ()
                return
            depth -= 1


def _keywords(session: Interactive, name: str) -> Iterator[tuple[str, str, str]]:
    signature = signature_of(session, name)
    inside = signature.partition("(")[2]
    for parameter in _split(inside):
        match = _PARAMETER.match(parameter)
        if match:
            yield f"{match[1]}=", parameter, ""


def _split(parameters: str) -> Iterator[str]:
    """The parameters up to the closing parenthesis."""
    depth, start = 0, 0
    for at, character in enumerate(parameters):
        if character in ",)" and not depth:
            yield parameters[start:at].strip()
            start = at + 1
            if character == ")":
                return
        depth += (character in "([") - (character in ")]")


def signature_of(session: Interactive, name: str) -> str:
    """How something is called, "" where that is not known."""
    for owner in session.ledger.owners(name)[-1:]:
        if hasattr(owner.item, "params"):
            return describe_item(owner.item, name, None)
    found: Entry | None = find(name)
    return found.signature if found is not None else ""
