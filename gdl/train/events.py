"""What happens in a run, as data. Displays, logs and tests consume it; nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Moment:
    """When: after `step` steps of train block `train`. `epoch` is that of the last batch drawn, counted from 1."""

    train: str = ""
    step: int = 0
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    at: Moment


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A train block begins, or goes on where a checkpoint left it (`at.step` > 0)."""

    steps: int  # in all
    epochs: int | None  # in all; None where the block counts steps
    steps_per_epoch: float
    examples: int  # in the data
    batch: int


@dataclass(frozen=True, slots=True)
class Reported(Event):
    """Means since the last report."""

    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Evaluated(Event):
    """What an eval block found: means over all examples, or values as they are (then arrays may be among them)."""

    eval: str
    values: Mapping[str, Any]
    shares: frozenset[str] = frozenset()  # the values that are shares of the examples
    files: tuple[Path, ...] = ()  # images that it wrote


@dataclass(frozen=True, slots=True)
class EpochEnded(Event):
    seconds: float


@dataclass(frozen=True, slots=True)
class Saved(Event):
    """A checkpoint was written because of `reason`: "every", "best", "end" or "interrupt"."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """The block ends before its time: `reason` is the text of a `stop when`, or "interrupt"."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """A train block is through."""

    seconds: float
    examples: int  # trained on in these seconds


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """Something the user should know: which data serve, what a resumed run had to put aside."""

    text: str


@dataclass(slots=True)
class Progress:
    """Where training is at this moment. The loop writes it every step; a display reads it when it wants to.

    Setting `interrupted` asks the loop to finish its step, save and stop.
    """

    train: str = ""
    step: int = 0
    epoch: int = 0
    examples: int = 0  # trained on since the block started or was resumed
    loss: float = float("nan")
    interrupted: bool = False


_NAMES = {
    Started: "start", Reported: "report", Evaluated: "eval", EpochEnded: "epoch", Saved: "save", Stopped: "stop",
    Finished: "finish", Noted: "note",
}  # fmt: skip


def record(event: Event) -> dict[str, Any]:
    """The event as JSON's types hold it, its kind under "event"."""
    at = event.at
    fields: dict[str, Any] = {"event": _NAMES[type(event)]}
    if at.train:
        fields["train"] = at.train
    if at.step or not isinstance(event, Noted):
        fields |= {"step": at.step, "epoch": at.epoch}
    for name in event.__dataclass_fields__:
        if name != "at":
            fields[name] = _plain(getattr(event, name))
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value) if isinstance(value, Path) else value
