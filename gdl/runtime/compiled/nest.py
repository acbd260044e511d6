"""Statements that one nest of loops can compute together: which loops there are, what runs in which, in what order.

Every statement runs over a space: its result's shape, for a reduction its operand's; axes of size 1 do not count. In a
nest the largest space is S, the others are () or lead it. Axes that all accesses cross alike are one loop; the last
loop is the inner one. A statement runs in the inner loop if its space is S, once for each row if it lacks just the
inner axis, once in all if it is (). The inner loop is repeated where a row's reduction must be finished before elements
of the row can go on: these repetitions are the `phases`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import prod

import numpy as np

from gdl.runtime.arrays import DTYPES
from gdl.runtime.statements import Statement, Storage, Value

Strides = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """Elements of a storage, as a space's axes go through them. `base` is the value that begins where it begins."""

    base: Value
    storage: Storage
    dtype: str
    offset_bytes: int
    strides: Strides  # in elements; 0: the same element again

    def moved(self, strides: Strides) -> Access:
        return Access(self.base, self.storage, self.dtype, self.offset_bytes, strides)

    @property
    def place(self) -> tuple[Storage, str, int]:
        return self.storage, self.dtype, self.offset_bytes


@dataclass(eq=False, slots=True)
class Work:
    """A statement as a nest takes it."""

    number: int  # its place in the plan, before anything is moved
    statement: Statement
    formula: str
    space: tuple[int, ...]
    reads: tuple[Access, ...]
    write: Access
    reduces: str = ""  # "sum", "max" or "min"
    reduced: tuple[bool, ...] = ()  # for each axis of the space


class Level(Enum):
    ONCE = "once"
    ROW = "row"
    INNER = "inner"


@dataclass(eq=False, slots=True)
class Placed:
    """A work in its nest, all accesses along the nest's loops."""

    work: Work
    level: Level
    phase: int
    reads: tuple[Access, ...]
    write: Access
    adds_up: bool = False  # a reduction over other rows too: its result is complete after the nest
    over_inner: bool = False


@dataclass(eq=False, slots=True)
class Nest:
    """Loops and what runs in them. What `stored` names goes to memory, all else stays in registers."""

    sizes: tuple[int, ...]
    placed: list[Placed]
    stored: set[Storage] = field(default_factory=set)

    @property
    def works(self) -> list[Work]:
        return [p.work for p in self.placed]

    @property
    def produced(self) -> dict[Storage, Placed]:
        return {p.write.storage: p for p in self.placed}

    def loads(self) -> Iterator[tuple[Placed, Access]]:
        """What is read from memory: of other nests, or of an earlier phase."""
        produced = self.produced
        for placed in self.placed:
            for access in placed.reads:
                maker = produced.get(access.storage)
                if maker is None or crosses(maker, placed):
                    yield placed, access

    def may_replace(self, result: Storage, old: Storage) -> bool:
        """Whether the result may be written over this memory while it is read here."""
        maker = self.produced[result]
        if maker.adds_up or maker.work.reduces:
            return False
        for placed, access in self.loads():
            if access.storage.root() is old:
                same = access.moved(maker.write.strides) == access and access.dtype == maker.write.dtype
                if not same or access.offset_bytes or placed.phase > maker.phase or placed.level is not maker.level:
                    return False
        return True


def crosses(maker: Placed, reader: Placed) -> bool:
    """Whether a value is made in one repetition of the inner loop and read in a later one, so that memory holds it."""
    return maker.level is Level.INNER and not maker.over_inner and maker.phase < reader.phase


