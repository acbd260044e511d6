"""Checkpoint files: everything comes back, nothing damaged is taken for whole, the safetensors library agrees."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from gdl.errors import CheckpointError
from gdl.train import atomic
from gdl.train.checkpoint import load, peek, save, weights_sha256
from gdl.types.record import FieldType

TENSORS = {
    "model/b1/conv/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "model/w": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "model/strided": np.arange(10, dtype=np.int32)[::-3],
    "model/mask": np.array([True, False, True]),
    "model/bytes": np.array([1, 2, 255], np.uint8),
    "model/empty": np.zeros((0, 3), np.float32),
    "optimizer/model/w/t": np.array(7, np.int64),
    "model/special": np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324]),
    "model/big_endian": np.arange(3, dtype=">f4"),
}
META = {
    "step": 12,
    "seed": 2**63,
    "lr": 0.1,
    "hypers": {"cell": "rnn", "big": True},
    "note": "é 数 \n",
    "nothing": None,
}


def same(left: np.ndarray, right: np.ndarray) -> bool:
    """Equal in shape, dtype and every bit."""
    left, right = (a.astype(a.dtype.newbyteorder("=")) for a in (left, right))
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()


def fails(act, path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        act(path)
    (diagnostic,) = error.value.diagnostics
    assert path.name in diagnostic.message and diagnostic.helps
    return f"{diagnostic.code} {diagnostic.message}"


def test_everything_comes_back(tmp_path):
    path = tmp_path / "a.safetensors"
    sha256 = save(path, TENSORS, META)
    loaded = load(path)
    assert loaded.meta == META and loaded.sha256 == sha256 == weights_sha256(loaded.tensors)
    assert loaded.tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        found = loaded.tensors[name]
        assert same(found, array), name
        assert found.flags.writeable and found.flags.owndata and found.dtype.isnative


@settings(max_examples=30, deadline=None)
@given(
    arrays_of.arrays(
        st.sampled_from(["?", "u1", "i4", "i8", "f4", "f8"]), arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0)
    ),
    st.text(min_size=1, max_size=20).filter(lambda name: name.isprintable() and name != "__metadata__"),
)
def test_any_array_under_any_name_comes_back(tmp_path_factory, array, name):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    save(path, {name: array}, {})
    (found,) = load(path).tensors.items()
    assert found[0] == name and same(found[1], array)


def test_the_callers_arrays_are_left_alone(tmp_path):
    before = {name: array.copy() for name, array in TENSORS.items()}
    save(tmp_path / "a.safetensors", TENSORS, META)
    assert all(same(TENSORS[name], before[name]) for name in before)


def test_the_library_reads_what_is_written(tmp_path):
    path = tmp_path / "a.safetensors"
    save(path, TENSORS, META)
    loaded = safetensors.numpy.load_file(path)
    assert all(same(loaded[name], array) for name, array in TENSORS.items())
    with safetensors.safe_open(path, "numpy") as opened:
        metadata = opened.metadata()
    assert json.loads(metadata["hypers"]) == META["hypers"] and metadata["gdl.format"] == "1"
    assert metadata["gdl.sha256"] == weights_sha256(TENSORS)


def test_what_the_library_writes_is_read(tmp_path):
    path = tmp_path / "a.safetensors"
    plain = {name: np.array(array, order="C") for name, array in TENSORS.items() if name != "model/big_endian"}
    for metadata in (None, {"format": "pt"}):
        safetensors.numpy.save_file(plain, path, metadata)
        loaded = load(path)
        assert loaded.meta == {} and peek(path).sha256 is None
        assert all(same(loaded.tensors[name], array) for name, array in plain.items())


def test_every_tensor_is_aligned(tmp_path):
    path = tmp_path / "a.safetensors"
    save(path, TENSORS, META)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert (8 + length) % 8 == 0
    for name, array in TENSORS.items():
        assert header[name]["data_offsets"][0] % array.itemsize == 0


def test_the_hash_is_of_names_types_shapes_and_values():
    base = {"a": np.zeros((2, 3), np.float32), "b": np.zeros(1)}
    others = [
        {"a": np.zeros((2, 3), np.float32), "c": np.zeros(1)},
        {"a": np.zeros((3, 2), np.float32), "b": np.zeros(1)},
        {"a": np.zeros((2, 3), np.int32), "b": np.zeros(1)},
        {"a": np.zeros((2, 3), np.float32), "b": np.full(1, -0.0)},
        {"a": np.zeros((2, 3), np.float32)},
    ]
    hashes = {weights_sha256(tensors) for tensors in [base, *others]}
    assert len(hashes) == 6
    assert weights_sha256(dict(reversed(base.items()))) == weights_sha256(base)
    assert weights_sha256({}) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_peek_needs_no_numbers_and_no_numpy(tmp_path):
    path = tmp_path / "a.safetensors"
    sha256 = save(path, TENSORS, META)
    found = peek(path)
    assert found.types["model/b1/conv/kernel"] == FieldType("f32", (2, 3, 4)) and found.meta == META
    assert found.sha256 == sha256 and len(found.types) == len(TENSORS)
    program = f"""
