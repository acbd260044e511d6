"""Inferred types, shown behind the bindings that do not declare one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gdl.graph.node import Node
from gdl.lsp.names import walk
from gdl.lsp.page import Page
from gdl.source import Span
from gdl.syntax import ast


@dataclass(frozen=True, slots=True)
class Hint:
    """A text to show at an offset."""

    offset: int
    text: str


def hints(page: Page, start: int, end: int) -> list[Hint]:
    """The types of the bindings in a part of the text; in a body that runs several times, where all agree."""
    return sorted(_hints(page, start, end), key=lambda hint: hint.offset)


def _hints(page: Page, start: int, end: int) -> Iterator[Hint]:
    for node in walk(page.module.items):
        if isinstance(node, ast.Bind) and node.type is None:
            spans = node.target_spans
        elif isinstance(node, ast.Metric):
            spans = (node.name_span,)
        else:
            continue
        if start <= node.span.end <= end:
            types = [_type(page, span) for span in spans]
            if all(types):
                told = dict.fromkeys(types) if len(set(types)) == 1 else types
                yield Hint(node.span.end, ": " + ", ".join(map(str, told)))


def _type(page: Page, span: Span) -> str | None:
    found = {str(value.type) if isinstance(value, Node) else None for value in page.values(span)}
    return found.pop() if len(found) == 1 else None
