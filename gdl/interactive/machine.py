"""The tensors of a session, and expressions computed with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from gdl.autodiff import expand
from gdl.graph.node import Graph, Guards, Node, guards_of_run, topological
from gdl.lang.live import owner
from gdl.lang.program import VariableInfo
from gdl.passes import bind_sizes
from gdl.runtime.arrays import dtype_name
from gdl.runtime.binding import bind
from gdl.runtime.interpret import initialise, trace
from gdl.runtime.runner import Runner
from gdl.runtime.state import State


class Machine:
    """Owns the tensors. A tensor keeps its value for as long as its path and type stay the same."""

    def __init__(self, seed: int = 0, backend: str = "numpy"):
        self.state = State()
        self.seed, self.backend = seed, backend
        self.tick = 0  # expressions computed: what random draws are keyed by, besides the seed
        self._begun: set[str] = set()  # paths that have their first value

    def renew(self, names: Iterable[str]) -> None:
        """Variables of these top-level names begin anew."""
        names = set(names)
        self._begun = {path for path in self._begun if owner(path) not in names}

    def reset(self) -> None:
        """All variables begin anew, and all draws."""
        self._begun.clear()
        self.tick = 0

    def sync(self, variables: Mapping[str, VariableInfo]) -> bool:
        """Tensors for all variables: those that are new get their first value. Says whether arrays were replaced."""
        types = {path: (info.type.dtype, info.type.shape) for path, info in variables.items()}
        differing = [path for path in types if path in self.state and self._type(path) != types[path]]
        if differing:
            self._replace_state(differing)
        new = [path for path in types if path not in self._begun or path in differing]
        if new:
            self.state.allocate(types)  # type: ignore[arg-type]
            initialise({path: variables[path].initial for path in new}, self.state, self.seed)
            self._begun |= set(new)
        return bool(differing)

    def _type(self, path: str) -> tuple[str, tuple[int, ...]]:
        return dtype_name(self.state[path].dtype), self.state[path].shape

    def _replace_state(self, without: Sequence[str]) -> None:
        old, self.state = self.state, State()
        self.state.allocate({path: (dtype_name(a.dtype), a.shape) for path, a in old.items() if path not in without})
        self.state.restore({path: array for path, array in old.items() if path not in without})

    # ---- computing

    def runner(self, nodes: Sequence[Node], sizes: Mapping[str, int], guards: Guards) -> Runner:
        """The nodes ready to be computed, gradients worked out. Errors: ProgramError."""
        graph = expand(Graph(tuple(nodes), guards=guards_of_run(guards, topological(nodes))))
        inputs = [node for node in topological(graph.roots) if node.op == "input"]
        named = [(node.attrs["name"], node.type) for node in inputs]
        return Runner(graph, named, self.state, self.seed, sizes, backend=self.backend)

    def run(self, runner: Runner, fed: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The values, as arrays of their own. Errors: RunError."""
        self.tick += 1
        return [np.array(value) for value in runner(_wanted(runner, fed), tick=self.tick - 1)]

    def trace(self, runner: Runner, fed: Mapping[str, np.ndarray]) -> Iterator[tuple[Node, np.ndarray]]:
        """Every node as it was written, with its value, inputs before users; the draws are those of the next run."""
        arrays = _wanted(runner, fed)
        sizes = bind(runner.inputs, [arrays[name] for name, _ in runner.inputs], runner.sizes)
        return trace(bind_sizes(runner.graph, sizes), arrays, self.state, self.seed, tick=self.tick)


def _wanted(runner: Runner, fed: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: fed[name] for name, _ in runner.inputs}
