"""Train, eval and test blocks of a session: checked as one program with what they need, run on its tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from gdl.columns import counted
from gdl.diagnostics import Diagnostic
from gdl.errors import GdlError
from gdl.errors import prompt as errors
from gdl.interactive.answers import Answer, Happened, Text
from gdl.lang.program import Load, Program
from gdl.session.checking import expanded_gradients, find_checkpoint, fit_checkpoint
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.train import checkpoint
from gdl.train.evaluate import check_writes
from gdl.train.events import Evaluated, Event, Noted, Progress, Reported
from gdl.train.execution import Execution
from gdl.train.initial import load_into
from gdl.train.inline_tests import TestResult, run_tests
from gdl.train.keeping import Keeper, Memory
from gdl.train.loop import run as run_program
from gdl.train.nonfinite import Recovery
from gdl.train.step import NotFinite, Position, Stepper

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive

_BLOCKS = (ast.Train, ast.Eval, ast.Test)


class Trainer:
    """What is under way in a session's train blocks."""

    def __init__(self, session: Interactive):
        self._session = session
        self._program: Program | None = None
        self._execution: Execution | None = None
        self._stepper: Stepper | None = None
        self._said: set[tuple[str, str]] = set()
        self.memory = Memory()
        self.progress = Progress()
        self.is_running = False
        self.history: dict[str, list[tuple[int, float]]] = {}  # name -> (steps trained in all, value)

    def forget(self) -> None:
        """The definitions have changed: check again before the next run. The count of steps goes on."""
        self._program = self._execution = self._stepper = None

    # ---- checking

    def check(self) -> tuple[Program | None, list[Diagnostic]]:
        """The program of all blocks and what they need; what is newly said of it."""
        if self._program is not None:
            return self._program, []
        ledger, live = self._session.ledger, self._session.live
        chosen = ledger.needed([entry for entry in ledger if isinstance(entry.item, _BLOCKS)])
        text = "".join(f"{entry.text}\n" for entry in chosen)
        program, said = live.program([entry.item for entry in chosen], text)
        if program is not None:
            program, wrong = expanded_gradients(program)
            said += wrong
            program = None if wrong else program
        self._program = program
        fresh = [d for d in said if d.is_error or (d.code, d.message) not in self._said]
        self._said |= {(d.code, d.message) for d in said}
        return program, fresh

    def _ready(self) -> Execution:
        """The program with its tensors and data. Errors: GdlError."""
        session = self._session
        program, said = self.check()
        if program is None:
            raise GdlError(*said)
        replaced = session.machine.sync(program.variables)
        if self._execution is None or replaced or self._execution.state is not session.machine.state:
            for block in program.evals.values():
                check_writes(block)
            machine = session.machine
            self._execution = Execution(
                program, machine.state, session.dataset, machine.seed, backend=machine.backend
            )
            self._stepper = None
        return self._execution

    def _require(self, what: str, span: Span, example: str) -> Execution:
        execution = self._ready()
        blocks = execution.program.trains if what == "train" else execution.program.evals
        if not blocks:
            raise GdlError(errors.nothing_to_run(span, what, example))
        return execution

    # ---- training

    def train(self, span: Span, unit: str | None = None, count: int = 0) -> Iterator[Answer]:
        """All train blocks, for as long as they say or for `count` epochs or steps; then the evals."""
        execution = self._require("train", span, "train { steps 100; minimize loss with Adam(1e-3) }")
        program = execution.program
        if unit is not None:
            trains = tuple([replace(train, unit=unit, count=count) for train in program.trains])
            program = replace(program, trains=trains)
            execution = replace(execution, program=program, _evals={})
        before = self.memory.position
        self.memory = Memory(Position(ticks=before.ticks, total_steps=before.total_steps))
        self._stepper = None
        self.progress = Progress()
        for name in dict.fromkeys(train.feed.data for train in program.trains if train.feed.data):
            for note in self._session.dataset(name).notes:
                yield Happened(Noted(execution.moment(self.memory.position), note))
        self.is_running = True
        try:
            keeper = Keeper(None, execution.state, {})
            for event in run_program(execution, keeper, self.memory, self.progress):
                self._remember(event)
                yield Happened(event)
        finally:
            self.is_running = False

    def step(self, span: Span, count: int) -> Iterator[Answer]:
        """Some steps of the block that is under way."""
        execution = self._require("train", span, "train { steps 100; minimize loss with Adam(1e-3) }")
        if self._stepper is None:
            self._stepper = execution.stepper(self.memory.position)
        stepper, self.progress, self.is_running = self._stepper, Progress(), True
        recovery = Recovery(execution.state, stepper)
        try:
            for _ in range(count):
                recovery.prepare(monotonic())
                try:
                    stepper.advance()
                except NotFinite as fault:
                    raise recovery.explain(fault, None) from None
                self._note("loss", stepper.loss)
                if self.progress.interrupted:
                    break
        finally:
            self.is_running = False
        yield Happened(Reported(execution.moment(stepper.position), {"loss": stepper.loss}))

    def evaluate(self, span: Span, name: str = "") -> Iterator[Answer]:
        """One eval block, or all."""
        execution = self._require("eval", span, "eval test { report loss }")
        evals = execution.program.evals
        if name and name not in evals:
            usage = " or ".join(f":eval {each}" for each in evals)
            raise GdlError(errors.wrong_argument(span, usage, f"there is no eval block `{name}`"))
        position = self.memory.position
        for each in [name] if name else list(evals):
            event = execution.evaluate(each, execution.moment(position), position.total_steps)
            self._remember(event)
            yield Happened(event)

    def test(self, name: str) -> list[TestResult]:
        """A test, on the tensors as they are."""
        return [result for result in run_tests(self._ready()) if result.name == name]

    def _remember(self, event: Event) -> None:
        if isinstance(event, (Reported, Evaluated)):
            prefix = f"{event.eval} " if isinstance(event, Evaluated) else ""
            for name, value in event.values.items():
                if isinstance(value, (int, float)):
                    self._note(prefix + name, float(value))

    def _note(self, name: str, value: float) -> None:
        self.history.setdefault(name, []).append((self.memory.position.total_steps, value))

    # ---- checkpoints

    def load(self, item: ast.Load) -> Iterator[Answer]:
        """`load model from "f"`: the weights of a file, now."""
        session = self._session
        variables = session.live.cx.variables
        session.machine.sync(variables)
        value = session.live.names.get(item.target or "")
        target = getattr(value, "path", None) or (item.target or "")
        load = Load(target, item.file, item.maps, item.freeze, item.target_span or item.file_span, item.file_span)
        path = find_checkpoint(load, session.options)
        pairs = fit_checkpoint(Program(Source("session", ""), variables=variables), load, path, checkpoint.peek(path))
        load_into(session.machine.state, path, pairs)
        yield Text((f"{counted(len(pairs), 'tensor')} from {item.file}",))
