"""The state: arrays that stay, aligned, side by side."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.errors import RunError
from gdl.runtime.state import State


def test_arrays_stay_the_same_objects() -> None:
    state = State()
    state.set("w", np.ones((2, 3), np.float32))
    array = state["w"]
    state.set("w", np.zeros((2, 3), np.float32))
    assert state["w"] is array and not array.any()


def test_set_copies_and_checks() -> None:
    state, value = State(), np.ones(3)
    state.set("w", value)
    value[:] = 5
    assert state["w"].tolist() == [1, 1, 1]
    with pytest.raises(RunError, match=r"E0807: `w` is f64\[3\], and was given f32\[4\]"):
        state.set("w", np.zeros(4, np.float32))


def test_arrays_are_aligned_and_in_the_order_given() -> None:
    state = State()
    state.allocate({"b": ("f32", (3,)), "t": ("i64", ()), "a": ("f32", (5, 5))})
    assert list(state) == ["b", "t", "a"]
    assert all(array.ctypes.data % 64 == 0 and not array.any() for array in state.values())
    assert state["a"].ctypes.data - state["b"].ctypes.data == 64  # of one dtype, side by side
    assert state.nbytes == 12 + 8 + 100


def test_snapshots_and_copies_are_independent() -> None:
    state = State()
    state.set("w", np.ones(3))
    kept, other = state.snapshot(), state.copy()
    state["w"][:] = 7
    assert kept["w"].tolist() == [1, 1, 1] and other["w"].tolist() == [1, 1, 1]
    state.restore(kept)
    assert state["w"].tolist() == [1, 1, 1]
