"""Runs an eval block: exact means over all examples, or values as they are, and the images it writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gdl.errors import checkpoint as checkpoint_errors
from gdl.errors import training as errors
from gdl.lang.program import Eval, WriteImage
from gdl.resources import is_file_name
from gdl.runtime.arrays import dtype_name
from gdl.train.atomic import write_atomically
from gdl.train.batches import Batches, NoData
from gdl.train.events import Evaluated, Moment
from gdl.train.images import are_images, png
from gdl.train.means import Mean
from gdl.train.step import Runs

_MARKERS = re.compile(r"\{[^{}]*\}")


def evaluate(
    block: Eval,
    runner: Runs,
    batches: Batches | NoData,
    at: Moment,
    tick: int,
    directory: Path | None,
) -> Evaluated:
    """One run of the block over all of its data; random draws of its batch j are those of tick `tick + j`.

    Images are of the first batch; without a `directory` none is written.
    """
    values, first = _means(block, runner, batches, at, tick) if block.feed.data else _values(block, runner, at, tick)
    files = [_write(write, first[write.output], at, directory) for write in block.writes] if directory else []
    shares = frozenset(value.name for value in block.values if value.is_share)
    return Evaluated(at, block.name, values, shares, tuple(files))


def _means(
    block: Eval, runner: Runs, batches: Batches | NoData, at: Moment, tick: int
) -> tuple[dict[str, Any], Mapping[int, Any]]:
    means = {value.name: Mean() for value in block.values}
    first: dict[int, Any] = {}
    for number in range(batches.per_epoch):
        inputs, examples = batches.take(number)
        outputs = runner(inputs, at.step, at.epoch, tick + number)
        for value in block.values:
            mean = means[value.name]
            (mean.add_each if value.is_array else mean.add)(outputs[value.output], examples)
        if number == 0:
            first = {write.output: np.array(outputs[write.output]) for write in block.writes}
    return {name: mean.value for name, mean in means.items()}, first


def _values(block: Eval, runner: Runs, at: Moment, tick: int) -> tuple[dict[str, Any], Mapping[int, Any]]:
    outputs = runner({}, at.step, at.epoch, tick)
    return {value.name: plain(outputs[value.output]) for value in block.values}, dict(enumerate(outputs))


def plain(value: Any) -> Any:
    """A Python scalar, or an array of its own."""
    return value.copy() if value.ndim else value.item()


def check_writes(block: Eval) -> None:
    """That every image of the block has a file name that may be written: said before training, not after.

    Errors: RunError for a place outside the run's directory, or a marker other than {step} and {epoch}.
    """
    for write in block.writes:
        path = PurePosixPath(write.file.replace("\\", "/"))
        leads_out = path.is_absolute() or ".." in path.parts or ":" in write.file
        if leads_out or path.suffix.lower() != ".png" or not is_file_name(write.file):
            raise errors.outside_run_directory(write.file, write.span)
        for marker in _MARKERS.findall(write.file):
            if marker not in ("{step}", "{epoch}"):
                raise errors.unknown_marker(write.file, marker, write.span)


def _write(write: WriteImage, value: Any, at: Moment, directory: Path) -> Path:
    images = np.asarray(value)
    if not are_images(images.shape):
        raise errors.not_images(write.file, images.shape, dtype_name(images.dtype), write.span)
    path = directory / write.file.replace("{step}", str(at.step)).replace("{epoch}", str(at.epoch))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, [png(images)])
    except OSError as fault:
        raise checkpoint_errors.not_written(path, fault.strerror or str(fault)) from None
    return path
