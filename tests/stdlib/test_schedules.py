"""Schedules at their corner points, read off the steps that they make."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gdl


def rates(schedule: str, steps: int) -> np.ndarray:
    """The rate in each of the first steps: how far gradient descent moves where the gradient is -1."""
    text = f"gdl 1\nvariable w: f64[] = 0\ntrain {{\n  steps {steps}\n  minimize -w with Sgd({schedule})\n}}\n"
    session = gdl.loads(text)
    positions = [0.0]
    for _ in range(steps):
        session.step()
        positions.append(float(session.variables["w"]))
    return np.diff(positions)


def half_cosine(progress: float) -> float:
    return (1 + math.cos(math.pi * progress)) / 2


CASES = {
    "constant(0.25)": {0: 0.25, 11: 0.25},
    "step_decay(0.8, 0.5, 3)": {0: 0.8, 2: 0.8, 3: 0.4, 5: 0.4, 6: 0.2, 9: 0.1, 11: 0.1},
    "exponential(0.8, 0.5, 4)": {0: 0.8, 2: 0.8 * 0.5**0.5, 4: 0.4, 8: 0.2},
    "exponential(0.8, 0.5)": {0: 0.8, 1: 0.4, 3: 0.1},
    "cosine(0.8, 8)": {0: 0.8, 2: 0.8 * half_cosine(0.25), 4: 0.4, 7: 0.8 * half_cosine(7 / 8), 8: 0.0, 11: 0.0},
    "cosine(0.8, 8, low=0.2)": {0: 0.8, 4: 0.5, 8: 0.2, 11: 0.2},
    "warmup_cosine(0.8, 4, 8)": {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 0.8, 6: 0.4, 8: 0.0, 11: 0.0},
    "warmup_cosine(0.8, 1, 9, low=0.2)": {0: 0.8, 1: 0.8, 5: 0.5, 9: 0.2, 11: 0.2},
    "warmup_cosine(0.8, 0, 8)": {0: 0.8, 4: 0.4, 8: 0.0},
}


@pytest.mark.parametrize("schedule", CASES)
def test_corner_points(schedule: str) -> None:
    found = rates(schedule, 12)
    for step, rate in CASES[schedule].items():
        assert found[step] == pytest.approx(rate, rel=1e-5, abs=1e-8), step


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("step_decay(0.1, 0.5, 0)", "period"), ("step_decay(0.1, 0.0, 5)", "factor"),
        ("exponential(0.1, -1.0)", "factor"), ("exponential(0.1, 0.5, 0)", "period"),
        ("warmup_cosine(0.1, 10, 10)", "10 steps"), ("warmup_cosine(0.1, -1, 10)", "-1"),
    ],
)  # fmt: skip
def test_what_makes_no_schedule(schedule: str, said: str) -> None:
    with pytest.raises(gdl.ProgramError, match=said):
        rates(schedule, 1)
