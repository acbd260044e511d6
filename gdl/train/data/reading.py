"""Reading files that may be damaged or hostile: never more than asked for, and every fault is a DataError."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gdl.errors import data as errors

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 20


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed where it is gzip (told by its first two bytes, not by its name)."""
    try:
        with open(path, "rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if compressed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield unpacked  # type: ignore[misc]
            else:
                yield raw
    except EOFError:
        raise errors.damaged(path, "a whole gzip file", "one that is cut off") from None
    except (gzip.BadGzipFile, zlib.error) as fault:
        raise errors.damaged(path, "a gzip file", f"a fault in it ({fault})") from None
    except OSError as fault:
        raise errors.damaged(path, "a file that can be read", fault.strerror or str(fault)) from None


def read_at_most(stream: IO[bytes], count: int) -> bytearray:
    """`count` bytes, or as many as there are. Memory grows with what is there, not with what a header claims."""
    content = bytearray()
    while len(content) < count:
        chunk = stream.read(min(_CHUNK_BYTES, count - len(content)))
        if not chunk:
            break
        content += chunk
    return content


def read_payload(stream: IO[bytes], path: object, count: int, what: str) -> bytearray:
    """The last `count` bytes of a file: fewer is a truncated file, more is not the file that its header describes."""
    content = read_at_most(stream, count)
    if len(content) < count:
        raise errors.damaged(path, f"{count:,} bytes for {what}", f"only {len(content):,}")
    if stream.read(1):  # also makes gzip compare its checksum
        raise errors.damaged(path, f"the end of the file after {count:,} bytes for {what}", "more bytes")
    return content


def read_text(path: Path, limit_bytes: int) -> str:
    """The whole of a UTF-8 file, at most `limit_bytes` after decompression."""
    with open_bytes(path) as stream:
        content = read_at_most(stream, limit_bytes + 1)
    if len(content) > limit_bytes:
        raise errors.too_large(path, len(content), limit_bytes)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        found = f"byte {content[fault.start]:02x} at offset {fault.start:,}"
        raise errors.damaged(path, "text in UTF-8", found, "save the file as UTF-8") from None
