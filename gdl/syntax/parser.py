"""Text to syntax tree. Nothing here raises on anything that a user wrote."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from gdl.collection import uncollected
from gdl.diagnostics import Diagnostic
from gdl.errors import syntax as errors
from gdl.record import Record, record
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.explain import explain
from gdl.syntax.lalr import Failure, Reduction, reductions, run
from gdl.syntax.layout import lay_out
from gdl.syntax.lexer import lex
from gdl.syntax.table import Table, load_table
from gdl.syntax.tokens import BROKEN, DTYPES, RESERVED, STOP, Token
from gdl.syntax.tree import BUILDERS, NESTING, Edition

EDITION = "1"
_CODE = re.compile("[EW][0-9]{4}")


@cache
def _rules(table: Table) -> list[Reduction]:
    return reductions(table, BUILDERS, NESTING)


@record
class Reading(Record):
    """What one run of the parser over a text, or a part of it, gave."""

    value: Any
    lexed: list[Token]  # as they stand
    tokens: list[Token]  # as the grammar wants them
    kinds: list[str]  # what each of these was taken for
    comments: list[ast.Comment]
    diagnostics: list[Diagnostic]
    broken: set[str]
    is_incomplete: bool


def parse(source: Source) -> tuple[ast.Module, list[Diagnostic]]:
    """The syntax tree of a file, and its mistakes in order of place. What stands around a mistake is in the tree."""
    return module_of(read(source, "file", 0, len(source.text)), source)


def module_of(reading: Reading, source: Source) -> tuple[ast.Module, list[Diagnostic]]:
    """`parse` for a source that is read."""
    editions = [item for item in reading.value if isinstance(item, Edition)]
    items = [item for item in reading.value if not isinstance(item, Edition)]
    reading.diagnostics.extend(_check_edition(editions, items))
    reading.diagnostics.extend(_check_params(items))
    module = ast.Module(
        editions[0].text if editions else None,
        _with_docs(items, reading.comments),
        tuple(reading.comments),
        frozenset(reading.broken),
        span=Span(source, 0, len(source.text)),
    )
    return module, _in_order(reading.diagnostics)


def parse_items(source: Source, start: int, end: int) -> tuple[tuple[ast.Item, ...], list[Diagnostic]]:
    """The items in a part of a source, with spans into the whole of it."""
    reading = read(source, "file", start, end)
    return _with_docs(reading.value, reading.comments), _in_order(reading.diagnostics)


def parse_expression(
    source: Source, start: int = 0, end: int | None = None
) -> tuple[ast.Expr | None, list[Diagnostic]]:
    """The one expression that the text, or this part of it, is; None where it is not one."""
    reading = read(source, "expression", start, len(source.text) if end is None else end)
    return reading.value, _in_order(reading.diagnostics)


@lru_cache(maxsize=1024)
def parse_signature(text: str) -> ast.Signature:
    """An op's signature, `(x: f[*a], axis: int = 0) -> f[*a]`. ValueError: it is not one (not a user's mistake)."""
    reading = read(Source("signature", text), "signature", 0, len(text))
    if reading.diagnostics:
        raise ValueError(f"{text}: {'; '.join(d.message for d in reading.diagnostics)}")
    return reading.value


def is_incomplete(text: str) -> bool:
    """Whether more lines could make this text right: a bracket is open, or it stops in the middle of a statement."""
    return unfinished(Source("input", text), "file")


def unfinished(source: Source, start: str, begin: int = 0) -> bool:
    """`is_incomplete` for what is read by a start rule of the grammar, from an offset on."""
    return read(source, start, begin, len(source.text)).is_incomplete


@uncollected
def read(source: Source, start: str, begin: int, end: int) -> Reading:
    """Parse a part of a source from a start rule of the grammar."""
    table = load_table()
    lexed = lex(source, table, begin, end)
    layout = lay_out(lexed.tokens, source, end)
    diagnostics = lexed.diagnostics + layout.diagnostics
    failures: list[Failure] = []
    rules = _rules(table)
    reported = sorted(diagnostic.labels[0].span.start for diagnostic in diagnostics)
    unclosed = next((at for at in reported if source.text.startswith("{", at)), end)

    def report(failure: Failure) -> None:
        failures.append(failure)
        if not _is_reported(failure, reported):
            found = explain(failure, source, table, rules)
            if found.code != "E0009" or failure.token.start < unclosed:  # else it stands in the wrong block
                diagnostics.append(found)

    value, kinds = run(table, rules, start, source, layout.tokens, layout.match, report)
    diagnostics += _wrong_codes(layout.tokens, kinds, source)
    cut_off = any(_is_last(failure) for failure in failures)
    wrong = sum(diagnostic.code != "E0003" for diagnostic in diagnostics)  # E0003: a bracket is open
    unfinished = not wrong if layout.is_open else cut_off and wrong == len(failures) == 1 and not reported
    broken = {name for start in _starts(failures) for name in _names(layout.tokens, kinds, start)}
    return Reading(value, lexed.tokens, layout.tokens, kinds, lexed.comments, diagnostics, broken, unfinished)


def _is_reported(failure: Failure, places: list[int]) -> bool:
    """Whether characters or brackets of the statement are reported already, which then may well be why it fails."""
    if any(token.kind == BROKEN for token in failure.tokens[failure.index : failure.end]):
        return True
    first = bisect_left(places, failure.tokens[failure.start].start)
    return first < len(places) and places[first] < failure.token.end


def _wrong_codes(tokens: list[Token], kinds: list[str], source: Source) -> list[Diagnostic]:
    """`expect error ABC`: what should be the code of an error and is not."""
    if "ERROR" not in kinds:
        return []
    codes = [tokens[index + 1] for index, kind in enumerate(kinds) if kind == "ERROR"]
    return [errors.not_a_code(Span(source, c.start, c.end)) for c in codes if not _CODE.fullmatch(c.text)]


def _is_last(failure: Failure) -> bool:
    """Whether the statement goes wrong only because the text ends."""
    return failure.token.kind in ("END", STOP) and failure.start < failure.index >= len(failure.tokens) - 2


def _starts(failures: list[Failure]) -> set[int]:
    """Token index of every statement that was given up, and of those that it stands in."""
    return {start for failure in failures for start in failure.statements}


def _names(tokens: list[Token], kinds: list[str], start: int) -> Iterator[str]:
    """The words of a statement as far as its block."""
    for index in range(start, len(tokens)):
        if kinds[index] in ("END", "LBRACE", STOP):
            return
        if kinds[index] == "NAME" and tokens[index].text not in RESERVED:
            yield tokens[index].text


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


def _check_params(items: Sequence[ast.Item]) -> Iterator[Diagnostic]:
    """`x: f32` for a parameter, which looks like a kind and means a tensor."""
    for item in items:
        for param in item.params if isinstance(item, ast.Definition) else ():
            if isinstance(param.type, ast.Kind) and not param.type.is_choice:
                dtype = next((name for name in param.type.names if name in DTYPES and name != "bool"), None)
                if dtype is not None:
                    yield errors.not_a_type(param.type.span, dtype)


def _with_docs(items: Sequence[ast.Item], comments: Sequence[ast.Comment]) -> tuple[ast.Item, ...]:
    """The items, definitions and hypers with the `##` lines right above them as their `doc`."""
    found = (comment for comment in comments if comment.own_line and comment.text.startswith("##"))
    docs = {comment.span.line: comment.text.lstrip("#").removeprefix(" ") for comment in found}
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
