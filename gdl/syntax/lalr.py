"""Runs the LALR table over tokens, builds the tree bottom-up without recursion, and goes on after a mistake.

What Lark's contextual lexer does for terminals is done here for words: the state decides whether one is a keyword.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from gdl.record import Record, record
from gdl.source import Source, Span
from gdl.syntax.ast import MAX_NESTING
from gdl.syntax.placement import TURNS, block_of, may_stand
from gdl.syntax.table import Table
from gdl.syntax.tokens import DTYPE_VARIABLES, DTYPES, RESERVED, STOP, Token

_DEFINITIONS = frozenset({"DEF", "LAYER", "OPTIMIZER", "def", "layer", "optimizer"})


class Body(list[Any]):
    """The statements of a file or block while it is read: the place to go on from after a mistake in one of them."""


class Reduction(NamedTuple):
    """A grammar rule made ready: `length` symbols become `origin`, whose value `build(span, *children)` makes."""

    origin: str
    length: int
    build: Callable[..., Any]
    children: Callable[[list[Any]], Sequence[Any]]  # of the stack of values: what `plan` names
    grows: bool  # adds the children to the list that its first symbol is
    deeper: int  # 1 where the tree gets deeper


@record
class Failure(Record):
    """Where and how a statement could not be parsed."""

    tokens: list[Token]
    kinds: list[str]  # what each token was taken for, up to the failing one
    index: int  # of the token that did not fit
    end: int  # of the token after the statement
    statements: tuple[int, ...]  # index at which each open statement begins, outermost first
    blocks: tuple[str, ...]  # what they stand in: "file", then the keyword of each block
    states: tuple[int, ...]  # the stack at the start of the innermost of them
    too_deep: Span | None = None
    is_refused: bool = False  # the grammar takes the token, but it may not stand in this block

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
        build = builders[rule.builder] if rule.builder else _same
        children = _children(rule.plan[1:] if rule.grows_list else rule.plan, rule.length)
        deeper = int(rule.builder in nesting)
        ready.append(Reduction(rule.origin, rule.length, build, children, rule.grows_list, deeper))
    return ready


@dataclass(slots=True)
class _Stack:
    """The parser's stack, one list per property: `states` has one entry more than the others."""

    states: list[int]
    blocks: list[str]  # what the open statements stand in
    values: list[Any] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)  # offsets in the source
    ends: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)  # of the trees
    statements: list[int] = field(default_factory=lambda: [0])  # token index at which each open statement begins
    header: str = ""  # the last keyword read that a block can belong to

    def back_to_body(self) -> bool:
        """Drop what the innermost open statement has so far; False where there is no statement list to go on with."""
        bodies = [n for n, value in enumerate(self.values) if value.__class__ is Body]
        keep = bodies[len(self.statements) - 1] + 1 if bodies else 0
        del self.states[keep + 1 :], self.values[keep:], self.starts[keep:], self.ends[keep:], self.depths[keep:]
        return bool(bodies)

    def allows(self, kind: str, token: Token) -> bool:
        """Whether a statement may begin so in this block, or a type so named be used in it."""
        if kind != "DTYPE":
            return may_stand(kind, self.blocks[-1])
        if token.text in DTYPES or self.blocks[0] == "signature":
            return True
        in_definition = self.header in _DEFINITIONS or not _DEFINITIONS.isdisjoint(self.blocks)
        return in_definition and token.text in DTYPE_VARIABLES

    def shifted(self, kind: str, index: int) -> None:
        """Keep account of blocks and statements; `index` is the next token's."""
        if kind == "END":
            self.statements[-1] = index
            self.header = ""
        elif kind == "LBRACE":
            self.statements.append(index)
            self.blocks.append(block_of(self.header, self.blocks[-1]))
        elif kind == "RBRACE":
            self.statements.pop()
            self.blocks.pop()
        else:
            self.header = kind


