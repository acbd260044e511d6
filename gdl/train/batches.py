"""Batches of records: an endless stream in which batch number j is a pure function of j.

Batch j is batch `j % per_epoch` of epoch `j // per_epoch`, so a run resumes anywhere from the number alone.

With more than one thread, another one prepares a portion of the batches to come (about `PORTION` bytes, so that they
still lie in the cache when they are wanted) while the step computes on the portion before, and draws the epoch's order
where that is due. One batch at a time would not pay: to hand over work costs more than to gather the records of mnist's
batch, 15 microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gdl.errors import training as errors
from gdl.runtime.random import draw

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from gdl.lang.program import Feed
    from gdl.train.data.source import Records


#: Fewer records stay in the cache, and are put in order in less time than another thread takes to start.
AHEAD_FROM = 10_000

#: So many bytes of batches are prepared at once, at least one batch.
PORTION = 4 << 20


class Batches:
    """The batches of one feed. What `take` gives is valid until the next `take`. With `ahead`, another thread prepares
    what comes next of large data in random order."""

    def __init__(self, records: Records, feed: Feed, seed: int, ahead: bool = False):
        self._records = {name: records[name] for name in feed.fields}
        self._feed, self._seed = feed, seed
        self.count = len(next(iter(records.values()))) if records else 1
        if self.count == 0:
            raise errors.no_records(str(feed.data), feed.split, feed.span)
        self.size = min(feed.batch or self.count, self.count)
        self.per_epoch = -(-self.count // self.size)
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.intp))  # (epoch, its permutation)
        self._worker = _worker() if ahead and feed.shuffle and self.count >= AHEAD_FROM else None
        record = sum(array[:1].nbytes for array in self._records.values())
        self._per_portion = max(1, PORTION // max(1, self.size * record)) if self._worker else 1
        self._first = -1  # the batch with which the present portion begins
        self._present, self._next = self._buffers(), self._buffers()
        self._coming: tuple[int, Future[None]] | None = None  # with which batch the next portion begins, and its end

    def take(self, number: int) -> tuple[Mapping[str, np.ndarray], int]:
        """The fields of batch `number` and how many examples it has: the last of an epoch may be short."""
        index = number % self.per_epoch
        start = index * self.size
        length = min(self.size, self.count - start)
        if not self._feed.shuffle:
            return {name: array[start : start + length] for name, array in self._records.items()}, length
        place = index % self._per_portion
        if self._first != number - place:
            self._turn_to(number - place)
        start = place * self.size
        return {name: buffer[start : start + length] for name, buffer in self._present.items()}, length

    def _turn_to(self, first: int) -> None:
        """Makes the portion that begins with batch `first` the present one, and has the next one prepared meanwhile."""
        self._first = -1  # should this fail, there is none
        if self._worker is None:
            self._gather(first, self._present)
        else:
            coming, self._coming = self._coming, None
            if coming is not None:
                coming[1].result()
            if coming is None or coming[0] != first:
                self._worker.submit(self._gather, first, self._next).result()
            self._present, self._next = self._next, self._present
            after = min(first + self._per_portion, (first // self.per_epoch + 1) * self.per_epoch)
            self._coming = after, self._worker.submit(self._gather, after, self._next)
        self._first = first

    def _gather(self, first: int, buffers: Mapping[str, np.ndarray]) -> None:
        """Copies the records of one portion into buffers. Only one thread ever does this."""
        epoch, index = divmod(first, self.per_epoch)
        if self._order[0] != epoch:
            name = f"{self._feed.data}.{self._feed.split}"
            self._order = epoch, permutation(self.count, self._seed, name, epoch)
        chosen = self._order[1][index * self.size :][: self._per_portion * self.size]
        for name, array in self._records.items():
            out = buffers[name][: len(chosen)]
            if array.flags.c_contiguous:
                # mode: with "raise", NumPy would copy through a second buffer. The indices are right by construction.
                np.take(array, chosen, axis=0, out=out, mode="clip")
            else:
                out[...] = array[chosen]  # np.take would first copy all of an overlapping view

    def _buffers(self) -> dict[str, np.ndarray]:
        """Room for the records of one portion; memory that is never written is never taken."""
        if not self._feed.shuffle:
            return {}
        length = min(self._per_portion * self.size, self.count)
        return {name: np.empty((length, *array.shape[1:]), array.dtype) for name, array in self._records.items()}


def _worker() -> Executor:
    """One thread, which ends when nothing refers to it any more."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1, "gdl data")


class NoData:
    """The stream of a feed without data: every batch is empty, an epoch is one of them."""

    count = size = per_epoch = 1

    def take(self, number: int) -> tuple[Mapping[str, np.ndarray], int]:
        return {}, 1


def permutation(count: int, seed: int, name: str, epoch: int) -> np.ndarray:
    """The order of the records in one epoch: by 64 random bits for each, drawn by seed, data and epoch.

    Raw bits, because NumPy may change what its generators make of them, and a run must be repeatable.
    """
    keys = draw(seed, f"shuffle/{name}", epoch).bit_generator.random_raw(count)
    return np.argsort(keys, kind="stable")
