"""Which memory each value lies in, where statements are compiled: as in `gdl.runtime.memory`, time counted in nests.

A value that only one nest needs is in registers and has no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gdl.runtime.arena import pack
from gdl.runtime.compiled.nest import Nest, crosses
from gdl.runtime.statements import Listing, Owner, Statement, Storage, Value
from gdl.runtime.updates import can_write_over

Item = Statement | Nest


def assign_memory(items: Sequence[Item], listing: Listing) -> tuple[int, list[Storage]]:
    """Gives every storage its place. Returns the arena's size in bytes and the storages that lie in it."""
    _decide_stored(items, listing)
    storages = _measure(items, listing)
    landed = _land(items, listing)
    for _, new in listing.updates:
        if new.storage is not None and new.storage.inside is None:
            new.storage.last = len(items)  # copied at the end
    for at, item in enumerate(items):
        for result in _results(item):
            _write_in_place(item, result, at, items, landed)
    arena = [s for s in storages if s.owner is Owner.ARENA and s.inside is None]
    return pack(arena), arena


def _decide_stored(items: Sequence[Item], listing: Listing) -> None:
    """What of each nest goes to memory: what others read, and what a later repetition of its inner loop reads."""
    wanted = {v.storage for v in listing.outputs} | {new.storage for _, new in listing.updates}
    readers: dict[Storage, set[int]] = {}
    for at, item in enumerate(items):
        for storage in _read(item):
            readers.setdefault(storage, set()).add(at)
    for at, item in enumerate(items):
        if isinstance(item, Nest):
            produced = item.produced
            crossing = {
                r.storage for p in item.placed for r in p.reads
                if r.storage in produced and crosses(produced[r.storage], p)
            }  # fmt: skip
            item.stored = {
                s for s, maker in produced.items()
                if s in wanted or s in crossing or maker.adds_up or readers.get(s, set()) - {at}
            }  # fmt: skip


def _read(item: Item) -> Iterator[Storage]:
    if isinstance(item, Nest):
        yield from (read.storage for placed in item.placed for read in placed.reads)
    else:
        yield from (value.storage for value in (*item.operands, item.scratch) if value is not None and value.storage)


def _results(item: Item) -> list[Value]:
    if isinstance(item, Nest):
        return [p.work.statement.result for p in item.placed if p.write.storage in item.stored]
    return [item.result] if item.result.storage is not None else []


def _measure(items: Sequence[Item], listing: Listing) -> list[Storage]:
    """Sets the first and the last use of every storage; returns those that are used."""
    found: list[Storage] = []
    for at, item in enumerate(items):
        loaded = [access.storage for _, access in item.loads()] if isinstance(item, Nest) else [*_read(item)]
        for storage in (*loaded, *[value.storage for value in _results(item)]):
            storage.last = at  # type: ignore[union-attr]
            if storage.first < 0:  # type: ignore[union-attr]
                storage.first = at  # type: ignore[union-attr]
                found.append(storage)  # type: ignore[arg-type]
    for output in listing.outputs:
        if output.storage is not None:
            output.storage.last = len(items)
    return found


def _land(items: Sequence[Item], listing: Listing) -> dict[Storage, Value]:
    """Merges new values with their variables' memory where the old value is dead by then. Returns what landed there."""
    made = {value.storage: (at, value) for at, item in enumerate(items) for value in _results(item)}
    landed: dict[Storage, Value] = {}
    for variable, new in listing.updates:
        old, storage = variable.storage, new.storage
        if storage is None or storage not in made or storage.inside is not None:
            continue
        if storage.owner is not Owner.ARENA or not new.fills_storage:
            continue
        at, result = made[storage]
        if _may_replace(items[at], result, at, old, old.last):  # type: ignore[union-attr, arg-type]
            storage.inside, old.lands = old, at  # type: ignore[union-attr]
            landed[old] = result  # type: ignore[index]
    return landed


def _may_replace(item: Item, result: Value, at: int, storage: Storage, last: int) -> bool:
    """Whether the result may be written into memory that is last read at `last`."""
    if last != at:
        return last < at
    if isinstance(item, Nest):
        return item.may_replace(result.storage, storage)  # type: ignore[arg-type]
    return can_write_over(item, at, storage, last)


def _write_in_place(item: Item, result: Value, at: int, items: Sequence[Item], landed: dict[Storage, Value]) -> None:
    """Merges the result's memory with that of an operand of its type which is not needed afterwards."""
    storage = result.storage
    assert storage is not None
    if storage.owner is not Owner.ARENA or storage.inside is not None or not result.fills_storage:
        return
    if isinstance(item, Statement) and not item.elementwise:
        return
    for read in dict.fromkeys(_read(item)):
        root = read.root()
        if root.last != at or root is storage or root.nbytes != storage.nbytes or root.first == at:
            continue
        if _may_replace(item, result, at, root, at) and _is_free(root, storage, at, items, landed):
            storage.inside, root.last = root, storage.last
            return


def _is_free(
    root: Storage, storage: Storage, at: int, items: Sequence[Item], landed: dict[Storage, Value]
) -> bool:
    """Whether memory that is done with at `at` is the plan's to use until the last use of `storage`."""
    if root.owner is Owner.ARENA:
        return True
    if root.owner is not Owner.STATE or root.lands <= at:
        return False
    return _may_replace(items[root.lands], landed[root], root.lands, storage, storage.last)
