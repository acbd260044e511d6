"""Arrays of GDL's dtypes in 64-byte aligned memory."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

#: A cache line, and what the widest vector loads like.
ALIGNMENT_BYTES = 64

DTYPES: dict[str, np.dtype] = {
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "i32": np.dtype(np.int32),
    "i64": np.dtype(np.int64),
    "u8": np.dtype(np.uint8),
    "bool": np.dtype(np.bool_),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def dtype_name(dtype: np.dtype) -> str:
    """GDL's name of a NumPy dtype; NumPy's own where GDL has none."""
    return NAMES.get(dtype, str(dtype))


def round_up(nbytes: int) -> int:
    """The next multiple of the alignment."""
    return -(-nbytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def nbytes_of(dtype: str, shape: Iterable[int]) -> int:
    return DTYPES[dtype].itemsize * prod(shape)


def aligned_block(nbytes: int) -> np.ndarray:
    """Uninitialised bytes whose address is a multiple of the alignment."""
    block = np.empty(nbytes + ALIGNMENT_BYTES, np.uint8)
    start = -block.ctypes.data % ALIGNMENT_BYTES
    return block[start : start + nbytes]


def place(block: np.ndarray, offset: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The array of this type at `offset` of a block of bytes."""
    return np.ndarray(shape, DTYPES[dtype], buffer=block, offset=offset)


def read_only(array: np.ndarray) -> np.ndarray:
    """A view of the array that can't be written."""
    view = array.view()
    view.flags.writeable = False
    return view
