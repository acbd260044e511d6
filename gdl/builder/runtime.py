"""Running a graph: tensors of its own, and passes in which any node can be computed and differentiated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gdl.autodiff import expand, gradient_or_none
from gdl.autodiff.blame import no_path, untouched_variable
from gdl.builder.graph import OPTIMIZER, Graph, current_graph
from gdl.builder.node import Node, shown
from gdl.errors import CheckpointError, GdlError, ProgramError, building
from gdl.errors import checkpoint as checkpoint_errors
from gdl.errors import types as type_errors
from gdl.graph import node as ir
from gdl.lang.procedures import taking_part
from gdl.runtime.arena import Arena
from gdl.runtime.exchange import Variables, as_fed
from gdl.runtime.interpret import initialise
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
    sources: tuple[tuple[ir.Node, ir.Node | None], ...] = ()  # what was differentiated, each with its upstream leaf
    stopped: frozenset[ir.Node] = frozenset()
    updates: dict[str, Any] = field(default_factory=dict)  # what layers keep, such as running means
    is_over: bool = False  # the variables have changed since

    @property
    def is_used(self) -> bool:
        return bool(self.values or self.sources)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Outputs prepared to run: of gradients first what is differentiated, then what layers keep."""

    runner: Runner
    updated: tuple[str, ...] = ()  # paths of what layers keep
    reached: tuple[bool, ...] = ()  # of the nodes differentiated by: whether there is a gradient


