"""Steps measured: peers agree first, then take turns."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Peer, PeerFailed, Worker, prepare
from benchmarks.workloads import TOLERANCES, Workload

#: A peer's turn lasts about this long, so that the machine's moods meet all peers.
TURN_S = 0.3
#: A measurement lasts at least this long: many steps, where they are short.
MEASUREMENT_S = 2e-3


@dataclass(slots=True)
class Measured:
    """What one peer took for one workload. `turns` holds the seconds per step of each measurement of each turn."""

    peer: str
    losses: list[float] = field(default_factory=list)
    turns: list[list[float]] = field(default_factory=list)
    baseline_kb: int = 0
    peak_kb: int = 0
    step_kb: int = 0  # the peak during one later step
    first_steps_s: list[float] = field(default_factory=list)  # since the process was started, imports included
    builds_s: list[float] = field(default_factory=list)  # of it after the imports: checking, compiling, the step

    def quartiles(self) -> tuple[float, float, float]:
        """Seconds per step: the median between the two other quartiles."""
        values = [seconds for turn in self.turns for seconds in turn]
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return low, middle, high

    def compile_s(self) -> float:
        """What the first step took after the imports beyond a later one."""
        return max(0.0, statistics.median(self.builds_s) - self.quartiles()[1])

    def ratio_to(self, other: Measured) -> float:
        """How long this takes where the other takes 1: the median over the turns, each against its neighbour."""
        pairs = zip(self.turns, other.turns)
        return statistics.median(statistics.median(mine) / statistics.median(theirs) for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Conditions:
    """How peers are run: processors, turns, fresh processes for the time to the first step, and the clock of steps."""

    threads: int = 1
    rounds: int = 9
    starts: int = 3
    clock: str = "wall"

    @property
    def threads_said(self) -> str:
        return f"{self.threads} thread{'s' if self.threads > 1 else ''}"


def measure(workload: Workload, peers: Sequence[Peer], how: Conditions, say: Callable[[str], None]) -> list[Measured]:
    """All peers on one workload. Raises Disagreement before anything is timed where losses differ."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "start.npz"
        prepare(workload.key, file)
        with ExitStack() as stack:
            workers = _started(stack, workload, [p for p in peers if p.takes(workload.key)], file, how, say)
            found = [_compared(worker) for worker in workers]
            agree(workload, found)
            for turn in range(how.rounds + 1):
                for worker, measured in zip(workers, found):
                    times = worker.ask("time", *_length(worker))
                    if turn:  # the first warms up
                        measured.turns.append(times)
        for _ in range(how.starts):
            for worker, measured in zip(workers, found):
                with Worker(worker.peer, workload.key, file, how.threads) as fresh:
                    facts = fresh.facts
                measured.first_steps_s.append(facts["since_start_s"])
                measured.builds_s.append(facts["load_s"] + facts["first_s"])
    return found


class Disagreement(Exception):
    """Two peers compute different losses, so their times say nothing."""


def agree(workload: Workload, found: Sequence[Measured]) -> None:
    """Compares the first loss, and that after three steps, with the first peer's."""
    reference = found[0]
    for at, tolerance in zip((0, 3), TOLERANCES):
        expected = reference.losses[at]
        for measured in found[1:]:
            got = measured.losses[at]
            if not abs(got - expected) <= tolerance * abs(expected):
                raise Disagreement(
                    f"{workload.key}, after {at} steps: {measured.peer} has the loss {got}, "
                    f"{reference.peer} has {expected}; they may differ by {tolerance:g} of that"
                )


def _started(
    stack: ExitStack, workload: Workload, peers: Sequence[Peer], file: Path, how: Conditions,
    say: Callable[[str], None],
) -> list[Worker]:  # fmt: skip
    workers = []
    for peer in peers:
        try:
            workers.append(stack.enter_context(Worker(peer, workload.key, file, how.threads, how.clock)))
        except PeerFailed as failure:
            say(f"{workload.key}: left out, {failure}")
    return workers


def _compared(worker: Worker) -> Measured:
    losses = [worker.facts["loss"], *worker.ask("losses", 3)]
    return Measured(worker.peer.name, losses, [], worker.facts["baseline_kb"], **worker.ask("memory"))


def _length(worker: Worker) -> tuple[int, int]:
    """Steps per measurement, and measurements per turn."""
    [seconds] = worker.ask("time", 1, 1)
    count = max(1, round(MEASUREMENT_S / seconds))
    return count, max(3, round(TURN_S / (seconds * count)))
