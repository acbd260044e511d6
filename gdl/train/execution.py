"""What a program needs to run: its tensors, its data, its graphs prepared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gdl.lang.program import Computation, Feed, Program
from gdl.runtime.arena import Arena
from gdl.runtime.plan import Plan
from gdl.runtime.pool import Pool
from gdl.runtime.random import philox_key
from gdl.runtime.runner import Runner
from gdl.runtime.state import State
from gdl.train.batches import Batches, NoData
from gdl.train.data.dataset import Dataset
from gdl.train.evaluate import evaluate
from gdl.train.events import Evaluated, Moment
from gdl.train.step import Position, Stepper, statements


@dataclass(slots=True)
class Execution:
    """A program with its tensors and its data, which are opened when first wanted.

    The graphs of `program` hold no more requests for gradients.
    """

    program: Program
    state: State
    open_data: Callable[[str], Dataset]  # by the program's name for it
    seed: int = 0
    directory: Path | None = None  # where images go
    backend: str = "numpy"  # what runs the plans, see gdl.runtime.backends
    arena: Arena = field(default_factory=Arena, repr=False)  # all graphs take turns in it
    pool: Pool | None = None  # the threads that share the work of a step; None: one, and BLAS as it is set
    _evals: dict[str, tuple[Runner, Batches | NoData]] = field(default_factory=dict, repr=False)

    def runner(self, computation: Computation, stream: str = "") -> Runner:
        """The computation prepared to run; it draws from the seed's main stream, or from one of its own."""
        seed = philox_key(self.seed, stream) if stream else self.seed
        return Runner(
            computation.graph, computation.inputs, self.state, seed, arena=self.arena, pool=self.pool,
            backend=self.backend,
        )  # fmt: skip

    def batches(self, feed: Feed) -> Batches | NoData:
        if feed.data is None:
            return NoData()
        ahead = self.pool is not None and self.pool.threads > 1
        return Batches(self.open_data(feed.data).split(feed.split), feed, self.seed, ahead)

    def stepper(self, position: Position) -> Stepper:
        """For the train block that the position stands in."""
        train = self.program.trains[position.block]
        runners = {minimize.index: self.runner(minimize.computation) for minimize in statements(train.body)}
        return Stepper(train, runners, self.batches(train.feed), position)

    def plans(self) -> dict[str, Plan]:
        """How every `minimize` and every eval block will run on a whole batch, by what it is."""
        found: dict[str, Plan] = {}
        for train in self.program.trains:
            for minimize in statements(train.body):
                line = f", line {minimize.span.line}" if minimize.span else ""
                title = f"{train.name}: minimize {minimize.loss}{line}"
                found |= self._plan(title, minimize.computation, train.feed)
        for name, block in self.program.evals.items():
            found |= self._plan(f"eval {name}", block.computation, block.feed)
        return found

    def _plan(self, title: str, computation: Computation, feed: Feed) -> dict[str, Plan]:
        batches = self.batches(feed)
        title += f", batches of {batches.size}" if feed.data is not None else ""
        return {title: self.runner(computation).plan_for(batches.take(0)[0])}

    def moment(self, position: Position) -> Moment:
        """The position as events tell it; before any step in a program that does not train."""
        if not self.program.trains:
            return Moment()
        train = self.program.trains[position.block]
        return Moment(train.name, position.step, -(-position.draws // self.batches(train.feed).per_epoch))

    def evaluate(self, name: str, at: Moment, total_steps: int) -> Evaluated:
        """An eval block's findings. Its random draws are of a stream of its own, keyed by the steps trained so far, so
        that training does not depend on how often it is evaluated."""
        block = self.program.evals[name]
        if name not in self._evals:
            self._evals[name] = self.runner(block.computation, f"eval {name}"), self.batches(block.feed)
        runner, batches = self._evals[name]
        return evaluate(block, runner, batches, at, total_steps * batches.per_epoch, self.directory)
