"""The safetensors format, written and read by hand: headers without numpy, limits on all that a file claims, and bytes
that stream between file and array without a copy. The tests hold it against the safetensors library.

Reference: https://huggingface.co/docs/safetensors, section "Format".
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

from gdl.errors import checkpoint as errors

if TYPE_CHECKING:
    import numpy as np

DTYPES = {"BOOL": "bool", "U8": "u8", "I32": "i32", "I64": "i64", "F32": "f32", "F64": "f64"}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_NUMPY = {"bool": "|b1", "u8": "|u1", "i32": "<i4", "i64": "<i8", "f32": "<f4", "f64": "<f8"}
_DTYPE_OF_CODE = {code: dtype for dtype, code in _NUMPY.items()}
_ITEM_BYTES = {dtype: int(code[2:]) for dtype, code in _NUMPY.items()}
_MAX_HEADER_BYTES = 100_000_000  # the library's own limit
_MAX_AXES = 64
_MAX_ITEMS = 2**59
_METADATA = "__metadata__"


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor in a file: what it is, and where its bytes begin and end after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True, slots=True)
class FileHeader:
    tensors: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]
    data_start: int


def plain(array: object) -> np.ndarray:
    """The array in C order and little-endian, as the format and the hash want it; a view where it is so already."""
    import numpy as np

    array = np.asarray(array, order="C")
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def dtype_of(array: np.ndarray) -> str:
    """GDL's name of an array's dtype. Only the six dtypes ever reach a checkpoint."""
    return _DTYPE_OF_CODE[array.dtype.str]


def raw_bytes(array: np.ndarray) -> memoryview:
    """The bytes of a plain array, not copied."""
    return array.reshape(-1).view("u1").data


def encode(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """The bytes of a file. The widest items come first, so that every tensor is aligned."""
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header: dict[str, object] = {_METADATA: dict(sorted(metadata.items()))}
    position = 0
    for name in names:
        array = tensors[name]
        end = position + array.nbytes
        header[name] = {
            "dtype": _NAMES[dtype_of(array)],
            "shape": list(array.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield struct.pack("<Q", len(text)) + text
    for name in names:
        yield raw_bytes(tensors[name])


def read_header(stream: BufferedReader, path: Path) -> FileHeader:
    """The header of an open file, which must describe every byte after it, each once."""
    size_bytes = os.fstat(stream.fileno()).st_size
    start = stream.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= _MAX_HEADER_BYTES:
        found = f"its first 8 bytes are {start.hex(' ') or 'not there'}, not the length of a header"
        raise errors.not_a_checkpoint(path, found)
    if 8 + length > size_bytes:
        raise errors.damaged(path, f"a header of {length:,} bytes", f"a file of {size_bytes:,}")
    content = _parse(stream.read(length), path)
    metadata = content.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise errors.damaged(path, "metadata of texts", str(metadata)[:80])
    tensors = {name: _entry(name, entry, path) for name, entry in content.items()}
    _require_cover(tensors, size_bytes - 8 - length, path)
    return FileHeader(tensors, metadata, 8 + length)


def read_tensor(stream: BufferedReader, header: FileHeader, name: str, path: Path) -> np.ndarray:
    """A fresh, writable array with a tensor's values."""
    import numpy as np

    entry = header.tensors[name]
    array = np.empty(entry.shape, _NUMPY[entry.dtype])
    stream.seek(header.data_start + entry.begin)
    done = stream.readinto(raw_bytes(array))
    if done != array.nbytes:
        raise errors.damaged(path, f"{array.nbytes:,} bytes for {name}", f"{done:,}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _parse(text: bytes, path: Path) -> dict[str, object]:
    try:
        content = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        raise errors.damaged(path, "a header in JSON", str(fault)[:120]) from None
    if not isinstance(content, dict):
        raise errors.damaged(path, "a header of named tensors", str(content)[:80])
    return content


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name twice")
    return content


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _entry(name: str, entry: object, path: Path) -> TensorEntry:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise errors.damaged(path, f"dtype, shape and data_offsets of {name}", str(entry)[:80])
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not (_is_shape(shape) and _is_sizes(offsets) and len(offsets) == 2):
        raise errors.damaged(path, f"sizes and two offsets of {name}", f"{str(shape)[:40]}, {str(offsets)[:40]}")
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in DTYPES:
        raise errors.unknown_dtype(path, name, str(entry["dtype"])[:20])
    found = TensorEntry(DTYPES[entry["dtype"]], tuple(shape), *offsets)
    expected_bytes = _ITEM_BYTES[found.dtype] * prod(shape)
    if found.end - found.begin != expected_bytes:
        raise errors.damaged(path, f"{expected_bytes:,} bytes for {name} {found}", f"{found.end - found.begin:,}")
    return found


def _is_sizes(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)


def _is_shape(value: object) -> bool:
    """Whether an array can have these sizes; without the zeros among them too, or numpy refuses an empty array."""
    return _is_sizes(value) and len(value) <= _MAX_AXES and prod(size or 1 for size in value) < _MAX_ITEMS


def _require_cover(tensors: Mapping[str, TensorEntry], data_bytes: int, path: Path) -> None:
    """Tensors lie end to end: no gap to hide something in, no overlap, nothing after the last."""
    position = 0
    for name, entry in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != position:
            raise errors.damaged(path, f"{name} at byte {position:,} of the data", f"byte {entry.begin:,}")
        position = entry.end
    if position != data_bytes:
        raise errors.damaged(path, f"{position:,} bytes of tensors", f"{data_bytes:,}")
