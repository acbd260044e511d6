"""Arrays handed over by Python: what is fed, and the tensors of a state as a mapping that can be read and assigned."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from gdl.errors import command as errors
from gdl.runtime.arrays import DTYPES
from gdl.runtime.state import State

_NUMERIC = "biuf"  # NumPy's kinds: bool, int, unsigned, float


class Variables(MutableMapping[str, np.ndarray]):
    """The tensors of a state by path. Reading copies, writing copies in and keeps the type; none can be removed."""

    def __init__(self, state: State):
        self._state = state

    def __getitem__(self, path: str) -> np.ndarray:
        if path not in self._state:
            raise errors.unknown_part("variable", path, self._state)
        return self._state[path].copy()

    def __setitem__(self, path: str, value: Any) -> None:
        here = self[path]
        array = np.asarray(value)
        if array.shape != here.shape:
            raise errors.wrong_shape(path, type_text(here), type_text(array))
        self._state.set(path, array.astype(here.dtype))

    def __delitem__(self, path: str) -> None:
        raise TypeError("a program's variables can't be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._state)

    def __len__(self) -> int:
        return len(self._state)

    def __contains__(self, path: object) -> bool:
        return path in self._state

    def __repr__(self) -> str:
        return "\n".join(f"{path}: {type_text(array)}" for path, array in self._state.items())


def as_fed(name: str, value: Any, dtype: str) -> np.ndarray:
    """The value as an array of the placeholder's dtype, where no value is lost by that."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        raise errors.wrong_shape(name, dtype, "lists of different lengths") from None
    wanted = DTYPES[dtype]
    if array.dtype == wanted:
        return array
    if array.dtype.kind in _NUMERIC:
        converted = array.astype(wanted)
        if np.can_cast(array.dtype, wanted, "same_kind") or np.array_equal(converted, array):
            return converted
    raise errors.wrong_shape(name, dtype, type_text(array))


def type_text(array: np.ndarray) -> str:
    """`float32[2, 3]`"""
    return f"{array.dtype}[{', '.join(map(str, array.shape))}]"
