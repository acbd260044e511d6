"""The tests inside a program: each `expect` holds, or a diagnostic says by how much it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gdl.diagnostics import Diagnostic
from gdl.errors import ProgramError, RunError
from gdl.errors import training as errors
from gdl.lang.program import Expectation, Test
from gdl.train.execution import Execution

#: What `~=` allows: (relative, absolute), by the coarser dtype of the two sides.
CLOSE = {np.dtype(np.float32): (1e-5, 1e-6), np.dtype(np.float64): (1e-9, 1e-12)}
_EXACT = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class TestResult:
    """How a test came out: it passed if there are no failures."""

    __test__ = False  # not a test of pytest's

    name: str
    failures: tuple[Diagnostic, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


def run_tests(execution: Execution) -> Iterator[TestResult]:
    """Every test of the program in turn, each on the weights as they are before the first."""
    before = execution.state.snapshot()
    for test in execution.program.tests:
        try:
            outputs = _outputs(execution, test)
        except (ProgramError, RunError) as error:
            failures = list(error.diagnostics)
        else:
            failures = [failure for e in test.expectations for failure in _failures(test, e, outputs)]
        yield TestResult(test.name, (*test.failures, *failures))
        execution.state.restore(before)


def _outputs(execution: Execution, test: Test) -> Sequence[Any]:
    if not test.computation.outputs:
        return ()
    inputs, _ = execution.batches(test.feed).take(0)
    return execution.runner(test.computation, f"test {test.name}")(inputs)


def _failures(test: Test, expectation: Expectation, outputs: Sequence[Any]) -> Iterator[Diagnostic]:
    left = np.asarray(outputs[expectation.left])
    if expectation.is_finite:
        if not np.isfinite(left).all():
            yield errors.example_not_finite(test.name, expectation.text, expectation.span, _not_finite(left))
        return
    if expectation.right is None:
        found = _not_all(left, expectation, outputs)
    else:
        found = _not_close(left, np.asarray(outputs[expectation.right]))
    if found:
        failed = errors.example_failed if test.is_example else errors.expectation_failed
        yield failed(test.name, expectation.text, expectation.span, found)


def _not_finite(value: np.ndarray) -> str:
    wrong = np.argwhere(~np.isfinite(value))
    where = f" at {_place(wrong[0])}, one of {len(wrong)} places" if value.ndim else ""
    return f"{value[tuple(wrong[0])]!s}{where}"


def _not_all(holds: np.ndarray, expectation: Expectation, outputs: Sequence[Any]) -> list[str]:
    if holds.all():
        return []
    at = tuple(np.argwhere(~holds)[0])
    values = f": {expectation.known}" if expectation.known else ""
    if expectation.sides is not None:
        sides = [np.broadcast_to(outputs[side], holds.shape)[at] for side in expectation.sides]
        values = ": left {!s}, right {!s}".format(*sides)
    if not holds.ndim:
        return [f"this is false{values}"]
    wrong = int(holds.size - np.count_nonzero(holds))
    return [f"false for {wrong} of {holds.size} elements, first at {_place(at)}{values}"]


def _not_close(left: np.ndarray, right: np.ndarray) -> list[str]:
    try:
        np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        return [f"the shapes {list(left.shape)} and {list(right.shape)} do not fit each other"]
    relative, absolute = max(CLOSE.get(left.dtype, _EXACT), CLOSE.get(right.dtype, _EXACT))
    close = np.isclose(left, right, rtol=relative, atol=absolute, equal_nan=False)
    if close.all():
        return []
    at = tuple(np.argwhere(~close)[0])
    a, b = np.broadcast_to(left, close.shape)[at], np.broadcast_to(right, close.shape)[at]
    where = f" at {_place(at)}, one of {close.size - np.count_nonzero(close)} places" if close.ndim else ""
    return [f"{a!s} is not near {b!s}{where}", f"`~=` allows a difference of {relative:g} * |right| + {absolute:g}"]


def _place(index: Sequence[int]) -> str:
    return f"[{', '.join(str(int(i)) for i in index)}]"
