"""What becomes of an edited program: it runs one step and every eval, or is refused when it is checked."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from gdl.errors import GdlError
from gdl.session.checking import check_program
from gdl.session.runs import Length, start
from gdl.source import Source
from gdl.train.data import DataOptions, Dataset, describe, open_data
from gdl.types.record import DataHeader, SourceCall

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_LARGE = re.compile(r"\b(?:32|64|100|128|200|250|256|500|1000)\b(?!\.)")
_BATCH = re.compile(r"\bbatch \d+")
#: Records of a split: one batch of every feed.
RECORDS = 4
#: The one thing that values may do to a program that was checked: make its loss infinite or no number at all.
BY_VALUE = frozenset({"E0820"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`word` is "refused", "ran", "not finite" or "failed later"; `said` the codes or the traceback."""

    word: str
    said: str = ""


@cache
def example(name: str) -> str:
    """An example with its large sizes made small, and batches that are as large as the data."""
    text = (EXAMPLES / f"{name}.gdl").read_text(encoding="utf-8")
    return _LARGE.sub("4", _BATCH.sub(f"batch {RECORDS}", text))


def names() -> list[str]:
    return sorted(path.stem for path in EXAMPLES.glob("*.gdl"))


def build(folder: Path) -> DataOptions:
    """A folder with what the examples read; nothing is downloaded."""
    (folder / "tinyshakespeare.txt").write_text("To be, or not to be, that is the question: " * 8, encoding="utf-8")
    return DataOptions(program_dir=folder, cache_dir=folder / "cache", offline=True)


def outcome(text: str, options: DataOptions) -> Outcome:
    """Checks the program and, if nothing is wrong with it, trains one step and runs every eval."""
    with warnings.catch_warnings(), few_records():
        warnings.simplefilter("error")
        try:
            checked = check_program(Source("mutated.gdl", text), options)
        except Exception:
            return Outcome("failed later", "while it was checked:\n" + traceback.format_exc())
        if checked.program is None:
            return Outcome("refused", " ".join(d.code for d in checked.diagnostics if d.is_error))
        try:
            folder = options.program_dir
            for _ in start(checked, options, hypers={}, length=Length("steps", 1), out=folder, keep=False).events():
                pass
        except GdlError as error:
            codes = {d.code for d in error.diagnostics}
            return Outcome("not finite" if codes <= BY_VALUE else "failed later", f"{error}")
        except Exception:
            return Outcome("failed later", traceback.format_exc())
    return Outcome("ran")


# ---- data --------------------------------------------------------------------------------------------------------


@contextmanager
def few_records() -> Iterator[None]:
    with patch("gdl.session.runs.open_data", _few), patch("gdl.session.checking.describe", _described):
        yield


def _described(call: SourceCall, options: DataOptions) -> DataHeader:
    return _shortened(describe(call, options))


def _shortened(header: DataHeader) -> DataHeader:
    return replace(header, splits=dict.fromkeys(header.splits, RECORDS))


def _few(calls: Sequence[SourceCall], options: DataOptions) -> Dataset:
    """The data that serve, a few records of every split, the highest label among them."""
    dataset = open_data(calls, options)
    small = Dataset(_Prepared(_shortened(dataset.header), dataset))
    small.notes = dataset.notes
    return small


class _Prepared:
    def __init__(self, header, whole: Dataset):
        self.header, self._whole = header, whole

    def load(self, split: str) -> Mapping[str, np.ndarray]:
        header = self._whole.header
        return (
            _records(header.name, split, self._whole)
            if header.name.startswith("digits")
            else _chosen(self._whole.split(split))
        )


_KNOWN: dict[tuple[str, str], Mapping[str, np.ndarray]] = {}


def _records(name: str, split: str, whole: Dataset) -> Mapping[str, np.ndarray]:
    """Those of the digits are kept: to scale all of them takes longer than all the rest."""
    if (name, split) not in _KNOWN:
        _KNOWN[name, split] = _chosen(whole.split(split))
    return _KNOWN[name, split]


def _chosen(records: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    highest = [int(array.argmax()) for array in records.values() if array.ndim == 1 and array.dtype.kind in "iu"]
    rows = np.array((highest + list(range(RECORDS)))[:RECORDS])
    return {name: array[rows] for name, array in records.items()}
