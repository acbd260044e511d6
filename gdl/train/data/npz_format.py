"""The .npz format: a zip of .npy arrays. Headers are read without numpy; nothing is ever unpickled.

Reference: numpy.lib.format, versions 1.0 to 3.0.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gdl.errors import data as errors
from gdl.record import Record, record
from gdl.train.data.dtypes import NUMPY_NAME, gdl_dtype, span_bytes
from gdl.train.data.reading import read_at_most, read_payload
from gdl.types.record import FieldType

if TYPE_CHECKING:
    import zipfile

    import numpy as np

_MAGIC = b"\x93NUMPY"
_MAX_HEADER_BYTES = 10_000  # numpy's own limit
_MAX_AXES = 32
_HEADER = re.compile(
    r"""\{\s*'descr':\s*(?P<descr>'[^']*'|\[.*\])\s*,\s*'fortran_order':\s*(?P<fortran>True|False)\s*,"""
    r"""\s*'shape':\s*\((?P<shape>[\d\s,]*)\)\s*,?\s*\}\s*""",
    re.DOTALL,
)
_DESCR = re.compile(r"'([<>|=])([a-zA-Z])(\d{1,4})'")
_ENCRYPTED = 0x1
_PACKED = (0, 8)  # stored, deflated: what numpy writes


@record
class NpyHeader(Record):
    """An array's header; `stored` is NumPy's name of its dtype with the byte order (`<f4`)."""

    stored: str
    fortran: bool
    shape: tuple[int, ...]

    @property
    def dtype(self) -> str:
        return gdl_dtype(self.stored[1:]) or ""

    @property
    def field(self) -> FieldType:
        return FieldType(self.dtype, self.shape[1:])

    @property
    def payload_bytes(self) -> int:
        return int(self.stored[2:]) * prod(self.shape)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


def read_npz_headers(path: Path, limit_bytes: int) -> dict[str, NpyHeader]:
    """Array name -> header, each checked against the size that the zip's directory gives."""
    with _open_zip(path) as archive:
        headers: dict[str, NpyHeader] = {}
        total_bytes = 0
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in headers:
                raise errors.damaged(path, "each array once", f'"{name}" twice')
            _require_plain(member, path)
            total_bytes += member.file_size
            if total_bytes > limit_bytes:
                raise errors.too_large(path, total_bytes, limit_bytes)
            with archive.open(member) as stream:
                header = headers[name] = _header(stream, member, path)
            claimed_bytes = span_bytes(header.stored[1:], header.shape)
            if claimed_bytes > limit_bytes:
                raise errors.too_large(path, claimed_bytes, limit_bytes)
        return headers


def read_npz_array(path: Path, name: str, expected: NpyHeader) -> np.ndarray:
    """The array `name`, in GDL's dtypes and the machine's byte order."""
    import numpy as np

    with _open_zip(path) as archive:
        member = _find(archive, name, path)
        with archive.open(member) as stream:
            header = _header(stream, member, path)
            if header != expected:
                raise errors.damaged(path, f"{name} as {expected}", str(header), "it changed: run again")
            content = read_payload(stream, f"{path}: {name}", header.payload_bytes, str(header))
    order = "F" if header.fortran else "C"
    stored = np.frombuffer(content, dtype=header.stored).reshape(header.shape, order=order)
    return stored.astype(NUMPY_NAME[header.dtype], copy=False)


@contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, UnicodeDecodeError, NotImplementedError) as fault:
        raise errors.damaged(path, "an .npz file (a zip of .npy arrays)", f"a fault in it ({fault})") from None
    except OSError as fault:
        raise errors.damaged(path, "a file that can be read", fault.strerror or str(fault)) from None


def _find(archive: zipfile.ZipFile, name: str, path: Path) -> zipfile.ZipInfo:
    for member in archive.infolist():
        if member.filename.removesuffix(".npy") == name:
            _require_plain(member, path)
            return member
    raise errors.damaged(path, f"the array {name}", "none of that name", "it changed: run again")


def _require_plain(member: zipfile.ZipInfo, path: Path) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise errors.unsupported(path, f"{member.filename}, which is encrypted", "save it without a password")
    if member.compress_type not in _PACKED:
        way_out = "save it with numpy.savez or numpy.savez_compressed"
        raise errors.unsupported(path, f"{member.filename}, packed by another method than numpy's", way_out)


def _header(stream: IO[bytes], member: zipfile.ZipInfo, path: Path) -> NpyHeader:
    where = f"{path}: {member.filename}"
    start = bytes(read_at_most(stream, 8))
    if len(start) < 8 or start[:6] != _MAGIC or start[6] not in (1, 2, 3):
        raise errors.damaged(where, "a .npy array", start.hex(" ") or "nothing")
    width, layout = (2, "<H") if start[6] == 1 else (4, "<I")
    length_bytes = bytes(read_at_most(stream, width))
    length = struct.unpack(layout, length_bytes)[0] if len(length_bytes) == width else 0
    if not 0 < length <= _MAX_HEADER_BYTES:
        raise errors.damaged(where, f"a header of at most {_MAX_HEADER_BYTES:,} bytes", f"one of {length:,}")
    text = bytes(read_at_most(stream, length)).decode("utf-8", "replace")
    header = _parse(text, where)
    data_bytes = member.file_size - 8 - width - length
    if header.payload_bytes != data_bytes:
        raise errors.damaged(where, f"{header.payload_bytes:,} bytes for {header}", f"{data_bytes:,}")
    return header


def _parse(text: str, where: str) -> NpyHeader:
    match = _HEADER.fullmatch(text)
    if match is None:
        raise errors.damaged(where, "a header with 'descr', 'fortran_order' and 'shape'", repr(text[:80]))
    shape_text = match["shape"].strip().removesuffix(",")
    sizes = [size.strip() for size in shape_text.split(",")] if shape_text else []
    if len(sizes) > _MAX_AXES or not all(size.isdigit() and len(size) <= 15 for size in sizes):
        raise errors.damaged(where, f"at most {_MAX_AXES} sizes", f"({match['shape'][:80]})")
    descr = _DESCR.fullmatch(match["descr"])
    if descr is None or gdl_dtype(descr[2] + descr[3]) is None:
        raise errors.unsupported(where, _what(match["descr"]), "save it as f32, f64, i32, i64, u8 or bool")
    return NpyHeader(descr[1] + descr[2] + descr[3], match["fortran"] == "True", tuple(map(int, sizes)))


def _what(descr: str) -> str:
    if descr.startswith("'|O"):
        return "Python objects, which are never unpickled here (that could run any code)"
    if descr.startswith("["):
        return "records of several types"
    return f"values of type {descr[:20]}, which no dtype of GDL holds"
