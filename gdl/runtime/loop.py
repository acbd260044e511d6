"""Running a `scan`: its body once for each position, results written straight into the rows of its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gdl.graph.node import Node
from gdl.graph.scan import Body, width
from gdl.runtime.arrays import DTYPES

RunBody = Callable[["Loop", Mapping[str, np.ndarray]], Sequence[Any]]


class Loop:
    """A scan node whose sizes are bound, as a statement calls it."""

    def __init__(self, node: Node):
        self.body: Body = node.attrs["body"]
        self.length: int = node.attrs["length"]
        self.reverse: bool = node.attrs["reverse"]
        self.elements: int = node.type.shape[0]  # type: ignore[assignment]
        self.dtype = DTYPES[node.type.dtype]

    @property
    def positions(self) -> range:
        return range(self.length - 1, -1, -1) if self.reverse else range(self.length)

    def targets(self, out: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Where the results go: for carries and yields an array [length, ...] each, then the sums."""
        across = width(self.body.row)
        rows = out[: self.length * across].reshape(self.length, across)  # type: ignore[operator]
        found, at = [], 0
        for node in self.body.row:
            size = width((node,))
            found.append(rows[:, at : at + size].reshape(self.length, *node.type.shape))  # type: ignore[operator]
            at += size  # type: ignore[operator]
        sums, at = [], self.length * across  # type: ignore[operator]
        for node in self.body.sums:
            size = width((node,))
            sums.append(out[at : at + size].reshape(node.type.shape))  # type: ignore[operator]
            at += size  # type: ignore[operator]
        return found, sums


def loop_kernel(loop: Loop, run: Callable[[list[Any]], Sequence[Any]], names: Sequence[str]) -> Callable[..., None]:
    """The function that a plan calls. `run` is the prepared body, which takes the parameters `names`."""
    number = {p.attrs["name"]: i for i, p in enumerate(loop.body.params)}
    wanted = [number[name] for name in names]
    first_carry = len(loop.body.sequences)
    carries = range(len(loop.body.carries))
    copy = np.copyto

    def kernel(*arrays: Any) -> None:
        *inputs, out = arrays
        rows, sums = loop.targets(out)
        for total in sums:
            total.fill(0)
        values = list(inputs)
        for t in loop.positions:
            for i in range(first_carry):
                values[i] = inputs[i][t, ...]
            results = run([values[i] for i in wanted])
            for target, result in zip(rows, results):
                copy(target[t, ...], result)
            for total, result in zip(sums, results[len(rows) :]):
                total += result
            for i in carries:
                values[first_carry + i] = rows[i][t, ...]

    return kernel


def interpreted_loop(loop: Loop, inputs: Sequence[np.ndarray], run_body: RunBody) -> np.ndarray:
    """The value of a scan by `run_body`, without a plan."""
    out = np.empty(loop.elements, loop.dtype)
    names = [p.attrs["name"] for p in loop.body.params]

    def run(values: list[Any]) -> Sequence[Any]:
        return run_body(loop, {n: np.asarray(v) for n, v in zip(names, values)})

    loop_kernel(loop, run, names)(*inputs, out)
    return out
