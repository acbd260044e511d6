"""Nests in a row as one call: a table of kernels and arguments, and the function that goes through it.

The table is whole numbers: for each address that is only known in the run, where it goes and how far behind the
array's beginning it lies; then each kernel's address and that of its arguments.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from gdl.runtime.arrays import place
from gdl.runtime.compiled.nest import Access
from gdl.runtime.compiled.write import Kernel
from gdl.runtime.state import State
from gdl.runtime.statements import Owner, Value


class Compiled(ABC):
    """What a plan calls once it is bound to memory."""

    @abstractmethod
    def bind(self, state: State, block: np.ndarray) -> Callable[..., None]:
        """The function, given the tensors that last and the arena."""

    @abstractmethod
    def shown(self, name: str) -> str:
        """The source, for a reader, of what the plan calls by this name."""


class Region(Compiled):
    """Kernels that run one after the other. `fed` are the arrays that a call is given."""

    def __init__(self, kernels: Sequence[Kernel]):
        self.kernels = tuple(kernels)
        bases = {a.base: None for k in self.kernels for a in k.memory if a.storage.owner is Owner.RUN}
        self.fed: tuple[Value, ...] = tuple(bases)

    def shown(self, name: str) -> str:
        texts = [kernel.source[kernel.source.index("def kernel") :] for kernel in self.kernels]
        heads = [f"# {name}: kernel {i} of {len(texts)}, n = {k.size}" for i, k in enumerate(self.kernels, 1)]
        return "\n".join([f"{head}\n{text}" for head, text in zip(heads, texts)])

    def bind(self, state: State, block: np.ndarray) -> Callable[..., None]:
        """The function that runs the kernels on these arrays; it takes the ids of the arrays that are fed."""
        from gdl.runtime.compiled.library import kernel_at, runner

        kept: list[np.ndarray] = []
        moves: list[int] = []
        calls: list[int] = []
        for kernel in self.kernels:
            arguments = np.zeros(1 + len(kernel.memory), np.int64)
            arguments[0] = kernel.size
            for slot, access in enumerate(kernel.memory, 1):
                if access.storage.owner is Owner.RUN:
                    moves += [arguments.ctypes.data + 8 * slot, self.fed.index(access.base), access.offset_bytes]
                else:
                    array = _memory(access, state, block)
                    kept.append(array)
                    arguments[slot] = array.ctypes.data + access.offset_bytes
            kept.append(arguments)
            calls += [kernel_at(kernel.source), arguments.ctypes.data]
        table = np.array([len(moves) // 3, *moves, len(self.kernels), *calls], np.int64)
        run = partial(runner(len(self.fed)), table.ctypes.data)
        run.kept = (table, *kept)  # type: ignore[attr-defined]  # what the addresses point into
        return run


def _memory(access: Access, state: State, block: np.ndarray) -> Any:
    """The array at whose beginning the access's memory begins."""
    storage = access.storage.root()
    if storage.owner is Owner.CONSTANT:
        return np.ascontiguousarray(access.base.literal)
    if storage.owner is Owner.ARENA:
        return place(block, storage.offset, "u8", (storage.nbytes,))
    array = state[storage.path]
    assert array.flags.c_contiguous
    return array
