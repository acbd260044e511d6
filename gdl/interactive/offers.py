"""What can be typed in some place, as far as it depends on no session: for the prompt and for editors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gdl.graph.node import Node
from gdl.interactive.describing import describe_value
from gdl.lang.values import DataValue, Instance, ModuleValue
from gdl.session.reference import Entry, entries
from gdl.syntax.tokens import DTYPES

#: Words of expressions.
WORDS = ("true", "false", "not", "and", "or", "if", "else", "scan", *DTYPES)
WORD = re.compile(r"[A-Za-z_]\w*$")
MEMBER = re.compile(r"([A-Za-z_][\w.]*)\.(\w*)$")
IMPORT = re.compile(r"^\s*from\s+(\w+)\s+import\s+(?:.*,\s*)?(\w*)$")
_PARAMETER = re.compile(r"(\w+)\s*:")


@dataclass(frozen=True, slots=True)
class Completion:
    """Text to put in place of the last `length` characters; `meta` is its signature or type, `doc` a sentence."""

    text: str
    length: int
    meta: str = ""
    doc: str = ""


def fitting(typed: str, offered: Iterable[tuple[str, str, str]]) -> list[Completion]:
    """Those of the (text, meta, doc) that go on with what was typed, the first of each text."""
    found: dict[str, Completion] = {}
    for text, meta, doc in offered:
        if text.startswith(typed) and text != typed:
            found.setdefault(text, Completion(text, len(typed), meta, doc))
    return list(found.values())


def importable(module: str) -> list[Entry]:
    """What a module of the library has that is not in scope everywhere."""
    return [entry for entry in entries() if entry.imported == module]


@lru_cache(maxsize=1)
def library() -> tuple[tuple[str, str, str], ...]:
    """What is in scope everywhere: name, signature, summary."""
    return tuple([(e.name, e.signature, e.summary) for e in entries() if not e.imported and e.kind != "data source"])


def members(value: Any, names: Iterable[str]) -> list[tuple[str, str, str]]:
    """What can follow the dot behind a value and the names of members: name and type."""
    for name in names:
        value = dict(inside(value)).get(name)
    return [(name, told(each), "") for name, each in inside(value)]


def inside(value: Any) -> list[tuple[str, Any]]:
    """The members of a value."""
    if isinstance(value, Instance):
        return list(value.members.items())
    if isinstance(value, DataValue):
        splits = [s for s in value.header.splits if s] if value.split is None else []
        inner = [(s, DataValue(value.name, value.header, value.calls, s)) for s in splits]
        return [*inner, *value.header.attributes.items(), *([] if inner else value.header.fields.items())]
    if isinstance(value, ModuleValue):
        return [(name, value.library.lookup(name)) for name in value.library.names()]
    return [("shape", value.type.shape)] if isinstance(value, Node) else []


def told(value: Any) -> str:
    """What a value is, on a short line."""
    return str(value.type) if isinstance(value, Node) else describe_value(value)[:60]


def open_call(line: str) -> tuple[str, str] | None:
    """The name whose parentheses are open at the end of a text, and what stands in them."""
    depth = 0
    for at in range(len(line) - 1, -1, -1):
        depth += line[at] in ")]}"
        if line[at] in "([{":
            if not depth:
                callee = WORD.search(line[:at])
                return (callee[0], line[at + 1 :]) if line[at] == "(" and callee else None
            depth -= 1
    return None


def keywords(signature: str) -> Iterator[tuple[str, str, str]]:
    """The keyword arguments of a signature: `name=`, and how it is declared."""
    for parameter in parameters(signature):
        match = _PARAMETER.match(parameter)
        if match:
            yield f"{match[1]}=", parameter, ""


def parameters(signature: str) -> Iterator[str]:
    """The parameters of a signature, as they stand."""
    inner = signature.partition("(")[2]
    depth, start = 0, 0
    for at, character in enumerate(inner):
        if character in ",)" and not depth:
            yield inner[start:at].strip()
            start = at + 1
            if character == ")":
                return
        depth += (character in "([") - (character in ")]")
