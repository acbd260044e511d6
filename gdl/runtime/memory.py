"""Which memory each value lies in: in place where it can be, else a part of the arena for as long as it lives."""

from __future__ import annotations

from gdl.runtime.arena import pack
from gdl.runtime.statements import Listing, Owner, Statement, Storage, Value
from gdl.runtime.updates import can_write_over, land


def assign_memory(listing: Listing) -> tuple[int, list[Storage]]:
    """Gives every storage its place. Returns the arena's size in bytes and the storages that lie in it."""
    storages = _measure(listing)
    land(listing)
    for _, new in listing.updates:
        if new.storage is not None and new.storage.inside is None:
            new.storage.last = len(listing.statements)  # copied at the end
    for at, statement in enumerate(listing.statements):
        if statement.elementwise and statement.writes_memory:
            _write_in_place(statement, at, listing.statements)
    arena = [s for s in storages if s.owner is Owner.ARENA and s.inside is None]
    _stretch(arena, listing)
    return pack(arena), arena


def _measure(listing: Listing) -> list[Storage]:
    """Sets the first and the last use of every storage; returns them all."""
    found: list[Storage] = []
    for at, statement in enumerate(listing.statements):
        for value in (*statement.operands, statement.result, statement.scratch):
            storage = value.storage if value is not None else None
            if storage is not None:
                storage.last = at
                if storage.first < 0:
                    storage.first = at
                    found.append(storage)
    for output in listing.outputs:
        if output.storage is not None:
            output.storage.last = len(listing.statements)
    return found


def _stretch(arena: list[Storage], listing: Listing) -> None:
    """Keeps what a chain shares with the other statements from the chain's first statement to its last, for its blocks
    take turns. What only the chain uses, and not as a view, is no larger than a block, and free again within it."""
    statements = listing.statements
    viewed = {view.storage.root() for view in listing.views}  # type: ignore[union-attr]
    for storage in arena:
        begin = statements[storage.first].chain
        end = statements[storage.last].chain if storage.last < len(statements) else None
        if begin is not None and begin is end and storage not in viewed:
            storage.block_rows = begin.rows
            storage.nbytes = storage.nbytes // begin.length * begin.rows
            continue
        if begin is not None:
            storage.first = begin.first
        if end is not None:
            storage.last = end.last


def _write_in_place(statement: Statement, at: int, statements: list[Statement]) -> None:
    """Merges the result's memory with that of an operand of its type which is not needed afterwards."""
    result = statement.result
    storage = result.storage
    if storage is None or storage.owner is not Owner.ARENA or storage.inside is not None:
        return
    for operand in statement.operands:
        if operand.storage is None or not operand.lies_like(result):
            continue
        root = operand.storage.root()
        if root.last == at and can_write_over(statement, at, root, at) and _is_free(root, storage, at, statements):
            storage.inside, root.last = root, storage.last
            _share_name(operand, result)
            return


def _is_free(root: Storage, storage: Storage, at: int, statements: list[Statement]) -> bool:
    """Whether memory that is done with at `at` is the plan's to use until the last use of `storage`."""
    if root.owner is Owner.ARENA:
        return True
    if root.owner is not Owner.STATE or root.lands <= at:
        return False
    return can_write_over(statements[root.lands], root.lands, storage, storage.last)


def _share_name(operand: Value, result: Value) -> None:
    """One array serves for both; the generated code reads better with one name."""
    result.name = operand.name
