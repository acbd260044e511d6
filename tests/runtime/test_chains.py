"""Chains over large arrays run in blocks: same values, less memory."""

from __future__ import annotations

import numpy as np

from gdl.graph.node import Graph
from gdl.runtime.chains import Blocking
from gdl.runtime.interpret import evaluate
from gdl.runtime.plan import Plan, plan_as_is
from gdl.runtime.step import prepare
from tests.runtime.building import call, fed, floats, kept, state_of

ROWS, COLUMNS = 1001, 16
BLOCK = 64 * 100  # a hundred rows
x, w = fed("x", ROWS, COLUMNS), kept("w", ROWS, COLUMNS)


def planned(graph: Graph) -> Plan:
    return plan_as_is(graph, Blocking(least_bytes=BLOCK, block_bytes=BLOCK))


def test_what_only_a_chain_needs_is_no_larger_than_a_block() -> None:
    y = call("sqrt", x * x + 1.0)
    made = planned(Graph((), ((w, w - y * (x - y)),)))
    assert made.source.count("for ") == 1
    assert made.peak_bytes <= 3 * BLOCK
    value = floats(ROWS, COLUMNS)
    actual, expected = state_of({"w": value}), state_of({"w": value})
    for _ in range(2):
        prepare(made, actual, 0)([value])
        evaluate(made.graph, {"x": value}, expected, 0)
    np.testing.assert_allclose(actual["w"], expected["w"], rtol=1e-6)


def test_rows_and_scalars_are_broadcast_whole() -> None:
    row, column = fed("row", COLUMNS), fed("column", ROWS, 1)
    made = planned(Graph((call("exp", x + row) * column / 3.0,)))
    assert made.source.count("for ") == 1
    values = {"x": floats(ROWS, COLUMNS), "row": floats(COLUMNS, seed=1), "column": floats(ROWS, 1, seed=2)}
    (got,) = prepare(made, state_of({}), 0)([values[name] for name in made.inputs])
    np.testing.assert_allclose(got, np.exp(values["x"] + values["row"]) * values["column"] / 3, rtol=1e-6)


def test_a_value_read_across_rows_ends_the_chain() -> None:
    square = fed("x", 200, 200)
    y = square * 2.0 + 1.0
    z = call("sin", y) + call("transpose", y, axes=(1, 0))
    made = planned(Graph((z * z,)))
    value = floats(200, 200)
    (got,) = prepare(made, state_of({}), 0)([value])
    y_value = value * 2 + 1
    np.testing.assert_allclose(got, (np.sin(y_value) + y_value.T) ** 2, rtol=1e-5)


def test_small_arrays_are_left_alone() -> None:
    assert "for " not in plan_as_is(Graph((call("exp", x * 2.0),))).source


def test_several_new_values_in_one_chain() -> None:
    m, v = kept("m", ROWS, COLUMNS), kept("v", ROWS, COLUMNS)
    new_m, new_v = m * 0.9 + x * 0.1, v * 0.99 + x * x * 0.01
    graph = Graph((), ((m, new_m), (v, new_v), (w, w - new_m / (call("sqrt", new_v) + 1e-8))))
    made = planned(graph)
    assert made.source.count("for ") == 1 and made.peak_bytes <= 2 * BLOCK
    start = {"m": floats(ROWS, COLUMNS), "v": abs(floats(ROWS, COLUMNS)), "w": floats(ROWS, COLUMNS)}
    actual, expected = state_of(start), state_of(start)
    for tick in range(3):
        value = floats(ROWS, COLUMNS, seed=tick)
        prepare(made, actual, 0)([value])
        evaluate(graph, {"x": value}, expected, 0)
    for path in start:
        np.testing.assert_allclose(actual[path], expected[path], rtol=1e-5)
