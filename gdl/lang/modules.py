"""Modules: what a file defines and imports. Library files are parsed one definition at a time, when it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.errors import GdlError
from gdl.errors import names as errors
from gdl.lang.values import Function, ModuleValue
from gdl.ops.table import TABLE
from gdl.resources import is_file_name, open_source, resource
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.index import index, parse_item
from gdl.syntax.parser import parse

#: Standard modules whose definitions are in scope everywhere.
PRELUDE = ("functions", "losses", "initializers", "optimizers", "schedules", "random")


@dataclass(eq=False)
class Library:
    """One module: its definitions by name, where they stand if they are parsed when named, and the names it imports."""

    name: str
    source: Source
    is_standard: bool = False
    parsed: dict[str, Function] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    imported: dict[str, Any] = field(default_factory=dict)
    statements: tuple[ast.Item, ...] = ()  # everything but definitions and imports, of a file of the user's

    def lookup(self, name: str) -> Any:
        """A definition or import by name, or None."""
        found = self.parsed.get(name) or self.imported.get(name)
        if found is None and name in self.places:
            item, problems = parse_item(self.source, self.places[name])
            if problems or not isinstance(item, ast.Definition):
                raise AssertionError(f"{self.source.name}: {name} does not parse: {problems}")
            found = self.parsed.setdefault(name, Function(item, self))
        return found

    def names(self) -> Iterator[str]:
        """Everything that `lookup` would find."""
        yield from dict.fromkeys([*self.places, *self.parsed, *self.imported])


class Loader:
    """Opens modules, each once; knows the chain of files being opened, so that cycles are found."""

    def __init__(self, read: Callable[[Path], Source] = open_source) -> None:
        self.read = read  # how the text of a file is had: an editor's is not on the disk yet
        self.diagnostics: list[Diagnostic] = []
        self.files: list[Path] = []
        self._by_path: dict[Path, Library] = {}
        self._opening: list[Path] = []
        self._own: list[Library] = []

    def standard(self, name: str) -> Library | None:
        """A module of the standard library."""
        return _standard(name)

    def prelude(self) -> list[Library]:
        found = [self.standard(name) for name in PRELUDE]
        return [library for library in found if library is not None]

    def own(self) -> list[Library]:
        """The modules that are the user's: the program and the files that it imports."""
        return self._own

    def main(self, source: Source, module: ast.Module | None = None) -> tuple[Library, ast.Module]:
        """The module of a program's own text, or of items that were parsed before."""
        if source.path is not None:
            self._opening.append(source.path.resolve())
            self.files.append(source.path)
        if module is None:
            module, problems = parse(source)
            self.diagnostics += problems
        return self._library(source, module), module

    def _library(self, source: Source, module: ast.Module) -> Library:
        library = Library(Path(source.name).stem, source)
        self._own.append(library)
        rest: list[ast.Item] = []
        for item in module.items:
            if isinstance(item, ast.Definition):
                if item.name in library.parsed:
                    first = library.parsed[item.name].definition.name_span
                    self.diagnostics.append(errors.declared_twice(item.name_span, item.name, first))
                library.parsed[item.name] = Function(item, library)
            elif isinstance(item, ast.Import):
                self.add_import(library, item)
            else:
                rest.append(item)
        library.statements = tuple(rest)
        return library

    def add_import(self, library: Library, item: ast.Import) -> None:
        """What an import names, into the library's scope."""
        module = self._open(library, item)
        if module is None:
            for name in item.names or (item.alias or Path(item.module).stem,):
                library.imported[name] = _MISSING
            return
        if not item.names:
            library.imported[item.alias or Path(item.module).stem] = ModuleValue(module)
        for name, span in zip(item.names, item.name_spans or ()):
            found = module.lookup(name)
            if found is None:
                everywhere = name in TABLE or any(library.lookup(name) for library in self.prelude())
                self.diagnostics.append(errors.not_in_module(span, item.module, name, module.names(), everywhere))
                found = _MISSING
            library.imported[name] = found

    def _no_module(self, item: ast.Import, label: str, similar: str | None) -> None:
        found = errors.no_module(item.module_span, item.module, label, similar, _standard_names(), item.is_path)
        self.diagnostics.append(found)

    def _open(self, library: Library, item: ast.Import) -> Library | None:
        if not item.is_path:
            module = self.standard(item.module)
            if module is None:
                similar = errors.closest(item.module, _standard_names())
                self._no_module(item, "not in the library", similar)
            return module
        if library.source.path is None:
            label = "this text is no file, so no file is beside it"
            self._no_module(item, label, None)
            return None
        path = path_beside(library.source.path, item.module)
        if path is None:
            self._no_module(item, "that is no file name", None)
            return None
        if path in self._opening:
            chain = [p.name for p in self._opening[self._opening.index(path) :]] + [path.name]
            self.diagnostics.append(errors.import_cycle(item.module_span, chain))
            return None
        if path not in self._by_path:
            try:
                source = self.read(path)
            except GdlError as error:
                beside = [p.name for p in path.parent.glob("*.gdl")] if path.parent.is_dir() else []
                why = error.diagnostics[0].message.rpartition(": ")[2]
                self._no_module(item, why, errors.closest(item.module, beside))
                return None
            source = Source(item.module, source.text, path)
            self.files.append(path)
            self._opening.append(path)
            module, problems = parse(source)
            self.diagnostics += problems
            self._by_path[path] = self._library(source, module)
            self._opening.pop()
        return self._by_path[path]


@cache
def _standard(name: str) -> Library | None:
    """A module of the standard library: it never changes, so all checks of a process share what they parse of it."""
    path = resource("stdlib") / f"{name}.gdl"
    if not name.isidentifier() or not path.is_file():
        return None
    source = Source(f"{name}.gdl", path.read_text(encoding="utf-8"), path)
    library = Library(name, source, is_standard=True)
    library.places.update((key, span) for key, (_, span) in index(source).items())
    return library


def path_beside(own: Path, name: str) -> Path | None:
    """The file that is named beside a program's own; None where no file can have it, or links lead in a circle."""
    try:
        return (own.parent / name).resolve() if is_file_name(name) else None
    except (OSError, RuntimeError):
        return None


def _standard_names() -> list[str]:
    return sorted([path.stem for path in resource("stdlib").glob("*.gdl")])


class _Missing:
    """Stands for an import that failed and was reported."""


_MISSING = _Missing()


def is_missing(value: Any) -> bool:
    return isinstance(value, _Missing)
