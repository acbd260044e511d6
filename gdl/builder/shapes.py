"""Shapes as Python writes them, as types: integers, symbols, labels, and None for a size told by no name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdl.builder.places import Place
from gdl.errors import ProgramError
from gdl.errors import calls as errors
from gdl.source import Span
from gdl.types import sizes
from gdl.types.sizes import Poly
from gdl.types.tensor import DTYPES, Dim, TensorType


def tensor_type(place: Place, name: str, shape: Sequence[Any], dtype: str) -> TensorType:
    """The type of a placeholder or variable. Errors: E0205, E0212."""
    part: int | str = "shape" if "shape" in place.parts else 1
    check_dtype(place, name, dtype)
    if isinstance(shape, str) or not isinstance(shape, Sequence):
        help = 'a list of integers and names: [None, 784] or ["batch", 784]'
        raise ProgramError(errors.wrong_value(place.part(part), "a shape", repr(shape), help))
    dims = [_dim(name, axis, size, place.word(part, _written(size))) for axis, size in enumerate(shape)]
    return TensorType(dtype, tuple(dims), place.span)


def check_dtype(place: Place, owner: str, dtype: Any) -> None:
    """Errors: E0205."""
    if dtype not in DTYPES:
        raise ProgramError(errors.wrong_kind(place.part("dtype"), owner, "dtype", " or ".join(DTYPES), repr(dtype)))


def _written(size: Any) -> str:
    return f'"{size}"' if isinstance(size, str) else str(size)


def _dim(name: str, axis: int, size: Any, origin: Span) -> Dim:
    if size is None:
        return Dim(sizes.symbol(f"{name}.{axis}"), None, origin)
    if isinstance(size, Poly):
        return Dim(size, sizes.is_symbol(size), origin)
    if isinstance(size, str):
        label, _, number = [part.strip() for part in size.rpartition(":")]
        label = label or number
        if label.isidentifier() and number.isdecimal():
            return Dim(int(number), label, origin)
        if label.isidentifier() and number.isidentifier():
            return Dim(sizes.symbol(number), label, origin)
    elif hasattr(size, "__index__") and not isinstance(size, bool) and size.__index__() >= 0:
        return Dim(size.__index__(), None, origin)
    help = 'an integer, a name such as "batch" or "row: 28", or None'
    raise ProgramError(errors.wrong_value(origin, "a size", repr(size), help))
