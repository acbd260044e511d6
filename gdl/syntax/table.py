"""The parse table: built by Lark from grammar/gdl.lark, shipped as JSON, so that parsing needs no Lark."""

from __future__ import annotations

import json
from dataclasses import field
from functools import cache
from typing import Any
from zlib import crc32

from gdl.record import Entity, Record, record
from gdl.resources import resource

FORMAT = 2  # of the JSON; part of the checksum


@record
class Rule(Record):
    """Reduce `length` symbols to `origin` by calling `builder` with the children that `plan` names (see build.py)."""

    origin: str
    length: int
    builder: str | None
    plan: tuple[Any, ...]

    @property
    def grows_list(self) -> bool:
        return self.builder == "list" and self.plan[0] == [0]


@record
class Table(Entity):
    """`rows[state][symbol]` is the next state, or ~r for a reduction by `rules[r]`."""

    patterns: dict[str, str]  # terminal -> regular expression
    keywords: dict[str, str]  # word -> terminal
    operators: dict[str, str]  # text -> terminal
    rules: tuple[Rule, ...]
    rows: list[dict[str, int]]
    starts: dict[str, int]
    ends: dict[str, int]
    bodies: dict[int, int]  # state -> the reduction to `body` that it makes whatever follows
    jumps: dict[tuple[int, str, str], int] = field(default_factory=dict, repr=False)

    def after(self, state: int, symbol: str, lookahead: str) -> int:
        """The state after `symbol` on top of `state`, past all rules that only rename it (a `product` is a `sum`)."""
        key = (state, symbol, lookahead)
        found = self.jumps.get(key)
        if found is None:
            found = self.jumps[key] = self._follow(*key)
        return found

    def _follow(self, state: int, symbol: str, lookahead: str) -> int:
        while True:
            reached = self.rows[state][symbol]
            action = self.rows[reached].get(lookahead, 0)
            if action >= 0 or self.rules[~action].builder is not None:
                return reached
            symbol = self.rules[~action].origin


def grammar_hash(grammar: str) -> str:
    """Tells whether a table belongs to a grammar. (A checksum will do, and hashlib takes 4 ms to import.)"""
    return f"{FORMAT}-{len(grammar)}-{crc32(grammar.encode()):08x}"


@cache
def load_table() -> Table:
    """The table that ships with the grammar; built in memory where it is missing or older than the grammar."""
    grammar = resource("grammar/gdl.lark").read_text(encoding="utf-8")
    shipped = resource("grammar/gdl.table.json")
    data = json.loads(shipped.read_bytes()) if shipped.exists() else {"grammar": ""}
    if data["grammar"] != grammar_hash(grammar):
        from gdl.syntax.build import build_table  # imports Lark

        data = build_table(grammar)
    return table_of(data)


def table_of(data: dict[str, Any]) -> Table:
    """The table from what `build_table` made."""
    words = {text: name for name, text in data["strings"].items()}
    return Table(
        patterns=data["patterns"],
        keywords={text: name for text, name in words.items() if text[0].isalpha()},
        operators={text: name for text, name in words.items() if not text[0].isalpha()},
        rules=tuple(Rule(origin, length, builder, tuple(plan)) for origin, length, builder, plan in data["rules"]),
        rows=data["rows"],
        starts=data["starts"],
        ends=data["ends"],
        bodies={int(state): action for state, action in data["bodies"].items()},
    )
