"""The dtypes that arrays take in a graph."""

from __future__ import annotations

import numpy as np

from gdl.runtime.arrays import DTYPES

_WHOLE = {"u1": "u8", "i1": "i32", "u2": "i32", "i2": "i32", "i4": "i32"}


def is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "biuf"


def natural(array: np.ndarray) -> str:
    """The dtype of an array that stands for itself: f32 for any floats, as everywhere in GDL."""
    if array.dtype.kind == "f":
        return "f32"
    return "bool" if array.dtype.kind == "b" else _WHOLE.get(array.dtype.str[1:], "i64")


def beside(array: np.ndarray, dtype: str | None) -> np.ndarray:
    """The array as an operand next to a node of a dtype, which it takes as a literal does, unless that is less general
    (floats next to whole numbers) or does not hold it."""
    wanted = DTYPES[natural(array)]
    if dtype in ("f32", "f64") and array.dtype.kind != "b":
        wanted = DTYPES[dtype]
    elif dtype in ("i32", "i64", "u8") and array.dtype.kind in "iu":
        converted = array.astype(DTYPES[dtype])
        wanted = converted.dtype if np.array_equal(converted, array) else wanted
    return array.astype(wanted)
