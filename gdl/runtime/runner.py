"""A graph ready to be called with arrays of any sizes that fit: one prepared plan for each binding of its sizes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gdl.errors import runtime as errors
from gdl.graph.node import Graph, Node
from gdl.runtime.arena import Arena
from gdl.runtime.arrays import DTYPES
from gdl.runtime.binding import bind
from gdl.runtime.plan import plan
from gdl.runtime.state import State
from gdl.runtime.step import Step, prepare
from gdl.types.tensor import TensorType

#: Prepared plans that a runner keeps, the last used ones.
KEPT = 8


class Runner:
    """Runs a graph for whatever sizes are fed.

    Plans take turns in one arena: arrays that a call returned are valid until the next call of any runner with this
    arena.
    """

    def __init__(
        self, graph: Graph, inputs: Sequence[tuple[str, TensorType]], state: State, seed: int = 0,
        sizes: Mapping[str, int] | None = None, arena: Arena | None = None,
    ):  # fmt: skip
        self.graph, self.inputs, self.state, self.seed = graph, tuple(inputs), state, seed
        self.sizes, self.arena = dict(sizes or {}), arena or Arena()
        self._names = tuple([name for name, _ in self.inputs])
        self._dtypes = tuple([DTYPES[type.dtype] for _, type in self.inputs])
        self._steps: OrderedDict[tuple[tuple[int, ...], ...], tuple[Step, tuple[int, ...]]] = OrderedDict()
        self._last: tuple[tuple[int, ...], ...] | None = None
        self._prepared: tuple[Step, tuple[int, ...]] | None = None

    def __call__(
        self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray], step: int = 0, epoch: int = 0, tick: int = 0
    ) -> tuple[Any, ...]:
        """The outputs, and the updates made. `arrays` are given by name, or in the order of `inputs`.

        Errors: E0801 to E0803 for sizes, E0804 to E0806 for arrays that do not fit, E0809 for values, E0810 for memory.
        """
        ready, fed = self._ready(arrays)
        return ready(fed, step, epoch, tick)

    def trace(
        self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray], step: int = 0, epoch: int = 0, tick: int = 0
    ) -> Iterator[tuple[Node, Any]]:
        """Every node with its value, slowly, without updates: to find where a nan comes from."""
        ready, fed = self._ready(arrays)
        return ready.trace(fed, step, epoch, tick)

    def step_for(self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> Step:
        """The prepared plan for arrays of these sizes."""
        return self._ready(arrays)[0]

    def _ready(self, arrays: Mapping[str, np.ndarray] | Sequence[np.ndarray]) -> tuple[Step, list[np.ndarray]]:
        """The prepared plan, and the arrays that it takes."""
        if isinstance(arrays, Mapping):
            arrays = self._in_order(arrays)
        arrays = [a if type(a) is np.ndarray and a.flags.c_contiguous else np.asarray(a, order="C") for a in arrays]
        shapes = tuple([a.shape for a in arrays])
        if shapes != self._last or self._prepared is None:
            self._prepared, self._last = self._step(shapes, arrays), shapes
        for array, dtype in zip(arrays, self._dtypes):
            if array.dtype != dtype:
                bind(self.inputs, arrays, self.sizes)  # says what is wrong
        step, taken = self._prepared
        return step, [arrays[i] for i in taken]

    def _in_order(self, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        try:
            return [arrays[name] for name in self._names]
        except KeyError as error:
            raise errors.missing_input(error.args[0], list(arrays)) from None

    def _step(self, shapes: tuple[tuple[int, ...], ...], arrays: Sequence[np.ndarray]) -> tuple[Step, tuple[int, ...]]:
        found = self._steps.get(shapes)
        if found is None:
            if len(arrays) != len(self.inputs):
                raise errors.missing_input(
                    self._names[min(len(arrays), len(self._names) - 1)], self._names[: len(arrays)]
                )
            ready = prepare(plan(self.graph, bind(self.inputs, arrays, self.sizes)), self.state, self.seed, self.arena)
            found = self._steps[shapes] = (ready, tuple([self._names.index(name) for name in ready.plan.inputs]))
            if len(self._steps) > KEPT:
                self._steps.popitem(last=False)
        self._steps.move_to_end(shapes)
        return found
