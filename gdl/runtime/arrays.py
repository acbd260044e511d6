"""Arrays of GDL's dtypes in 64-byte aligned memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from math import prod

import numpy as np

from gdl.errors import runtime as errors
from gdl.source import Span

#: A cache line, and what the widest vector loads like.
ALIGNMENT_BYTES = 64
#: NumPy's ufuncs copy what is not flat, run by run, into buffers of so many elements; by default it is 8192, more than
#: the fastest cache holds. Measured, f32, nanoseconds an element with 8192 and with 1024: rows of 1024, each less a
#: number of its own, 0.16, 0.08; every second row of 512 added to the next 0.31, 0.20; rows of 64 less numbers 0.20,
#: 0.22.
BUFFER_ELEMENTS = 1024

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


@cache
def physical_bytes() -> int:
    """The memory of this machine; more than anything where it can't be told."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize


def check_affordable(dtype: str, shape: Sequence[int], origin: Sequence[Span] = ()) -> None:
    """Refuses an array for which this machine has no memory, or whose size NumPy can't count: it leaves axes of size 0
    out of account. Errors: E0810."""
    counted = nbytes_of(dtype, [size for size in shape if size])
    if counted > (sys.maxsize if 0 in shape else physical_bytes()):
        raise errors.out_of_memory(counted, origin)


def aligned_block(nbytes: int) -> np.ndarray:
    """Uninitialised bytes whose address is a multiple of the alignment. Errors: E0810.

    A system may promise more memory than it has, and end the process that uses it: so what can't fit is refused here.
    """
    if nbytes > physical_bytes():
        raise errors.out_of_memory(nbytes)
    try:
        block = np.empty(nbytes + ALIGNMENT_BYTES, np.uint8)
    except MemoryError:
        raise errors.out_of_memory(nbytes) from None
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
