"""What stands in doc comments and docstrings: text by paragraphs, parts under a word, and examples to run."""

from __future__ import annotations

from collections.abc import Iterator

from gdl.diagnostics import Diagnostic
from gdl.errors import syntax as errors
from gdl.record import Record, record
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.lexer import lex
from gdl.syntax.parser import parse_expression
from gdl.syntax.table import load_table
from gdl.syntax.tokens import STATEMENT_WORDS

#: The words that begin a part of its own.
PARTS = ("Shapes", "Errors", "Reference", "Example")


@record
class Part(Record):
    """A paragraph, its lines joined; `section` is "" for plain text. `first` and `last` number its lines from 0."""

    section: str
    text: str
    first: int
    last: int


@record
class Example(Record):
    """An `Example:` as a test, or what is wrong with its text."""

    test: ast.Test
    problems: tuple[Diagnostic, ...]


def parts_of(doc: str) -> Iterator[Part]:
    """The paragraphs in order."""
    section, kept, first = "", [], 0
    for number, line in enumerate([*doc.splitlines(), ""]):
        key, colon, rest = line.partition(":")
        starts = bool(colon) and key in PARTS
        if kept and (starts or not line.strip()):
            yield Part(section, " ".join(kept), first, number - 1)
            section, kept = "", []
        if starts:
            section, line, first = key, rest, number
        elif not kept and not section:
            first = number
        if line.strip():
            kept.append(line.strip())


def examples_of(module: ast.Module) -> list[Example]:
    """The examples of all definitions, in the order of the text."""
    return [
        example for item in module.items if isinstance(item, ast.Definition) and item.doc for example in _examples(item)
    ]


def _examples(item: ast.Definition) -> Iterator[Example]:
    source, above = item.span.source, item.span.line - len(item.doc.split("\n"))
    told = [part for part in parts_of(item.doc) if part.section == "Example"]
    for number, part in enumerate(told, start=1):
        which = f"example {number}" if len(told) > 1 else "example"
        start = source.text.index(":", source.line_starts[above + part.first - 1]) + 1
        end = (*source.line_starts, len(source.text) + 1)[above + part.last] - 1
        yield _example(source, start, end, f"{which} of {item.name}")


def _example(source: Source, start: int, end: int, name: str) -> Example:
    """The example in a part of a text, which `##` may cross."""
    text = source.text
    written = text[start:end].replace("\n##", "\n  ")
    if written != text[start:end]:
        source = Source(source.name, text[:start] + written + text[end:], source.path)
    start, end = end - len(written.lstrip()), start + len(written.rstrip())
    tokens = lex(source, load_table(), start, end).tokens
    near = next((token for token in tokens if token.text == "~="), None)
    value, problems = parse_expression(source, start, near.start if near else end)
    if problems and (tokens[0].text in STATEMENT_WORDS or [token.text for token in tokens[1:2]] == ["="]):
        problems = [errors.statement_as_example(Span(source, start, end))]
    elif problems and problems[0].span is not None and problems[0].span.text == "=":
        problems = [errors.assignment_in_test(problems[0].span)]
    body: list[ast.Statement] = []
    if near is not None:
        close, more = parse_expression(source, near.end, end)
        problems += more
        if value is not None and close is not None:
            body.append(ast.Expect(value, close, span=Span(source, start, end)))
    elif value is not None:
        body.append(ast.Example(value, span=Span(source, start, end)))
    return Example(ast.Test(name, tuple(body), span=Span(source, start, end)), tuple(problems))
