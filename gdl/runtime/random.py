"""Random draws, defined once: a function of (seed, key, tick) and of nothing else.

A draw does not depend on the plan, on the order of statements, on batch sizes, or on what was drawn before. `key`
names the node (its path), `tick` counts the executions of graphs. Philox takes the hash of seed and key as its key;
the tick is the highest of the four words of its counter, so a tick has 2**192 blocks of its own.
"""

from __future__ import annotations

import hashlib

import numpy as np


def philox_key(seed: int, key: str) -> int:
    """128 bits that no other pair of seed and key has."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=16, person=b"gdl draw")
    return int.from_bytes(digest.digest(), "little")


def draw(seed: int, key: str, tick: int) -> np.random.Generator:
    """The generator from which the node `key` draws at `tick`."""
    return Draws(seed, key)(tick)


class Draws:
    """The generators of one node, one a tick. A call makes the last one invalid: it is the same object, moved."""

    __slots__ = ("_counter", "_generator", "_philox", "_start")

    def __init__(self, seed: int, key: str):
        self._philox = np.random.Philox(key=philox_key(seed, key))
        self._generator = np.random.Generator(self._philox)
        self._start = self._philox.state  # nothing buffered, counter 0
        self._counter = self._start["state"]["counter"]

    def __call__(self, tick: int) -> np.random.Generator:
        self._counter[3] = tick
        self._philox.state = self._start
        return self._generator
