"""How the variables get their new values: in place where nothing reads the old one any more, else by a copy at the end.

All updates take effect together. A new value may be written straight into its variable's array, it *lands* there,
when no later statement reads the old value. What reads an old value from outside the statements (an output that is a
variable, one variable becoming another) is first copied, just before the value is overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from gdl.runtime.statements import COPY, Form, Listing, Owner, Statement, Storage, Value


def settle_updates(listing: Listing) -> None:
    """Gives every update a statement that can land, and moves such statements behind the last reader of the old
    value."""
    writers = _writers(listing.statements, listing.updates)
    landing: dict[str, int] = {}  # path -> position of the statement that computes the new value
    claimed: set[Storage] = set()
    late: list[int] = []  # updates whose new value is someone else's memory
    for index, (variable, new) in enumerate(listing.updates):
        if new.is_scalar:
            continue
        if _owns_memory(new) and new.storage in writers and new.storage not in claimed:
            claimed.add(new.storage)  # type: ignore[arg-type]
            landing[variable.storage.path] = writers[new.storage]  # type: ignore[index, union-attr]
        else:
            late.append(index)
    copies = _Copies(listing, landing)
    for index in late:
        variable, new = listing.updates[index]
        listing.updates[index] = (variable, copies.of(new))
    updated = {variable.storage.path for variable, _ in listing.updates}  # type: ignore[union-attr]
    for index, output in enumerate(listing.outputs):
        if output.storage is not None and output.storage.path in updated:
            listing.outputs[index] = copies.of(output)
    listing.statements = _postponed(copies.inserted(listing.statements), listing)


def land(listing: Listing) -> None:
    """Merges the memory of new values with their variables' where the old value is dead by then. A rank-0 value that
    is a local variable is stored at the end in any case."""
    writers = _writers(listing.statements, listing.updates)
    for variable, new in listing.updates:
        old, storage = variable.storage, new.storage
        assert old is not None
        if storage is None or storage not in writers or storage.inside is not None or not _owns_memory(new):
            continue
        at = writers[storage]
        if can_write_over(listing.statements[at], at, old, old.last):
            storage.inside, old.lands = old, at
            result = listing.statements[at].result
            if variable.lies_like(result):
                result.name = variable.name


def can_write_over(statement: Statement, at: int, storage: Storage, last: int) -> bool:
    """Whether the statement may write into memory that is last read at `last`."""
    if last != at:
        return last < at
    return statement.elementwise and all(
        operand.lies_like(statement.result)
        for operand in statement.operands
        if operand.storage is not None and operand.storage.root() is storage
    )


def _owns_memory(value: Value) -> bool:
    return value.storage is not None and value.storage.owner is Owner.ARENA and value.fills_storage


def _writers(statements: Sequence[Statement], updates: Iterable[tuple[Value, Value]]) -> dict[Storage, int]:
    """The memory of new values -> the position of the statement that writes it."""
    wanted = {new.storage for _, new in updates if new.storage is not None}
    if not wanted:
        return {}
    return {s.result.storage: i for i, s in enumerate(statements) if s.writes_memory and s.result.storage in wanted}  # type: ignore[misc]


class _Copies:
    """Copies to insert, each where its source is still the old value."""

    def __init__(self, listing: Listing, landing: dict[str, int]):
        self._landing, self._end, self._names = landing, len(listing.statements), listing.names
        self._before: dict[int, list[Statement]] = {}

    def of(self, value: Value) -> Value:
        storage = Storage(Owner.ARENA, value.nbytes)
        copy = Value(self._names.take("copied"), value.dtype, value.shape, storage)
        source = value.storage
        at = self._landing.get(source.path, self._end) if source is not None and source.path else self._end
        self._before.setdefault(at, []).append(Statement(Form.COPY, copy, (value,), None, COPY, np.copyto))
        return copy

    def inserted(self, statements: list[Statement]) -> list[Statement]:
        if not self._before:
            return statements
        parts = [[*self._before.get(i, ()), statement] for i, statement in enumerate(statements)]
        return [*chain.from_iterable(parts), *self._before.get(self._end, ())]


def _postponed(statements: list[Statement], listing: Listing) -> list[Statement]:
    """The statements, with each new value that nothing else needs computed after the last reader of the old one,
    unless that keeps more memory in use than the buffer it saves."""
    last_read: dict[Storage, int] = {}
    for i, statement in enumerate(statements):
        for operand in statement.operands:
            if operand.storage is not None:
                last_read[operand.storage] = i
    writers = _writers(statements, listing.updates)
    given = {output.storage for output in listing.outputs}
    places: dict[int, int] = {}
    for variable, new in listing.updates:
        at = writers.get(new.storage) if new.storage is not None else None
        reader = last_read.get(variable.storage, -1)  # type: ignore[arg-type]
        if at is None or reader <= at or new.storage in last_read or new.storage in given:
            continue
        dying = {o.storage for o in statements[at].operands if o.storage is not None and last_read[o.storage] == at}
        if sum(s.nbytes for s in dying if s.owner is Owner.ARENA) <= new.storage.nbytes:  # type: ignore[union-attr]
            places[at] = reader
    if not places:
        return statements
    order = sorted(range(len(statements)), key=lambda i: (places.get(i, i), i in places))
    return [statements[i] for i in order]
