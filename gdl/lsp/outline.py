"""What a text declares, as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gdl.lsp.calls import head
from gdl.lsp.names import KINDS, labelled
from gdl.lsp.page import Page
from gdl.source import Span
from gdl.syntax import ast


@dataclass(frozen=True, slots=True)
class Entry:
    """A declaration: the whole of it, and its name in it. `kind` as of a symbol, or test."""

    name: str
    kind: str
    span: Span
    name_span: Span
    detail: str = ""
    children: tuple[Entry, ...] = ()


def outline(page: Page) -> list[Entry]:
    """The declarations in the order of the text; in layers those of nets and tensors."""
    return list(_entries(page.module.items))


def _entries(items: Iterable[Any]) -> Iterator[Entry]:
    seen: set[str] = set()
    for item in items:
        if isinstance(item, ast.Definition):
            children = tuple(_entries(item.body))
            yield Entry(item.name, item.what, item.span, item.name_span, head(item).removeprefix(item.name), children)
        elif isinstance(item, (ast.Train, ast.Eval)):
            kind = type(item).__name__.lower()
            name_span = item.name_span or Span(item.span.source, item.span.start, item.span.start + len(kind))
            yield Entry(item.name or kind, kind, item.span, name_span, "" if item.name is None else kind)
        elif isinstance(item, ast.Test):
            yield Entry(item.name, "test", item.span, Span(item.span.source, item.span.start, item.span.start + 4))
        elif isinstance(item, (ast.For, ast.If)):
            yield from _entries((*item.body, *getattr(item, "orelse", ())))
        elif type(item) in KINDS:
            for name, span in _names(item):
                if name not in seen:  # a binding may be made anew
                    seen.add(name)
                    yield Entry(name, KINDS[type(item)], item.span, span, _detail(item))
        for stage in labelled(item) if not isinstance(item, ast.Definition) else ():
            if stage.label_span is not None:
                yield Entry(str(stage.label), "net", stage.span, stage.label_span, stage.callee.span.text)


def _names(item: Any) -> list[tuple[str, Span]]:
    if isinstance(item, ast.Bind):
        return list(zip(item.targets, item.target_spans))
    return list(zip(item.names, item.name_spans)) if isinstance(item, ast.Dim) else [(item.name, item.name_span)]


def _detail(item: Any) -> str:
    declared = getattr(item, "type", None)
    if isinstance(declared, ast.TypeExpr):
        return declared.span.text
    return item.value.span.text.partition("\n")[0] if isinstance(item, (ast.Net, ast.Data)) else ""
