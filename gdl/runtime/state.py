"""The tensors that outlive a run: trained variables, kept state, and what optimizers remember, by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from gdl.errors import runtime as errors
from gdl.runtime.arrays import DTYPES, aligned_block, check_affordable, dtype_name, nbytes_of, place, round_up


class State(Mapping[str, np.ndarray]):
    """Owns every persistent tensor: path -> array.

    An array stays the same object for as long as the state lives; prepared plans are bound to it and write into it. So
    change one with `set`, which copies, and keep one with `snapshot`.
    """

    __slots__ = ("_arrays",)

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def allocate(self, types: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Zeros for paths that are new, given as (dtype, shape). Those of one dtype lie side by side in one block, each
        aligned, so that one update may run over all of them."""
        fresh = {path: type for path, type in types.items() if path not in self._arrays}
        for wanted in DTYPES:
            group = [(path, shape) for path, (dtype, shape) in fresh.items() if dtype == wanted]
            for _, shape in group:
                check_affordable(wanted, shape)
            sizes = [round_up(nbytes_of(wanted, shape)) for _, shape in group]
            block = aligned_block(sum(sizes))
            block.fill(0)
            at = 0
            for (path, shape), size in zip(group, sizes):
                self._arrays[path] = place(block, at, wanted, shape)
                at += size
        self._arrays.update({path: self._arrays.pop(path) for path in fresh})  # in the order given

    def set(self, path: str, value: np.ndarray) -> None:
        """Copies `value` into the tensor of this path, which is made if it is new. Errors: E0807 for another type."""
        value = np.asarray(value)
        if path not in self._arrays:
            self.allocate({path: (dtype_name(value.dtype), value.shape)})
        array = self._arrays[path]
        if array.dtype != value.dtype or array.shape != value.shape:
            raise errors.wrong_state(path, dtype_name(array.dtype), array.shape, dtype_name(value.dtype), value.shape)
        array[...] = value

    def snapshot(self) -> dict[str, np.ndarray]:
        """Copies of all tensors."""
        return {path: array.copy() for path, array in self._arrays.items()}

    def restore(self, snapshot: Mapping[str, np.ndarray]) -> None:
        """Copies a snapshot back."""
        for path, value in snapshot.items():
            self.set(path, value)

    def copy(self) -> State:
        """An independent state with the same values."""
        other = State()
        other.allocate({path: (dtype_name(a.dtype), a.shape) for path, a in self._arrays.items()})
        other.restore(self._arrays)
        return other

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self._arrays.values())

    def __getitem__(self, path: str) -> np.ndarray:
        return self._arrays[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return f"<State of {len(self)} tensors, {self.nbytes:,} bytes>"
