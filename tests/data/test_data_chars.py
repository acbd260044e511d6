"""Text as windows of characters."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from gdl.errors import DataError
from gdl.train.data import DataOptions, describe, open_data
from gdl.types.record import FieldType, SourceCall

TEXT = "the cat sat on the mat, 数 é\r\n" * 7  # 203 characters


def chars(options, text: str | bytes, n: int = 4):
    (options.data_dir / "a.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_data([SourceCall("chars", ("a.txt", n))], options)


def test_fields_attributes_and_splits(options):
    header = chars(options, TEXT).header
    assert header.fields == {"ids": FieldType("i64", (4,)), "target": FieldType("i64", (4,))}
    assert header.attributes == {"vocab": len(set(TEXT)), "alphabet": "".join(sorted(set(TEXT)))}
    assert header.splits == {"train": 183 - 4, "test": 5}


def test_windows_say_what_comes_next(options):
    opened = chars(options, TEXT)
    alphabet = np.array(list(opened.header.attributes["alphabet"]))
    train = opened.split("train")
    for offset in (0, 1, 100, 178):
        assert "".join(alphabet[train["ids"][offset]]) == TEXT[offset : offset + 4]
        assert "".join(alphabet[train["target"][offset]]) == TEXT[offset + 1 : offset + 5]
    test = opened.split("test")
    assert "".join(alphabet[test["target"].ravel()]) == TEXT[183:], "each character is predicted once"
    assert "".join(alphabet[test["ids"].ravel()]) == TEXT[182:-1]


def test_training_never_sees_what_is_tested(options):
    text = "a" * 90 + "b" * 10
    train = chars(options, text, 5).split("train")
    assert train["ids"].max() == 0 and train["target"].max() == 0


def test_windows_are_views_of_one_text(options):
    train = chars(options, TEXT).split("train")
    assert train["ids"].strides == (8, 8) and np.shares_memory(train["ids"], train["target"])
    assert not train["ids"].flags.writeable


@pytest.mark.parametrize("n, splits", [(1, {"train": 182, "test": 20}), (21, {"train": 161, "test": 1})])
def test_other_window_sizes(options, n, splits):
    assert chars(options, TEXT, n).header.splits == splits


def test_the_shortest_text_for_a_window(options):
    opened = chars(options, "0123456789abcdefghijk", 10)
    assert opened.header.splits == {"train": 1, "test": 1}
    assert opened.split("train")["target"].shape == (1, 10)
    with pytest.raises(DataError) as error:
        chars(options, "0123456789abcdefghij", 10)
    assert "has 20 characters; windows of 10 take at least 21" in error.value.diagnostics[0].message
    with pytest.raises(DataError, match="`n` must be at least 1"):
        chars(options, TEXT, 0)


def test_gzip_byte_order_marks_and_encodings(options):
    (options.data_dir / "a.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + TEXT.encode()))
    assert describe(SourceCall("chars", ("a.txt", 4)), options).attributes["vocab"] == len(set(TEXT))
    with pytest.raises(DataError) as error:
        chars(options, TEXT.encode("utf-16"))
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E0611" and "text in UTF-8" in diagnostic.message and "offset 0" in diagnostic.message


def test_a_bomb_is_refused(options):
    content = gzip.compress(b"a" * 10_000_000)
    small = DataOptions(data_dir=options.data_dir, limit_bytes=8_000_000)
    with pytest.raises(DataError) as error:
        chars(small, content)
    assert error.value.diagnostics[0].code == "E0612"


@pytest.mark.skipif("GDL_DATA" not in os.environ, reason="needs the real file: GDL_DATA names its folder")
def test_shakespeare():
    options = DataOptions(data_dir=Path(os.environ["GDL_DATA"]))
    opened = open_data([SourceCall("chars", ("tinyshakespeare.txt", 64))], options)
    assert opened.header.attributes["vocab"] == 65
    assert opened.header.splits == {"train": 1_115_394 - 1742 * 64 - 64, "test": 1742}
    assert opened.split("train")["ids"].shape == (1_003_842, 64)
