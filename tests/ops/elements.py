"""Arrays built element by element in plain Python: what the oracles are made of."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Index = tuple[int, ...]


def filled(shape: Sequence[int], element: Callable[[Index], Any]) -> np.ndarray:
    """An array of Python objects, each made from its index."""
    made = np.empty(tuple(shape), object)
    flat = made.reshape(-1)
    for k, index in enumerate(indices(shape)):
        flat[k] = element(index)
    return made


def indices(shape: Sequence[int]) -> Iterator[Index]:
    return itertools.product(*[range(n) for n in shape])


def at(x: np.ndarray, index: Index) -> Any:
    """One element as a Python number."""
    return x[index].item() if isinstance(x[index], np.generic) else x[index]


def stretched(x: np.ndarray, index: Index) -> Any:
    """The element that broadcasting puts at an index of the larger result."""
    own = index[len(index) - x.ndim :]
    return at(x, tuple([0 if n == 1 else i for i, n in zip(own, x.shape)]))


def broadcast_shape(*shapes: Sequence[int]) -> tuple[int, ...]:
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    return tuple([next((n for n in column if n != 1), 1) for column in zip(*padded)])


def pointwise(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """A function of Python numbers, applied to each element of the broadcast arrays."""

    def oracle(*inputs: np.ndarray) -> np.ndarray:
        shape = broadcast_shape(*[x.shape for x in inputs])
        return filled(shape, lambda index: function(*[stretched(x, index) for x in inputs]))

    return oracle


def reduced(function: Callable[[list[Any]], Any]) -> Callable[..., np.ndarray]:
    """A function of a list, applied to what a reduction takes together."""

    def oracle(x: np.ndarray, axis: Any = None, keepdims: bool = False) -> np.ndarray:
        listed = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        gone = {a % x.ndim for a in listed}
        together: dict[Index, list[Any]] = {}
        shape = [1 if a in gone else n for a, n in enumerate(x.shape)]
        for index in indices(shape):
            together[index] = []
        for index in indices(x.shape):
            together[tuple([0 if a in gone else i for a, i in enumerate(index)])].append(at(x, index))
        result = filled(shape, lambda index: function(together[index]))
        return result if keepdims else result.reshape([n for a, n in enumerate(shape) if a not in gone])

    return oracle


def along(x: np.ndarray, axis: int, function: Callable[[list[Any]], list[Any]]) -> np.ndarray:
    """A function from list to list, applied to every line along an axis."""
    axis %= x.ndim
    lines: dict[Index, list[Any]] = {}

    def line(index: Index) -> list[Any]:
        key = index[:axis] + index[axis + 1 :]
        if key not in lines:
            lines[key] = function([at(x, (*index[:axis], k, *index[axis + 1 :])) for k in range(x.shape[axis])])
        return lines[key]

    return filled(x.shape, lambda index: line(index)[index[axis]])
