"""The 1,797 digits that ship with GDL: what a program falls back on when there is neither file nor network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.resources import resource
from gdl.train.data.idx_format import read_idx
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader, FieldType

if TYPE_CHECKING:
    import numpy as np

    from gdl.train.data.source import Records

_STORED_SIZE, _STORED_MAX = 8, 16
_LARGEST_SIZE = 256
_TRAIN, _TEST = 1437, 360
_LIMIT_BYTES = 1 << 20


def digits(request: Request, size: int = 8) -> Prepared:
    """1,797 handwritten digits: `image: u8[size, size]`, `label: u8[]`; the first 1,437 in `.train`, 360 in `.test`.

    They ship with GDL. With `size=8` they are as published, their 17 grey levels spread over 0..255. Other sizes are
    made as MNIST was: scaled (bilinear) to a box with a margin of size // 7, then centred by their mass.
    Example: data digit = mnist() or digits(size=28)
    """
    if not _STORED_SIZE <= size <= _LARGEST_SIZE:
        message = f"`size` must be {_STORED_SIZE} to {_LARGEST_SIZE}, got {size}"
        raise errors.bad_argument(str(request.call), message, f"size={min(max(size, _STORED_SIZE), _LARGEST_SIZE)}")
    fields = {"image": FieldType("u8", (size, size)), "label": FieldType("u8", (), 10)}
    splits = {"train": _TRAIN, "test": _TEST}
    header = DataHeader(str(request.call), fields, splits, {"classes": 10}, "shipped with GDL")
    return Prepared(header, lambda split: _load(size, split))


def _load(size: int, split: str) -> Records:
    part = slice(0, _TRAIN) if split == "train" else slice(_TRAIN, _TRAIN + _TEST)
    images = read_idx(resource("data/digits/images-idx3-ubyte.gz"), _LIMIT_BYTES)[part]
    labels = read_idx(resource("data/digits/labels-idx1-ubyte.gz"), _LIMIT_BYTES)[part]
    return {"image": resized(images, size), "label": labels}


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """Digits of 8 x 8 pixels in 0..16 as `size` x `size` pixels in 0..255.

    In whole numbers throughout, so that every machine gets the same bytes.
    """
    import numpy as np

    if size == _STORED_SIZE:
        return _rounded(images.astype(np.int64) * 255, _STORED_MAX)
    margin = size // 7
    box = size - 2 * margin
    scaled = _stretched(_stretched(images.astype(np.int64), 1, box), 2, box)
    placed = np.zeros((len(images), size, size), np.uint8)
    pixels = _rounded(scaled * 255, _STORED_MAX * (2 * box) ** 2)
    tops = _centring_offsets(pixels.sum(axis=2, dtype=np.int64), size)
    lefts = _centring_offsets(pixels.sum(axis=1, dtype=np.int64), size)
    for picture, digit, top, left in zip(placed, pixels, tops.tolist(), lefts.tolist(), strict=True):
        picture[top : top + box, left : left + box] = digit
    return placed


def _stretched(images: np.ndarray, axis: int, length: int) -> np.ndarray:
    """Linear interpolation along one axis, pixel centres on pixel centres; values come out times 2 * length."""
    import numpy as np

    old = images.shape[axis]
    # The centre of new pixel i lies at old pixel (i + 1/2) * old / length - 1/2; here in units of 1 / (2 * length).
    at = np.clip((2 * np.arange(length) + 1) * old - length, 0, 2 * length * (old - 1))
    below, weight = np.divmod(at, 2 * length)
    above = np.minimum(below + 1, old - 1)
    weight = weight.reshape([-1 if a == axis else 1 for a in range(images.ndim)])
    return images.take(below, axis) * (2 * length - weight) + images.take(above, axis) * weight


def _rounded(numerator: np.ndarray, denominator: int) -> np.ndarray:
    return ((2 * numerator + denominator) // (2 * denominator)).astype("uint8")


def _centring_offsets(mass: np.ndarray, size: int) -> np.ndarray:
    """Where each box must begin for its centre of mass (`mass` by row or column) to fall on the picture's centre."""
    import numpy as np

    box = mass.shape[1]
    total = np.maximum(mass.sum(axis=1), 1)
    moment = mass @ np.arange(box)
    offsets = (size * total - 2 * moment) // (2 * total)  # floor(1/2 + (size - 1)/2 - moment/total)
    return np.clip(offsets, 0, size - box)
