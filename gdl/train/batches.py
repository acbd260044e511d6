"""Batches of records: an endless stream in which batch number j is a pure function of j.

Batch j is batch `j % per_epoch` of epoch `j // per_epoch`, so a run resumes anywhere from the number alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gdl.errors import training as errors
from gdl.runtime.random import draw

if TYPE_CHECKING:
    from gdl.lang.program import Feed
    from gdl.train.data.source import Records


class Batches:
    """The batches of one feed. What `take` gives is valid until the next `take`."""

    def __init__(self, records: Records, feed: Feed, seed: int):
        self._records = {name: records[name] for name in feed.fields}
        self._feed, self._seed = feed, seed
        self.count = len(next(iter(records.values()))) if records else 1
        if self.count == 0:
            raise errors.no_records(str(feed.data), feed.split, feed.span)
        self.size = min(feed.batch or self.count, self.count)
        self.per_epoch = -(-self.count // self.size)
        self._buffers: dict[str, np.ndarray] = {}
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.intp))  # (epoch, its permutation)

    def take(self, number: int) -> tuple[Mapping[str, np.ndarray], int]:
        """The fields of batch `number` and how many examples it has: the last of an epoch may be short."""
        epoch, index = divmod(number, self.per_epoch)
        start = index * self.size
        stop = min(start + self.size, self.count)
        if not self._feed.shuffle:
            return {name: array[start:stop] for name, array in self._records.items()}, stop - start
        chosen = self._permutation(epoch)[start:stop]
        return {name: self._gather(name, array, chosen) for name, array in self._records.items()}, stop - start

    def _permutation(self, epoch: int) -> np.ndarray:
        if self._order[0] != epoch:
            feed = self._feed
            self._order = epoch, permutation(self.count, self._seed, f"{feed.data}.{feed.split}", epoch)
        return self._order[1]

    def _gather(self, name: str, array: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """The chosen records, copied into one buffer that every batch reuses."""
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = np.empty((self.size, *array.shape[1:]), array.dtype)
        out = buffer[: len(chosen)]
        if array.flags.c_contiguous:
            # mode: with "raise", NumPy would copy through a second buffer. The indices are right by construction.
            np.take(array, chosen, axis=0, out=out, mode="clip")
        else:
            out[...] = array[chosen]  # np.take would first copy all of an overlapping view
        return out


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
