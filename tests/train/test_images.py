"""PNG files are read back here by a reader of the test's own."""

import struct
import zlib

import numpy as np
import pytest

from gdl.train.images import are_images, png, tile, to_bytes


def read_png(data: bytes) -> np.ndarray:
    """Unfiltered 8-bit grey or RGB, every checksum verified."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, color, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0]) and list(chunks)[-1] == b"IEND"
    channels = {0: 1, 2: 3}[color]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize("shape", [(3, 5), (4, 3, 5), (4, 3, 5, 1), (5, 3, 5, 3)])
def test_pixels_come_back(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).random(shape).astype(np.float32)
    pixels = read_png(png(images))
    first = to_bytes(images if images.ndim == 2 else images[0]).reshape(3, 5, -1)
    assert np.array_equal(pixels[:3, :5], first)


def test_tiles_fill_a_grid_row_by_row() -> None:
    sheet = tile(np.arange(1, 6, dtype=np.uint8)[:, None, None, None] * np.ones((5, 2, 2, 1), np.uint8))
    assert sheet[..., 0].tolist() == [
        [1, 1, 0, 2, 2, 0, 3, 3],
        [1, 1, 0, 2, 2, 0, 3, 3],
        [0, 0, 0, 0, 0, 0, 0, 0],
        [4, 4, 0, 5, 5, 0, 0, 0],
        [4, 4, 0, 5, 5, 0, 0, 0],
    ]


def test_values_are_clipped_and_no_number_is_black() -> None:
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, np.nan, np.inf, -np.inf])
    assert to_bytes(values).tolist() == [0, 0, 128, 255, 255, 0, 255, 0]
    assert to_bytes(np.array([0, 7, 255], np.uint8)).tolist() == [0, 7, 255]


@pytest.mark.parametrize(("shape", "fine"), [((2, 3), True), ((5, 2, 3), True), ((5, 2, 3, 3), True), ((3,), False),
                                             ((5, 2, 3, 2), False), ((0, 2, 3), False), ((), False)])  # fmt: skip
def test_what_is_an_image(shape: tuple[int, ...], fine: bool) -> None:
    assert are_images(shape) is fine
