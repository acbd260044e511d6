"""Where a run's metrics and checkpoints go, and what a checkpoint holds beside the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

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


def memory_of(meta: Mapping[str, Any]) -> Memory:
    """What a checkpoint's metadata remember; a start from nothing where the checkpoint is not of a run."""
    saved = meta.get("memory")
    if saved is None:
        return Memory()
    return Memory(Position(**saved["position"]), saved["tallies"], dict(saved["best"]), dict(saved["evaluated"]))


class Keeper:
    """Keeps a run: its log and its checkpoints. Without a directory it keeps nothing."""

    def __init__(self, run: RunDirectory | None, state: State, facts: Mapping[str, Any]):
        self.run, self._state, self._facts = run, state, facts
        self.saved_at = -1 if run is None or run.resumed is None else int(run.resumed.meta["step"])  # type: ignore[call-overload]

    def log(self, event: Event) -> None:
        """Writes down what belongs to a run's results; nothing in it depends on time or place."""
        if self.run is None or not isinstance(event, _LOGGED):
            return
        fields = record(event)
        if isinstance(event, Evaluated):
            fields["files"] = [path.relative_to(self.run.path).as_posix() for path in event.files]
        self.run.append_metrics(fields)

    def save(self, memory: Memory, *, is_best: bool = False) -> Path | None:
        """Writes a checkpoint of this moment. Nothing may be logged between the step's last event and this."""
        if self.run is None:
            return None
        self.saved_at = memory.position.total_steps
        meta = {**self._facts, "memory": asdict(memory)}
        return self.run.save_checkpoint(self.saved_at, self._state, meta, is_best=is_best)
