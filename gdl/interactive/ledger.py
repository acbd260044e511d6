"""The items of a session in order, and what rests on what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gdl.diagnostics import Diagnostic
from gdl.lang.names import free_names
from gdl.lang.statements import bound_names
from gdl.syntax import ast


@dataclass(eq=False, slots=True)
class Entry:
    """An item that was accepted. `names` are what it declares, `labels` what it names by the way (`x |> fc: Dense(3)`);
    `wrong` is why it no longer holds."""

    item: ast.Item
    names: tuple[str, ...]
    uses: frozenset[str]
    labels: tuple[str, ...] = ()
    wrong: tuple[Diagnostic, ...] = ()

    @property
    def text(self) -> str:
        return self.item.span.text

    @property
    def shown(self) -> str:
        return ", ".join([name.strip() for name in self.names])


def entry_of(item: ast.Item) -> Entry:
    return Entry(item, declared(item), free_names(item))


def declared(item: ast.Item) -> tuple[str, ...]:
    """The names that an item declares; blocks have names of their own kind, with a blank in them."""
    if isinstance(item, ast.Import):
        return item.names or (item.alias or Path(item.module).stem,)
    if isinstance(item, ast.Dim):
        return item.names
    if isinstance(item, (ast.Train, ast.Eval, ast.Test)):
        return (f"{type(item).__name__.lower()} {item.name or ''}",)
    if isinstance(item, (ast.Definition, ast.Hyper, ast.Data)):
        return (item.name,)
    return bound_names(item)  # type: ignore[arg-type]


@dataclass(slots=True)
class Ledger:
    """All entries, oldest first; found by what they declare and by what they use."""

    _entries: dict[Entry, None] = field(default_factory=dict)
    _owners: dict[str, dict[Entry, None]] = field(default_factory=dict)
    _users: dict[str, dict[Entry, None]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        self._entries[entry] = None
        for name in (*entry.names, *entry.labels):
            self._owners.setdefault(name, {})[entry] = None
        for name in entry.uses:
            self._users.setdefault(name, {})[entry] = None

    def remove(self, entry: Entry) -> None:
        del self._entries[entry]
        for table, names in ((self._owners, (*entry.names, *entry.labels)), (self._users, entry.uses)):
            for name in names:
                table.get(name, {}).pop(entry, None)

    def owners(self, name: str) -> list[Entry]:
        """What declares a name, oldest first: the last is what it means."""
        return list(self._owners.get(name, ()))

    def dependents(self, names: Iterable[str]) -> list[Entry]:
        """Everything that rests on these names, directly or not, oldest first."""
        found: dict[Entry, None] = {}
        todo = list(names)
        seen = set(todo)
        while todo:
            for user in self._users.get(todo.pop(), ()):
                for entry in (user, *[e for name in user.names for e in self._owners.get(name, ())]):
                    found[entry] = None
                    for name in (*entry.names, *entry.labels):
                        if name not in seen:
                            seen.add(name)
                            todo.append(name)
        if len(found) < 2:
            return list(found)
        return [entry for entry in self._entries if entry in found]

    def needed(self, entries: Iterable[Entry]) -> list[Entry]:
        """These entries and all that they rest on, oldest first."""
        found: dict[Entry, None] = dict.fromkeys(entries)
        todo = list(found)
        while todo:
            for name in todo.pop().uses:
                for owner in self._owners.get(name, ()):
                    if owner not in found:
                        found[owner] = None
                        todo.append(owner)
        return [entry for entry in self._entries if entry in found]
