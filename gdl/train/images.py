"""`write "digits.png" = value`: images tiled in a grid and packed as PNG."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np

_GAP = 1  # pixels between the tiles
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def are_images(shape: tuple[int, ...]) -> bool:
    """Whether `shape` is [h, w], [n, h, w] or [n, h, w, 1 or 3], and not empty."""
    return 0 not in shape and (len(shape) in (2, 3) or (len(shape) == 4 and shape[-1] in (1, 3)))


def png(images: np.ndarray) -> bytes:
    """The images, values from 0 to 1 (or bytes), as one PNG file.

    Shapes: [h, w], [n, h, w], [n, h, w, 1] in grey; [n, h, w, 3] in colour.
    """
    batch = images if images.ndim == 4 else images[..., None] if images.ndim == 3 else images[None, ..., None]
    return _encode(tile(to_bytes(batch)))


def to_bytes(images: np.ndarray) -> np.ndarray:
    """0..1 as 0..255, rounded; what lies outside is clipped, what is not a number is black. Bytes stay as they are."""
    if images.dtype == np.uint8:
        return images
    levels = np.nan_to_num(images.astype(np.float64), nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)
    return np.rint(levels * 255.0).astype(np.uint8)


def tile(images: np.ndarray) -> np.ndarray:
    """One picture [rows, columns, channels] of all images [n, h, w, channels], in a grid as square as it gets."""
    n, h, w, channels = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + _GAP) - _GAP, columns * (w + _GAP) - _GAP, channels), np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (h + _GAP), (i % columns) * (w + _GAP)
        sheet[top : top + h, left : left + w] = image
    return sheet


def _encode(pixels: np.ndarray) -> bytes:
    """PNG: 8 bits a channel, grey or RGB, every row unfiltered (filter byte 0)."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)
    rows[:, 1:] = pixels.reshape(height, width * channels)
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
