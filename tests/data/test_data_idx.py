"""The IDX format: every type, and everything that can be wrong with a file."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.errors import DataError
from gdl.train.data import describe, open_data
from gdl.train.data.idx_format import read_idx, read_idx_header
from gdl.train.data.options import DATA_LIMIT_BYTES
from gdl.types.record import FieldType, SourceCall

X = SourceCall("idx", (), {"x": "x.idx"})


def fails(path, limit_bytes=DATA_LIMIT_BYTES, read=read_idx) -> str:
    with pytest.raises(DataError) as error:
        read(path, limit_bytes)
    (diagnostic,) = error.value.diagnostics
    assert str(path) in diagnostic.message and diagnostic.helps
    return f"{diagnostic.code} {diagnostic.message}"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    "stored, dtype", [("u1", "u8"), ("i1", "i32"), ("i2", "i32"), ("i4", "i32"), ("f4", "f32"), ("f8", "f64")]
)
def test_every_type_is_read(options, make_idx, packed, stored, dtype):
    array = np.arange(-3, 9).reshape(3, 2, 2).astype(stored)
    content = make_idx(array)
    (options.data_dir / "x.idx").write_bytes(gzip.compress(content) if packed else content)
    opened = open_data([X], options)
    assert opened.header.fields == {"x": FieldType(dtype, (2, 2))} and opened.header.splits == {"": 3}
    assert np.array_equal(opened.split()["x"], array)


def test_fields_splits_and_gz_by_another_name(options, make_idx):
    for name, count in (("a", 5), ("b", 3)):
        (options.data_dir / f"{name}.idx.gz").write_bytes(gzip.compress(make_idx(np.zeros((count, 2), np.uint8))))
    call = SourceCall("idx", (), {"train_x": "a.idx", "test_x": "b.idx"})
    assert describe(call, options).splits == {"train": 5, "test": 3}
    with pytest.raises(DataError) as error:
        describe(SourceCall("idx", (), {"x": "a.idx", "y": "b.idx"}), options)
    assert error.value.diagnostics[0].code == "E0617"
    assert error.value.diagnostics[0].details == ("x  5 records", "y  3 records")


def test_no_records_is_no_fault(tmp_path, make_idx):
    (tmp_path / "x").write_bytes(make_idx(np.zeros((0, 3), np.float32)))
    assert read_idx(tmp_path / "x", 100).shape == (0, 3)


@pytest.mark.parametrize("packed", [True, False])
def test_cut_off_anywhere(tmp_path, make_idx, packed):
    content = make_idx(np.random.default_rng(0).integers(0, 255, (5, 7), np.uint8))
    content = gzip.compress(content) if packed else content
    path = tmp_path / "x"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert fails(path).startswith("E0611")


def test_a_header_alone_shows_that_an_unpacked_file_is_cut_off(tmp_path, make_idx):
    path = tmp_path / "x"
    path.write_bytes(make_idx(np.zeros((5, 7), np.uint8))[:-1])
    assert "expected 47 bytes for u8[5, 7], found 46" in fails(path, read=read_idx_header)


@pytest.mark.parametrize("packed", [True, False])
def test_more_than_the_header_says(tmp_path, make_idx, packed):
    content = make_idx(np.zeros((5, 7), np.uint8)) + b"?"
    (tmp_path / "x").write_bytes(gzip.compress(content) if packed else content)
    assert fails(tmp_path / "x").startswith("E0611")


def test_garbage_after_the_gzip_data(tmp_path, make_idx):
    (tmp_path / "x").write_bytes(gzip.compress(make_idx(np.zeros(3, np.uint8))) + b"garbage")
    assert fails(tmp_path / "x").startswith("E0611")


def test_a_wrong_checksum(tmp_path, make_idx):
    content = bytearray(gzip.compress(make_idx(np.zeros(3, np.uint8))))
    content[-6] ^= 1
    (tmp_path / "x").write_bytes(content)
    assert fails(tmp_path / "x").startswith("E0611")


@pytest.mark.parametrize(
    "magic", [b"", b"\0\0\x08", b"\0\1\x08\1", b"\0\0\x0a\1", b"\0\0\x08\0", b"\0\0\x08\x21", b"PK\3\4"]
)
def test_another_format(tmp_path, magic):
    (tmp_path / "x").write_bytes(magic + bytes(200 if len(magic) == 4 else 0))
    assert "expected an IDX file" in fails(tmp_path / "x")


def test_a_bomb_is_refused_by_its_header(tmp_path):
    header = b"\0\0\x08\3" + struct.pack(">3I", 2**31, 2**31, 2**31)
    (tmp_path / "x").write_bytes(gzip.compress(header + bytes(1000)))
    for read in (read_idx, read_idx_header):
        assert fails(tmp_path / "x", read=read).startswith("E0612")
    assert "GDL_DATA_LIMIT_BYTES" in _help(tmp_path / "x")


def test_sizes_that_no_array_can_have(tmp_path):
    (tmp_path / "x").write_bytes(b"\0\0\x08\4" + struct.pack(">4I", 2**32 - 1, 2**32 - 1, 2**32 - 1, 0))
    assert fails(tmp_path / "x").startswith("E0612")


def _help(path) -> str:
    with pytest.raises(DataError) as error:
        read_idx(path, 1000)
    return error.value.diagnostics[0].helps[0]


def test_memory_follows_the_file_and_not_its_claim(tmp_path):
    import tracemalloc

    header = b"\0\0\x08\1" + struct.pack(">I", 2**31)
    (tmp_path / "claims").write_bytes(gzip.compress(header + bytes(1000)))
    (tmp_path / "inflates").write_bytes(gzip.compress(b"\0\0\x08\1" + struct.pack(">I", 10) + bytes(50_000_000)))
    for name in ("claims", "inflates"):
        tracemalloc.start()
        assert fails(tmp_path / name).startswith("E0611")
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak_bytes < 8_000_000


def test_a_folder_or_an_unreadable_name(tmp_path):
    assert fails(tmp_path).startswith("E0611")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 40), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path_factory, junk, start, packed):
    header = b"\0\0\x08\2" + struct.pack(">2I", 2, 3) + bytes(6)
    content = header[:start] + junk
    path = tmp_path_factory.getbasetemp() / "junk.idx"
    path.write_bytes(gzip.compress(content) if packed else content)
    for read in (read_idx_header, read_idx):
        try:
            read(path, 10_000)
        except DataError:
            continue


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_gzip_file_is_read_or_refused(tmp_path_factory, data):
    content = bytearray(gzip.compress(b"\0\0\x08\1" + struct.pack(">I", 300) + bytes(range(100)) * 3))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.idx"
    path.write_bytes(content)
    try:
        array = read_idx(path, 10_000)
    except DataError:
        return
    assert array.tolist() == list(range(100)) * 3, "what is read in spite of the change is what was written"
