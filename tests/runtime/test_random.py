"""Draws are a function of seed, key and tick alone."""

from __future__ import annotations

import numpy as np

from gdl.graph.node import Graph, Node
from gdl.runtime.interpret import initialise
from gdl.runtime.random import Draws, draw, philox_key
from gdl.runtime.state import State
from tests.runtime.building import call, fed, kept, step_of


def noise(key: str, *shape: int) -> Node:
    return call("standard_normal", shape=shape, key=key)


def drawn(graph: Graph, tick: int = 0, seed: int = 0) -> tuple[np.ndarray, ...]:
    return tuple([np.array(o) for o in step_of(graph, seed=seed)([], tick=tick)])


def test_the_numbers_are_pinned() -> None:
    """Runs of earlier versions must stay reproducible: changing this changes every run of every program."""
    assert philox_key(0, "model/w") == 55434201413034045754917378514493738206
    assert draw(0, "model/w", 3).bit_generator.random_raw(2).tolist() == [7615919291197924240, 8806213411023668386]


def test_a_moved_generator_equals_a_new_one() -> None:
    draws = Draws(7, "k")
    for tick in (5, 0, 3, 3, 2**40):
        moved = draws(tick)
        np.testing.assert_array_equal(
            moved.standard_normal(7, np.float32), draw(7, "k", tick).standard_normal(7, np.float32)
        )


def test_keys_seeds_and_ticks_give_different_numbers() -> None:
    values = [draw(seed, key, tick).random() for seed in range(3) for key in ("", "a", "b", "ab") for tick in range(3)]
    assert len(set(values)) == len(values)


def test_a_plan_draws_what_the_definition_says() -> None:
    graph = Graph((noise("n", 2, 3), call("standard_uniform", shape=(4,), dtype="f64", key="u")))
    normal, uniform = drawn(graph, tick=11, seed=2)
    np.testing.assert_array_equal(normal, draw(2, "n", 11).standard_normal((2, 3), np.float32))
    np.testing.assert_array_equal(uniform, draw(2, "u", 11).random(4))


def test_other_nodes_change_no_draw() -> None:
    alone = drawn(Graph((noise("n", 5),)))[0]
    crowded = drawn(Graph((noise("m", 50), noise("n", 5), noise("o", 2))))[1]
    np.testing.assert_array_equal(alone, crowded)


def test_batch_sizes_change_no_other_draw() -> None:
    def run(rows: int) -> list[np.ndarray]:
        x = fed("x", rows, 3)
        step = step_of(Graph((x * noise("mask", rows, 3), noise("other", 3))))
        return [np.array(o) for o in step([np.ones((rows, 3), np.float32)], tick=4)]

    small, large = run(2), run(10)
    np.testing.assert_array_equal(small[1], large[1])
    np.testing.assert_array_equal(small[0], large[0][:2])


def test_ticks_are_independent_of_history() -> None:
    step = step_of(Graph((noise("n", 3),)))
    once = [np.array(step([], tick=t)[0]) for t in (0, 1, 2)]
    again = [np.array(step([], tick=t)[0]) for t in (2, 0, 1)]
    np.testing.assert_array_equal(again, [once[2], once[0], once[1]])


def test_initial_values_are_draws_at_tick_0() -> None:
    state = State()
    initialise({"a/w": noise("a/w", 3, 2) * 0.1, "a/b": call("full", shape=(2,), value=0.0)}, state, seed=9)
    np.testing.assert_array_equal(state["a/w"], draw(9, "a/w", 0).standard_normal((3, 2), np.float32) * np.float32(0.1))
    assert state["a/b"].tolist() == [0, 0]


def test_the_same_seed_trains_to_the_same_bits() -> None:
    w = kept("w", 10)

    def train() -> bytes:
        step = step_of(Graph((), ((w, w + noise("n", 10)),)), {"w": np.zeros(10, np.float32)}, seed=3)
        for tick in range(20):
            step([], tick=tick)
        return step.state["w"].tobytes()

    assert train() == train()
