"""Exact means: of what a report says since the last one, of what an eval says over all examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class Mean:
    """A mean in float64, each value weighted by its number of examples.

    A tensor counts as the mean of its elements. Sums of booleans are counts, so shares are exact whatever the batches.
    With `add_each`, every element of a tensor has a mean of its own.
    """

    __slots__ = ("total", "weight")

    def __init__(self, total: Any = 0.0, weight: float = 0.0):
        self.total, self.weight = total, weight

    def add(self, value: Any, examples: int) -> None:
        """One more batch. An empty tensor has no mean and adds nothing."""
        if isinstance(value, np.ndarray) and value.ndim:
            if not value.size:
                return
            summed = np.count_nonzero(value) if value.dtype == bool else value.sum(dtype=np.float64)
            self.total += float(summed) * (examples / value.size)
        else:
            self.total += float(value) * examples
        self.weight += examples

    def add_each(self, value: Any, examples: int) -> None:
        """One more batch's array, which has the same shape in all."""
        self.total = self.total + np.asarray(value, np.float64) * examples
        self.weight += examples

    @property
    def value(self) -> Any:
        return self.total / self.weight if self.weight else float("nan")

    def reset(self) -> None:
        self.total = self.weight = 0.0


class Tally:
    """The running means of one report: which output of which `minimize` belongs to which shown name."""

    def __init__(self, values: tuple[tuple[str, int, int], ...]):
        self.means = {name: Mean() for name, _, _ in values}
        self._wanted: dict[int, list[tuple[Mean, int]]] = {}
        for name, minimize, output in values:
            self._wanted.setdefault(minimize, []).append((self.means[name], output))

    def add(self, minimize: int, outputs: Any, examples: int) -> None:
        """Count what one execution of `minimize` gave."""
        for mean, output in self._wanted.get(minimize, ()):
            mean.add(outputs[output], examples)

    @property
    def is_pending(self) -> bool:
        return any(mean.weight for mean in self.means.values())

    def take(self) -> dict[str, float]:
        """The means since the last time; then all start anew."""
        values = {name: mean.value for name, mean in self.means.items() if mean.weight}
        for mean in self.means.values():
            mean.reset()
        return values

    def dump(self) -> dict[str, list[float]]:
        """As JSON can hold it, exactly."""
        return {name: [mean.total, mean.weight] for name, mean in self.means.items()}

    def restore(self, saved: Mapping[str, Sequence[float]]) -> None:
        for name, (total, weight) in saved.items():
            if name in self.means:
                self.means[name].total, self.means[name].weight = total, weight
