"""One training step: for each `minimize` in turn, draw a batch, run its graph, count what reports want."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gdl.graph.node import Node
from gdl.lang.program import Action, Minimize, Repeat, Train
from gdl.train.batches import Batches, NoData
from gdl.train.means import Tally


class Runs(Protocol):
    """What runs a graph: `gdl.runtime.Runner`."""

    def __call__(self, arrays: Mapping[str, Any], step: int, epoch: int, tick: int) -> Sequence[Any]: ...

    def trace(self, arrays: Mapping[str, Any], step: int, epoch: int, tick: int) -> Iterator[tuple[Node, Any]]: ...


@dataclass(slots=True)
class Position:
    """How far training is: with the weights, all that the next step depends on."""

    block: int = 0  # which train block
    step: int = 0  # steps of this block
    draws: int = 0  # batches that this block drew
    ticks: int = 0  # graphs that training ran, over all blocks: what random draws are keyed by
    total_steps: int = 0  # over all blocks
    is_over: bool = False  # whether the block has done its steps or met a `stop when`


def minimizes(body: Sequence[Action]) -> Iterator[Minimize]:
    """The `minimize` statements of one step, in the order they run, those in `repeat` as often as they do."""
    for action in body:
        if isinstance(action, Repeat):
            for _ in range(action.count):
                yield from minimizes(action.body)
        else:
            yield action


def draws_of(body: Sequence[Action]) -> int:
    """How many batches one step draws."""
    return sum(a.count * draws_of(a.body) if isinstance(a, Repeat) else 1 for a in body)


def statements(body: Sequence[Action]) -> Iterator[Minimize]:
    """The `minimize` statements, each once."""
    for action in body:
        if isinstance(action, Repeat):
            yield from statements(action.body)
        else:
            yield action


class NotFinite(Exception):
    """The loss of `minimize` came out as inf or nan in the current step."""

    def __init__(self, minimize: Minimize, loss: float):
        self.minimize, self.loss = minimize, loss
        super().__init__(f"{minimize.loss} is {loss}")


class Stepper:
    """Runs a train block step by step. Its position is the caller's to save and to restore."""

    def __init__(
        self,
        train: Train,
        runners: Mapping[int, Runs],
        batches: Batches | NoData,
        position: Position,
    ):
        self.position = position
        self.tallies = [Tally(report.values) for report in train.reports]
        self.loss = float("nan")
        self.examples = 0
        self.draws_per_step = draws_of(train.body)
        self._body, self._runners, self._stops = train.body, runners, train.stops
        self.batches = batches

    @property
    def epochs_done(self) -> int:
        return self.position.draws // self.batches.per_epoch

    @property
    def epoch(self) -> int:
        """The epoch of the last batch drawn, counted from 1; 0 before the first."""
        return -(-self.position.draws // self.batches.per_epoch)

    def advance(self) -> str | None:
        """One step; the text of a `stop when` that holds after it, if one does. Raises NotFinite."""
        position, batches, runners = self.position, self.batches, self._runners
        stop = None
        for minimize in minimizes(self._body):
            inputs, examples = batches.take(position.draws)
            epoch = position.draws // batches.per_epoch
            outputs = runners[minimize.index](inputs, position.step, epoch, position.ticks)
            self.loss = float(outputs[0])
            if not math.isfinite(self.loss):
                raise NotFinite(minimize, self.loss)
            position.draws += 1
            position.ticks += 1
            self.examples += examples
            for tally in self.tallies:
                tally.add(minimize.index, outputs, examples)
            if self._stops:
                stop = self._stop(minimize.index, outputs, stop)
        position.step += 1
        position.total_steps += 1
        return stop

    def replay(self, start: Position) -> Iterator[tuple[Node, Any]]:
        """Runs again from `start`, the tensors being what they were there, up to the run at the present position, and
        goes through that one node by node."""
        now = self.position
        at = replace(start)
        while True:
            for minimize in minimizes(self._body):
                runner = self._runners[minimize.index]
                inputs, _ = self.batches.take(at.draws)
                clock = at.step, at.draws // self.batches.per_epoch, at.ticks
                if at.ticks == now.ticks:
                    return runner.trace(inputs, *clock)
                runner(inputs, *clock)
                at.draws += 1
                at.ticks += 1
            at.step += 1

    def _stop(self, index: int, outputs: Sequence[Any], before: str | None) -> str | None:
        """What the stops make of this run: where a `minimize` is repeated, its last run decides."""
        for stop in self._stops:
            if stop.minimize == index:
                if bool(outputs[stop.output]):
                    before = before or stop.text
                elif before == stop.text:
                    before = None
        return before
