"""What an input is: a command, an assignment, an expression or items of a program."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.errors import GdlError
from gdl.errors import prompt as errors
from gdl.lang.names import free_names
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.parser import parse, parse_expression, unfinished
from gdl.syntax.tokens import ITEM_WORDS, STATEMENT_WORDS

_COMMAND = re.compile(r"\s*:([A-Za-z]\w*|)[ \t]*")
_HELP = re.compile(r"\s*\?[ \t]*(\S*)\s*$|\s*(\w+)\?\s*$")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z_][\w./\[\]]*)\s*:=")
_LAST = re.compile(r"(?<![\w.])_(?!\w)")
_WORDS = "|".join(sorted(ITEM_WORDS | STATEMENT_WORDS))
_BEGINS_ITEM = re.compile(rf"\s*(?:{_WORDS})\s+[\w\"{{]|[^=<>!~(\[]*(?<![=<>!~])=(?!=)")


@dataclass(frozen=True, slots=True)
class Command:
    """`:name argument`; `at` is where the argument begins."""

    source: Source
    name: str
    argument: str
    at: int

    @property
    def span(self) -> Span:
        """The argument, or the whole where there is none."""
        start, end = (self.at, len(self.source.text.rstrip())) if self.argument else (0, len(self.source.text.rstrip()))
        return Span(self.source, start, max(end, start + 1))

    @property
    def name_span(self) -> Span:
        start = self.source.text.index(":")
        return Span(self.source, start, start + 1 + len(self.name))

    def expression(self, start: int | None = None) -> tuple[ast.Expr | None, list[Diagnostic]]:
        """The argument, from `start` on, as an expression."""
        return parse_expression(self.source, self.at if start is None else start)


@dataclass(frozen=True, slots=True)
class Help:
    """`?name`"""

    name: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """`target := value`"""

    target: str
    target_span: Span
    value: ast.Expr


@dataclass(frozen=True, slots=True)
class Expression:
    value: ast.Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[ast.Item, ...]


@dataclass(frozen=True, slots=True)
class Wrong:
    """Not to be understood."""

    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """An input, understood. `muted` if it ends in `;`."""

    input: Command | Help | Assignment | Expression | Items | Wrong
    muted: bool = False


def read(source: Source) -> Reading:
    """What the text of a source is."""
    text = source.text
    command = _COMMAND.match(text)
    if command:
        return Reading(Command(source, command[1], text[command.end() :].strip(), command.end()))
    help = _HELP.match(text)
    if help:
        return Reading(Help(help[1] or help[2] or ""))
    body = text.rstrip()
    muted = body.endswith(";")
    end = len(body) - muted
    return Reading(_read(source, end), muted)


def _read(source: Source, end: int) -> Any:
    assigned = _ASSIGNMENT.match(source.text)
    if assigned:
        if not source.text[assigned.end() : end].strip():
            return Wrong((errors.no_value(Span(source, assigned.start(1), assigned.end()), assigned[1]),))
        value, wrong = parse_expression(source, assigned.end(), end)
        if wrong or value is None:
            return Wrong(tuple(wrong))
        return Assignment(assigned[1], Span(source, assigned.start(1), assigned.end(1)), value)
    if not _is_item(source.text):
        value, wrong = parse_expression(source, 0, end)
        if not wrong and value is not None:
            return Expression(value, Span(source, value.span.start, value.span.end))
        module, also_wrong = parse(source)
        if also_wrong or not module.items:
            return Wrong(tuple(wrong))
        return Items(module.items)
    module, wrong = parse(source)
    if any(d.is_error for d in wrong):
        return Wrong(tuple(wrong))
    return Items(module.items)


def _is_item(text: str) -> bool:
    """Whether a text means to be a statement: it begins with a statement's word, or binds a name."""
    stripped = re.sub(r"^\s*(#[^\n]*(\n|$)\s*)*", "", text)
    return not stripped or _BEGINS_ITEM.match(stripped) is not None


def is_unfinished(text: str) -> bool:
    """Whether more lines could make this text right."""
    if _COMMAND.match(text) or _HELP.match(text) or not text.strip():
        return False
    source = Source("input", text)
    assigned = _ASSIGNMENT.match(text)
    if assigned:
        return unfinished(source, "expression", assigned.end())
    return unfinished(source, "file" if _is_item(text) else "expression")


def feeds(item: ast.Item) -> bool:
    """Whether it is a block that feeds placeholders."""
    return isinstance(item, (ast.Train, ast.Eval)) and any(isinstance(s, ast.Feed) for s in item.body)


def mentions_last(text: str) -> bool:
    """Whether `_` occurs."""
    return _LAST.search(text) is not None


def names_in(expr: ast.Expr) -> frozenset[str]:
    """The names that an expression uses."""
    return free_names(expr)  # type: ignore[arg-type]


def expression_at(span: Span) -> ast.Expr:
    """The dotted name in a span as an expression."""
    value, wrong = parse_expression(span.source, span.start, span.end)
    if wrong or value is None:
        raise GdlError(*wrong)
    return value


def renamed(node: Any, old: str, new: str) -> Any:
    """A tree in which a name is replaced wherever it is used."""
    if isinstance(node, tuple) and not isinstance(node, Span):
        return tuple([renamed(each, old, new) for each in node])
    if isinstance(node, ast.Name) and node.name == old:
        return dataclasses.replace(node, name=new)
    if not isinstance(node, ast.Ast):
        return node
    fields = [f.name for f in dataclasses.fields(node) if f.init and not f.name.endswith("span")]
    return dataclasses.replace(node, **{name: renamed(getattr(node, name), old, new) for name in fields})
