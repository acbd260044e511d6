"""`--set name=value`: what a program's hypers take, read from its text alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gdl.errors import ProgramError
from gdl.errors import command as errors
from gdl.errors.names import closest
from gdl.ops.table import literal
from gdl.source import Source
from gdl.syntax import ast
from gdl.syntax.parser import parse

_KIND_OF = {bool: "bool", int: "int", float: "float", str: "string"}
_BOOLS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Knob:
    """A hyper as its declaration reads: `kinds` are ("int",) and the like, or the strings of a choice."""

    name: str
    kinds: tuple[str, ...]
    default: str
    is_choice: bool = False
    low: float | None = None
    high: float | None = None
    closed: bool = False
    doc: str = ""

    @property
    def type(self) -> str:
        return " | ".join(f'"{kind}"' for kind in self.kinds) if self.is_choice else " | ".join(self.kinds)

    @property
    def range(self) -> str:
        if self.low is None:
            return ""
        return f"in [{self.low}, {self.high}]" if self.closed else f"in ({self.low}, {self.high})"


def knobs(source: Source) -> dict[str, Knob]:
    """The hypers that a program declares, in its order. Errors: ProgramError where the text does not parse."""
    module, diagnostics = parse(source)
    wrong = [d for d in diagnostics if d.is_error]
    if wrong:
        raise ProgramError(*wrong)
    return {item.name: _knob(item) for item in module.items if isinstance(item, ast.Hyper)}


def _knob(item: ast.Hyper) -> Knob:
    low = high = None
    if isinstance(item.bounds, (ast.Tuple, ast.Array)) and len(item.bounds.items) == 2:
        low, high = (_literal(end) for end in item.bounds.items)
    kinds = item.kind.names if item.kind else (_KIND_OF.get(type(_literal(item.default)), "float"),)
    is_choice = item.kind is not None and item.kind.is_choice
    return Knob(
        item.name, kinds, item.default.span.text, is_choice, low, high, isinstance(item.bounds, ast.Array), item.doc
    )


def _literal(expr: ast.Expr) -> Any:
    """The value of a literal; None for what has to be computed."""
    try:
        return literal(expr)
    except (TypeError, ValueError):
        return None


def parse_settings(texts: Iterable[str], known: Mapping[str, Knob]) -> dict[str, Any]:
    """The values that `--set` gives. Errors: UsageError for a name, a value or a range that is wrong."""
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, given = (part.strip() for part in text.partition("="))
        if not name or not equals or not given:
            raise errors.not_a_setting(text)
        if name not in known:
            raise errors.unknown_hyper(name, known)
        if name in values:
            raise errors.set_twice(name)
        values[name] = _value(known[name], given)
    return values


def _value(knob: Knob, text: str) -> Any:
    if knob.is_choice:
        return _choice(knob, text.strip("\"'"))
    for kind in knob.kinds:
        value = _of_kind(kind, text)
        if value is not None:
            _require_in_range(knob, value)
            return value
    raise errors.bad_setting(knob.name, f"{_article(knob.type)} {knob.type}", text, knob.default)


def _choice(knob: Knob, text: str) -> str:
    if text in knob.kinds:
        return text
    wanted = " or ".join(f'"{kind}"' for kind in knob.kinds)
    raise errors.bad_setting(knob.name, wanted, f'"{text}"', knob.default, closest(text, knob.kinds))


def _of_kind(kind: str, text: str) -> Any:
    """The text as a value of the kind, or None."""
    if kind == "string":
        return text.strip("\"'")
    if kind == "bool":
        return _BOOLS.get(text.lower())
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:
        return None


def _require_in_range(knob: Knob, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise errors.bad_setting(knob.name, "a finite number", str(value), knob.default)
    if knob.low is None or knob.high is None or isinstance(value, str):
        return
    inside = knob.low <= value <= knob.high if knob.closed else knob.low < value < knob.high
    if not inside:
        raise errors.out_of_range(knob.name, value, knob.low, knob.high, knob.closed)


def _article(word: str) -> str:
    return "an" if word[:1] in "aeiou" else "a"


def table(known: Mapping[str, Knob]) -> list[tuple[str, str]]:
    """Rows for a help page: `lr: float = 0.5 in (0, 10)` and the doc comment."""
    rows = []
    for knob in known.values():
        rows.append((f"{knob.name}: {knob.type} = {knob.default} {knob.range}".rstrip(), knob.doc.strip()))
    return rows
