"""Single edits of a program, of the kinds that a hand makes: a size, an axis, a dtype, a name or an argument changed.

Edit number `n` of seed `s` of a text is always the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from random import Random

from gdl.record import Record
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.parser import parse
from gdl.syntax.tokens import DTYPES


@dataclass(frozen=True, slots=True)
class Change:
    """The text from `start` to `end` replaced; `kind` says what it was."""

    kind: str
    start: int
    end: int
    new: str

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]

    def told(self, text: str) -> str:
        """The line as it is now."""
        changed, line = self.applied(text), text.count("\n", 0, self.start)
        return f"{self.kind} {text[self.start : self.end]!r} -> {self.new!r}\n   {changed.splitlines()[line].strip()}"


def edit(text: str, seed: int, number: int) -> Change:
    """The kinds take turns, so that each is tried equally often."""
    places = _places(text)
    kinds = [kind for kind in KINDS if places[kind]]
    random = Random(f"{seed}/{number}")
    kind = kinds[number % len(kinds)]
    while True:
        change = random.choice(places[kind])(random)
        if change.applied(text) != text:
            return change


Choice = Callable[[Random], Change]
KINDS = ("size", "axis", "dtype", "name", "argument")


@cache
def _places(text: str) -> dict[str, list[Choice]]:
    """What can be changed in a text, by kind."""
    module, diagnostics = parse(Source("mutated.gdl", text))
    assert not diagnostics
    words = tuple(sorted({node.name for node in _walk(module) if isinstance(node, ast.Name)}))
    found: dict[str, list[Choice]] = {kind: [] for kind in KINDS}
    for node in _walk(module):
        for kind, choice in _of_node(node, words):
            found[kind].append(choice)
    return found


def _walk(node: object) -> Iterator[Record]:
    if isinstance(node, tuple) and not isinstance(node, Span):
        for item in node:
            yield from _walk(item)
    elif isinstance(node, Record):
        yield node
        for field in fields(node):  # type: ignore[arg-type]
            yield from _walk(getattr(node, field.name))


def _put(kind: str, span: Span, news: Callable[[Random], str]) -> tuple[str, Choice]:
    return kind, lambda random: Change(kind, span.start, span.end, news(random))


def _of_node(node: Record, words: Sequence[str]) -> Iterator[tuple[str, Choice]]:
    if isinstance(node, ast.Number):
        yield _put("size", node.span, lambda random: _number(random, node.value))
    elif isinstance(node, ast.TypeExpr):
        yield from _of_type(node, words)
    elif isinstance(node, ast.Name):
        kind = "dtype" if node.name in DTYPES else "name"
        yield _put(kind, node.span, lambda random: _word(random, node.name, words))
    elif isinstance(node, ast.Attribute):
        yield _put("name", node.name_span, lambda random: _word(random, node.name, words))
    elif isinstance(node, (ast.Call, ast.Stage)) and node.args:
        yield from _of_arguments(node.args, words)
    elif isinstance(node, ast.Index):
        yield from _of_items(node.items, (":", "0", "-1", "...", "1:"))
    elif isinstance(node, (ast.Array, ast.Tuple)) and node.items:
        yield from _of_items(node.items, ("1", "2", "-1"))
    elif isinstance(node, ast.Bool):
        yield _put("argument", node.span, lambda _: "false" if node.value else "true")
    elif isinstance(node, ast.String):
        yield _put("argument", node.span, lambda random: f'"{_string(random, node.value)}"')
    for name in ("name_span", "label_span"):
        span = getattr(node, name, None)
        if isinstance(span, Span) and not isinstance(node, (ast.Attribute, ast.Argument)):
            yield _put("name", span, lambda random, old=span.text: _word(random, old, words))
    for span in (*(getattr(node, "name_spans", None) or ()), *(getattr(node, "target_spans", None) or ())):
        yield _put("name", span, lambda random, old=span.text: _word(random, old, words))


def _of_type(node: ast.TypeExpr, words: Sequence[str]) -> Iterator[tuple[str, Choice]]:
    if node.dtype_span is not None:
        yield _put("dtype", node.dtype_span, lambda random: random.choice(DTYPES))
    for axis in node.axes:
        yield _put(
            "size", axis.size.span, lambda random, old=axis.size.span.text: random.choice((*words, f"2 * {old}"))
        )
    if node.axes:
        yield from _of_items(node.axes, ("1", "3", "batch"))


def _of_items(items: Sequence[Record], new: Sequence[str]) -> Iterator[tuple[str, Choice]]:
    """One of the items left out, written twice, exchanged with another, or one more."""
    first, last = items[0].span, items[-1].span
    texts = [item.span.text for item in items]

    def other(random: Random) -> str:
        at, to = random.randrange(len(texts)), random.randrange(len(texts))
        kind = random.randrange(4)
        changed = list(texts)
        if kind == 0:
            del changed[at]
        elif kind == 1:
            changed.insert(at, random.choice(new))
        elif kind == 2:
            changed[at], changed[to] = changed[to], changed[at]
        else:
            changed[at] = random.choice(new)
        return ", ".join(changed)

    yield _put("axis", first.to(last), other)


def _of_arguments(args: Sequence[ast.Argument], words: Sequence[str]) -> Iterator[tuple[str, Choice]]:
    yield "argument", lambda random: _other_arguments(random, args)
    for arg in args:
        span = arg.value.span
        if arg.name in ("axis", "over"):
            yield _put("axis", span, lambda random, old=span.text: _axis(random, old))
        if arg.name is not None and arg.name_span is not None:
            yield _put("argument", arg.name_span, lambda random, old=arg.name: _word(random, old, _KEYWORDS))
        yield _put("argument", span, lambda random: random.choice((*_VALUES, random.choice(words))))


def _other_arguments(random: Random, args: Sequence[ast.Argument]) -> Change:
    texts = [arg.span.text for arg in args]
    at, to = random.randrange(len(texts)), random.randrange(len(texts))
    kind = random.randrange(4)
    if kind == 0:
        del texts[at]
    elif kind == 1:
        texts.insert(at, texts[to])
    elif kind == 2:
        texts.append(random.choice(_VALUES))
    else:
        texts[at], texts[to] = texts[to], texts[at]
    return Change("argument", args[0].span.start, args[-1].span.end, ", ".join(texts))


_KEYWORDS = ("axis", "over", "stride", "pad", "act", "bias", "units", "out", "size", "p", "slope", "training")
_VALUES = ("0", "1", "2", "-1", "0.5", "1e-3", "true", "false", '"same"', "relu", "[1, 2]", "(0, 1)", "batch")


def _number(random: Random, old: int | float) -> str:
    if isinstance(old, float):
        return random.choice((str(-old), "0.0", "1", "2", str(old * 10), str(old / 10)))
    return str(random.choice((old + 1, old - 1, old * 2, old // 2, -old, 0, 1, 2, 3, 5, 7)))


def _axis(random: Random, old: str) -> str:
    return random.choice(("0", "1", "2", "3", "-1", "-2", "-3", "(0, 1)", "(1, 2)", "row", "batch", old.split(",")[0]))


def _word(random: Random, old: str, words: Sequence[str]) -> str:
    """A slip of the hand, or another word of the program."""
    at = random.randrange(len(old))
    slips = (old[:at] + old[at + 1 :] or "z", old[:at] + old[at] + old[at:], old + "s", old.swapcase())
    return random.choice((*slips, *(random.choice(words) for _ in range(6))))


def _string(random: Random, old: str) -> str:
    """A letter of a pattern changed, a space or word left out, or another of the strings that calls take."""
    letters = [match.start() for match in re.finditer(r"[a-z]", old)]
    if not letters or random.random() < 0.3:
        return random.choice(("same", "valid", "b t d -> b d t", "", "rnn"))
    at = random.choice(letters)
    return old[:at] + random.choice((*"abhkstz", "", " ")) + old[at + 1 :]
