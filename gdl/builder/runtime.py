"""Running a graph: tensors of its own, and passes in which any node can be computed and differentiated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gdl.autodiff.blame import no_path, untouched_variable
from gdl.builder.graph import Graph, current_graph
from gdl.builder.node import Node, shown
from gdl.builder.prepare import Source, give_first_values, gradient_nodes, prepare
from gdl.errors import CheckpointError, GdlError, ProgramError, building
from gdl.errors import checkpoint as checkpoint_errors
from gdl.errors import types as type_errors
from gdl.graph import node as ir
from gdl.lang.procedures import taking_part
from gdl.runtime.arena import Arena
from gdl.runtime.exchange import Variables, as_fed
from gdl.runtime.runner import Runner
from gdl.runtime.state import State
from gdl.train import checkpoint
from gdl.train.evaluate import plain
from gdl.train.initial import load_into
from gdl.types.record import FieldType

Feeds = Mapping[Any, Any]  # placeholder, or its name -> array


@dataclass(slots=True)
class Pass:
    """What is known of one pass: what is fed, what was computed and differentiated, where gradients stop."""

    fed: dict[str, np.ndarray] = field(default_factory=dict)
    values: dict[ir.Node, Any] = field(default_factory=dict)
    gradients: dict[ir.Node, Any] = field(default_factory=dict)  # None: no path leads there
    sources: tuple[Source, ...] = ()
    stopped: frozenset[ir.Node] = frozenset()
    kept: dict[str, Any] = field(default_factory=dict)  # what layers want to keep, such as running means
    is_over: bool = False  # an optimizer has changed the variables since


@dataclass(frozen=True, slots=True)
class _Gradients:
    """What is differentiated, what layers keep, and the gradients that there are, prepared to run together."""

    runner: Runner
    kept: tuple[str, ...]
    reached: tuple[bool, ...]


class Runtime:
    """A graph's tensors, and the numbers of the pass under way.

    In one pass the feeds, the random draws and the variables are the same. Values and gradients are computed when they
    are first asked for. Feeding other numbers begins another pass; so do `reset` and a change of variables.
    """

    def __init__(self, graph: Graph | None = None, *, seed: int = 0):
        self.graph = graph or current_graph()
        self.seed, self.state = seed, State()
        self.epoch = 0  # what `epoch` is in the graph
        self.steps: dict[str, int] = {}  # taken by each optimizer
        self.optimizers: set[str] = set()  # names in use
        self._tick = 0  # counts passes: what random draws are keyed by
        self._pass = Pass()
        self._arena = Arena()
        self._runners: dict[ir.Node, Runner] = {}
        self._gradients: dict[tuple[Any, ...], _Gradients] = {}
        self._seeds: dict[tuple[ir.Node, int | None], ir.Node] = {}

    # ---- passes

    def reset(self) -> None:
        """Ends the pass: what is fed, values, gradients and stops are forgotten, and random nodes draw anew."""
        self._tick, self._pass = self._next_tick, Pass()

    def __enter__(self) -> Runtime:
        self.reset()
        return self

    def __exit__(self, *raised: object) -> None:
        self.reset()

    def stop(self, *nodes: Node) -> None:
        """Lets no gradient through these nodes in this pass. What arrives at them can still be read."""
        self.feed(None)
        self._pass.stopped |= {self._ir(node) for node in nodes}
        self._pass.gradients.clear()

    def forward(self, node: Node, feeds: Feeds | None = None) -> Any:
        """The value of a node: a Python number or an array."""
        self.feed(feeds)
        return self.value(node)

    def value(self, node: Node) -> Any:
        """The value of any node in this pass, computed now where it was not before; of a variable its present value."""
        wanted, now = self._ir(node), self._pass
        if wanted.op == "variable":
            give_first_values(self.graph, self.state, self.seed)
            return plain(self.state[node.name])
        if wanted not in now.values:
            self._require_going_on(node)
            if wanted not in self._runners:
                self._runners[wanted] = self.prepared([wanted])
            (now.values[wanted],) = self._run(self._runners[wanted])
        return _own(now.values[wanted])

    def backward(self, node: Node, feeds: Feeds | None = None, upstream: Any = None) -> None:
        """Differentiates a node of any shape; `upstream` weighs its elements, else each counts 1. Several calls in one
        pass add up. Computes the node and its gradient at all variables and placeholders; others when they are asked
        for."""
        self.feed(feeds)
        of = self._differentiable(node)
        leaves = [n for n in ir.topological([of]) if n.op in ("variable", "input") and n.type.is_float]
        self._differentiate(of, upstream, [leaf for leaf in leaves if leaf.attrs.get("name") not in self.graph.arrays])

    def gradient(self, node: Node) -> Any:
        """The gradient that arrives at any node, of what was differentiated in this pass. Errors: E0501 where no path
        leads there, E0924 before `backward`, E0925 where it is stopped."""
        wrt, now = self._ir(node), self._pass
        if not now.sources:
            raise building.nothing_differentiated(node.name)
        if wrt not in now.gradients:
            self._require_going_on(node)
            self._compute_gradients([wrt])
        if now.gradients[wrt] is None:
            self._blame(wrt)
        return _own(now.gradients[wrt])

    def feed(self, feeds: Feeds | None) -> None:
        """What placeholders are in this pass. Other numbers than they have begin another pass."""
        given = {}
        for key, value in (feeds or {}).items():
            leaf = self._placeholder(key)
            given[leaf.attrs["name"]] = as_fed(leaf.attrs["name"], value, leaf.type.dtype)
        fed = self._pass.fed
        if self._pass.is_over or any(name in fed and not _same(fed[name], array) for name, array in given.items()):
            self.reset()
        self._pass.fed |= {name: array.copy() for name, array in given.items() if name not in self._pass.fed}

    # ---- variables

    @property
    def variables(self) -> Variables:
        """All tensors by path, what optimizers remember included: read and assigned like a dictionary of arrays."""
        give_first_values(self.graph, self.state, self.seed)
        return _Watched(self)

    def assign(self, variable: Node, value: Any) -> None:
        """Gives a variable a value of its shape, and ends the pass."""
        self.variables[self.path_of(variable)] = value

    def save(self, path: str | Path, variables: Iterable[Node] | None = None) -> str:
        """Writes all tensors, or these variables, as a checkpoint; gives back their SHA-256."""
        tensors = self.variables
        names = tensors if variables is None else [self.path_of(variable) for variable in variables]
        facts = {"seed": self.seed, "tick": self._next_tick, "steps": self.steps, "epoch": self.epoch}
        return checkpoint.save(Path(path), {name: tensors[name] for name in names}, facts)

    def restore(self, path: str | Path, variables: Iterable[Node] | None = None) -> None:
        """Reads a checkpoint of this runtime, of a session or of `gdl run`: the whole model with what optimizers
        remember, or these variables. Errors: CheckpointError where they do not fit."""
        path, peek = Path(path), checkpoint.peek(Path(path))
        chosen = self.graph.variables() if variables is None else variables
        types = {self.path_of(v): FieldType(v.dtype, tuple([int(size) for size in v.shape])) for v in chosen}  # type: ignore[arg-type]
        match = checkpoint.fit(types, peek.types)
        if not match.is_complete:
            raise CheckpointError(
                checkpoint_errors.does_not_fit(None, path, len(match.pairs), match.total, match.rows)
            )
        pairs = dict(match.pairs)
        if variables is None:
            pairs |= {name: name for name in peek.types if name.startswith(checkpoint.OPTIMIZER_PREFIX)}
            self.steps |= peek.meta.get("steps", {})
            self._tick, self.epoch = peek.meta.get("tick", 0), peek.meta.get("epoch", 0)
        give_first_values(self.graph, self.state, self.seed)
        load_into(self.state, path, pairs)
        self._pass = Pass()

    # ---- what optimizers need

    def differentiate(self, loss: Node, feeds: Feeds | None, variables: Sequence[Node] | None) -> dict[Node, Any]:
        """Gradients of a scalar at variables: those given, or all trained ones that it depends on and that no stop cuts
        off. What else was differentiated in the pass is forgotten."""
        self.feed(feeds)
        of = self._differentiable(loss)
        needed = set(ir.topological([of]))
        chosen = list(variables or [v for v in self.graph.variables(trainable=True) if v.ir in needed])
        self._pass.sources = ()
        self._differentiate(of, None, [self._ir(v) for v in chosen])
        found = {v: self._pass.gradients[v.ir] for v in chosen}
        for variable, value in found.items():
            if value is None and (variables is not None or not self._pass.stopped):
                self._blame(variable.ir, is_loss=True)
        return {variable: _own(value) for variable, value in found.items() if value is not None}

    def keep(self) -> None:
        """Lets the layers of this pass keep what they want to, and ends the pass: what was computed can still be read,
        everything else begins another."""
        for path, value in self._pass.kept.items():
            self.state.set(path, np.asarray(value, self.state[path].dtype))
        self._pass.kept, self._pass.is_over = {}, True

    def prepared(self, outputs: Sequence[ir.Node], updates: Sequence[tuple[ir.Node, ir.Node]] = ()) -> Runner:
        """Plain nodes, ready to run on this runtime's tensors."""
        return prepare(self.graph, self.state, self.seed, self._arena, outputs, updates)

    def path_of(self, variable: Node) -> str:
        """The path of a variable. Errors: E0923 where it is none."""
        if self._ir(variable).op != "variable":
            raise building.not_a_variable(variable.name, [v.name for v in self.graph.variables()])
        return variable.name

    # ---- computing

    @property
    def _next_tick(self) -> int:
        """What the draws of the next pass are keyed by."""
        return self._tick + bool(self._pass.values)

    def _run(self, runner: Runner) -> list[Any]:
        step = max(self.steps.values(), default=0)
        return [plain(v) for v in runner({**self.graph.arrays, **self._pass.fed}, step, self.epoch, self._tick)]

    def _differentiate(self, of: ir.Node, upstream: Any, wrt: Sequence[ir.Node]) -> None:
        """Adds a node to what is differentiated, and computes it, its gradients, and what layers keep."""
        now = self._pass
        before, now.gradients = now.sources, {}
        try:
            now.sources = (*before, (of, self._seed(of, upstream)))
            self._compute_gradients(wrt)
        except GdlError:
            now.sources = before
            raise

    def _seed(self, of: ir.Node, upstream: Any) -> ir.Node | None:
        """What the elements of a node count: fed, or 1 each. None for a scalar that counts 1."""
        if upstream is None and not of.type.rank:
            return None
        key = (of, None if upstream is None else len(self._pass.sources))
        if key not in self._seeds:
            name = f"upstream gradient {key[1]} of {shown(of)}"
            ones = ir.Node.build("broadcast_to", (ir.constant(1.0, of.type.dtype),), {"shape": of.type.shape})
            self._seeds[key] = ones if upstream is None else ir.Node("input", (), {"name": name}, of.type, of.origin)
        seed = self._seeds[key]
        if upstream is not None:
            name = seed.attrs["name"]
            self._pass.fed[name] = as_fed(name, upstream, of.type.dtype).copy()
        return seed

    def _compute_gradients(self, wrt: Sequence[ir.Node]) -> None:
        """What was differentiated, and its gradients at these nodes, into the pass."""
        now = self._pass
        key, values = (now.sources, now.stopped, tuple(wrt)), [of for of, _ in now.sources]
        if key not in self._gradients:
            found = gradient_nodes(now.sources, now.stopped, wrt)
            updates = taking_part(self.graph.context, values, ())
            outputs = [*values, *[value for _, value in updates], *[node for node in found if node is not None]]
            kept = tuple([variable.attrs["path"] for variable, _ in updates])
            self._gradients[key] = _Gradients(self.prepared(outputs), kept, tuple([n is not None for n in found]))
        ready = self._gradients[key]
        numbers = iter(self._run(ready.runner))
        now.values |= {of: next(numbers) for of in values}
        now.kept = {path: next(numbers) for path in ready.kept}
        now.gradients |= {n: next(numbers) if reached else None for n, reached in zip(wrt, ready.reached)}

    # ---- what is asked for

    def _blame(self, wrt: ir.Node, is_loss: bool = False) -> None:
        """Tells why there is no gradient."""
        if self._pass.stopped:
            raise building.gradient_stopped(shown(wrt), sorted([shown(n) for n in self._pass.stopped]))
        of, origin = self._pass.sources[-1][0], (self.graph.here(),)
        raise ProgramError(untouched_variable(of, wrt, origin) if is_loss else no_path(of, wrt, origin))

    def _require_going_on(self, node: Node) -> None:
        if self._pass.is_over:
            raise building.pass_is_over(node.name)

    def _ir(self, node: Node) -> ir.Node:
        if node.graph is not self.graph:
            raise building.other_graph(self.graph.here(), node.name, str(node.ir.type), node.ir.span)
        return node.ir

    def _differentiable(self, node: Node) -> ir.Node:
        of = self._ir(node)
        if not of.type.is_float:
            where = self.graph.here()
            raise ProgramError(type_errors.wrong_dtype(where, "what is differentiated", ("f32", "f64"), of.type))
        return of

    def _placeholder(self, key: Any) -> ir.Node:
        known = {node.name: node.ir for node in self.graph.placeholders}
        name = key.name if isinstance(key, Node) else key
        if name not in known or (isinstance(key, Node) and self._ir(key) is not known[name]):
            raise building.not_a_placeholder(str(name), known)
        return known[name]

    def __repr__(self) -> str:
        return f"<Runtime of {len(self.variables)} tensors, seed {self.seed}>"


class _Watched(Variables):
    """The variables of a runtime: assigning one ends the pass."""

    def __init__(self, runtime: Runtime):
        super().__init__(runtime.state)
        self._runtime = runtime

    def __setitem__(self, path: str, value: Any) -> None:
        super().__setitem__(path, value)
        self._runtime.reset()


def _own(value: Any) -> Any:
    """What was kept, for a caller who may change it."""
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
