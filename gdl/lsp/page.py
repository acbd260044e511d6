"""A text with all that is known of it: its tree, its names, and what the checker found at each place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.lang.context import Context
from gdl.lang.modules import Loader, is_missing
from gdl.lang.program import Hyper, LayerInfo, VariableInfo
from gdl.lang.values import POISON, DataValue, Function
from gdl.lsp.names import Names, Symbol, resolve
from gdl.resources import open_source
from gdl.session.checking import diagnose
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.parser import parse
from gdl.train.data import DataOptions


@dataclass(frozen=True, slots=True)
class Known:
    """What the check of a text found. `seen` is what came to stand at each place of it, `bound` the same by the name
    that it was bound to and the definition around that: so much holds of a text that was changed since, too."""

    source: Source | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    seen: Mapping[tuple[int, int], list[Any]] = field(default_factory=dict)
    bound: Mapping[tuple[str, str], list[Any]] = field(default_factory=dict)
    hypers: Mapping[str, Hyper] = field(default_factory=dict)
    variables: Mapping[str, VariableInfo] = field(default_factory=dict)
    layers: Mapping[str, LayerInfo] = field(default_factory=dict)
    files: tuple[Path, ...] = ()  # the program and what it imports

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """The fields of the records of each data source."""
        data = [value for (owner, _), values in self.bound.items() if not owner for value in values]
        return {value.name: tuple(value.header.fields) for value in data if isinstance(value, DataValue)}


@dataclass(frozen=True, slots=True)
class Page:
    """A text, read, with what was found by the check of it or of an earlier text."""

    source: Source
    module: ast.Module
    names: Names
    known: Known = field(default_factory=Known)

    @property
    def is_current(self) -> bool:
        return self.known.source is self.source

    def values(self, span: Span | None) -> list[Any]:
        """What came to stand at a place."""
        if span is None or not self.is_current:
            return []
        return [value for value in self.known.seen.get((span.start, span.end), ()) if value is not POISON]

    def meaning(self, symbol: Symbol, at: int | None = None) -> list[Any]:
        """What a name means; at one of its declarations, or anywhere."""
        spans = symbol.declarations if at is None else symbol.declarations[at : at + 1]
        found = [value for span in spans for value in self.values(span)]
        return found or list(self.known.bound.get((symbol.scope.owner, symbol.name), ()))


def turned(source: Source, known: Known) -> Page:
    """A text read, with what is known of an earlier one."""
    module, _ = parse(source)
    return Page(source, module, resolve(module, known.fields), known)


def studied(source: Source, options: DataOptions, read: Callable[[Path], Source] = open_source) -> Page:
    """A text checked. `read` gives the text of an imported file."""
    seen: dict[tuple[int, int], list[Any]] = {}
    started: list[tuple[Context, ast.Module]] = []

    def begun(cx: Context, module: ast.Module) -> None:
        cx.seen = seen
        started.append((cx, module))

    diagnostics = diagnose(source, options, read=read, begun=begun)
    ((cx, module),) = started
    data = {name: tuple(v.header.fields) for name, v in cx.declared.items() if isinstance(v, DataValue)}
    names = resolve(module, data)
    bound = dict(_bound(names, seen, cx))
    known = Known(source, diagnostics, seen, bound, cx.hypers, cx.variables, cx.layers, tuple(cx.loader.files))
    return Page(source, module, names, known)


def _bound(
    names: Names, seen: Mapping[tuple[int, int], list[Any]], cx: Context
) -> Iterator[tuple[tuple[str, str], list[Any]]]:
    for symbol in names.symbols:
        found = [value for span in symbol.declarations for value in seen.get((span.start, span.end), ())]
        if not found and symbol.scope is names.top:
            value = cx.declared.get(symbol.name, cx.main.parsed.get(symbol.name, cx.main.imported.get(symbol.name)))
            found = [] if value is None else [value]
        found = [value for value in found if value is not POISON and not is_missing(value)]
        if found:
            yield (symbol.scope.owner, symbol.name), found


def library_function(name: str, module: str = "") -> Function | None:
    """A definition of the standard library: of one of its modules, else of those in scope everywhere."""
    loader = Loader()
    for library in [loader.standard(module)] if module else loader.prelude():
        found = library.lookup(name) if library is not None else None
        if isinstance(found, Function):
            return found
    return None