class Runtime:
    """A graph's tensors, and the numbers of the pass under way.

    A pass is one set of feeds, one random draw, one state of the variables. Values and gradients are computed when they
    are first asked for, and kept. Feeding other numbers begins another pass; so do `reset` and a change of variables.
    """

    def __init__(self, graph: Graph | None = None, *, seed: int = 0):
        self.graph = graph or current_graph()
        self.seed, self.state = seed, State()
        self.epoch = 0  # what `epoch` is in the graph
        self.steps: dict[str, int] = {}  # taken by each optimizer
        self.optimizers: set[str] = set()  # names taken
        self._tick = 0  # counts passes: what random draws are keyed by
        self._pass = Pass()
        self._arena = Arena()
        self._compiled: dict[tuple[Any, ...], _Compiled] = {}
        self._seeds: dict[tuple[ir.Node, int | None], ir.Node] = {}

    # ---- passes

    def reset(self) -> None:
        """Ends the pass: what is fed, values, gradients and stops are forgotten, and random nodes draw anew."""
        self._tick += self._pass.is_used
        self._pass = Pass()

    def __enter__(self) -> Runtime:
        self.reset()
        return self

    def __exit__(self, *raised: object) -> None:
        self.reset()

    def stop(self, *nodes: Node) -> None:
        """Lets no gradient through these nodes in this pass. What arrives at them can still be read."""
        if self._pass.is_over:
            self.reset()
        self._pass.stopped |= {self._ir(node) for node in nodes}
        self._pass.gradients.clear()

    def forward(self, node: Node, feeds: Feeds | None = None) -> Any:
        """The value of a node: a Python number or an array."""
        self.feed(feeds)
        return self.value(node)

    def value(self, node: Node) -> Any:
        """The value of any node in this pass, computed now where it was not before."""
        wanted, now = self._ir(node), self._pass
        if wanted.op == "variable":
            return plain(self.variables[node.name])
        if wanted not in now.values:
            self._require_going_on(node)
            (now.values[wanted],) = self._run(self._prepared(("value", wanted), [wanted]))
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
            self._gradients([wrt])
        if now.gradients[wrt] is None:
            self._blame(wrt)
        return _own(now.gradients[wrt])

    def feed(self, feeds: Feeds | None) -> None:
        """What the placeholders are in this pass. Other numbers than before begin another pass."""
        given = {}
        for key, value in (feeds or {}).items():
            leaf = self._placeholder(key)
            given[leaf.attrs["name"]] = as_fed(leaf.attrs["name"], value, leaf.type.dtype)
        fed = self._pass.fed
        if self._pass.is_over or any(n in fed and not _same(fed[n], array) for n, array in given.items()):
            self.reset()
        self._pass.fed |= {name: array.copy() for name, array in given.items() if name not in self._pass.fed}

    # ---- variables

    @property
    def variables(self) -> Variables:
        """The model's tensors by path: read and assigned like a dictionary of arrays."""
        self.ready()
        return _Watched(self)

    def assign(self, variable: Node, value: Any) -> None:
        """Gives a variable a value of its shape, which ends the pass."""
        self.variables[self.path_of(variable)] = value

    def save(self, path: str | Path, variables: Iterable[Node] | None = None) -> str:
        """Writes the tensors as a checkpoint: everything, what optimizers remember included, or these variables. Gives
        back their SHA-256."""
        self.ready()
        chosen = self.state if variables is None else [self.path_of(v) for v in variables]
        facts = {"seed": self.seed, "tick": self._tick, "steps": self.steps, "epoch": self.epoch}
        return checkpoint.save(Path(path), {name: self.state[name] for name in chosen}, facts)

    def restore(self, path: str | Path, variables: Iterable[Node] | None = None) -> None:
        """Reads what `save`, a session or `gdl run` wrote: the whole model with what optimizers remember, or these
        variables. Errors: CheckpointError where they do not fit."""
        self.ready()
        path, peek = Path(path), checkpoint.peek(Path(path))
        chosen = self.graph.variables() if variables is None else list(variables)
        names = [self.path_of(v) for v in chosen]
        types = {n: FieldType(v.dtype, tuple([int(size) for size in v.shape])) for n, v in zip(names, chosen)}  # type: ignore[arg-type]
        match = checkpoint.fit(types, peek.types)
        if not match.is_complete:
            rows = match.rows
            raise CheckpointError(checkpoint_errors.does_not_fit(None, path, len(match.pairs), match.total, rows))
        pairs = dict(match.pairs)
        if variables is None:
            pairs |= {name: name for name in peek.types if name.startswith(checkpoint.OPTIMIZER_PREFIX)}
            self.steps.update(peek.meta.get("steps", {}))
            self._tick, self.epoch = peek.meta.get("tick", self._tick), peek.meta.get("epoch", self.epoch)
        load_into(self.state, path, pairs)
        self._pass = Pass()

    def ready(self, further: Iterable[str] = ()) -> None:
        """Gives the model's variables, and `further` ones, their first value where they have none."""
        known = self.graph.context.variables
        new = [path for path in known if path not in self.state and not path.startswith(f"{OPTIMIZER}/")]
        new += [path for path in further if path not in self.state]
        if new:
            self.state.allocate({path: (known[path].type.dtype, known[path].type.shape) for path in new})  # type: ignore[misc]
            initialise({path: known[path].initial for path in new}, self.state, self.seed)
            for path in self.graph.first_values.keys() & set(new):
                self.state.set(path, self.graph.first_values[path])

    def end_pass(self) -> None:
        """The variables have changed: what was computed can still be read, everything else begins another pass."""
        self._pass.is_over = True

    # ---- what optimizers need

    def differentiate(self, loss: Node, feeds: Feeds | None, variables: Sequence[Node] | None) -> dict[Node, Any]:
        """Gradients of a scalar at variables: those given, or all trained ones that it depends on and that no stop cuts
        off."""
        self.feed(feeds)
        of = self._differentiable(loss)
        needed = set(ir.topological([of]))
        chosen = list(variables or [v for v in self.graph.variables(trainable=True) if v.ir in needed])
        self._pass.sources, self._pass.gradients = (), {}
        self._differentiate(of, None, [self._ir(v) for v in chosen])
        found = {v: self._pass.gradients[v.ir] for v in chosen}
        for variable, value in found.items():
            if value is None and (variables is not None or not self._pass.stopped):
                self._blame(variable.ir, is_loss=True)
        return {variable: _own(value) for variable, value in found.items() if value is not None}

    def take_updates(self) -> dict[str, Any]:
        """What the layers of this pass want to keep; once."""
        taken, self._pass.updates = self._pass.updates, {}
        return taken

    def runner(self, outputs: Sequence[ir.Node], updates: Sequence[tuple[ir.Node, ir.Node]] = ()) -> Runner:
        """A graph prepared to run on this runtime's tensors."""
        order = ir.topological([*outputs, *[value for _, value in updates]])
        graph = expand(ir.Graph(tuple(outputs), tuple(updates), self.graph.guards_of(order)))
        leaves = ir.topological(graph.roots)
        self.ready([n.attrs["path"] for n in leaves if n.op == "variable"])
        self.ready([variable.attrs["path"] for variable, _ in updates])
        inputs = [(n.attrs["name"], n.type) for n in leaves if n.op == "input"]
        return Runner(graph, inputs, self.state, self.seed, arena=self._arena)

    # ---- computing

    def _prepared(self, key: tuple[Any, ...], outputs: Sequence[ir.Node]) -> _Compiled:
        if key not in self._compiled:
            self._compiled[key] = _Compiled(self.runner(outputs))
        return self._compiled[key]

    def _run(self, compiled: _Compiled) -> list[Any]:
        step = max(self.steps.values(), default=0)
        arrays = {**self.graph.arrays, **self._pass.fed}
        return [plain(value) for value in compiled.runner(arrays, step, self.epoch, self._tick)]

    def _differentiate(self, of: ir.Node, upstream: Any, wrt: Sequence[ir.Node]) -> None:
        """Adds a node to what is differentiated, and computes it, its gradients, and what layers keep."""
        now = self._pass
        before, now.gradients = now.sources, {}
        try:
            now.sources = (*before, (of, self._seed(of, upstream)))
            self._gradients(wrt)
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
            one = ir.constant(1.0, of.type.dtype)
            ones = ir.Node.build("broadcast_to", (one,), {"shape": of.type.shape})
            self._seeds[key] = ones if upstream is None else ir.Node("input", (), {"name": name}, of.type, of.origin)
        seed = self._seeds[key]
        if upstream is not None:
            name = seed.attrs["name"]
            self._pass.fed[name] = as_fed(name, upstream, of.type.dtype).copy()
        return seed

    def _gradients(self, wrt: Sequence[ir.Node]) -> None:
        """Computes what was differentiated, and its gradients at these nodes, into the pass."""
        now = self._pass
        key = ("gradient", now.sources, now.stopped, tuple(wrt))
        values = [of for of, _ in now.sources]
        if key not in self._compiled:
            updates = taking_part(self.graph.context, values, ())
            found = self._gradient_nodes(wrt)
            outputs = [*values, *[value for _, value in updates], *[node for node in found if node is not None]]
            paths = tuple([variable.attrs["path"] for variable, _ in updates])
            self._compiled[key] = _Compiled(self.runner(outputs), paths, tuple([n is not None for n in found]))
        compiled = self._compiled[key]
        numbers = iter(self._run(compiled))
        now.values |= {of: next(numbers) for of in values}
        now.updates = {path: next(numbers) for path in compiled.updated}
        now.gradients |= {n: next(numbers) if reached else None for n, reached in zip(wrt, compiled.reached)}

    def _gradient_nodes(self, wrt: Sequence[ir.Node]) -> list[ir.Node | None]:
        """For each node the sum of its gradients, None where there is none."""
        sources, stopped = self._pass.sources, tuple(self._pass.stopped)
        asked = expand(ir.Graph((*[of for of, _ in sources], *stopped, *wrt))).outputs  # second derivatives worked out
        stops, targets = asked[len(sources) : len(sources) + len(stopped)], asked[len(sources) + len(stopped) :]
        total: list[ir.Node | None] = [None] * len(wrt)
        for of, (_, seed) in zip(asked, sources):
            each = gradient_or_none(of, targets, seed, stopped=frozenset(stops))
            total = [b if a is None else a if b is None else a + b for a, b in zip(total, each)]
        return total

    def _blame(self, wrt: ir.Node, is_loss: bool = False) -> None:
        if self._pass.stopped:
            raise building.gradient_stopped(shown(wrt), [shown(n) for n in self._pass.stopped])
        of = self._pass.sources[-1][0]
        origin = (self.graph.here(),)
        raise ProgramError(untouched_variable(of, wrt, origin) if is_loss else no_path(of, wrt, origin))

    # ---- what is asked for

    def _require_going_on(self, node: Node) -> None:
        if self._pass.is_over:
            raise building.pass_is_over(node.name)

    def _ir(self, node: Node) -> ir.Node:
        if node.graph is not self.graph:
            place = self.graph.here()
            raise building.other_graph(place, node.name, str(node.ir.type), node.ir.span)
        return node.ir

    def _differentiable(self, node: Node) -> ir.Node:
        of = self._ir(node)
        if not of.type.is_float:
            place = self.graph.here()
            raise ProgramError(type_errors.wrong_dtype(place, "what is differentiated", ("f32", "f64"), of.type))
        return of

    def _placeholder(self, key: Any) -> ir.Node:
        known = {node.name: node for node in self.graph.placeholders}
        if isinstance(key, Node):
            self._ir(key)
        name = key.name if isinstance(key, Node) else key
        if name not in known or (isinstance(key, Node) and key is not known[name]):
            raise building.not_a_placeholder(str(name), known)
        return known[name].ir

    def path_of(self, node: Node) -> str:
        """The path of a variable."""
        known = [v.name for v in self.graph.variables()]
        if self._ir(node).op != "variable":
            raise building.not_a_variable(node.name, known)
        return node.name

    def __repr__(self) -> str:
        return f"<Runtime of {len(self.state)} tensors, seed {self.seed}>"


class _Watched(Variables):
    """The variables of a runtime: assigning one ends the pass."""

    def __init__(self, runtime: Runtime):
        super().__init__(runtime.state)
        self._runtime = runtime

    def __setitem__(self, path: str, value: Any) -> None:
        super().__setitem__(path, value)
        self._runtime.reset()


def _own(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
