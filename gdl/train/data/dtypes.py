"""Dtypes of files and arrays as GDL's six: what fits without loss is widened, the rest is refused."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

NUMPY_NAME = {"u8": "uint8", "bool": "bool", "i32": "int32", "i64": "int64", "f32": "float32", "f64": "float64"}

# NumPy's kind and item size -> GDL's dtype. Not here: u64 and complex (no dtype holds them), text, dates, objects.
_FROM_NUMPY = {
    "b1": "bool",
    "u1": "u8",
    "i1": "i32",
    "i2": "i32",
    "u2": "i32",
    "i4": "i32",
    "u4": "i64",
    "i8": "i64",
    "f2": "f32",
    "f4": "f32",
    "f8": "f64",
}


def gdl_dtype(kind_and_size: str) -> str | None:
    """The dtype that holds every value of a NumPy type (`i2`, `f8`), or None."""
    return _FROM_NUMPY.get(kind_and_size)


def span_bytes(kind_and_size: str, shape: Sequence[int]) -> int:
    """The bytes of an array, its empty axes counted as 1: numpy's limit holds for empty arrays too."""
    return int(kind_and_size[1:]) * prod(size or 1 for size in shape)
