"""The runner: what is fed is checked, sizes are bound, plans are kept."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.errors import RunError
from gdl.graph.node import Graph, Node
from gdl.runtime import runner as runner_module
from gdl.runtime.arrays import BUFFER_ELEMENTS
from gdl.runtime.runner import Runner
from gdl.runtime.state import State
from gdl.runtime.step import quiet
from gdl.source import Source, Span
from gdl.types.match import Guard
from gdl.types.sizes import symbol
from gdl.types.tensor import Dim, tensor
from tests.runtime.building import call, fed, floats, kept, state_of

n, k = symbol("n"), symbol("k")
x, y = fed("x", n, 3), fed("y", n)
INPUTS = [("x", x.type), ("y", y.type)]


def runner() -> Runner:
    return Runner(Graph((call("sum", x, axis=1) + y,)), INPUTS, State())


def test_a_run_has_short_buffers_of_its_own():
    before = np.getbufsize()
    assert quiet(np.getbufsize)() == BUFFER_ELEMENTS != before == np.getbufsize()


def code_of(error: pytest.ExceptionInfo[RunError]) -> tuple[str, str]:
    (diagnostic,) = error.value.diagnostics
    return diagnostic.code, diagnostic.message


def test_sizes_are_bound_by_what_is_fed() -> None:
    run = runner()
    for rows in (2, 5, 2, 0, 1):
        a, b = floats(rows, 3), floats(rows)
        np.testing.assert_allclose(run({"x": a, "y": b})[0], a.sum(1) + b, rtol=1e-6)
        np.testing.assert_allclose(run([a, b])[0], a.sum(1) + b, rtol=1e-6)


def test_plans_are_kept_up_to_a_limit() -> None:
    run = runner()
    first = run.step_for([floats(1, 3), floats(1)])
    assert run.step_for([floats(1, 3), floats(1)]) is first
    for rows in range(2, 2 + runner_module.KEPT):
        run([floats(rows, 3), floats(rows)])
    assert run.step_for([floats(1, 3), floats(1)]) is not first


@pytest.mark.parametrize(
    ("arrays", "code", "words"),
    [
        ({"x": floats(2, 3)}, "E0804", "`y` is needed and not fed"),
        ({"x": floats(2, 4), "y": floats(2)}, "E0805", "`x` is f32[n, 3] with n = 2, and was fed f32[2, 4]"),
        ({"x": floats(2), "y": floats(2)}, "E0805", "was fed f32[2]"),
        ({"x": floats(2, 3).astype(np.float64), "y": floats(2)}, "E0805", "was fed f64[2, 3]"),
        ({"x": floats(2, 3), "y": np.arange(2)}, "E0805", "`y` is f32[n], and was fed i64[2]"),
        ({"x": floats(2, 3), "y": floats(5)}, "E0806", "`n` is 2 in `x` and 5 in `y`"),
    ],
)
def test_what_does_not_fit_is_refused(arrays: dict[str, np.ndarray], code: str, words: str) -> None:
    run = runner()
    run({"x": floats(2, 3), "y": floats(2)})
    with pytest.raises(RunError) as error:
        run(arrays)
    assert code_of(error)[0] == code and words in code_of(error)[1]


def test_sizes_with_arithmetic_are_solved() -> None:
    pairs = fed("pairs", 2 * k + 1)
    run = Runner(
        Graph((call("sum", pairs) + Node("size", (), {"size": k}, tensor("f32")),)), [("pairs", pairs.type)], State()
    )
    assert run([np.zeros(7, np.float32)]) == (3,)
    with pytest.raises(RunError, match="E0805"):
        run([np.zeros(6, np.float32)])


def test_guards_are_checked_when_sizes_are_bound() -> None:
    source = Source("a.gdl", "z = x + y")
    a, b = fed("a", n), fed("b", k)
    guard = Guard(Dim(n), Dim(k))
    graph = Graph((call("sum", a) + call("sum", b),), (), ((guard, (Span(source, 4, 9),)),))
    run = Runner(graph, [("a", a.type), ("b", b.type)], State())
    run([floats(3), floats(3)])
    with pytest.raises(RunError) as error:
        run([floats(3), floats(4)])
    assert code_of(error)[0] == "E0801" and error.value.diagnostics[0].span == Span(source, 4, 9)


def test_a_size_that_nothing_tells_is_an_error() -> None:
    run = Runner(Graph((call("full", shape=(k,), value=1.0),)), [], State())
    with pytest.raises(RunError, match="E0802"):
        run([])
    assert Runner(run.graph, [], State(), sizes={"k": 2})([])[0].tolist() == [1, 1]


def test_an_index_out_of_range_names_its_place() -> None:
    source = Source("a.gdl", "rows = gather(table, i)")
    table, i = fed("table", 4, 2), fed("i", 3, dtype="i64")
    rows = call("gather", table, i)
    placed = Node(rows.op, rows.inputs, rows.attrs, rows.type, (Span(source, 7, 23),))
    run = Runner(Graph((placed * 2.0,)), [("table", table.type), ("i", i.type)], State())
    run([floats(4, 2), np.array([0, 3, 1])])
    with pytest.raises(RunError) as error:
        run([floats(4, 2), np.array([0, 4, 1])])
    code, message = code_of(error)
    assert code == "E0809" and "4" in message
    assert error.value.diagnostics[0].span == Span(source, 7, 23)


def test_a_variable_without_value_is_an_error() -> None:
    with pytest.raises(RunError, match="E0808: `w` has no value yet"):
        Runner(Graph((kept("w", 2) * 2.0,)), [], State())([])
    with pytest.raises(RunError, match="E0807"):
        Runner(Graph((kept("w", 2) * 2.0,)), [], state_of({"w": [1, 2, 3]}))([])


def test_overflow_and_division_by_zero_do_not_warn() -> None:
    s = fed("s")
    run = Runner(Graph((1.0 / s, call("exp", s * 1000.0), call("log", s - 1.0))), [("s", s.type)], State())
    assert run([np.array(0, np.float32)])[0] == np.inf
    assert run([np.array(1, np.float32)])[1:] == (np.inf, -np.inf)


def test_arrays_that_are_not_contiguous_are_taken() -> None:
    a = floats(3, 4).T[:2]
    (got,) = Runner(Graph((call("reshape", fed("x", 2, 3), shape=(6,)),)), [("x", tensor("f32", 2, 3))], State())([a])
    np.testing.assert_array_equal(got, a.reshape(6))


def test_inputs_that_nothing_needs_are_checked_all_the_same() -> None:
    run = Runner(Graph((x * 2.0,)), INPUTS, State())
    run([floats(2, 3), floats(2)])
    with pytest.raises(RunError, match="E0806"):
        run([floats(2, 3), floats(3)])


def test_a_trace_shows_every_node_and_changes_nothing() -> None:
    w = kept("w", 3)
    run = Runner(Graph((call("log", w),), ((w, w - 1.0),)), [], state_of({"w": [1, 0, -1]}))
    first_nan = next(node for node, value in run.trace([]) if np.isnan(value).any())
    assert first_nan.op == "log"
    assert run.state["w"].tolist() == [1, 0, -1]
