"""Pictures in folders: classes, splits, sizes, and everything that can be wrong with them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from gdl.errors import DataError
from gdl.train.data import DataOptions, NotToBeHad, describe, open_data
from gdl.types.record import FieldType, SourceCall

PIL = pytest.importorskip("PIL.Image", reason="needs the extra `images`")
RNG = np.random.default_rng(0)


def call(folder: str = "photos", **arguments: object) -> SourceCall:
    return SourceCall("images", (folder,), arguments)


def paint(path: Path, pixels: np.ndarray, **how: object) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.fromarray(pixels).save(path, **how)
    return pixels


def colours(height: int = 4, width: int = 6) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), np.uint8)


def said(options: DataOptions, **arguments: object) -> str:
    with pytest.raises(DataError) as error:
        dataset = open_data([call(**arguments)], options)
        for split in dataset.header.splits:
            dataset.split(split)
    (diagnostic,) = error.value.diagnostics
    return f"{diagnostic.code} {diagnostic.message}\n{' '.join(diagnostic.helps)}"


def test_a_folder_of_pictures(options):
    folder = options.data_dir / "photos"
    second, first = paint(folder / "b.png", colours()), paint(folder / "a.PNG", colours())
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden").mkdir()
    dataset = open_data([call()], options)
    assert dataset.header.fields == {"image": FieldType("u8", (4, 6, 3))}
    assert dataset.header.splits == {"": 2} and not dataset.header.attributes
    np.testing.assert_array_equal(dataset.split()["image"], [first, second])
    assert dataset.split()["image"].dtype == np.uint8


def test_subfolders_are_classes(options):
    folder = options.program_dir / "photos"
    dog, cat = paint(folder / "dog" / "1.png", colours()), paint(folder / "cat" / "1.bmp", colours())
    other = paint(folder / "cat" / "2.png", colours())
    dataset = open_data([call()], options)
    assert dataset.header.fields["label"] == FieldType("i64", ()) and dataset.header.attributes == {"classes": 2}
    np.testing.assert_array_equal(dataset.split()["image"], [cat, other, dog])
    np.testing.assert_array_equal(dataset.split()["label"], [0, 0, 1])


def test_splits_with_classes(options):
    folder = options.data_dir / "photos"
    for place in ("train/a/1", "train/b/1", "train/b/2", "test/b/1"):
        paint(folder / f"{place}.png", colours())
    dataset = open_data([call()], options)
    assert dataset.header.splits == {"test": 1, "train": 3}
    np.testing.assert_array_equal(dataset.split("train")["label"], [0, 1, 1])
    np.testing.assert_array_equal(dataset.split("test")["label"], [1])


def test_splits_without_classes(options):
    for place in ("train/1", "train/2", "valid/1"):
        paint(options.data_dir / "photos" / f"{place}.png", colours())
    header = describe(call(), options)
    assert header.splits == {"train": 2, "valid": 1} and list(header.fields) == ["image"]


def test_a_size_cuts_the_middle_and_scales_it(options):
    wide = np.zeros((4, 12, 3), np.uint8)
    wide[:, 4:8] = 200  # the middle square
    paint(options.data_dir / "photos" / "a.png", wide)
    paint(options.data_dir / "photos" / "b.png", np.full((9, 5, 3), 7, np.uint8))
    dataset = open_data([call(size=2)], options)
    assert dataset.header.fields["image"] == FieldType("u8", (2, 2, 3))
    np.testing.assert_array_equal(dataset.split()["image"], np.stack([np.full((2, 2, 3), 200), np.full((2, 2, 3), 7)]))


def test_grey_has_one_channel(options):
    pixels = paint(options.data_dir / "photos" / "a.png", RNG.integers(0, 256, (3, 5), np.uint8))
    dataset = open_data([call(grey=True)], options)
    assert dataset.header.fields["image"] == FieldType("u8", (3, 5, 1))
    np.testing.assert_array_equal(dataset.split()["image"][0, :, :, 0], pixels)
    coloured = open_data([call()], options).split()["image"]
    np.testing.assert_array_equal(coloured[0], np.repeat(pixels[..., None], 3, axis=-1))


def test_the_header_is_read_without_the_pixels_of_all(options):
    paint(options.data_dir / "photos" / "a.png", colours())
    (options.data_dir / "photos" / "b.png").write_bytes(b"nothing")
    assert describe(call(), options).splits == {"": 2}
    message = said(options)
    assert message.startswith("E0611") and "b.png is damaged: expected a picture" in message


def test_pictures_of_different_sizes(options):
    paint(options.data_dir / "photos" / "a.png", colours())
    paint(options.data_dir / "photos" / "b.png", colours(5, 6))
    message = said(options)
    assert "b.png is damaged: expected a picture of 4 x 6 pixels, as the first one, found one of 5 x 6" in message
    assert "images(..., size=64)" in message


def test_what_is_no_folder_of_pictures(options):
    assert "E0610" in (message := said(options)) and 'there is no folder "photos"' in message
    (options.data_dir / "photos").mkdir()
    assert "photos is damaged: expected pictures (.png" in said(options)
    paint(options.data_dir / "photos" / "a.png", colours())
    paint(options.data_dir / "photos" / "cat" / "a.png", colours())
    assert "E0617" in (message := said(options)) and "pictures lie beside subfolders" in message
    assert "E0613" in said(options, folder="../photos") and "E0613" in said(options, folder="/photos")
    assert "`size` must be 0 to 4096, got -1" in said(options, size=-1)


def test_sixteen_bits_a_channel_are_refused(options):
    paint(options.data_dir / "photos" / "a.png", RNG.integers(0, 60000, (3, 5), np.uint16))
    assert "pixels of mode I;16" in said(options)


def test_too_much_is_refused_before_it_is_read(options):
    for name in "abc":
        paint(options.data_dir / "photos" / f"{name}.png", colours())
    small = DataOptions(data_dir=options.data_dir, limit_bytes=3 * 4 * 6 * 3 - 1)
    assert "E0612" in said(small) and "216 bytes, the limit is 215" in said(small)


def test_a_bomb_is_refused(options, monkeypatch):
    paint(options.data_dir / "photos" / "a.png", np.zeros((40, 50, 3), np.uint8))
    for pixels in (1500, 500):  # Pillow warns, and beyond twice its limit refuses by itself
        monkeypatch.setattr(PIL, "MAX_IMAGE_PIXELS", pixels)
        assert f"at most {pixels:,} pixels" in said(options)


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_out_of_the_programs_folder_are_refused(options, tmp_path):
    paint(tmp_path / "elsewhere" / "a.png", colours())
    folder = options.program_dir / "photos"
    folder.mkdir()
    (folder / "a.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    assert "E0613" in said(options)
    (folder / "a.png").unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path / "elsewhere")
    assert "E0613" in said(options)
    (options.data_dir / "photos").symlink_to(tmp_path / "elsewhere")  # the data folder is the user's own
    assert describe(call(), options).splits == {"": 1}


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "ppm", "webp"])
def test_damaged_anywhere_is_read_or_refused(options, suffix):
    path = options.data_dir / "photos" / f"a.{suffix}"
    paint(path, colours(9, 7))
    whole = path.read_bytes()
    for _ in range(40):
        content = bytearray(whole[: RNG.integers(0, len(whole) + 1)])
        for _ in range(3 if content else 0):
            content[RNG.integers(0, len(content))] = RNG.integers(0, 256)
        path.write_bytes(content)
        try:
            open_data([call()], options).split()
        except DataError as error:
            assert error.diagnostics[0].code in ("E0611", "E0612", "E0614")


def test_without_pillow_it_is_not_to_be_had(options, monkeypatch):
    paint(options.data_dir / "photos" / "a.png", colours())
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(NotToBeHad) as error:
        describe(call(), options)
    assert "Pillow is not installed" in str(error.value) and error.value.diagnostics[0].helps == (
        "install it: pip install 'gdl[images]'",
    )
