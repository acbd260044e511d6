"""Updates take effect together, in place where nothing reads the old value any more."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.graph.node import Graph
from tests.runtime.building import call, clock, fed, floats, kept, step_of

a, b, w = kept("a", 3), kept("b", 3), kept("w", 3)
x = fed("x", 3)


def test_swapped_variables_swap() -> None:
    step = step_of(Graph((), ((a, b), (b, a))), {"a": [1, 2, 3], "b": [4, 5, 6]})
    step([])
    assert step.state["a"].tolist() == [4, 5, 6] and step.state["b"].tolist() == [1, 2, 3]
    step([])
    assert step.state["a"].tolist() == [1, 2, 3]


def test_a_ring_of_variables_turns() -> None:
    step = step_of(Graph((), ((a, b), (b, w), (w, a))), {"a": [1] * 3, "b": [2] * 3, "w": [3] * 3})
    step([])
    assert [step.state[p][0] for p in "abw"] == [2, 3, 1]


def test_sgd_runs_fully_in_place() -> None:
    step = step_of(Graph((), ((w, w - x * 0.5),)), {"w": [1, 1, 1]})
    assert "subtract(w, t2, w)" in step.plan.source
    step([np.full(3, 2, np.float32)])
    assert step.state["w"].tolist() == [0, 0, 0]


def test_a_moving_average_needs_one_buffer() -> None:
    step = step_of(Graph((), ((w, w * 0.9 + x * 0.1),)), {"w": [1, 1, 1]})
    assert "multiply(w, c1, w)" in step.plan.source
    assert len(step.plan.buffers) == 1


def test_updates_see_old_values_in_any_order() -> None:
    for updates in [((a, a + b), (b, a * b)), ((b, a * b), (a, a + b))]:
        step = step_of(Graph((), updates), {"a": [1, 2, 3], "b": [4, 5, 6]})
        step([])
        assert step.state["a"].tolist() == [5, 7, 9] and step.state["b"].tolist() == [4, 10, 18]


def test_an_output_that_is_a_variable_is_its_old_value() -> None:
    step = step_of(Graph((w, call("reshape", w, shape=(3, 1))), ((w, w + x),)), {"w": [1, 2, 3]})
    whole, column = step([np.ones(3, np.float32)])
    assert whole.tolist() == [1, 2, 3] and column.tolist() == [[1], [2], [3]]
    assert step.state["w"].tolist() == [2, 3, 4]


def test_an_output_that_is_a_new_value_is_the_new_value() -> None:
    new = w + x
    step = step_of(Graph((new, new * 2.0), ((w, new),)), {"w": [1, 2, 3]})
    first, second = step([np.ones(3, np.float32)])
    assert first.tolist() == [2, 3, 4] and second.tolist() == [4, 6, 8]


def test_a_copy_of_a_variable_is_of_its_old_value() -> None:
    step = step_of(Graph((), ((a, w), (w, w - x))), {"a": [0, 0, 0], "w": [5, 6, 7]})
    step([np.ones(3, np.float32)])
    assert step.state["a"].tolist() == [5, 6, 7] and step.state["w"].tolist() == [4, 5, 6]
    assert "subtract(w, x, w)" in step.plan.source  # the copy comes first, so nothing hinders this


def test_one_value_for_two_variables() -> None:
    new = w + x
    step = step_of(Graph((), ((a, new), (b, new), (w, new))), {"a": [0] * 3, "b": [0] * 3, "w": [5, 6, 7]})
    step([np.ones(3, np.float32)])
    assert all(step.state[p].tolist() == [6, 7, 8] for p in "abw")


def test_what_is_fed_can_become_a_variable() -> None:
    fresh = np.array([7, 8, 9], np.float32)
    step = step_of(Graph((), ((w, x),)), {"w": [1, 2, 3]})
    step([fresh])
    fresh[:] = 0
    assert step.state["w"].tolist() == [7, 8, 9]


def test_a_late_reader_of_the_old_value_comes_first() -> None:
    """w's own gradient step is scheduled first, and yet the product reads the old w."""
    square = kept("square", 3, 3)
    batch = fed("batch", 3, 3)
    new = square - batch
    outputs = (call("sum", new), call("sum", call("matmul", square, batch)))
    step = step_of(Graph(outputs, ((square, new),)), {"square": floats(3, 3)})
    value = floats(3, 3, seed=1)
    old = step.state["square"].copy()
    _, product = step([value])
    np.testing.assert_allclose(product, (old @ value).sum(), rtol=1e-5)
    np.testing.assert_array_equal(step.state["square"], old - value)


def test_updates_wait_for_the_last_reader() -> None:
    """Nothing else needs the new value, so it is computed last and in place."""
    other = kept("other", 3)
    step = step_of(Graph((), ((w, w - x), (other, other * w))), {"w": [1, 2, 3], "other": [1, 1, 1]})
    assert step.plan.arena_bytes == 0
    step([np.ones(3, np.float32)])
    assert step.state["w"].tolist() == [0, 1, 2] and step.state["other"].tolist() == [1, 2, 3]


def test_a_counter_counts() -> None:
    count = kept("t", dtype="i64")
    decay = kept("decay")
    step = step_of(Graph((count, decay), ((count, count + 1), (decay, decay * 0.5))),
                   {"t": np.array(0, np.int64), "decay": np.array(1, np.float32)})  # fmt: skip
    assert [tuple(step([])) for _ in range(3)] == [(0, 1.0), (1, 0.5), (2, 0.25)]
    assert step.state["t"].dtype == np.int64 and step.state["decay"] == 0.125


def test_steps_of_one_state_see_the_same_arrays() -> None:
    first = step_of(Graph((), ((w, w + x),)), {"w": [0, 0, 0]})
    second = step_of(Graph((w * 1.0,)), first.state)
    first([np.ones(3, np.float32)])
    first([np.ones(3, np.float32)])
    (seen,) = second([])
    assert seen.tolist() == [2, 2, 2]


def test_outputs_cannot_be_written() -> None:
    new = w + x
    step = step_of(Graph((new, x * 2.0), ((w, new),)), {"w": [1, 2, 3]})
    for output in step([np.ones(3, np.float32)]):
        with pytest.raises(ValueError, match="read-only"):
            output[0] = 5


def test_the_clock() -> None:
    outputs = (clock("step"), clock("epoch", "f32") + 0.5, clock("tick", "i32"))
    assert step_of(Graph(outputs))([], step=7, epoch=2, tick=9) == (7, 2.5, 9)
