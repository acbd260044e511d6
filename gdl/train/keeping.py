"""Where a run's metrics and checkpoints go, and what a checkpoint holds beside the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from gdl.errors import checkpoint as errors
from gdl.runtime.state import State
from gdl.train.events import Evaluated, Event, Reported, record
from gdl.train.means import Tally
from gdl.train.rundir import RunDirectory
from gdl.train.step import Position

_LOGGED = (Reported, Evaluated)


@dataclass(slots=True)
class Memory:
    """What a run remembers beside its tensors: saved with them, so that a resumed run continues bit for bit."""

    position: Position = field(default_factory=Position)
    tallies: Sequence[Mapping[str, Sequence[float]]] = ()  # of the reports of the block that is under way
    best: dict[str, float] = field(default_factory=dict)  # value of `save best` -> its best so far
    evaluated: dict[str, int] = field(default_factory=dict)  # eval block -> total steps when it ran last

    def remember(self, tallies: Sequence[Tally]) -> None:
        self.tallies = [tally.dump() for tally in tallies]

    def recall(self, tallies: Sequence[Tally]) -> None:
        for tally, saved in zip(tallies, self.tallies):
            tally.restore(saved)


def memory_of(meta: Mapping[str, Any], path: Path) -> Memory:
    """What a checkpoint's metadata remember; a start from nothing where the checkpoint is not of a run.

    Errors: E0710 where they are not what a run writes.
    """
    match meta.get("memory"):
        case None:
            return Memory()
        case {"position": position, "tallies": [*tallies], "best": dict(best), "evaluated": dict(evaluated)} if (
            _is_position(position)
            and all(isinstance(t, dict) and all(map(_is_mean, t.values())) for t in tallies)
            and all(map(_is_number, best.values()))
            and all(map(_is_count, evaluated.values()))
        ):
            return Memory(Position(**position), tallies, best, evaluated)
        case other:
            raise errors.damaged(path, "where its run stands", shortened(other))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_number(value: object) -> bool:
    return isinstance(value, float) or type(value) is int


def _is_mean(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_position(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {f.name for f in fields(Position)}:
        return False
    return all(type(v) is bool if name == "is_over" else _is_count(v) for name, v in value.items())


class Keeper:
    """Keeps a run: its log and its checkpoints. Without a directory it keeps nothing."""

    def __init__(self, run: RunDirectory | None, state: State, facts: Mapping[str, Any]):
        self.run, self._state, self._facts = run, state, facts
        self.saved_at = -1 if run is None or run.resumed is None else int(run.resumed.meta["step"])  # type: ignore[call-overload]

    def log(self, event: Event) -> None:
        """Writes down what belongs to a run's results; nothing in it depends on time or place."""
        if self.run is None or not isinstance(event, _LOGGED):
            return
        entry = record(event)
        if isinstance(event, Evaluated):
            entry["files"] = [path.relative_to(self.run.path).as_posix() for path in event.files]
        self.run.append_metrics(entry)

    def save(self, memory: Memory, *, is_best: bool = False) -> Path | None:
        """Writes a checkpoint of this moment. Nothing may be logged between the step's last event and this."""
        if self.run is None:
            return None
        self.saved_at = memory.position.total_steps
        meta = {**self._facts, "memory": asdict(memory)}
        return self.run.save_checkpoint(self.saved_at, self._state, meta, is_best=is_best)
