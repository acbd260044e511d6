"""Vectors along a short last axis are repeated before large arrays meet them: the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.graph.node import Graph
from gdl.runtime.interpret import evaluate
from gdl.runtime.plan import plan_as_is
from gdl.runtime.step import prepare
from gdl.runtime.widen import LEAST_BYTES, LONG_RUN, repeated
from tests.runtime.building import call, fed, floats, kept, state_of

SHAPE = (64, 12, 10, 16)


@pytest.mark.parametrize("shape", [SHAPE, (8, *SHAPE[1:]), (512, *SHAPE[1:])])
def test_values_are_kept_to_the_last_bit(shape: tuple[int, ...]) -> None:
    x, scale, shift = fed("x", *shape), kept("scale", 16), fed("shift", 1, 1, 16)
    y = call("exp", (x - shift) * scale + shift) * x
    graph = Graph((y,), ((scale, scale * scale),))
    fed_values = {"x": floats(*shape), "shift": floats(1, 1, 16, seed=1)}
    actual, expected = state_of({"scale": floats(16, seed=2)}), state_of({"scale": floats(16, seed=2)})
    made = plan_as_is(graph)
    step = prepare(made, actual, 0)
    (wanted,) = evaluate(graph, fed_values, expected, 0)
    (got,) = step([fed_values[name] for name in made.inputs])
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(actual["scale"], expected["scale"])


def test_a_chain_stays_one_and_each_vector_is_copied_once() -> None:
    shape = (512, *SHAPE[1:])
    x, scale, shift = fed("x", *shape), kept("scale", 16), kept("shift", 16)
    source = plan_as_is(Graph((call("relu", (x * scale + shift) * scale),))).source
    assert source.count("for ") == 1 and source.count("copyto(") == 2
    assert source.index("copyto(wide_1") < source.index("for ")


def test_what_is_small_or_long_is_left_alone() -> None:
    x, vector = fed("x", 4, 4, 4, 16), fed("v", 16)
    assert "wide" not in plan_as_is(Graph((x * vector,))).source
    assert repeated((16,), (64, 12, 10, 16)) == (12, 10, 16)
    assert repeated((1, 1, 1, 16), (2, 500, 100, 16)) == (100, 16)
    for operand in [(), (1,), (10, 16), (64, 1, 1, 1), (64, 12, 10, 16)]:
        assert repeated(operand, (64, 12, 10, 16)) is None
    assert repeated((LONG_RUN,), (64, 4, LONG_RUN)) is None
    assert LEAST_BYTES > 4 * 4 * 4 * 16 * 4
