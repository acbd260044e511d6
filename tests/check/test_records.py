"""Sizes and indices that hang on the records: refused only where they are sure not to fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gdl.errors import GdlError
from gdl.session.checking import check_program
from gdl.session.runs import start
from gdl.source import Source
from gdl.train.data import DataOptions
from tests.data.conftest import idx_bytes

PROGRAM = """
data digit = {source}
placeholder x: f32[{rows}, 784]
placeholder y: i64[{rows}]
variable W: f32[784, {classes}] = zeros()
loss = mean(cross_entropy(x @ W, y))
train {{
  {length}
  feed x = flatten(image) / 255, y = label from digit.train batch {batch}
  minimize loss with Sgd(0.1)
}}
"""
FITTING = {"source": "digits(size=28)", "rows": 100, "classes": 10, "length": "steps 14", "batch": 100}


def codes(options: DataOptions, **changed: object) -> list[str]:
    text = PROGRAM.format(**{**FITTING, **changed})
    return [d.code for d in check_program(Source("records.gdl", text), options).diagnostics]


@pytest.fixture
def options(tmp_path: Path) -> DataOptions:
    return DataOptions(program_dir=tmp_path, cache_dir=tmp_path / "cache", offline=True)


def test_a_short_last_batch_counts_where_it_is_reached(options: DataOptions) -> None:
    assert codes(options) == []  # 14 of 14.37 batches
    assert codes(options, length="steps 15") == ["E0603"]
    assert codes(options, length="epochs 1") == ["E0603"]
    assert codes(options, length="epochs 1", batch=1437, rows=1437) == []
    assert codes(options, length="epochs 1", batch=9999, rows=1437) == []


def test_a_batch_of_another_size_never_fits(options: DataOptions) -> None:
    assert codes(options, length="steps 1", batch=50) == ["E0603"]


def test_labels_need_a_place_each(options: DataOptions) -> None:
    assert codes(options, classes=9) == ["E0309"]
    assert codes(options, classes=11) == []


def test_labels_of_ones_own_files_are_looked_at(tmp_path: Path) -> None:
    for split in ("train", "t10k"):
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((3, 28, 28), np.uint8)))
        (tmp_path / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(np.array([0, 2, 1], np.uint8)))
    options = DataOptions(data_dir=tmp_path, cache_dir=tmp_path / "cache", offline=True)
    own = {"source": "mnist()", "rows": 3, "batch": 3, "length": "epochs 1"}
    assert codes(options, **own, classes=3) == []
    assert codes(options, **own, classes=2) == ["E0309"]


def test_another_source_of_other_length_is_told_before_the_first_step(options: DataOptions) -> None:
    text = PROGRAM.format(**{**FITTING, "source": "mnist() or digits(size=28)", "length": "epochs 1"})
    checked = check_program(Source("records.gdl", text), options)
    assert checked.diagnostics == ()  # 60,000 are 600 batches
    with pytest.raises(GdlError, match="E0603"):
        start(checked, options, hypers={}, keep=False)
