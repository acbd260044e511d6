"""When a loss comes out as inf or nan: which node of the program it began at.

The step has already spoilt the weights when the loss is seen. So a copy of the state is kept from a moment ago;
training is replayed from there, bit for bit, up to the run that failed, and that one is run node by node.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gdl.errors import RunError
from gdl.errors import training as errors
from gdl.graph.node import Node
from gdl.runtime.state import State
from gdl.source import Span
from gdl.train.rundir import RunDirectory
from gdl.train.step import NotFinite, Stepper

#: How old the copy may get: what a failure costs in time, at most, before it is explained.
COPY_EVERY_S = 2.0


class Recovery:
    """The copy of the state, and the way back from it to the failure."""

    def __init__(self, state: State, stepper: Stepper):
        self._state, self._stepper = state, stepper
        self._copy: dict[str, np.ndarray] = {}
        self._position = replace(stepper.position)
        self._next = float("-inf")

    def prepare(self, now: float) -> None:
        """Called before every step: renews the copy once it is old."""
        if now >= self._next:
            self._copy, self._position = self._state.snapshot(), replace(self._stepper.position)
            self._next = now + COPY_EVERY_S

    def explain(self, fault: NotFinite, run: RunDirectory | None) -> RunError:
        """The error to raise. The state is put back to what it was before the run that failed."""
        step = self._stepper.position.step + 1
        self._state.restore(self._copy)
        culprit, what = _first_not_finite(self._stepper.replay(self._position))
        kept = f"the last checkpoint before that is {run.latest}" if run is not None and run.latest else ""
        return errors.diverged(fault.minimize.loss, fault.loss, step, fault.minimize.span, culprit, what, kept)


def _first_not_finite(trace: Any) -> tuple[Span | None, str]:
    """Where the first node stands whose value is not finite, and what is known of it."""
    for node, value in trace:
        array = np.asarray(value)
        if array.dtype.kind != "f" or np.isfinite(array).all():
            continue
        return node.span, _tell(node, array)
    return None, ""


def _tell(node: Node, array: np.ndarray) -> str:
    wrong = array[~np.isfinite(array)]
    kinds = " and ".join(
        kind for kind, there in (("nan", np.isnan(wrong).any()), ("inf", np.isinf(wrong).any())) if there
    )
    many = f"{wrong.size:,} of {array.size:,} values are" if array.ndim else "it is"
    who = f"variable `{node.attrs['path']}`" if node.op == "variable" else f"`{node.op}`"
    return f"the first value that is not finite comes from {who}: {many} {kinds}"
