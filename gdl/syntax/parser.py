"""Text to syntax tree. Nothing here raises on anything that a user wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.errors import syntax as errors
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.explain import explain
from gdl.syntax.lalr import Failure, Reduction, reductions, run
from gdl.syntax.layout import lay_out
from gdl.syntax.lexer import lex
from gdl.syntax.table import Table, load_table
from gdl.syntax.tokens import BROKEN, RESERVED, STOP, Token
from gdl.syntax.tree import BUILDERS, NESTING, Edition

EDITION = "1"


@cache
def _rules(table: Table) -> list[Reduction]:
    return reductions(table, BUILDERS, NESTING)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one run of the parser over a text, or a part of it, gave."""

    value: Any
    tokens: list[Token]
    kinds: list[str]
    comments: list[ast.Comment]
    diagnostics: list[Diagnostic]
    broken: set[str]
    is_incomplete: bool


def parse(source: Source) -> tuple[ast.Module, list[Diagnostic]]:
    """The syntax tree of a file, and its mistakes in order of place. What stands around a mistake is in the tree."""
    outcome = _read(source, "file", 0, len(source.text))
    editions = [item for item in outcome.value if isinstance(item, Edition)]
    items = [item for item in outcome.value if not isinstance(item, Edition)]
    outcome.diagnostics.extend(_check_edition(editions, items))
    module = ast.Module(
        editions[0].text if editions else None,
        _with_docs(items, outcome.comments),
        tuple(outcome.comments),
        frozenset(outcome.broken),
        span=Span(source, 0, len(source.text)),
    )
    return module, _in_order(outcome.diagnostics)


def parse_items(source: Source, start: int, end: int) -> tuple[tuple[ast.Item, ...], list[Diagnostic]]:
    """The items in a part of a source, with spans into the whole of it."""
    outcome = _read(source, "file", start, end)
    return _with_docs(outcome.value, outcome.comments), _in_order(outcome.diagnostics)


def parse_expression(source: Source) -> tuple[ast.Expr | None, list[Diagnostic]]:
    """The one expression that the text is; None where it is not one."""
    outcome = _read(source, "expression", 0, len(source.text))
    return outcome.value, _in_order(outcome.diagnostics)


@lru_cache(maxsize=1024)
def parse_signature(text: str) -> ast.Signature:
    """An op's signature, `(x: f[*a], axis: int = 0) -> f[*a]`. ValueError: it is not one (not a user's mistake)."""
    outcome = _read(Source("signature", text), "signature", 0, len(text))
    if outcome.diagnostics:
        raise ValueError(f"{text}: {'; '.join(d.message for d in outcome.diagnostics)}")
    return outcome.value


def is_incomplete(text: str) -> bool:
    """Whether more lines could make this text right: a bracket is open, or it stops in the middle of a statement."""
    return _read(Source("input", text), "file", 0, len(text)).is_incomplete


def _read(source: Source, start: str, begin: int, end: int) -> _Outcome:
    table = load_table()
    lexed = lex(source, table, begin, end)
    layout = lay_out(lexed.tokens, source, end)
    diagnostics = lexed.diagnostics + layout.diagnostics
    failures: list[Failure] = []

    rules = _rules(table)

    def report(failure: Failure) -> None:
        failures.append(failure)
        if all(token.kind != BROKEN for token in failure.tokens[failure.index : failure.end]):  # else it is reported
            diagnostics.append(explain(failure, source, table, rules))

    value, kinds = run(table, rules, start, source, layout.tokens, layout.match, report)
    unfinished = layout.is_open or any(_is_last(failure) for failure in failures)
    broken = {name for failure in failures for name in _names(failure)}
    return _Outcome(value, layout.tokens, kinds, lexed.comments, diagnostics, broken, unfinished)


def _is_last(failure: Failure) -> bool:
    """Whether the statement goes wrong only because the text ends."""
    return failure.token.kind in ("END", STOP) and failure.start < failure.index >= len(failure.tokens) - 2


def _names(failure: Failure) -> set[str]:
    """The words of a statement that was given up, and of the headers of the blocks that it stands in."""
    names = set()
    for start in failure.statements:
        for token, kind in zip(failure.tokens[start:], failure.kinds[start:], strict=False):
            if kind in ("END", "LBRACE", STOP):
                break
            if kind == "NAME" and token.text not in RESERVED:
                names.add(token.text)
    return names


def _check_edition(editions: Sequence[Edition], items: Sequence[ast.Item]) -> list[Diagnostic]:
    """An edition that this GDL does not know, or that stands too late."""
    found = []
    for index, edition in enumerate(editions):
        number = Span(edition.span.source, edition.span.end - len(edition.text), edition.span.end)
        if index > 0 or (items and items[0].span.start < edition.span.start):
            found.append(errors.late_edition(edition.span))
        elif edition.text != EDITION:
            found.append(errors.unknown_edition(number, EDITION))
    return found


def _with_docs(items: Sequence[ast.Item], comments: Sequence[ast.Comment]) -> tuple[ast.Item, ...]:
    """The items, definitions and hypers with the `##` lines right above them as their `doc`."""
    docs = {c.span.line: c.text.lstrip("#").removeprefix(" ") for c in comments if c.own_line and c.text.startswith("##")}
    if not docs:
        return tuple(items)
    return tuple(_with_doc(item, docs) if isinstance(item, (ast.Definition, ast.Hyper)) else item for item in items)


def _with_doc(item: ast.Item, docs: dict[int, str]) -> ast.Item:
    line = item.span.line - 1
    lines: list[str] = []
    while line in docs:
        lines.insert(0, docs[line])
        line -= 1
    return replace(item, doc="\n".join(lines)) if lines else item


def _in_order(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(diagnostics, key=lambda d: d.span.start if d.span else 0)
