"""Training as a stream of events: runs the train blocks of a program, then its eval blocks. Draws nothing.

After each step, in this order: what `stop when` says, reports, evals, the end of an epoch, a checkpoint if one is due.
All of it is a function of the position, so that a run resumed from a checkpoint continues as if it had not stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from time import monotonic

from gdl.lang.program import Every, Train
from gdl.train.events import (
    EpochEnded,
    Evaluated,
    Event,
    Finished,
    Moment,
    Progress,
    Reported,
    Saved,
    Started,
    Stopped,
)
from gdl.train.execution import Execution
from gdl.train.keeping import Keeper, Memory
from gdl.train.nonfinite import Recovery
from gdl.train.step import NotFinite, Position

#: A checkpoint to resume from is written this often, more seldom where writing one takes long.
SAVE_EVERY_S = 10.0
SAVING_SHARE = 0.02  # of the time may go into that


def run(execution: Execution, keeper: Keeper, memory: Memory, progress: Progress) -> Iterator[Event]:
    """Trains block after block from where `memory` is, then runs every eval block that has not just run."""
    for event in _run(execution, keeper, memory, progress):
        keeper.log(event)
        yield event


def _run(execution: Execution, keeper: Keeper, memory: Memory, progress: Progress) -> Iterator[Event]:
    position = memory.position
    for index in range(position.block, len(execution.program.trains)):
        if index > position.block:
            memory.position = position = Position(index, ticks=position.ticks, total_steps=position.total_steps)
            memory.tallies = ()
        if not position.is_over:
            yield from _Block(execution, keeper, memory, progress).events()
        if progress.interrupted:
            return
    yield from _final_evals(execution, memory, progress)


def _final_evals(execution: Execution, memory: Memory, progress: Progress) -> Iterator[Event]:
    """Every eval block, unless it ran after the very last step."""
    total_steps, at = memory.position.total_steps, execution.moment(memory.position)
    for name in execution.program.evals:
        if progress.interrupted:
            return
        if memory.evaluated.get(name) != total_steps:
            found = execution.evaluate(name, at, total_steps)
            memory.evaluated[name] = total_steps
            yield found


class _Block:
    """One train block under way."""

    def __init__(self, execution: Execution, keeper: Keeper, memory: Memory, progress: Progress):
        self.execution, self.keeper, self.memory, self.progress = execution, keeper, memory, progress
        self.position = memory.position
        self.train: Train = execution.program.trains[self.position.block]
        self.stepper = execution.stepper(self.position)
        memory.recall(self.stepper.tallies)
        self.epoch_began = self.began = monotonic()
        self.save_next = self.began + SAVE_EVERY_S

    def events(self) -> Iterator[Event]:
        stepper, position, progress = self.stepper, self.position, self.progress
        beat = self._beat()
        recovery = Recovery(self.execution.state, stepper)
        progress.train = self.train.name
        self._show_progress()
        yield self._started()
        position.is_over = self._is_through()
        while not position.is_over and not progress.interrupted:
            epochs_before = stepper.epochs_done
            now = monotonic()
            recovery.prepare(now)
            try:
                stop = stepper.advance()
            except NotFinite as fault:
                raise recovery.explain(fault, self.keeper.run) from None
            position.is_over = stop is not None or self._is_through()
            self._show_progress()
            quiet = position.step % beat and stepper.epochs_done == epochs_before and now < self.save_next
            if not quiet or position.is_over or progress.interrupted:
                yield from self._after_step(epochs_before, stop)
        if position.is_over:
            yield from self._end()

    def _is_through(self) -> bool:
        """Whether the steps or epochs that the block asks for are done."""
        done = self.position.step if self.train.unit == "steps" else self.stepper.epochs_done
        return done >= self.train.count

    def _beat(self) -> int:
        """The steps at which something may be due are multiples of this."""
        everys = [item.every for item in (*self.train.reports, *self.train.runs, *self.train.saves) if item.every]
        return gcd(*(every.count for every in everys if every.unit == "steps")) or self.train.count + 1

    def _is_due(self, every: Every | None, epochs_before: int) -> bool:
        if every is None:
            return False
        if every.unit == "steps":
            return self.position.step % every.count == 0
        return self.stepper.epochs_done // every.count > epochs_before // every.count

    # ---- what follows a step

    def _after_step(self, epochs_before: int, stop: str | None) -> Iterator[Event]:
        for report, tally in zip(self.train.reports, self.stepper.tallies):
            if tally.is_pending and (self.position.is_over or self._is_due(report.every, epochs_before)):
                yield Reported(self._moment(), tally.take())
        is_best = False
        for run in self.train.runs:
            if self._is_due(run.every, epochs_before):
                found = self.execution.evaluate(run.eval, self._moment(), self.position.total_steps)
                self.memory.evaluated[run.eval] = self.position.total_steps
                is_best |= self._improves(found)
                yield found
        if self.stepper.epochs_done > epochs_before:
            yield EpochEnded(self._moment(), monotonic() - self.epoch_began)
            self.epoch_began = monotonic()
        if stop is not None:
            yield Stopped(self._moment(), stop)
        reason = self._reason_to_save(is_best, epochs_before)
        if reason:
            yield from self._save(reason, is_best)
        if self.progress.interrupted:
            yield Stopped(self._moment(), "interrupt")

    def _improves(self, found: Evaluated) -> bool:
        """Whether an eval beats the best so far of a `save best`, which it then is."""
        better = False
        for save in self.train.saves:
            if save.best is None or save.best_eval != found.eval:
                continue
            value, best = found.values[save.best], self.memory.best.get(save.best)
            if value == value and (best is None or (value > best if save.larger_is_better else value < best)):
                self.memory.best[save.best] = value
                better = True
        return better

    def _reason_to_save(self, is_best: bool, epochs_before: int) -> str:
        if self.progress.interrupted:
            return "interrupt"
        if self.position.is_over:
            return "end"
        if is_best:
            return "best"
        if any(self._is_due(save.every, epochs_before) for save in self.train.saves):
            return "every"
        return "time" if monotonic() >= self.save_next else ""

    def _save(self, reason: str, is_best: bool) -> Iterator[Event]:
        self.memory.remember(self.stepper.tallies)
        began = monotonic()
        path = self.keeper.save(self.memory, is_best=is_best)
        ended = monotonic()
        self.save_next = ended + max(SAVE_EVERY_S, (ended - began) / SAVING_SHARE)
        if path is not None:
            yield Saved(self._moment(), path, reason)

    # ---- the two ends

    def _started(self) -> Started:
        batches, draws = self.stepper.batches, self.stepper.draws_per_step
        per_epoch = batches.per_epoch / draws
        in_epochs = self.train.unit == "epochs"
        steps = -(-self.train.count * batches.per_epoch // draws) if in_epochs else self.train.count
        epochs = self.train.count if in_epochs else None
        return Started(self._moment(), steps, epochs, per_epoch, batches.count, batches.size)

    def _end(self) -> Iterator[Event]:
        """A block without steps, and one that ended before it was interrupted, are saved here."""
        if self.keeper.saved_at != self.position.total_steps:
            yield from self._save("end", False)
        yield Finished(self._moment(), monotonic() - self.began, self.stepper.examples)

    def _moment(self) -> Moment:
        return Moment(self.train.name, self.position.step, self.stepper.epoch)

    def _show_progress(self) -> None:
        progress, stepper = self.progress, self.stepper
        progress.step, progress.epoch = self.position.step, stepper.epoch
        progress.examples, progress.loss = stepper.examples, stepper.loss
