"""The digits that ship with GDL."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from gdl.resources import resource
from gdl.train.data import describe, open_data
from gdl.train.data.sources.digits import resized
from gdl.types.record import FieldType, SourceCall


def test_the_shipped_files_are_the_ones_that_the_readme_names():
    readme = resource("data/digits/README").read_text()
    assert "CC BY 4.0" in readme and "UCI Machine Learning Repository" in readme
    for name in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        content = gzip.decompress(resource(f"data/digits/{name}.gz").read_bytes())
        assert f"{hashlib.sha256(content).hexdigest()}  {name}" in readme


def test_they_are_scikit_learns(options):
    published = pytest.importorskip("sklearn.datasets").load_digits()
    digits = open_data([SourceCall("digits")], options)
    images = np.concatenate([digits.split(name)["image"] for name in ("train", "test")])
    labels = np.concatenate([digits.split(name)["label"] for name in ("train", "test")])
    assert np.array_equal(images, np.floor(published.images * 255 / 16 + 0.5))
    assert np.array_equal(labels, published.target)


def test_header_and_split(options):
    header = describe(SourceCall("digits", (), {"size": 28}), options)
    assert header.fields == {"image": FieldType("u8", (28, 28)), "label": FieldType("u8", ())}
    assert header.splits == {"train": 1437, "test": 360}
    digits = open_data([SourceCall("digits")], options)
    for split in ("train", "test"):
        counts = np.bincount(digits.split(split)["label"], minlength=10)
        assert counts.min() > 0.8 * counts.mean(), "every digit is in both splits"


def test_larger_digits_lie_as_mnists_do(options):
    images = open_data([SourceCall("digits", (28,))], options).split("train")["image"]
    assert images.dtype == np.uint8 and images.shape == (1437, 28, 28)
    row_mass, column_mass = images.sum(axis=2, dtype=float), images.sum(axis=1, dtype=float)
    for mass in (row_mass, column_mass):
        centre = mass @ np.arange(28) / mass.sum(axis=1)
        assert np.abs(centre - 13.5).max() <= 0.5 + 1e-9
        assert (np.count_nonzero(mass, axis=1) <= 20).all(), "inside a box of 20"


def test_resizing_is_bilinear_in_exact_numbers():
    image = np.zeros((1, 8, 8), np.uint8)
    image[0, 3:5, 3:5] = 16
    large = resized(image, 28)[0]
    assert large.max() == 255 and np.array_equal(large, large.T) and np.array_equal(large, large[::-1, ::-1])
    weights = np.interp((np.arange(20) + 0.5) * 8 / 20 - 0.5, np.arange(8), image[0, 3] / 16)
    expected = np.floor(255 * np.outer(weights, weights) + 0.5 + 1e-9)
    assert np.array_equal(large[4:24, 4:24], expected)
    assert np.array_equal(resized(np.zeros((2, 8, 8), np.uint8), 28), np.zeros((2, 28, 28)))


@pytest.mark.parametrize("size", [8, 9, 10, 16, 27, 64])
def test_any_size(options, size):
    image = open_data([SourceCall("digits", (size,))], options).split("test")["image"]
    assert image.shape == (360, size, size) and image.max() == 255


def test_the_bytes_are_the_same_everywhere(options):
    image = open_data([SourceCall("digits", (28,))], options).split("test")["image"]
    assert (
        hashlib.sha256(image.tobytes()).hexdigest()
        == "b3a4404492ff6bf539b9a3d29bb1291e97c3407f4114edca704223bb974e008e"
    )
