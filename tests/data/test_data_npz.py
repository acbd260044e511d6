"""The .npz format: numpy's arrays come back, nothing is unpickled, nothing is believed."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.errors import DataError
from gdl.train.data import DataOptions, describe, open_data
from gdl.types.record import FieldType, SourceCall

CALL = SourceCall("npz", ("a.npz",))


def npz_bytes(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy_bytes(header: str, data: bytes, version: int = 1) -> bytes:
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode() + data


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def opened(options, content: bytes):
    (options.data_dir / "a.npz").write_bytes(content)
    dataset = open_data([CALL], options)
    return {split: dict(dataset.split(split)) for split in dataset.header.splits}


def fails(options, content: bytes) -> str:
    with pytest.raises(DataError) as error:
        opened(options, content)
    (diagnostic,) = error.value.diagnostics
    assert "a.npz" in diagnostic.message and diagnostic.helps
    return f"{diagnostic.code} {diagnostic.message}"


@pytest.mark.parametrize(
    "stored, dtype",
    [("?", "bool"), ("u1", "u8"), ("i1", "i32"), ("<i2", "i32"), (">u2", "i32"), (">i4", "i32"), ("<u4", "i64")]
    + [(">i8", "i64"), ("<f2", "f32"), (">f4", "f32"), ("<f4", "f32"), (">f8", "f64")],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_type_is_read(options, stored, dtype, order):
    array = np.asarray(np.arange(24).reshape(4, 3, 2) % 7, stored, order=order)
    (options.data_dir / "a.npz").write_bytes(npz_bytes(x=array))
    assert describe(CALL, options).fields == {"x": FieldType(dtype, (3, 2))}
    found = open_data([CALL], options).split()["x"]
    assert np.array_equal(found, array) and found.dtype.isnative


@pytest.mark.parametrize("names", ["x_train y_train x_test y_test", "train_x train_y test_x test_y"])
def test_names_that_say_a_split_make_splits(options, names):
    arrays = {name: np.full(3 if "train" in name else 2, i) for i, name in enumerate(names.split())}
    found = opened(options, npz_bytes(**arrays))
    assert {split: sorted(fields) for split, fields in found.items()} == {"train": ["x", "y"], "test": ["x", "y"]}
    assert found["test"]["y"].tolist() == [3, 3]


def test_names_with_a_slash_and_names_that_are_no_identifiers(options):
    assert list(opened(options, zipped(**{"train/x": _npy(3), "test/x": _npy(2)}))) == ["train", "test"]
    assert list(opened(options, npz_bytes(**{"sepal length (cm)": np.zeros(2), "2nd": np.zeros(2)}))[""]) == [
        "sepal_length_cm",
        "_2nd",
    ]
    assert "E0617" in fails(options, npz_bytes(**{"a b": np.zeros(2), "a-b": np.zeros(2)}))


def _npy(count: int) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(count))
    return buffer.getvalue()


def test_fields_that_do_not_belong_together(options):
    assert "E0617" in fails(options, npz_bytes(x=np.zeros(3), y=np.zeros(4)))
    assert "E0617" in fails(options, npz_bytes(train_x=np.zeros((3, 2)), test_x=np.zeros((3, 3))))
    assert "E0617" in fails(options, npz_bytes(train_x=np.zeros(3), test_y=np.zeros(3)))


def test_objects_are_never_unpickled(options, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "pwned"), "w"))

    message = fails(options, npz_bytes(x=np.array([Bomb()], dtype=object)))
    assert message.startswith("E0614") and "never unpickled" in message
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "array",
    [np.array(["a"]), np.array([1j]), np.array([1], "u8"), np.array(["2020-01-01"], "M8[D]"), np.zeros(2, "i4,f4")],
)
def test_types_that_gdl_has_not(options, array):
    assert fails(options, npz_bytes(x=array)).startswith("E0614")


def test_scalars_and_emptiness(options):
    assert fails(options, npz_bytes(x=np.array(3.0))).startswith("E0614")
    assert fails(options, zipped()).startswith("E0611")
    assert opened(options, npz_bytes(x=np.zeros((0, 4))))[""]["x"].shape == (0, 4)


def test_cut_off_anywhere(options):
    content = npz_bytes(x=np.arange(30), y=np.arange(30.0))
    for length in range(0, len(content), 3):
        assert fails(options, content[:length]).startswith("E0611")


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }\n"


@pytest.mark.parametrize(
    "member, code",
    [
        (b"", "E0611"),
        (b"\x93NUMPY", "E0611"),
        (b"\x93NUMPY\x09\0\x10\0" + bytes(16), "E0611"),
        (npy_bytes(HEADER % "3,", bytes(23)), "E0611"),
        (npy_bytes(HEADER % "3,", bytes(25)), "E0611"),
        (npy_bytes(HEADER % "99999999999999999999,", bytes(24)), "E0611"),
        (npy_bytes(HEADER % ",".join(["1"] * 40), bytes(8)), "E0611"),
        (npy_bytes(HEADER % "-3,", bytes(24)), "E0611"),
        (npy_bytes(HEADER % "3,,", bytes(24)), "E0611"),
        (npy_bytes("{'descr': '<f8'}", bytes(24)), "E0611"),
        (npy_bytes("__import__('os').abort()", bytes(24)), "E0611"),
        (npy_bytes("(" * 9000, bytes(24)), "E0611"),
        (npy_bytes("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (3,), }", bytes(24)), "E0614"),
        (npy_bytes((HEADER % "3,") + " " * 20_000, bytes(24)), "E0611"),
    ],
)
def test_members_that_are_not_arrays(options, member, code):
    assert fails(options, zipped(x=member)).startswith(code)


def test_all_versions_and_other_writers(options):
    for version in (1, 2, 3):
        content = npy_bytes(HEADER % "2,", np.array([1.5, 2.5]).tobytes(), version)
        assert opened(options, zipped(x=content))[""]["x"].tolist() == [1.5, 2.5]
    tight = "{'descr':'<f8','fortran_order':False,'shape':(2,)}"
    assert opened(options, zipped(x=npy_bytes(tight, bytes(16))))[""]["x"].tolist() == [0, 0]


def test_a_bomb_is_refused_before_it_is_unpacked(options):
    content = npz_bytes(x=np.zeros(2_000_000), y=np.zeros(2_000_000))
    assert len(content) < 100_000
    small = DataOptions(data_dir=options.data_dir, limit_bytes=20_000_000)
    assert fails(small, content).startswith("E0612")


def test_sizes_that_no_array_can_have(options):
    assert fails(options, zipped(x=npy_bytes(HEADER % "0, 99999999999, 99999999999", b""))).startswith("E0612")


def test_a_member_larger_than_the_directory_says(options):
    """The directory and the header agree on little, the data unpack to much: reading stops at what was said."""
    content = zipped(x=npy_bytes(HEADER % "3,", bytes(24)) + bytes(5_000_000))
    said = struct.pack("<I", len(npy_bytes(HEADER % "3,", bytes(24))))
    lying = content.replace(struct.pack("<I", len(npy_bytes(HEADER % "3,", bytes(24))) + 5_000_000), said)
    assert lying != content
    assert fails(options, lying).startswith("E0611")


def test_an_encrypted_or_strangely_packed_member(options):
    content = bytearray(zipped(x=_npy(3)))
    directory = content.rindex(b"PK\1\2")
    content[directory + 8] |= 1
    assert fails(options, bytes(content)).startswith("E0614")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x.npy", _npy(3))
    assert fails(options, buffer.getvalue()).startswith("E0614")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_any_damage_is_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    content = bytearray(npz_bytes(x=np.arange(6), y=np.arange(6.0)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        opened(DataOptions(data_dir=folder, limit_bytes=100_000), bytes(content))
    except DataError:
        return