def _children(plan: tuple[Any, ...], length: int) -> Callable[[list[Any]], Sequence[Any]]:
    """A function from the stack of values to those of its `length` last that a rule's plan names (see build.py)."""
    if not plan:
        return lambda values: ()
    if all(isinstance(n, int) for n in plan):
        places = [n - length for n in plan]
        return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1 or None))

    def children(values: list[Any]) -> list[Any]:
        found: list[Any] = []
        for n in plan:
            if isinstance(n, list):
                found += values[n[0] - length]
            else:
                found.append(None if n is None else values[n - length])
        return found

    return children


def _same(span: Span, value: Any) -> Any:
    return value


def run(
    table: Table,
    rules: list[Reduction],
    start: str,
    source: Source,
    tokens: list[Token],
    match: dict[int, int],
    report: Callable[[Failure], None],
) -> tuple[Any, list[str]]:
    """The tree (None where a failure left nothing to go on from), and what each token was taken for.

    `match` has the index of the closer for every opener; `report` is called for every statement that is given up.
    """
    stack = _Stack([table.starts[start]], blocks=[start])
    states, values, starts, ends, depths = stack.states, stack.values, stack.starts, stack.ends, stack.depths
    rows, bodies, jumps, end_state = table.rows, table.bodies, table.jumps, table.ends[start]
    kinds = [token.kind for token in tokens]
    index, tuple_of = 0, tuple.__new__  # what Span(...) does, without a call in between
    while True:
        token = tokens[index]
        kind = token[0]
        if kind == "NAME":
            kind = kinds[index] = _word_kind(table, tokens, index, rows[states[-1]])
        deep = None
        action = bodies.get(states[-1]) or rows[states[-1]].get(kind)
        while action is not None and action < 0:
            origin, length, build, children, grows, deeper = rules[~action]
            base = len(values) - length
            if length == 1:
                values[-1] = build(tuple_of(Span, (source, starts[-1], ends[-1])), *children(values))
                depths[-1] += deeper
                del states[-1]
            else:
                first, last = (starts[base], ends[-1]) if length else (token[2], token[2])
                depth = max(depths[base:], default=0) + deeper
                if depth > MAX_NESTING:
                    deep, action = Span(source, first, last), None
                    break
                if grows:
                    value = values[base]
                    value += children(values)
                else:
                    value = build(tuple_of(Span, (source, first, last)), *children(values))
                del states[base + 1 :], values[base:], starts[base:], ends[base:], depths[base:]
                values.append(value)
                starts.append(first)
                ends.append(last)
                depths.append(depth)
            reached = jumps.get((states[-1], origin, kind))
            states.append(table.after(states[-1], origin, kind) if reached is None else reached)
            action = rows[states[-1]].get(kind)
        refused = (index == stack.statements[-1] or kind == "DTYPE") and not stack.allows(kind, token)
        if action is not None and not refused:
            states.append(action)
            values.append(token)
            starts.append(token[2])
            ends.append(token[3])
            depths.append(0)
            index += 1
            if kind in TURNS:
                stack.shifted(kind, index)
        elif states[-1] == end_state:
            return values[-1], kinds
        else:
            can_go_on = stack.back_to_body()
            statements, blocks = tuple(stack.statements), tuple(stack.blocks)
            end = _statement_end(tokens, match, statements[-1], index)
            failure = Failure(tokens, kinds, index, end, statements, blocks, tuple(states), deep, refused)
            report(failure)
            if not can_go_on:
                return None, kinds
            index = failure.end


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


def would_fit(table: Table, rules: list[Reduction], failure: Failure, kind: str) -> bool:
    """Whether the statement could be read to its end, or to its block, with a terminal put before the failing token."""
    states, tokens = list(failure.states), failure.tokens
    if not all(_advance(table, rules, states, each) for each in (*failure.kinds[failure.start : failure.index], kind)):
        return False
    for index in range(failure.index, failure.end + 1):
        row = table.rows[states[-1]]
        kind = _word_kind(table, tokens, index, row) if tokens[index].kind == "NAME" else tokens[index].kind
        if not _advance(table, rules, states, kind):
            return False
        if kind in ("LBRACE", "RBRACE", STOP):
            break
    return True


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
