"""The IDX format of the MNIST files.

Reference: LeCun, Cortes and Burges, "The MNIST database", section "the IDX file format".
"""

from __future__ import annotations

import gzip
import struct
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gdl.errors import data as errors
from gdl.record import Record, record
from gdl.train.data.dtypes import NUMPY_NAME, gdl_dtype, span_bytes
from gdl.train.data.reading import open_bytes, read_at_most, read_payload
from gdl.types.record import FieldType

if TYPE_CHECKING:
    import numpy as np

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
_MAX_AXES = 32


@record
class IdxHeader(Record):
    stored: str  # NumPy's kind and item size
    shape: tuple[int, ...]

    @property
    def records(self) -> int:
        return self.shape[0]

    @property
    def field(self) -> FieldType:
        return FieldType(gdl_dtype(self.stored) or "", self.shape[1:])

    @property
    def payload_bytes(self) -> int:
        return int(self.stored[1:]) * prod(self.shape)

    def __str__(self) -> str:
        return f"{gdl_dtype(self.stored)}[{', '.join(map(str, self.shape))}]"


def read_idx_header(path: Path, limit_bytes: int) -> IdxHeader:
    """The header alone; of an uncompressed file also that its size is what the header says."""
    with open_bytes(path) as stream:
        header = _header(stream, path, limit_bytes)
        if not isinstance(stream, gzip.GzipFile):
            _check_size(path, header)
        return header


def highest_byte(path: Path, limit_bytes: int) -> int:
    """The largest element of an IDX file of u8. Needs no numpy, and all of the file."""
    with open_bytes(path) as stream:
        header = _header(stream, path, limit_bytes)
        return max(read_payload(stream, path, header.payload_bytes, str(header)), default=0)


def read_idx(path: Path, limit_bytes: int) -> np.ndarray:
    """The array of an IDX file, in GDL's dtypes."""
    import numpy as np

    with open_bytes(path) as stream:
        header = _header(stream, path, limit_bytes)
        content = read_payload(stream, path, header.payload_bytes, str(header))
    stored = np.frombuffer(content, dtype=f">{header.stored}").reshape(header.shape)
    return stored.astype(NUMPY_NAME[header.field.dtype], copy=False)


def _header(stream: IO[bytes], path: Path, limit_bytes: int) -> IdxHeader:
    magic = bytes(read_at_most(stream, 4))
    known = len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _TYPES and 1 <= magic[3] <= _MAX_AXES
    if not known:
        expected = "an IDX file (first bytes 00 00, a type of 08 to 0e, a number of axes)"
        raise errors.damaged(path, expected, magic.hex(" ") or "an empty file")
    sizes = bytes(read_at_most(stream, 4 * magic[3]))
    if len(sizes) < 4 * magic[3]:
        raise errors.damaged(path, f"the sizes of {magic[3]} axes ({4 * magic[3]} bytes)", f"only {len(sizes)} bytes")
    header = IdxHeader(_TYPES[magic[2]], struct.unpack(f">{magic[3]}I", sizes))
    claimed_bytes = span_bytes(header.stored, header.shape)
    if claimed_bytes > limit_bytes:
        raise errors.too_large(path, claimed_bytes, limit_bytes)
    return header


def _check_size(path: Path, header: IdxHeader) -> None:
    expected = 4 + 4 * len(header.shape) + header.payload_bytes
    found = path.stat().st_size
    if found != expected:
        raise errors.damaged(path, f"{expected:,} bytes for {header}", f"{found:,}")
