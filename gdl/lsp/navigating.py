"""From a use to the declaration, and from there to all uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gdl.graph.node import Node
from gdl.interactive.offers import inside
from gdl.lang.values import Function, Instance, InstanceList
from gdl.lsp.calls import definition_of, imported, keyword_at
from gdl.lsp.names import Symbol
from gdl.lsp.page import Page, library_function
from gdl.source import Span


def definition(page: Page, offset: int) -> Span | None:
    """Where the name at a place is declared; in another file for what is imported or belongs to the library."""
    member = _member_at(page, offset)
    if member is not None:
        symbol = member_symbol(page, *member)
        return symbol.declarations[0] if symbol is not None else _place_of_member(page, *member)
    found = page.names.at(offset)
    if found is not None:
        span, symbol = found
        if symbol.kind == "import":
            target = definition_of(imported(page, symbol))
            return target.name_span if target is not None else symbol.declarations[0]
        return symbol.declarations[symbol.declared_for(span.start)] if symbol.declarations else None
    keyword = keyword_at(page, offset)
    if keyword is not None:
        target = definition_of(keyword[1])
        params = target.params if target is not None else ()
        return next((param.name_span for param in params if param.name == keyword[0].text), None)
    for start, end in page.names.free:
        if start <= offset <= end:
            span = Span(page.source, start, end)
            functions = [value for value in page.values(span) if isinstance(value, Function)]
            function = functions[0] if functions else library_function(span.text)
            return function.definition.name_span if function is not None else None
    return None


def references(page: Page, offset: int) -> list[Span]:
    """All places in the text that mean what the place means."""
    symbol = symbol_at(page, offset)
    return places(page, symbol) if symbol is not None else []


def symbol_at(page: Page, offset: int) -> Symbol | None:
    """The symbol that a name or a member means."""
    found = page.names.at(offset)
    if found is not None:
        return found[1]
    member = _member_at(page, offset)
    return member_symbol(page, *member) if member is not None else None


def places(page: Page, symbol: Symbol) -> list[Span]:
    """Where a symbol stands, `.name` of a net included."""
    found = list(symbol.places)
    for (start, end), (name, owner) in page.names.members.items():
        if name == symbol.name and member_symbol(page, name, owner) is symbol:
            found.append(Span(page.source, start, end))
    return sorted(found, key=lambda span: span.start)


def member_symbol(page: Page, name: str, owner: Span) -> Symbol | None:
    """What `.name` means in the body of a layer of this file."""
    for layer in layers_of(page.values(owner)):
        if layer.definition.span.source is page.source:
            scope = page.names.definitions.get(layer.name)
            return scope.symbols.get(name) if scope is not None else None
    return None


def _member_at(page: Page, offset: int) -> tuple[str, Span] | None:
    found = page.names.members.items()
    return next((member for (start, end), member in found if start <= offset <= end), None)


def _place_of_member(page: Page, name: str, owner: Span) -> Span | None:
    for value in page.values(owner):
        for key, member in inside(value):
            if key == name:
                if isinstance(member, Function):
                    return member.definition.name_span
                return member.span if isinstance(member, (Node, Instance)) else None
    return None


def layers_of(values: list[Any]) -> Iterator[Function]:
    """The layers of the nets among some values."""
    for value in values:
        if isinstance(value, InstanceList):
            yield from [instance.layer for instance in value.items.values()]
        elif isinstance(value, Instance):
            yield value.layer
