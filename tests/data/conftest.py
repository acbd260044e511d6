"""Small files in the formats that data come in, made by other means than the code under test."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from gdl.train.data import DataOptions

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    code = IDX_CODES[array.dtype.str[1:]]
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def make_idx():
    return idx_bytes


@pytest.fixture
def options(tmp_path: Path) -> DataOptions:
    """A data folder, a program folder and a cache of the test's own, and no network."""
    for name in ("data", "program", "cache"):
        (tmp_path / name).mkdir()
    return DataOptions(
        data_dir=tmp_path / "data", program_dir=tmp_path / "program", cache_dir=tmp_path / "cache", offline=True
    )


@pytest.fixture
def mnist_files() -> dict[str, bytes]:
    """The four files of MNIST's form, with six training and four test digits."""
    rng = np.random.default_rng(0)
    files = {}
    for stem, count in (("train", 6), ("t10k", 4)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        labels = np.arange(count, dtype=np.uint8)
        files[f"{stem}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images))
        files[f"{stem}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(labels))
    return files
