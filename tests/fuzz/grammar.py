"""Sentences of the grammar: any rule, any token, whatever they may mean."""

from __future__ import annotations

from functools import cache
from random import Random

import lark
from lark.grammar import NonTerminal

from gdl.resources import resource
from tests.fuzz import corpus
from tests.fuzz.words import listed

_NAMES = listed("x  y  w  h  b  c  n  f  g  batch  loss  mean  sum  Dense  Adam  data  test  f32")
_DTYPES = ("f32", "f64", "i32", "i64", "u8", "bool", "f", "t")
_STRINGS = ('"a"', '"b c -> c b"', '"same"', '"E0101"', '""', '"a.csv"')
_NUMBERS = ("0", "1", "2", "3", "10", "0.5", "1e-3", "1000000")
_PIECES = {"NAME": _NAMES, "DTYPE": _DTYPES, "STRING": _STRINGS, "NUMBER": _NUMBERS, "END": ("\n",)}

Symbols = tuple[tuple[str, bool], ...]  # of one expansion: (symbol, whether it is a rule)
Rules = dict[str, list[Symbols]]  # origin -> expansions


@cache
def _grammar() -> tuple[Rules, dict[str, int], dict[str, str]]:
    """The rules, the least depth at which each can end, and the texts of the fixed terminals."""
    built = lark.Lark(resource("grammar/gdl.lark").read_text(encoding="utf-8"), parser="lalr", start=["file"])
    rules: Rules = {}
    for rule in built.rules:
        symbols = tuple((symbol.name, isinstance(symbol, NonTerminal)) for symbol in rule.expansion)
        rules.setdefault(rule.origin.name, []).append(symbols)
    texts = {t.name: t.pattern.value for t in built.terminals if t.name not in _PIECES}
    return rules, _depths(rules), texts


def _depths(rules: Rules) -> dict[str, int]:
    depths: dict[str, int] = {}
    changed = True
    while changed:
        changed = False
        for origin, expansions in rules.items():
            known = [_depth(symbols, depths) for symbols in expansions]
            best = min((depth + 1 for depth in known if depth is not None), default=None)
            if best is not None and best < depths.get(origin, best + 1):
                depths[origin], changed = best, True
    return depths


def _depth(symbols: Symbols, depths: dict[str, int]) -> int | None:
    inner = [depths.get(name) for name, is_rule in symbols if is_rule]
    return None if None in inner else max(inner, default=0)  # type: ignore[type-var]


def sentence(random: Random, start: str = "file", budget: int = 120) -> str:
    """A text that follows the grammar. The budget is the number of rules applied before the shortest ones are taken."""
    rules, depths, texts = _grammar()
    words: list[str] = []
    stack = [(start, True)]
    while stack:
        symbol, is_rule = stack.pop()
        if is_rule:
            budget -= 1
            expansions = rules[symbol]
            if budget <= 0:
                least = min(_depth(e, depths) for e in expansions)  # type: ignore[type-var]
                expansions = [e for e in expansions if _depth(e, depths) == least]
            stack += reversed(_weighed(random, symbol, expansions))
        else:
            words.append(_word(random, symbol, texts))
    return " ".join(words)


def _weighed(random: Random, symbol: str, expansions: list[Symbols]) -> Symbols:
    """A list goes on more often than it ends, so that files have several statements."""
    longer = [e for e in expansions if (symbol, True) in e]
    return random.choice(longer if longer and len(longer) < len(expansions) and random.random() < 0.7 else expansions)


def _word(random: Random, terminal: str, texts: dict[str, str]) -> str:
    if terminal in _PIECES:
        choices = _PIECES[terminal]
        if terminal == "NAME" and random.random() < 0.2:
            choices = tuple(t for t in (random.choice(corpus.tokens()),) if t.isidentifier()) or choices
        return random.choice(choices)
    return texts[terminal]
