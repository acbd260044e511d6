"""Offsets in one block of memory for storages that come and go: those alive together never overlap."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np

from gdl.errors import RunError
from gdl.runtime.arrays import aligned_block, physical_bytes, round_up
from gdl.runtime.statements import Storage

#: A block is asked for with room for larger plans to come, which else would get another one while plans that are kept
#: hold on to this. What is never written takes no memory.
_ROOM = 3
#: Up to so many storages are packed by size, in quadratic time and nearly always into the least memory there is.
_FEW = 600


class Arena:
    """Memory that plans take turns to use: what lies in it is lost when another plan runs."""

    __slots__ = ("_block", "_lanes")

    def __init__(self) -> None:
        self._block = aligned_block(0)
        self._lanes: dict[int, Arena] = {}

    def block(self, nbytes: int) -> np.ndarray:
        """At least so many bytes. Errors: E0810."""
        if self._block.nbytes < nbytes:
            self._block = _roomy(nbytes)
        return self._block

    def lanes(self, count: int, nbytes: int) -> list[np.ndarray]:
        """So many blocks, the first being the arena's: for threads that use the same offsets at the same time. Of the
        others only what is written takes memory. Errors: E0810."""
        others = [self._lanes.setdefault(i, Arena()) for i in range(1, count)]
        return [arena.block(nbytes) for arena in (self, *others)]

    @property
    def nbytes(self) -> int:
        return self._block.nbytes


def _roomy(nbytes: int) -> np.ndarray:
    """At least so many bytes, and more where that can be promised. Errors: E0810."""
    wanted = _ROOM * nbytes if _ROOM * nbytes <= physical_bytes() // 2 else nbytes
    try:
        return aligned_block(wanted)
    except RunError:
        return aligned_block(nbytes)


def pack(storages: Sequence[Storage]) -> int:
    """Sets every storage's offset; returns the size of the block."""
    if len(storages) > _FEW:
        return pack_by_time(storages)
    return pack_by_size(storages)


def pack_by_size(storages: Sequence[Storage]) -> int:
    """The largest first, each at the lowest offset that is free for its whole life, in the gap that fits best."""
    placed: list[Storage] = []  # by offset
    total = 0
    for storage in sorted(storages, key=lambda s: (-s.nbytes, s.first)):
        size = round_up(storage.nbytes)
        end, best, waste = 0, -1, -1
        for other in placed:
            if other.last < storage.first or storage.last < other.first:
                continue
            gap = other.offset - end
            if gap >= size and (best < 0 or gap < waste):
                best, waste = end, gap
            end = max(end, other.offset + round_up(other.nbytes))
        storage.offset = best if best >= 0 else end
        insort(placed, storage, key=lambda s: s.offset)
        total = max(total, storage.offset + size)
    return total


def pack_by_time(storages: Sequence[Storage]) -> int:
    """In the order of their lives, each into the smallest free gap that holds it; gaps that meet become one."""
    free = _Gaps()
    dying = sorted(storages, key=lambda s: s.last)
    next_dying = 0
    for storage in sorted(storages, key=lambda s: s.first):
        while dying[next_dying].last < storage.first:
            free.give(dying[next_dying].offset, round_up(dying[next_dying].nbytes))
            next_dying += 1
        storage.offset = free.take(round_up(storage.nbytes))
    return free.total


class _Gaps:
    """Free parts of a block that grows when none is large enough."""

    def __init__(self) -> None:
        self.total = 0
        self._by_size: list[tuple[int, int]] = []  # (size, offset), sorted
        self._at: dict[int, int] = {}  # offset -> size
        self._ending: dict[int, int] = {}  # end -> offset

    def take(self, size: int) -> int:
        if size == 0:
            return 0
        index = bisect_left(self._by_size, (size, -1))
        if index < len(self._by_size):
            gap, offset = self._by_size[index]
            self._remove(offset)
            if gap > size:
                self._add(offset + size, gap - size)
            return offset
        offset = self._ending.get(self.total, self.total)  # the last gap grows
        if offset < self.total:
            self._remove(offset)
        self.total = offset + size
        return offset

    def give(self, offset: int, size: int) -> None:
        if size == 0:
            return
        before, after = self._ending.get(offset), offset + size
        if after in self._at:
            size += self._at[after]
            self._remove(after)
        if before is not None:
            size += self._at[before]
            self._remove(before)
            offset = before
        self._add(offset, size)

    def _add(self, offset: int, size: int) -> None:
        insort(self._by_size, (size, offset))
        self._at[offset], self._ending[offset + size] = size, offset

    def _remove(self, offset: int) -> None:
        size = self._at.pop(offset)
        del self._ending[offset + size]
        del self._by_size[bisect_left(self._by_size, (size, offset))]
