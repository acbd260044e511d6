"""A declaration and all its uses under a new name, in every file, where that changes nothing else."""

from __future__ import annotations

import re

from gdl.diagnostics import Edit
from gdl.lang.statements import RESERVED as MEANT_EVERYWHERE
from gdl.lsp.elsewhere import NONE, Files, meant, origin
from gdl.lsp.names import Scope, Symbol
from gdl.lsp.navigating import symbol_at
from gdl.lsp.page import Page
from gdl.source import Span
from gdl.syntax.tokens import DTYPES, RESERVED

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


class Refused(Exception):
    """Why a name can't be changed, or not into this one."""


def renamable(page: Page, offset: int, files: Files = NONE) -> Span:
    """The name at a place. Raises Refused where the user's files do not declare it."""
    _own(page, offset, files)
    places = (*page.names.meant, *page.names.members)
    return next(Span(page.source, start, end) for start, end in places if start <= offset <= end)


def rename(page: Page, offset: int, name: str, files: Files = NONE) -> list[Edit]:
    """The edits that give what stands at a place another name. Raises Refused where that would change a program."""
    home, symbol = _own(page, offset, files)
    if not _NAME.fullmatch(name):
        raise Refused(f"`{name}` is no name: letters, digits and _, a digit not first")
    if name in RESERVED or name in MEANT_EVERYWHERE or name in DTYPES:
        raise Refused(f"`{name}` is a word of the language")
    if name == symbol.name:
        return []
    edits = []
    for found in meant(home, symbol, files):
        try:
            if found.symbol is not None:
                _hold_apart(found.page, found.symbol, name)
            _hold_clear(found.page, symbol)
        except Refused as why:
            raise why if found.page is page else Refused(f"in {_file(found.page)}: {why}") from None
        edits += [Edit(span, name) for span in found.places]
    return edits


def _file(page: Page) -> str:
    return page.source.path.name if page.source.path is not None else page.source.name


def _own(page: Page, offset: int, files: Files) -> tuple[Page, Symbol]:
    symbol = symbol_at(page, offset)
    if symbol is None:
        for (start, end), (owner, name) in page.names.fields.items():
            if start <= offset <= end:
                raise Refused(f"`{name}` is a field of `{owner}`: the data have it under this name")
        raise Refused("nothing that this file declares stands here")
    home, symbol = origin(page, symbol, files)
    if symbol.kind == "import":
        raise Refused(f"`{symbol.name}` is imported: it is declared in {symbol.items[0].module}")
    if symbol.kind == "module" and symbol.declarations[0] == symbol.items[0].module_span:
        raise Refused(f"`{symbol.name}` is the name of a file; import it `as` another")
    return home, symbol


def _hold_apart(page: Page, symbol: Symbol, name: str) -> None:
    """No other thing of the new name in the symbol's scope, or between it and a use."""
    if symbol.kind == "label":
        taken = page.names.labels.get(name) or next(
            (other for other in page.names.symbols if other.name == name and other.kind in ("dim", "size")), None
        )  # fmt: skip
        if taken is not None:
            raise _taken(taken, name)
        return
    if symbol.kind in ("eval", "train"):
        taken = symbol.scope.symbols.get(f"{symbol.kind} {name}")
        if taken is not None:
            raise _taken(taken, name)
        return
    if name in symbol.scope.symbols:
        raise _taken(symbol.scope.symbols[name], name)
    for span in symbol.places:
        for scope in page.names.scope_at(span.start).chain():
            if scope is symbol.scope:
                break
            if name in scope.symbols:
                raise _taken(scope.symbols[name], name)
    for other in page.names.symbols:  # a use of an outer thing of the new name would be taken for this
        if other.name == name and other.scope is not symbol.scope and other.kind not in ("label", "eval", "train"):
            if any(_within(page.names.scope_at(use.start), symbol.scope) for use in other.uses):
                raise _taken(other, name)
    for (start, end), scope in page.names.free.items():
        if page.source.text[start:end] == name and _within(scope, symbol.scope):
            line = Span(page.source, start, end).line
            raise Refused(f"`{name}` of the library is used on line {line}, and would be hidden")


def _hold_clear(page: Page, symbol: Symbol) -> None:
    """No `.name` of which it can't be told whether it means the symbol, of this file or another."""
    for (start, end), (member, owner) in page.names.members.items():
        if member == symbol.name and _may_own(page, symbol, owner):
            line = Span(page.source, start, end).line
            raise Refused(f"line {line} is wrong, so it can't be told whether its `.{member}` is meant; mend it first")


def _may_own(page: Page, symbol: Symbol, owner: Span) -> bool:
    """Whether what stands at a place, of which nothing is known, may be a net with this member."""
    found = page.names.meant.get((owner.start, owner.end))
    is_net = found is None or found.kind not in ("data", "module")
    return bool(symbol.scope.owner) and is_net and not page.values(owner)


def _within(scope: Scope, outer: Scope) -> bool:
    return any(each is outer for each in scope.chain())


def _taken(other: Symbol, name: str) -> Refused:
    where = f" on line {other.declarations[0].line}" if other.declarations else ""
    return Refused(f"`{name}` is declared already{where}")
