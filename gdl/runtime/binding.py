"""What is fed against what is declared: dtypes, ranks, and the sizes that symbols stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np

from gdl.errors import runtime as errors
from gdl.runtime.arrays import DTYPES, dtype_name
from gdl.types import sizes
from gdl.types.tensor import TensorType

Inputs = Sequence[tuple[str, TensorType]]


def bind(inputs: Inputs, arrays: Sequence[np.ndarray], known: Mapping[str, int]) -> dict[str, int]:
    """The sizes of all symbols that the fed arrays determine, and those known already. Errors: E0805, E0806."""
    for (name, type), array in zip(inputs, arrays):
        if array.dtype != DTYPES[type.dtype] or array.ndim != type.rank:
            _refuse(name, type, array)
    bound = dict(known)
    told_by = dict.fromkeys(known, "the program")
    axes = [  # of everything that is fed
        (name, type, array, dim.size, length)
        for (name, type), array in zip(inputs, arrays)
        for dim, length in zip(type.dims, array.shape)
    ]
    for name, _, _, size, length in axes:
        symbol = sizes.is_symbol(size)
        if symbol is not None and bound.setdefault(symbol, length) != length:
            raise errors.sizes_disagree(symbol, told_by[symbol], bound[symbol], name, length)
        if symbol is not None:
            told_by.setdefault(symbol, name)
    for _, _, _, size, length in axes:
        left = sizes.substitute(size, bound)
        unknown = sizes.symbols(left)
        value = sizes.solve(left, length, *unknown) if len(unknown) == 1 else None
        if value is not None:
            bound[unknown.pop()] = value
    for name, type, array, size, length in axes:
        if sizes.substitute(size, bound) != length:
            _refuse(name, type, array, bound)
    return bound


def _refuse(name: str, type: TensorType, array: np.ndarray, bound: Mapping[str, int] | None = None) -> NoReturn:
    dtype = dtype_name(array.dtype)
    mentioned = sorted(set().union(*[sizes.symbols(d.size) for d in type.dims]) & set(bound or {}))
    expected = str(type) + (f" with {', '.join(f'{s} = {bound[s]}' for s in mentioned)}" if mentioned else "")  # type: ignore[index]
    if dtype != type.dtype:
        way_out = f"convert it first: array.astype({DTYPES[type.dtype].name!r})"
    else:
        way_out = "feed an array of that shape, or change the declaration"
    raise errors.wrong_input(
        name, expected, dtype, array.shape, type.dims[0].origin if type.dims else type.origin, way_out
    )
