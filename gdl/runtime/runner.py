"""A graph ready to be called with arrays of any sizes that fit: one prepared plan for each binding of its sizes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gdl.errors import runtime as errors
from gdl.graph.node import Graph, Node
from gdl.runtime.arena import Arena
from gdl.runtime.asking import Ask, asking, never
from gdl.runtime.binding import bind
from gdl.runtime.plan import Plan, plan
from gdl.runtime.pool import Pool
from gdl.runtime.state import State
from gdl.runtime.step import Step, prepare
from gdl.types.tensor import TensorType

#: Prepared plans that a runner keeps, the last used ones.
KEPT = 8


_Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _Ready:
    """A prepared plan, what it is prepared for, and which of the inputs it takes."""

    types: tuple[tuple[tuple[int, ...], np.dtype], ...]
    step: Step | None
    taken: tuple[int, ...]
    all_taken: bool = False

    def takes(self, arrays: Sequence[np.ndarray]) -> bool:
        """Whether the arrays are just what this is prepared for: the quick way, without a word on what is wrong."""
        if len(arrays) != len(self.types):
            return False
        for array, (shape, dtype) in zip(arrays, self.types):
            if type(array) is not np.ndarray or array.shape != shape or array.dtype is not dtype:
                return False
            if shape and not array.flags.c_contiguous:
                return False
        return self.step is not None

    def run(self, arrays: list[Any], step: int, epoch: int, tick: int) -> tuple[Any, ...]:
        return self.step(arrays if self.all_taken else [arrays[i] for i in self.taken], step, epoch, tick)  # type: ignore[misc]


class Runner:
    """Runs a graph for whatever sizes are fed.

    Plans take turns in one arena: arrays that a call returned are valid until the next call of any runner with this
    arena.
    """

    def __init__(
        self, graph: Graph, inputs: Sequence[tuple[str, TensorType]], state: State, seed: int = 0,
        sizes: Mapping[str, int] | None = None, arena: Arena | None = None, pool: Pool | None = None,
        backend: str = "numpy",
    ):  # fmt: skip
        self.graph, self.inputs, self.state, self.seed = graph, tuple(inputs), state, seed
        self.sizes, self.arena, self.pool, self.backend = dict(sizes or {}), arena or Arena(), pool, backend
        self.names = tuple([name for name, _ in self.inputs])
        self._ready: OrderedDict[_Shapes, _Ready] = OrderedDict()
        self._last = _Ready((), None, ())  # fits nothing
        self.ask: Ask = never  # the last call made by `first_asked`, made short

    def __call__(
        self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray], step: int = 0, epoch: int = 0, tick: int = 0
    ) -> tuple[Any, ...]:
        """The outputs, and the updates made. `arrays` are given by name, or in the order of `inputs`.

        Errors: E0801 to E0803 for sizes, E0804 to E0806 for arrays that do not fit, E0809 for values, E0810 for memory.
        """
        if type(arrays) is not list:
            arrays = self._in_order(arrays)
        last = self._last
        if not last.takes(arrays):
            arrays = [np.asarray(array, order="C") for array in arrays]
            last = self._last = self._ready_for(arrays)
        return last.run(arrays, step, epoch, tick)

    def first_asked(self, arrays: Mapping[str, np.ndarray], tick: int) -> tuple[Any, ...]:
        """As a call; from then on `ask` is the short way to make it with such arrays again."""
        outputs = self(arrays, tick=tick)
        self.ask = asking(self._last.step, self.names, self._in_order(arrays))  # type: ignore[arg-type]
        return outputs

    def trace(
        self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray], step: int = 0, epoch: int = 0, tick: int = 0
    ) -> Iterator[tuple[Node, Any]]:
        """Every node with its value, slowly, without updates: to find where a nan comes from."""
        given = [np.asarray(array, order="C") for array in self._in_order(arrays)]
        ready = self._ready_for(given)
        return ready.step.trace([given[i] for i in ready.taken], step, epoch, tick)  # type: ignore[union-attr]

    def step_for(self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> Step:
        """The prepared plan for arrays of these sizes."""
        return self._ready_for(self._in_order(arrays)).step  # type: ignore[return-value]

    def plan_for(self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> Plan:
        """The plan for arrays of these sizes, without its memory."""
        return self._planned(bind(self.inputs, self._in_order(arrays), self.sizes))

    def _planned(self, sizes: Mapping[str, int]) -> Plan:
        return plan(self.graph, sizes, self.pool.threads if self.pool else 1, self.backend)

    def _in_order(self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> list[np.ndarray]:
        given = arrays if type(arrays) is dict or isinstance(arrays, Mapping) else dict(zip(self.names, arrays))
        try:
            return [given[name] for name in self.names]
        except KeyError as error:
            raise errors.missing_input(error.args[0], list(given)) from None

    def _ready_for(self, arrays: Sequence[np.ndarray]) -> _Ready:
        """What is prepared for arrays of these sizes, kept or new."""
        arrays = self._in_order(arrays)
        sizes = bind(self.inputs, arrays, self.sizes)
        shapes = tuple([array.shape for array in arrays])
        ready = self._ready.get(shapes)
        if ready is None:
            step = prepare(self._planned(sizes), self.state, self.seed, self.arena, self.pool)
            taken = tuple([self.names.index(name) for name in step.plan.inputs])
            types = tuple([(array.shape, array.dtype) for array in arrays])
            ready = self._ready[shapes] = _Ready(types, step, taken, taken == tuple(range(len(arrays))))
            if len(self._ready) > KEPT:
                self._ready.popitem(last=False)
        self._ready.move_to_end(shapes)
        return ready