def nest_of(works: Sequence[Work]) -> Nest | None:
    """The works in one nest, in the order of their numbers; None if they do not go together."""
    space = max((w.space for w in works), key=len)
    if any(w.space != space[: len(w.space)] or (w.reduces and w.space != space) for w in works):
        return None
    padded = [_padded(w, len(space)) for w in works]
    cuts = _cuts(space, works, padded)
    sizes = tuple([prod(space[a:b]) for a, b in zip((0, *cuts), cuts)])
    nest = Nest(sizes, [])
    produced: dict[Storage, Placed] = {}
    for work, (reads, write) in zip(works, padded):
        placed = _place(work, _crossed(reads, cuts), _crossed((write,), cuts)[0], space, cuts, produced)
        if placed is None:
            return None
        nest.placed.append(placed)
        produced[write.storage] = placed
    return nest


def _padded(work: Work, rank: int) -> tuple[tuple[Access, ...], Access]:
    missing = (0,) * (rank - len(work.space))
    if not missing:
        return work.reads, work.write
    return tuple([r.moved(r.strides + missing) for r in work.reads]), work.write.moved(work.write.strides + missing)


def _cuts(
    space: tuple[int, ...], works: Sequence[Work], padded: Sequence[tuple[tuple[Access, ...], Access]]
) -> Strides:
    """Where the axes of each loop end: between two axes, wherever an access does not go on as it would in one."""
    rank = len(space)
    cut = [False] * rank
    strides = {a.strides for reads, write in padded for a in (*reads, write)}
    for along in strides:
        for axis in range(rank - 1):
            cut[axis] |= along[axis] != along[axis + 1] * space[axis + 1]
    for work in works:
        for axis in range(len(work.reduced) - 1):
            cut[axis] |= work.reduced[axis] != work.reduced[axis + 1]
        if 0 < len(work.space) < rank:
            cut[len(work.space) - 1] = True
    return tuple([axis + 1 for axis in range(rank) if cut[axis] or axis == rank - 1])


def _crossed(accesses: Sequence[Access], cuts: Strides) -> tuple[Access, ...]:
    return tuple([a.moved(tuple([a.strides[cut - 1] for cut in cuts])) for a in accesses])


def _place(
    work: Work, reads: tuple[Access, ...], write: Access, space: tuple[int, ...], cuts: Strides,
    produced: dict[Storage, Placed],
) -> Placed | None:  # fmt: skip
    level = _level(work, space, cuts)
    if level is None:
        return None
    phase, inner = 0, len(cuts) - 1
    for read in reads:
        maker = produced.get(read.storage)
        if maker is None:
            continue
        if maker.adds_up or maker.write != read:
            return None
        if level is Level.ONCE and maker.level is not Level.ONCE:
            return None
        phase = max(phase, maker.phase + maker.over_inner)
    placed = Placed(work, level, phase, reads, write)
    if work.reduces:
        loops = [work.reduced[cut - 1] for cut in cuts]
        placed.over_inner = bool(loops) and loops[inner]
        placed.adds_up = any(loops[:inner]) or not placed.over_inner
        if not any(loops):
            placed.over_inner = placed.adds_up = False
    return placed


def _level(work: Work, space: tuple[int, ...], cuts: Strides) -> Level | None:
    if not space:
        return Level.ONCE
    if work.space == space:
        return Level.INNER
    if len(cuts) == 1:
        return Level.ROW
    if not work.space:
        return Level.ONCE
    return Level.ROW if len(work.space) == cuts[-2] else None


# ---- accesses ----------------------------------------------------------------------------------------------------


def access_of(
    value: Value, layout: tuple[Value, np.ndarray, int], space: tuple[int, ...], axes: Sequence[int]
) -> Access:
    """A value in a space. `axes` are the space's axes that the value's own are; others, and stretched ones, it does not
    move along. Axes of size 1 are left out."""
    base, array, start = layout
    item = DTYPES[value.dtype].itemsize
    along = [0] * len(space)
    for axis, size, stride in zip(axes, array.shape, array.strides):
        along[axis] = stride // item if size > 1 else 0
    kept = tuple([along[axis] for axis, size in enumerate(space) if size != 1])
    return Access(base, base.storage, value.dtype, array.ctypes.data - start, kept)  # type: ignore[arg-type]


def squeezed(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple([size for size in shape if size != 1])
