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
from gdl.syntax.tokens import STATEMENT_WORDS, Token
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
    _check_edition(outcome, editions)
    module = ast.Module(
        editions[0].text if editions else None,
        _with_docs(items, outcome.comments),
        tuple(outcome.comments),
        frozenset(outcome.broken),
        span=Span(source, 0, len(source.text)),
    )
    return module, _in_order(outcome.diagnostics)


def parse_item(source: Source, span: Span) -> tuple[ast.Item | None, list[Diagnostic]]:
    """The one item that stands in `span`, a slice of `source` as `index` gives it."""
    outcome = _read(source, "file", span.start, span.end)
    items = _with_docs(outcome.value, outcome.comments)
    return (items[0] if items else None), _in_order(outcome.diagnostics)


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
    broken: set[str] = set()
    failures: list[Failure] = []

    rules = _rules(table)

    def report(failure: Failure) -> None:
        failures.append(failure)
        diagnostics.append(explain(failure, source, table, rules))

    value, kinds = run(table, rules, start, source, layout.tokens, layout.match, report)
    return _Outcome(value, layout.tokens, kinds, lexed.comments, diagnostics, broken, bool(layout.unclosed))


def _check_edition(outcome: _Outcome, editions: Sequence[Edition]) -> None:
    pass


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