import sys
from pathlib import Path
from gdl.train.checkpoint import fit, peek
assert len(peek(Path({str(path)!r})).types) == {len(TENSORS)}
assert "numpy" not in sys.modules
"""
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=60)
    assert run.returncode == 0, run.stderr


SMALL = {"w": np.arange(5, dtype=np.float32), "b": np.array([True])}


@pytest.fixture
def small(tmp_path) -> Path:
    path = tmp_path / "small.safetensors"
    save(path, SMALL, {"step": 3, "seed": 0})
    return path


def test_cut_off_anywhere(small):
    content = small.read_bytes()
    for length in range(len(content)):
        small.write_bytes(content[:length])
        for act in (load, peek):
            assert fails(act, small)[:5] in ("E0710", "E0712")


def test_more_than_the_header_says(small):
    small.write_bytes(small.read_bytes() + b"\0")
    for act in (load, peek):
        assert fails(act, small).startswith("E0710")


def test_one_bit_anywhere_is_noticed(small):
    content = small.read_bytes()
    for place in range(len(content)):
        for bit in (0, 5):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            small.write_bytes(damaged)
            fails(load, small)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    whole = path.with_name("whole.safetensors")
    if not whole.exists():
        save(whole, SMALL, {"step": 3})
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    if content != whole.read_bytes():
        fails(load, path)


def file_of(path: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype="F32", shape=(2,), begin=0, end=8, **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end], **more}


@pytest.mark.parametrize(
    "header, data_bytes, code",
    [
        (b"[]", 0, "E0710"),
        (b"{}x", 0, "E0710"),
        (b"\xff\xff", 0, "E0710"),
        (b'{"a": NaN}', 0, "E0710"),
        (b"[" * 5000, 0, "E0710"),
        (b'{"a":' * 5000, 0, "E0710"),
        (b'{"a": ' + b"9" * 5000 + b"}", 0, "E0710"),
        (b'{"a":' + json.dumps(entry()).encode() + b',"a":' + json.dumps(entry()).encode() + b"}", 8, "E0710"),
        ({"__metadata__": {"a": 1}}, 0, "E0710"),
        ({"__metadata__": []}, 0, "E0710"),
        ({"a": 3}, 0, "E0710"),
        ({"a": entry(more=1)}, 8, "E0710"),
        ({"a": entry(shape=(-2,))}, 8, "E0710"),
        ({"a": entry(shape=(2.0,))}, 8, "E0710"),
        ({"a": entry(shape=(True, 2))}, 8, "E0710"),
        ({"a": entry(shape=[1] * 33, end=4)}, 4, "E0710"),
        ({"a": entry(shape=(2**61, 0), end=0)}, 0, "E0710"),
        ({"a": entry(shape=(3,))}, 8, "E0710"),
        ({"a": entry(begin=8, end=0)}, 8, "E0710"),
        ({"a": entry(begin=4, end=12)}, 12, "E0710"),
        ({"a": entry(), "b": entry()}, 8, "E0710"),
        ({"a": entry(), "b": entry(begin=4, end=12)}, 12, "E0710"),
        ({"a": entry(), "b": entry(begin=12, end=20)}, 20, "E0710"),
        ({"a": entry(shape=(2**40,), end=2**42)}, 8, "E0710"),
        ({"a": entry(dtype="BF16", end=4)}, 4, "E0713"),
        ({"a": entry(dtype="PICKLE")}, 8, "E0713"),
        ({"a": entry(dtype=["F32"])}, 8, "E0713"),
    ],
)
def test_headers_that_lie(tmp_path, header, data_bytes, code):
    path = file_of(tmp_path / "a.safetensors", header, bytes(data_bytes))
    for act in (load, peek):
        assert fails(act, path).startswith(code)


def test_sizes_that_no_array_can_have(tmp_path):
    path = file_of(tmp_path / "a.safetensors", {"a": entry(shape=(2**50, 2**50, 0), end=0)})
    assert fails(load, path).startswith("E0710")


def test_what_only_the_library_refuses(tmp_path):
    header = b'{"\\ud800":' + json.dumps(entry()).encode() + b"}"
    path = file_of(tmp_path / "a.safetensors", header, bytes(8))
    assert fails(load, path).startswith("E0710") and len(peek(path).types) == 1


def test_the_same_content_makes_the_same_bytes(tmp_path):
    contents = set()
    for _ in range(5):
        save(tmp_path / "a.safetensors", TENSORS, META)
        contents.add((tmp_path / "a.safetensors").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("content", [b"", b"PK\3\4 a zip file", b"\x80\x04\x95pickle", b"\0" * 100, b"\xff" * 100])
def test_other_files(tmp_path, content):
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    for act in (load, peek):
        assert fails(act, path)[:5] in ("E0710", "E0712")


def test_missing_files_and_folders(tmp_path):
    assert fails(load, tmp_path / "none").startswith("E0711")
    assert fails(peek, tmp_path).startswith("E0711")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        assert fails(load, tmp_path / "fifo").startswith("E0711"), "and does not wait for a writer"


def test_the_metadata_of_gdl_stand_together(small):
    loaded = load(small)
    with safetensors.safe_open(small, "numpy") as opened:
        metadata = opened.metadata()
    for key in ("gdl.format", "gdl.sha256", "gdl.meta_sha256"):
        rest = {name: text for name, text in metadata.items() if name != key}
        safetensors.numpy.save_file(dict(loaded.tensors), small, rest)
        assert fails(load, small).startswith("E0710")
    safetensors.numpy.save_file(dict(loaded.tensors), small, {**metadata, "gdl.format": "2"})
    assert fails(peek, small).startswith("E0714")


def test_a_failure_to_write_leaves_the_old_file_and_nothing_else(small, monkeypatch):
    before = small.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(CheckpointError) as error:
        save(small, {"w": np.zeros(100)}, {})
    assert error.value.diagnostics[0].code == "E0715"
    assert "No space left on device" in error.value.diagnostics[0].message
    assert small.read_bytes() == before and list(small.parent.iterdir()) == [small]


def test_an_interrupt_leaves_nothing_behind(tmp_path):
    def chunks():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic.write_atomically(tmp_path / "a", chunks())
    assert list(tmp_path.iterdir()) == []
