"""Chains over large arrays run in blocks: same values, less memory."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.errors import RunError
from gdl.graph.node import Graph, Node, constant
from gdl.runtime.chains import Blocking
from gdl.runtime.interpret import evaluate
from gdl.runtime.plan import Plan, plan_as_is
from gdl.runtime.pool import Pool
from gdl.runtime.state import State
from gdl.runtime.step import prepare
from gdl.source import Source, Span
from tests.runtime.building import call, fed, floats, kept, state_of

ROWS, COLUMNS = 1001, 16
BLOCK = 64 * 100  # a hundred rows
x, w = fed("x", ROWS, COLUMNS), kept("w", ROWS, COLUMNS)


def planned(graph: Graph, threads: int = 1) -> Plan:
    return plan_as_is(graph, Blocking(least_bytes=BLOCK, block_bytes=BLOCK), threads)


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


def test_numbers_do_not_cut_a_chain_in_two() -> None:
    """An optimizer's corrections come before it; a number that is made of what it computes, behind the first part."""
    t, scale = kept("t"), kept("s")
    m = w * 0.9 + x * 0.1
    t1 = t + 1.0
    corrected = call("sqrt", m / (1.0 - call("power", call("full", shape=(), value=0.9, dtype="f32"), t1)))
    made = planned(Graph((), ((w, m - corrected * scale), (t, t1))))
    assert made.source.count("for ") == 1 and made.source.index("power(") < made.source.index("for ")
    graph = Graph((), ((w, (m - call("sum", m)) / (scale + 2.0)), (t, t1)))
    made_of_it = planned(graph)
    assert made_of_it.source.count("for ") == 2
    for each in (made, made_of_it):
        start = {"w": abs(floats(ROWS, COLUMNS)), "t": np.float32(3), "s": np.float32(0.5)}
        actual, expected = state_of(start), state_of(start)
        for tick in range(3):
            value = abs(floats(ROWS, COLUMNS, seed=tick))
            prepare(each, actual, 0)([value])
            evaluate(each.graph, {"x": value}, expected, 0)
        for path in start:
            np.testing.assert_allclose(actual[path], expected[path], rtol=1e-5)


def test_rows_and_scalars_are_broadcast_whole() -> None:
    row, column = fed("row", COLUMNS), fed("column", ROWS, 1)
    made = planned(Graph((call("exp", x + row) * column / 3.0,)))
    assert made.source.count("for ") == 1
    values = {"x": floats(ROWS, COLUMNS), "row": floats(COLUMNS, seed=1), "column": floats(ROWS, 1, seed=2)}
    (got,) = prepare(made, state_of({}), 0)([values[name] for name in made.inputs])
    np.testing.assert_allclose(got, np.exp(values["x"] + values["row"]) * values["column"] / 3, rtol=1e-6)


@pytest.mark.parametrize("shape", [(2000,), (30, 40), (2, 3, 200), (700, 1), (40, 5), (2, 70_000)])
def test_numbers_beside_large_arrays(shape: tuple[int, ...]) -> None:
    """maximum and minimum meet an array of the number, in a chain one that fits each block."""
    a, low, high = fed("a", *shape), constant(-0.5, "f32"), constant(0.5, "f32")
    graph = Graph((call("minimum", high, call("maximum", a, low)), call("maximum", call("sigmoid", a), high)))
    value = floats(*shape)
    value.flat[0] = np.nan
    for made in (plan_as_is(graph), plan_as_is(graph, Blocking(least_bytes=1, block_bytes=400))):
        clipped, above = prepare(made, state_of({}), 0)([value])
        np.testing.assert_array_equal(clipped, np.clip(value, -0.5, 0.5))
        np.testing.assert_allclose(above, np.maximum(1 / (1 + np.exp(-value)), 0.5), rtol=1e-6)


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


@pytest.mark.parametrize("threads", [2, 3, 20])
def test_threads_take_blocks_each_and_change_no_bit(threads: int) -> None:
    """Also where a chain's buffers differ in size and take turns in one place, and where a row comes from outside."""
    m, row = kept("m", ROWS, COLUMNS), fed("row", COLUMNS)
    new_m = m * 0.9 + call("exp", x * 0.1) * call("tanh", x + row)
    chosen = call("where", new_m > x, new_m * 2.0, call("sin", x * new_m) + 1.0)
    graph = Graph((chosen,), ((m, new_m), (w, w - chosen * call("cos", new_m))))
    one, several = planned(graph), planned(graph, threads)
    assert several.source.count("share(chain") == one.source.count("for ") > 0
    values, states = {"x": floats(ROWS, COLUMNS), "row": floats(COLUMNS, seed=1)}, []
    for made, pool in ((one, None), (several, Pool(threads))):
        state = state_of({"m": floats(ROWS, COLUMNS, seed=2), "w": floats(ROWS, COLUMNS, seed=3)})
        step = prepare(made, state, 0, pool=pool)
        for _ in range(20):
            (got,) = step([values[name] for name in made.inputs])
        states.append((got.copy(), state["m"], state["w"]))
    for alone, shared in zip(*states):
        np.testing.assert_array_equal(alone, shared)


def test_a_mistake_in_a_threads_block_has_its_place() -> None:
    source = Source("t.gdl", "z = x // y\n")
    n, d = fed("n", ROWS, COLUMNS, dtype="i32"), fed("d", ROWS, COLUMNS, dtype="i32")
    ratio = Node("floor_divide", (n, d), {}, n.type, (Span(source, 4, 10),))
    step = prepare(planned(Graph((ratio * 2 + 1,)), 2), State(), 0, pool=Pool(2))
    whole = np.ones((ROWS, COLUMNS), np.int32)
    zero = whole.copy()
    zero[-1, -1] = 0
    with pytest.raises(RunError) as error:
        step([whole, zero])
    assert error.value.diagnostics[0].labels[0].span.line == 1
