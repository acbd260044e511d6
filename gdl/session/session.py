"""A session: one program with its tensors, used from Python. Arrays go in, plain arrays come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gdl.autodiff import expand
from gdl.diagnostics import Diagnostic
from gdl.errors import command as errors
from gdl.graph.node import Graph, Node, guards_of_run, topological
from gdl.lang.program import Computation, Load, Program
from gdl.runtime.exchange import Variables, as_fed
from gdl.runtime.plan import Plan
from gdl.runtime.runner import Runner
from gdl.session.checking import Checked, fit_checkpoint
from gdl.session.runs import Length, Run, start
from gdl.train import checkpoint
from gdl.train.data import DataOptions
from gdl.train.evaluate import plain
from gdl.train.events import Evaluated, Event, Progress, Reported
from gdl.train.initial import load_into
from gdl.train.inline_tests import TestResult, run_tests
from gdl.train.keeping import Memory
from gdl.train.step import Position, Stepper
from gdl.train.variables import model_types


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to: the last value of everything reported, and what each eval block found last."""

    steps: int
    reported: Mapping[str, float]
    evaluated: Mapping[str, Mapping[str, Any]]


class Session:
    """A checked program with tensors of its own. Two sessions share nothing."""

    def __init__(
        self, checked: Checked, options: DataOptions, hypers: Mapping[str, Any], seed: int = 0,
        threads: int | None = None, backend: str = "numpy",
    ):  # fmt: skip
        self._checked, self._options, self._given = checked, options, dict(hypers)
        self._run: Run = start(
            checked, options, hypers=hypers, seed=seed, threads=threads, keep=False, backend=backend
        )
        self._runners: dict[tuple[Any, ...], Runner] = {}
        self._stepper: Stepper | None = None
        self._ticks = 0  # runs asked for by `run` and `grad`: what their random draws are keyed by

    # ---- what there is

    @property
    def program(self) -> Program:
        """The checked program, as data."""
        return self._run.execution.program

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The checker's warnings."""
        return self._checked.diagnostics

    @property
    def hypers(self) -> dict[str, Any]:
        """The hypers with the values they have here."""
        return {name: hyper.value for name, hyper in self.program.hypers.items()}

    @property
    def seed(self) -> int:
        return self._run.execution.seed

    @property
    def threads(self) -> int | None:
        """How many threads share the work of a run; None where that is left to NumPy's BLAS."""
        pool = self._run.execution.pool
        return pool.threads if pool is not None else None

    @property
    def variables(self) -> Variables:
        """Every tensor that lasts, by path: variables, states, and what optimizers remember."""
        return Variables(self._run.execution.state)

    # ---- running

    def run(self, names: str | Sequence[str], /, *, training: bool = False, **feeds: Any) -> Any:
        """The values of named nodes; placeholders are fed by keyword. One name gives one value, several a tuple.

        A scalar comes as a Python number, all else as an array of its own. States are not updated.
        """
        wanted = (names,) if isinstance(names, str) else tuple(names)
        key = "run", training, wanted
        runner = self._runners.get(key)
        if runner is None:
            runner = self._prepared(key, [self._node(name, training) for name in wanted])
        values = self._values(runner, wanted, feeds)
        return values[0] if isinstance(names, str) else tuple(values)

    def grad(self, of: str, wrt: str | Sequence[str], /, *, training: bool = False, **feeds: Any) -> Any:
        """The gradient of a named scalar at variables (by path), placeholders or other nodes (by name)."""
        targets = (wrt,) if isinstance(wrt, str) else tuple(wrt)
        key = "grad", training, of, targets
        runner = self._runners.get(key) or self._prepared(key, self._gradients(of, targets, training))
        values = self._values(runner, (of,), feeds)
        return values[0] if isinstance(wrt, str) else tuple(values)

    def _gradients(self, of: str, targets: Sequence[str], training: bool) -> list[Node]:
        value = self._node(of, training)
        if value.type.rank:
            raise errors.not_scalar(of, str(value.type))
        leaves = {_leaf_name(node): node for node in topological([value]) if node.is_leaf}
        found = [leaves.get(name) or self._node(name, training, "variable or node") for name in targets]
        return [Node("grad", (value, target), None, target.type, value.origin) for target in found]

    def _node(self, name: str, training: bool, what: str = "node") -> Node:
        modes = self.program.nodes
        nodes = modes.get(training) or modes.get(not training) or {}
        if name not in nodes:
            raise errors.unknown_part(what, name, [*nodes, *self._run.execution.state] if "variable" in what else nodes)
        return nodes[name]

    def _prepared(self, key: tuple[Any, ...], nodes: Sequence[Node]) -> Runner:
        graph = expand(Graph(tuple(nodes), guards=guards_of_run(self.program.guards, topological(nodes))))
        inputs = [n for n in topological(graph.roots) if n.op == "input"]
        named = tuple([(node.attrs["name"], node.type) for node in inputs])
        runner = self._runners[key] = self._run.execution.runner(Computation(graph, named, ()), "session")
        return runner

    def _values(self, runner: Runner, wanted: Sequence[str], feeds: Mapping[str, Any]) -> list[Any]:
        tick = self._ticks
        values = runner.ask(feeds, tick)
        if values is None:
            fed = self._fed(runner.inputs, ", ".join(wanted), feeds)
            values = runner.ask(fed, tick)
            if values is None:
                values = [plain(value) for value in runner.first_asked(fed, tick)]
        self._ticks = tick + 1
        return values

    def _fed(self, inputs: Sequence[tuple[str, Any]], what: str, feeds: Mapping[str, Any]) -> dict[str, np.ndarray]:
        for name in feeds:
            if name not in self.program.placeholders:
                raise errors.unknown_part("placeholder", name, self.program.placeholders)
        missing = [name for name, _ in inputs if name not in feeds]
        if missing:
            raise errors.not_given(missing, what)
        return {name: as_fed(name, feeds[name], type.dtype) for name, type in inputs}

    def plans(self) -> dict[str, Plan]:
        """How every `minimize` and every eval block runs on a whole batch: `print(plan.source)` shows its code."""
        return self._run.execution.plans()

    # ---- training

    def step(self) -> float:
        """One training step of the block that is under way; its (last) loss."""
        if self._stepper is None:
            self._stepper = self._run.execution.stepper(self._run.memory.position)
        self._stepper.advance()
        return self._stepper.loss

    def events(
        self, *, out: str | Path | None = None, epochs: int | None = None, steps: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Event]:  # fmt: skip
        """Trains all blocks and runs all evals, event by event, on this session's tensors.

        `out` names a directory for checkpoints, metrics and images; without it nothing is written.
        """
        length = (
            Length("epochs", epochs) if epochs is not None else Length("steps", steps) if steps is not None else None
        )
        run = start(
            self._checked, self._options, hypers=self._given, seed=self.seed, length=length,
            threads=self.threads, out=None if out is None else Path(out), progress=progress, keep=out is not None,
            backend=self._run.execution.backend,
        )  # fmt: skip
        mine = self._run.execution
        run.execution.state, run.execution.open_data, run.execution.pool = mine.state, mine.open_data, mine.pool
        before = self._run.memory.position
        run.memory = Memory(Position(ticks=before.ticks, total_steps=before.total_steps))
        self._run.memory, self._stepper = run.memory, None
        yield from run.events()

    def train(self, **how: Any) -> Outcome:
        """Trains to the end; takes what `events` takes."""
        reported: dict[str, float] = {}
        evaluated: dict[str, Mapping[str, Any]] = {}
        for event in self.events(**how):
            if isinstance(event, Reported):
                reported.update(event.values)
            elif isinstance(event, Evaluated):
                evaluated[event.eval] = event.values
        return Outcome(self._run.memory.position.total_steps, reported, evaluated)

    # ---- evaluating

    def evaluate(self, name: str) -> dict[str, Any]:
        """What an eval block reports, on the present tensors."""
        if name not in self.program.evals:
            raise errors.unknown_part("eval block", name, self.program.evals)
        execution, position = self._run.execution, self._run.memory.position
        return dict(execution.evaluate(name, execution.moment(position), position.total_steps).values)

    def test(self) -> list[TestResult]:
        """The program's own tests, each with its failures."""
        return list(run_tests(self._run.execution))

    # ---- keeping

    def save(self, path: str | Path) -> str:
        """Writes all tensors as a checkpoint; gives back their SHA-256."""
        return checkpoint.save(Path(path), self._run.execution.state, self._run.facts)

    def load(self, path: str | Path) -> None:
        """Reads the model's weights, and what optimizers remember where the file has it. Errors: CheckpointError."""
        path, state = Path(path), self._run.execution.state
        peek = checkpoint.peek(path)
        pairs = dict(fit_checkpoint(self.program, Load("", str(path)), path, peek))
        optimizers = state.keys() - model_types(self.program).keys()
        pairs |= {name: name for name in optimizers if name in peek.types}
        load_into(state, path, pairs)

    def __repr__(self) -> str:
        return f"<gdl.Session of {self.program.source.name}, {len(self.variables)} tensors, seed {self.seed}>"


def _leaf_name(node: Node) -> str:
    return str(node.attrs.get("path") or node.attrs.get("name") or "")
