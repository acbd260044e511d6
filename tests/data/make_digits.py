"""Writes gdl/data/digits/ from scikit-learn's copy of the UCI digits: python tests/data/make_digits.py"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

FOLDER = Path(__file__).resolve().parents[2] / "gdl" / "data" / "digits"


def idx_gz(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes(), compresslevel=9, mtime=0)


if __name__ == "__main__":
    published = load_digits()
    (FOLDER / "images-idx3-ubyte.gz").write_bytes(idx_gz(published.images))
    (FOLDER / "labels-idx1-ubyte.gz").write_bytes(idx_gz(published.target))
