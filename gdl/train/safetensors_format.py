"""Safetensors files. The library writes and reads them, but for what it can't do: open a file without importing numpy,
which a check must not wait for, and write metadata in the same order in every process, which equal runs must.

Reference: https://huggingface.co/docs/safetensors, section "Format".
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from reprlib import repr as shortened
from typing import TYPE_CHECKING

from gdl.errors import checkpoint as errors
from gdl.record import Record, record
from gdl.types.record import FieldType
from gdl.types.tensor import ITEM_BYTES, MAX_RANK

if TYPE_CHECKING:
    import numpy as np

_DTYPES = {dtype.upper(): dtype for dtype in ITEM_BYTES}
_MAX_HEADER_BYTES = 100_000_000  # the library's own limit
_MAX_ARRAY_BYTES = 2**63 - 1
_METADATA = "__metadata__"


@record
class FileHeader(Record):
    types: Mapping[str, FieldType]
    metadata: Mapping[str, str]


def encode(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> tuple[bytes | memoryview, ...]:
    """The bytes of a file, in parts: the library's, with the metadata put in order."""
    from safetensors.numpy import save

    content = memoryview(save(dict(tensors), dict(metadata)))
    data_start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8:data_start]))
    header[_METADATA] = dict(sorted(header[_METADATA].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return content[:8], text.ljust(data_start - 8), content[data_start:]


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of a file whose header is in order, as a fresh, writable array."""
    from safetensors import SafetensorError, safe_open

    try:
        with _readable(path), safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name).copy() for name in file.keys()}
    except SafetensorError as fault:
        raise errors.damaged(path, "what the safetensors library reads", str(fault)) from None


def read_header(path: Path) -> FileHeader:
    """The header of a file, read without numpy. It must describe every byte after it, each once."""
    with _readable(path), open(path, "rb") as stream:
        size_bytes = os.fstat(stream.fileno()).st_size
        start = stream.read(8)
        length = int.from_bytes(start, "little") if len(start) == 8 else 0
        if not 2 <= length <= _MAX_HEADER_BYTES:
            found = f"its first 8 bytes are {start.hex(' ') or 'not there'}, not the length of a header"
            raise errors.not_a_checkpoint(path, found)
        if 8 + length > size_bytes:
            raise errors.damaged(path, f"a header of {length:,} bytes", f"a file of {size_bytes:,}")
        content = _parse(stream.read(length), path)
    metadata = content.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise errors.damaged(path, "metadata of texts", shortened(metadata))
    return FileHeader(_types(content, size_bytes - 8 - length, path), metadata)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    if path.exists() and not path.is_file():
        raise errors.unreadable(path, "it is no file")
    try:
        yield
    except OSError as fault:
        beside = [each.name for each in path.parent.glob("*.safetensors")] if path.parent.is_dir() else []
        raise errors.unreadable(path, fault.strerror or str(fault), beside) from None


def _parse(text: bytes, path: Path) -> dict[str, object]:
    try:
        content = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as fault:
        raise errors.damaged(path, "a header in JSON", str(fault)[:120]) from None
    if not isinstance(content, dict):
        raise errors.damaged(path, "a header of named tensors", shortened(content))
    return content


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name twice")
    return content


def _types(entries: Mapping[str, object], data_bytes: int, path: Path) -> dict[str, FieldType]:
    """The tensors, which lie end to end: no gap to hide something in, no overlap, nothing after the last."""
    types, places = {}, []
    for name, entry in entries.items():
        types[name], begin, end = _placed(name, entry, path)
        places.append((begin, end, name))
    position = 0
    for begin, end, name in sorted(places):
        if begin != position:
            raise errors.damaged(path, f"{name} at byte {position:,} of the data", f"byte {begin:,}")
        position = end
    if position != data_bytes:
        raise errors.damaged(path, f"{position:,} bytes of tensors", f"{data_bytes:,}")
    return types


def _placed(name: str, entry: object, path: Path) -> tuple[FieldType, int, int]:
    """A tensor's type, and where its bytes begin and end."""
    match entry:
        case {"dtype": code, "shape": [*shape], "data_offsets": [begin, end], **more} if not more:
            if not all(type(size) is int and size >= 0 for size in (*shape, begin, end)):
                raise errors.damaged(path, f"sizes and offsets of {name}", shortened([*shape, begin, end]))
        case _:
            raise errors.damaged(path, f"dtype, shape and data_offsets of {name}", shortened(entry))
    dtype = _DTYPES.get(str(code))
    if dtype is None:
        raise errors.unknown_dtype(path, name, str(code)[:20])
    # Numpy's limit holds for an empty array too, as if its zeros were ones.
    if len(shape) > MAX_RANK or ITEM_BYTES[dtype] * prod(size or 1 for size in shape) > _MAX_ARRAY_BYTES:
        raise errors.damaged(path, f"a shape that an array can have for {name}", shortened(shape))
    found, expected_bytes = FieldType(dtype, tuple(shape)), ITEM_BYTES[dtype] * prod(shape)
    if end - begin != expected_bytes:
        raise errors.damaged(path, f"{expected_bytes:,} bytes for {name} {found}", f"{end - begin:,}")
    return found, begin, end
