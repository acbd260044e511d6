"""Runs the LALR table over tokens, builds the tree bottom-up without recursion, and goes on after a mistake.

What Lark's contextual lexer does for terminals is done here for words: the state decides whether one is a keyword.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from gdl.source import Source, Span
from gdl.syntax.ast import MAX_NESTING
from gdl.syntax.table import Table
from gdl.syntax.tokens import BROKEN, RESERVED, STOP, Token


class Body(list[Any]):
    """The statements of a file or block while it is read: the place to go on from after a mistake in one of them."""


class Reduction(NamedTuple):
    """A grammar rule made ready: `length` symbols become `origin`, whose value `build(span, *children)` makes."""

    origin: str
    length: int
    build: Callable[..., Any] | None  # None: the value is the list of the children
    plan: tuple[Any, ...]  # see gdl/syntax/build.py
    grows: bool  # adds to the list that its first symbol is
    deeper: int  # 1 where the tree gets deeper


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and how a statement could not be parsed."""

    tokens: list[Token]
    kinds: list[str]  # what each token was taken for, up to the failing one
    index: int  # of the token that did not fit
    statements: tuple[int, ...]  # index at which each open statement begins, outermost first
    states: tuple[int, ...]  # the stack at the start of the innermost of them
    too_deep: Span | None = None

    @property
    def start(self) -> int:
        return self.statements[-1]

    @property
    def token(self) -> Token:
        return self.tokens[self.index]


def reductions(table: Table, builders: dict[str, Callable[..., Any]], nesting: frozenset[str]) -> list[Reduction]:
    """The table's rules with what they build; those named in `nesting` make the tree deeper."""
    ready = []
    for rule in table.rules:
        build = None if rule.builder in (None, "list") else builders[rule.builder]
        plan = rule.plan[1:] if rule.grows_list else rule.plan
        ready.append(Reduction(rule.origin, rule.length, build, plan, rule.grows_list, int(rule.builder in nesting)))
    return ready


def run(
    table: Table,
    rules: list[Reduction],
    start: str,
    source: Source,
    tokens: list[Token],
    match: dict[int, int],
    report: Callable[[Failure], None],
) -> tuple[Any, list[str]]:
    """The tree (None where a failure left nothing to go on from), and what each token was taken for."""
    rows, after = table.rows, table.after
    kinds = [token.kind for token in tokens]
    states = [table.starts[start]]
    values: list[Any] = []
    places: list[tuple[int, int]] = []  # start and end offset of each value
    depths: list[int] = []
    statements = [0]
    end_state = table.ends[start]
    index = 0
    while True:
        token = tokens[index]
        kind = token.kind
        if kind == "NAME":
            kind = kinds[index] = _word_kind(table, tokens, index, rows[states[-1]])
        too_deep = None
        action = rows[states[-1]].get(kind)
        while action is not None and action < 0:
            origin, length, build, plan, grows, deeper = rules[~action]
            base = len(values) - length
            if length:
                place = (places[base][0], places[-1][1])
                depth = (depths[-1] if length == 1 else max(depths[base:])) + deeper
                if depth > MAX_NESTING:
                    too_deep, action = Span(source, *place), None
                    break
            else:
                place, depth = (token.start, token.start), 0
            if grows:
                value = values[base]
                for n in plan:
                    value.append(values[base + n])
            else:
                value = []
                for n in plan:
                    if n.__class__ is int:
                        value.append(values[base + n])
                    elif n is None:
                        value.append(None)
                    else:
                        value += values[base + n[0]]
                if build is not None:
                    value = build(Span(source, *place), *value)
            if length:
                del states[base + 1 :], values[base:], places[base:], depths[base:]
            states.append(after(states[-1], origin, kind))
            values.append(value)
            places.append(place)
            depths.append(depth)
            action = rows[states[-1]].get(kind)
        if states[-1] == end_state:
            return values[-1], kinds
        if action is None:
            bodies = [n for n, value in enumerate(values) if value.__class__ is Body]
            keep = bodies[-1] + 1 if bodies else 0
            del states[keep + 1 :], values[keep:], places[keep:], depths[keep:], statements[max(1, len(bodies)) :]
            if kind != BROKEN:
                report(Failure(tokens, kinds, index, tuple(statements), tuple(states), too_deep))
            if not bodies:
                return None, kinds
            index = _statement_end(tokens, match, statements[-1], index)
        else:
            states.append(action)
            values.append(token)
            places.append((token.start, token.end))
            depths.append(0)
            index += 1
            if kind == "END":
                statements[-1] = index
            elif kind == "LBRACE":
                statements.append(index)
            elif kind == "RBRACE":
                statements.pop()


def _word_kind(table: Table, tokens: list[Token], index: int, row: dict[str, int]) -> str:
    """What the word at `index` is where the parser's state accepts what `row` names."""
    word, following = tokens[index].text, tokens[index + 1].kind
    if following == "LSQB" and "DTYPE" in row:
        return "DTYPE"
    keyword = table.keywords.get(word)
    if keyword is None:
        return "NAME"
    if "NAME" not in row:
        return keyword
    if word in RESERVED:
        is_argument_name = following == "ASSIGN" and "NUMBER" in row and "RPAR" in row
        return "NAME" if is_argument_name or tokens[index - 1].kind == "DOT" else keyword
    if keyword not in row or following in ("ASSIGN", "COLON", "COMMA"):
        return "NAME"
    if word in ("scan", "error") and following != "NAME":
        return "NAME"
    return keyword


def _statement_end(tokens: list[Token], match: dict[int, int], start: int, failed: int) -> int:
    """Index of the END, `}` or end of text that closes the statement begun at `start`, past what failed."""
    index = start
    while tokens[index].kind not in ("END", "RBRACE", STOP) or index < failed:
        closer = match.get(index, 0) if tokens[index].text in ("(", "[", "{") else 0
        index = max(closer, index) + 1
    return index


def accepted(table: Table, rules: list[Reduction], failure: Failure) -> frozenset[str]:
    """The terminals that could have stood where the failing token stands."""
    states = list(failure.states)
    for kind in failure.kinds[failure.start : failure.index]:
        if not _advance(table, rules, states, kind):
            return frozenset()
    terminals = {symbol for symbol in table.rows[states[-1]] if symbol.isupper() or symbol == STOP}
    return frozenset(t for t in terminals if _advance(table, rules, list(states), t))


def _advance(table: Table, rules: list[Reduction], states: list[int], kind: str) -> bool:
    """Whether `kind` can be shifted; moves `states` past it."""
    action = table.rows[states[-1]].get(kind)
    while action is not None and action < 0:
        rule = rules[~action]
        if rule.length:
            del states[-rule.length :]
        states.append(table.after(states[-1], rule.origin, kind))
        action = table.rows[states[-1]].get(kind)
    if action is None:
        return False
    states.append(action)
    return True
