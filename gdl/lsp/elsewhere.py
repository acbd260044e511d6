"""What a file declares, in the files that import it: as an imported name, behind a module's name, given by keyword, as
a member of a net."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gdl.lang.modules import path_beside
from gdl.lsp.calls import callee_of
from gdl.lsp.names import Symbol, walk
from gdl.lsp.navigating import layers_of, places
from gdl.lsp.page import Page
from gdl.source import Span
from gdl.syntax import ast

_DEFINED = ("def", "layer", "optimizer", "import")


@dataclass(frozen=True, slots=True)
class Files:
    """Where the other files are had: `page` gives one by its path, `users` those that may import it."""

    page: Callable[[Path], Page | None] = lambda path: None
    users: Callable[[Path], Iterable[Page]] = lambda path: ()


NONE = Files()


@dataclass(frozen=True, slots=True)
class Meant:
    """The places of one page that mean a symbol. `symbol` is what declares or imports it there, if anything does."""

    page: Page
    symbol: Symbol | None
    places: list[Span]


def origin(page: Page, symbol: Symbol, files: Files) -> tuple[Page, Symbol]:
    """Where a symbol is declared: for what is imported from a file of the user's, in that file."""
    path = _path(page, symbol.items[0]) if symbol.kind == "import" else None
    seen: set[Path] = set()
    while path is not None and path not in seen:
        seen.add(path)
        found = files.page(path)
        there = found.names.top.symbols.get(symbol.name) if found is not None else None
        if found is None or there is None or there.kind not in _DEFINED:
            break
        page, symbol = found, there
        path = _path(page, symbol.items[0]) if symbol.kind == "import" else None
    return page, symbol


def meant(page: Page, symbol: Symbol, files: Files, seen: frozenset[Path] = frozenset()) -> Iterator[Meant]:
    """The symbol in its own page, then in all that import this, directly or through others."""
    yield Meant(page, symbol, places(page, symbol))
    path = page.source.path.resolve() if page.source.path is not None else None
    is_seen_outside = symbol.scope in (page.names.top, page.names.definitions.get(symbol.scope.owner))
    if path is None or path in seen or not is_seen_outside:
        return
    for user in files.users(path):
        imports = [each for each in user.module.items if isinstance(each, ast.Import) and _opens(user, each, path)]
        if not imports:
            continue
        own = user.names.top.symbols.get(symbol.name)
        if own is not None and own.kind == "import" and own.items[0] in imports and symbol.scope is page.names.top:
            yield from meant(user, own, files, seen | {path})
        yield Meant(user, None, sorted(_beyond(user, path, symbol), key=lambda span: span.start))


def _beyond(user: Page, path: Path, symbol: Symbol) -> list[Span]:
    """The places in a page that mean what another file declares, and that no name of the page's own stands for."""
    members = [
        (Span(user.source, start, end), owner)
        for (start, end), (name, owner) in user.names.members.items() if name == symbol.name
    ]  # fmt: skip
    if not symbol.scope.owner:
        return [span for span, owner in members if symbol.kind in _DEFINED and _is_module(user, owner, path)]
    found = [span for span, owner in members if any(_is(each.definition, path, symbol) for each in
             layers_of(user.values(owner)))]  # fmt: skip
    return found + (list(_keywords(user, path, symbol)) if symbol.kind == "parameter" else [])


def _keywords(user: Page, path: Path, symbol: Symbol) -> Iterator[Span]:
    for node in walk(user.module.items):
        for argument in (node.args or ()) if isinstance(node, (ast.Call, ast.Stage)) else ():
            if argument.name == symbol.name and argument.name_span is not None:
                callee = callee_of(user, node.callee)
                if isinstance(callee, ast.Definition) and _is(callee, path, symbol):
                    yield argument.name_span


def _is(definition: ast.Definition, path: Path, symbol: Symbol) -> bool:
    """Whether a definition is the one of another file that a symbol belongs to."""
    own = definition.span.source.path
    return definition.name == symbol.scope.owner and own is not None and own.resolve() == path


def _is_module(user: Page, owner: Span, path: Path) -> bool:
    found = user.names.meant.get((owner.start, owner.end))
    return found is not None and found.kind == "module" and _opens(user, found.items[0], path)


def _opens(user: Page, item: ast.Import, path: Path) -> bool:
    return _path(user, item) == path


def _path(page: Page, item: ast.Import) -> Path | None:
    """The file of the user's that an import names."""
    return path_beside(page.source.path, item.module) if item.is_path and page.source.path is not None else None
