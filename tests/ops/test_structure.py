"""Ops of structure where one sample after the other does not reach: symbolic sizes, messages, patterns, statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.autodiff import gradient
from gdl.ops.table import TABLE, apply, bind_attrs, infer
from gdl.source import Source, Span
from gdl.types import sizes
from gdl.types.match import Guard, Mismatch
from gdl.types.sizes import ceil_div, minimum, symbol
from gdl.types.tensor import Dim, TensorType, tensor
from tests.graph.building import leaf
from tests.graph.evaluate import evaluate

n, m, b, t = (symbol(name) for name in "nmbt")


def inferred(name: str, *types: TensorType, **attrs: Any) -> tuple[Any, list[Guard]]:
    entry = TABLE[name]
    return infer(entry, types, bind_attrs(entry, attrs))


def shape_of(name: str, *types: TensorType, **attrs: Any) -> tuple[Any, ...]:
    """The result's shape, nothing being left to verify."""
    type, guards = inferred(name, *types, **attrs)
    assert guards == []
    return type.shape


def refusal(name: str, *types: TensorType, **attrs: Any) -> str:
    """What an op says of invalid attributes."""
    with pytest.raises(Mismatch) as caught:
        inferred(name, *types, **attrs)
    assert caught.value.kind == "require"
    return caught.value.text


def guarded(guards: list[Guard]) -> list[tuple[str, str]]:
    return [(str(g.left.size), str(g.right.size)) for g in guards]


def run(name: str, *arrays: Any, sizes: dict[str, int] | None = None, **attrs: Any) -> Any:
    """An op on arrays, as a graph."""
    xs = [np.asarray(a) for a in arrays]
    dtypes = {"float64": "f64", "float32": "f32", "int64": "i64", "int32": "i32", "uint8": "u8", "bool": "bool"}
    nodes = [leaf(str(i), *x.shape, dtype=dtypes[x.dtype.name]) for i, x in enumerate(xs)]
    result = apply(name, nodes, attrs)
    several = isinstance(result, tuple)
    values = evaluate(result if several else [result], {str(i): x for i, x in enumerate(xs)}, sizes or {})
    return values if several else values[0]


# ---- sizes -------------------------------------------------------------------------------------------------------


def test_sizes_are_compared_for_all_values_of_their_symbols():
    assert sizes.at_most(3, 3) and sizes.at_most(n, 2 * n + 1) and sizes.at_most(0, n)
    assert sizes.at_most(4, 3) is False and sizes.at_most(n + 1, n) is False and sizes.at_most(n + 2, 1) is False
    assert sizes.at_most(1, n) is None and sizes.at_most(n, m) is None and sizes.at_most(n, 0) is None


def test_a_minimum_is_kept_until_it_is_decided():
    assert minimum(3, 5) == 3 and minimum(n + 4, n) == n and minimum(n, 2 * n) == n
    undecided = minimum(n, 5)
    assert str(undecided) == "min(n, 5)"
    assert [sizes.substitute(undecided, {"n": k}) for k in (3, 5, 9)] == [3, 5, 5]


def test_quotients_give_up_their_whole_part():
    assert (2 * n + 1) // 2 == n and (6 * n + m - 3) // 2 == 3 * n - 2 + (m + 1) // 2
    assert ceil_div(4 * n + 5, 4) == n + 2 and (3 * n + 7) % 3 == 1
    assert str((n - 3) // 2 + 1) == "(n + 1) // 2 - 1"


@settings(max_examples=200, deadline=None)
@given(st.tuples(*[st.integers(-9, 9)] * 3), st.integers(1, 6), st.integers(0, 20), st.integers(0, 20))
def test_quotients_are_those_of_their_numbers(terms: tuple[int, int, int], by: int, at_n: int, at_m: int):
    size = terms[0] * n + terms[1] * m + terms[2]
    number = terms[0] * at_n + terms[1] * at_m + terms[2]
    values = {"n": at_n, "m": at_m}
    assert sizes.substitute(size // by, values) == number // by
    assert sizes.substitute(size % by, values) == number % by
    assert sizes.substitute(ceil_div(size, by), values) == -(-number // by)
    assert sizes.substitute(minimum(size, by), values) == min(number, by)
    fits = sizes.at_most(size, by)
    assert fits is None or fits == (number <= by)


# ---- shaping -----------------------------------------------------------------------------------------------------


def test_reshape_of_symbolic_sizes():
    x = tensor("f32", b, 28, 28)
    assert shape_of("reshape", x, shape=(b, 784)) == (b, 784)
    assert shape_of("reshape", x, shape=(b, -1)) == (b, 784)
    assert shape_of("reshape", x, shape=(-1, 28)) == (28 * b, 28)
    assert shape_of("reshape", tensor("f32", b, t, 12), shape=(b, t, 4, 3)) == (b, t, 4, 3)
    type, guards = inferred("reshape", x, shape=(4, -1))
    assert type.shape == (4, 196 * b) and guards == []
    type, guards = inferred("reshape", tensor("f32", t), shape=(-1, 3))
    assert type.shape == (t // 3, 3) and guarded(guards) == [("3 * (t // 3)", "t")]
    type, guards = inferred("reshape", tensor("f32", t), shape=(2, 3))
    assert type.shape == (2, 3) and guarded(guards) == [("t", "6")]


def test_reshape_keeps_the_labels_of_axes_that_stay():
    span = Span(Source("x.gdl", "28"), 0, 2)
    x = TensorType("f32", (Dim(b, "b"), Dim(28, "row", span), Dim(28, "col"), Dim(1, "ch")))
    merged, _ = inferred("reshape", x, shape=(b, 784))
    assert [d.label for d in merged.dims] == ["b", None]
    longer, _ = inferred("reshape", x, shape=(b, 28, 4, 7, 1))
    assert [d.label for d in longer.dims] == ["b", "row", None, None, "ch"] and longer.dims[1].origin == span


def test_reshape_says_what_does_not_fit():
    x = tensor("f32", 2, 3)
    assert refusal("reshape", x, shape=(4, 2)) == (
        "f32[2, 3] has 6 elements, which do not fit the shape [4, 2] (8 elements)")
    assert refusal("reshape", x, shape=(4, -1)) == "f32[2, 3] has 6 elements, which do not fit the shape [4, -1]"
    assert refusal("reshape", x, shape=(-1, -1)) == "only one size of a shape can be -1, got [-1, -1]"
    assert refusal("reshape", x, shape=(-2, 3)) == "`shape` has a negative size in [-2, 3]"
    assert "could be any number" in refusal("reshape", tensor("f32", 0, 3), shape=(0, -1))


def test_reshape_without_elements_and_with_a_symbolic_size():
    x = leaf("x", b, 3, 4)
    flat = apply("reshape", [x], {"shape": (b, -1)})
    special = TABLE["reshape"].specialise(tensor("f64", 0, 12), tensor("f64", 0, 3, 4), shape=(0, -1))
    assert flat.type.shape == (b, 12)
    assert special(np.zeros((0, 3, 4))).shape == (0, 12)


def test_reshape_copies_into_a_given_array_where_no_view_can_be_had():
    x = np.arange(6.0).reshape(2, 3).T
    out = np.empty((2, 3))
    assert TABLE["reshape"].kernel(x, (2, 3), out=out) is out
    np.testing.assert_array_equal(out, [[0, 3, 1], [4, 2, 5]])
    flat = np.arange(6.0)
    assert np.shares_memory(TABLE["reshape"].kernel(flat, (2, 3)), flat)


def test_transpose_and_flip_carry_labels_and_refuse_wrong_axes():
    x = TensorType("f32", (Dim(b, "b"), Dim(28, "row"), Dim(3, "ch")))
    assert [d.label for d in inferred("transpose", x, axes=(2, 0, 1))[0].dims] == ["ch", "b", "row"]
    assert refusal("transpose", x, axes=(0, 1)) == "`axes` must name each of the 3 axes once, got [0, 1]"
    assert refusal("transpose", x, axes=(0, 1, 1)) == "an axis is named twice in [0, 1, 1]"
    assert refusal("flip", x, axis=(0, -3)) == "an axis is named twice in [0, -3]"
    assert "whole number" in refusal("flip", x, axis=n)
    with pytest.raises(Mismatch) as caught:
        inferred("flip", x, axis=3)
    assert (caught.value.kind, caught.value.left, caught.value.right) == ("axis", 3, 3)


def test_broadcast_to_stretches_only_a_literal_one():
    assert shape_of("broadcast_to", tensor("f32", 1, 3), shape=(b, 3)) == (b, 3)
    assert shape_of("broadcast_to", tensor("f32"), shape=(b, t)) == (b, t)
    type, guards = inferred("broadcast_to", tensor("f32", n, 3), shape=(b, 3))
    assert type.shape == (b, 3) and guarded(guards) == [("n", "b")]
    assert guarded(inferred("broadcast_to", tensor("f32", n), shape=(1,))[1]) == [("n", "1")]
    with pytest.raises(Mismatch) as caught:
        inferred("broadcast_to", tensor("f32", 2, 3), shape=(4, 3))
    assert (caught.value.kind, caught.value.left, caught.value.right) == ("broadcast", Dim(2), Dim(4))
    assert refusal("broadcast_to", tensor("f32", 2, 3), shape=(3,)) == "f32[2, 3] has more axes than the shape [3]"
    x = TensorType("f32", (Dim(1, "row"),))
    assert inferred("broadcast_to", x, shape=(2, 5))[0].dims[1].label == "row"


def part(start: Any = None, stop: Any = None, step: Any = None) -> tuple[Any, ...]:
    return ("slice", start, stop, step)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_slices_of_numbers_are_numpys(data: st.DataObject):
    shape = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=3))
    bound = st.one_of(st.none(), st.integers(-7, 7))
    step = st.one_of(st.none(), st.integers(-3, 3).filter(bool))

    def entry(size: int) -> Any:
        ranges = st.tuples(st.just("slice"), bound, bound, step)
        return data.draw(st.one_of(ranges, st.integers(-size, size - 1)) if size else ranges)

    first = data.draw(st.integers(0, len(shape)))
    last = data.draw(st.integers(first, len(shape)))
    index = [entry(n) for n in shape[:first]] + ["..."] + [entry(n) for n in shape[last:]]
    if last == len(shape) and data.draw(st.booleans()):
        index.pop()
    for _ in range(data.draw(st.integers(0, 2))):
        index.insert(data.draw(st.integers(0, len(index))), "new")
    x = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    named = {"new": None, "...": Ellipsis}
    wanted = x[tuple(named[i] if isinstance(i, str) else slice(*i[1:]) if isinstance(i, tuple) else i for i in index)]
    np.testing.assert_array_equal(run("slice", x, index=tuple(index)), wanted)


@pytest.mark.parametrize(
    ("index", "size", "left_open"),
    [
        (part(), n, []),
        (part(1), n - 1, [("1", "min(1, n)")]),
        (part(None, -1), n - 1, [("1", "min(1, n)")]),
        (part(None, 5), 5, [("5", "min(5, n)")]),
        (part(None, n), n, []),
        (part(1, n), n - 1, [("1", "min(1, n)")]),
        (part(None, None, 2), ceil_div(n, 2), []),
        (part(None, None, -1), n, []),
        (part(None, None, -2), ceil_div(n, 2), []),
        (part(-3, None), 3, [("3", "min(3, n)")]),
        (part(2, -2, 3), ceil_div(n - 4, 3), [("2", "min(2, n)"), ("2", "min(2, n - 2)")]),
        (part(n - 1, None, -1), n, [("0", "min(0, n - 1)")]),
        (part(m, None), n - m, [("m", "min(m, n)")]),
        (part(-m, None), m, [("1", "min(1, m)"), ("m", "min(m, n)")]),
    ],
)
def test_slices_of_symbolic_sizes(index: Any, size: Any, left_open: list[tuple[str, str]]):
    type, guards = inferred("slice", tensor("f32", n, 3), index=(index,))
    assert type.shape == (size, 3)
    assert guarded(guards) == left_open
    for values in ({"n": 9, "m": 2}, {"n": 6, "m": 6}):
        if all(sizes.substitute(g.left.size, values) == sizes.substitute(g.right.size, values) for g in guards):
            x = np.zeros((values["n"], 3))
            node = apply("slice", [leaf("x", n, 3)], {"index": (index,)})
            evaluate([node], {"x": x}, values)  # which verifies the shape


def test_guards_of_slices_hold_exactly_where_the_shape_is_right():
    wrong = 0
    starts = [part(2), part(-3), part(-1, None, -2)]
    stops = [part(None, 4), part(None, -2), part(1, 3), part(4, 1, -1), part(2, n)]
    for index in starts + stops:
        node = apply("slice", [leaf("x", n)], {"index": (index,)})
        _, guards = inferred("slice", tensor("f64", n), index=(index,))
        for size in range(7):
            values = {"n": size}
            holds = all(sizes.substitute(g.left.size, values) == sizes.substitute(g.right.size, values) for g in guards)
            try:
                evaluate([node], {"x": np.zeros(size)}, values)
            except AssertionError:
                assert not holds
                wrong += 1
    assert wrong > 10


def test_indices_outside_their_axis():
    x = tensor("f32", 4, 3)
    assert refusal("slice", x, index=(4,)) == "index 4 is outside axis 0, which has size 4"
    assert refusal("slice", x, index=(0, -4)) == "index -4 is outside axis 1, which has size 3"
    assert refusal("slice", x, index=(0, 1, 2)) == "3 indices are too many for [4, 3], which has 2 axes"
    assert refusal("slice", x, index=("...", "...")) == "an index can have one `...`, not several"
    assert refusal("slice", x, index=(part(None, None, 0),)) == "the step of a slice must not be 0"
    assert refusal("slice", x, index=(part(None, None, n),)) == (
        "`step` must be a whole number known at check time, got n")
    assert refusal("slice", tensor("f32", n), index=(n,)) == "index n is outside axis 0, which has size n"
    type, guards = inferred("slice", tensor("f32", n), index=(2,))
    assert type.shape == () and guarded(guards) == [("3", "min(3, n)")]
    assert guarded(inferred("slice", tensor("f32", n), index=(n - 1,))[1]) == [("0", "min(0, n - 1)")]
    assert guarded(inferred("slice", tensor("f32", n), index=(-1,))[1]) == [("1", "min(1, n)")]


def test_slices_keep_labels_and_drop_origins_of_sizes_that_changed():
    span = Span(Source("x.gdl", "28"), 0, 2)
    x = TensorType("f32", (Dim(b, "b"), Dim(28, "row", span), Dim(28, "col", span)))
    type, _ = inferred("slice", x, index=("new", part(), part(1), part()))
    assert [(d.size, d.label, d.origin) for d in type.dims] == [
        (1, None, None), (b, "b", None), (27, "row", None), (28, "col", span)]


def test_pad_and_its_refusals():
    x = tensor("i32", n, 3)
    assert shape_of("pad", x, widths=((1, 2), (m, 0))) == (n + 3, m + 3)
    assert refusal("pad", x, widths=((1, 2),)) == (
        "`widths` must be a pair [before, after] for each of the 2 axes of i32[n, 3], got [[1, 2]]")
    assert refusal("pad", x, widths=((-1, 2), (0, 0))) == "`widths` must not be negative, got [[-1, 2], [0, 0]]"
    assert refusal("pad", x, widths=((0, 0), (0, 0)), value=0.5) == (
        "`value` must be a whole number from -2147483648 to 2147483647 for i32, got 0.5")
    np.testing.assert_array_equal(run("pad", [[1.0]], widths=((1, 0), (0, 2)), value=-np.inf)[0], [-np.inf] * 3)
    out = np.full((4, 5), np.nan)
    TABLE["pad"].kernel(np.ones((2, 2)), ((1, 1), (2, 1)), 7.0, out=out)
    np.testing.assert_array_equal(out, np.pad(np.ones((2, 2)), ((1, 1), (2, 1)), constant_values=7.0))


def test_concat_of_symbolic_sizes_and_its_refusals():
    assert shape_of("concat", tensor("f32", b, n), tensor("f32", b, 3), axis=-1) == (b, n + 3)
    assert shape_of("concat", tensor("f32", t - 1, 2), tensor("f32", 1, 2)) == (t, 2)
    type, guards = inferred("concat", tensor("f32", n, 2), tensor("f32", m, 2), axis=1)
    assert type.shape == (n, 4) and guarded(guards) == [("n", "m")]
    with pytest.raises(Mismatch) as caught:
        inferred("concat", tensor("f32", 2, 3), tensor("f32", 2, 4), axis=0)
    assert (caught.value.kind, caught.value.left, caught.value.right) == ("size", Dim(3), Dim(4))
    assert caught.value.args_named == ("xs[0]", "xs[1]")
    with pytest.raises(Mismatch) as caught:
        inferred("concat", tensor("f32", 2, 3), tensor("f32", 2), axis=0)
    assert caught.value.kind == "rank"
    with pytest.raises(Mismatch) as caught:
        inferred("concat", tensor("f32", 2), tensor("i64", 2))
    assert caught.value.kind == "dtypes"
    assert refusal("concat") == "concat needs at least one tensor"


# ---- indexing ----------------------------------------------------------------------------------------------------


def test_indices_out_of_range_are_told_with_their_place_and_never_wrap():
    x = np.arange(6.0).reshape(3, 2)
    with pytest.raises(IndexError, match=r"the index 3 at \[1, 0\] is outside an axis of size 3"):
        run("gather", x, np.array([[0, 1], [3, 2]]))
    with pytest.raises(IndexError, match=r"the index -1 at \[0\] is outside an axis of size 2"):
        run("gather", x, np.array([-1]), axis=1)
    with pytest.raises(IndexError, match=r"the index 9 is outside an axis of size 3"):
        run("gather", x, np.array(9))
    with pytest.raises(IndexError, match="the index 0 at"):
        run("gather", np.zeros((0, 2)), np.array([0]))
    with pytest.raises(IndexError, match=r"the index 5 at \[0\]"):
        run("scatter_add", np.array([5]), np.ones((1, 2)), size=5)
    with pytest.raises(IndexError, match=r"the index -2 at \[0, 1\]"):
        run("take_along_axis", x, np.array([[0, -2]] * 3), axis=1)
    with pytest.raises(IndexError, match=r"the index 2 at"):
        run("put_along_axis_add", np.array([2]), np.ones(1), size=2, axis=0)
    with pytest.raises(IndexError, match=r"the index 4 at \[1\] is outside an axis of size 4"):
        run("one_hot", np.array([3, 4]), depth=4)


def test_gather_of_symbolic_sizes():
    table = TensorType("f32", (Dim(65, "vocab"), Dim(n, "d")))
    type, guards = inferred("gather", table, tensor("i64", b, t))
    assert type.shape == (b, t, n) and type.dims[2].label == "d" and guards == []
    assert shape_of("gather", tensor("f32", b, 9), tensor("i64", t), axis=-1) == (b, t)
    assert shape_of("scatter_add", tensor("i64", b, t), tensor("f32", b, t, n), size=65) == (65, n)
    assert guarded(inferred("scatter_add", tensor("i64", m), tensor("f32", b, n), size=5)[1]) == [("m", "b")]
    assert refusal("scatter_add", tensor("i64", 2), tensor("f32", 2), size=-1) == "`size` has a negative size in [-1]"
    with pytest.raises(Mismatch) as caught:
        inferred("take_along_axis", tensor("f32", 2, 3), tensor("i64", 2), axis=0)
    assert caught.value.kind == "rank" and caught.value.args_named == ("indices",)
    with pytest.raises(Mismatch) as caught:
        inferred("take_along_axis", tensor("f32", 2, 3), tensor("i64", 3, 1), axis=1)
    assert (caught.value.kind, caught.value.left, caught.value.right) == ("size", Dim(2), Dim(3))


def test_updates_that_meet_add_up_and_the_adjoints_are_adjoint():
    rng = np.random.default_rng(0)
    x, indices = rng.standard_normal((4, 6, 3)), rng.integers(0, 6, (5, 2))
    y = rng.standard_normal((4, 5, 2, 3))
    left = np.sum(run("gather", x, indices, axis=1) * y)
    assert left == pytest.approx(np.sum(x * run("scatter_add", indices, y, size=6, axis=1)), rel=1e-13)
    along = rng.integers(0, 6, (4, 9, 3))
    z = rng.standard_normal((4, 9, 3))
    left = np.sum(run("take_along_axis", x, along, axis=1) * z)
    assert left == pytest.approx(np.sum(x * run("put_along_axis_add", along, z, size=6, axis=1)), rel=1e-13)


def test_gradients_of_gather_hit_the_rows_that_were_used():
    table, ids = leaf("table", 5, 2), leaf("ids", 3, dtype="i64")
    (g,) = gradient(apply("sum", [apply("gather", [table, ids])]), [table])
    (value,) = evaluate([g], {"table": np.zeros((5, 2)), "ids": np.array([1, 1, 4])})
    np.testing.assert_array_equal(value, [[0, 0], [2, 2], [0, 0], [0, 0], [1, 1]])


def test_orders_put_nan_last_and_keep_equal_elements_in_place():
    x = np.array([2.0, np.nan, 1.0, 2.0, -np.inf])
    np.testing.assert_array_equal(run("argsort", x), [4, 2, 0, 3, 1])
    np.testing.assert_array_equal(run("argsort", x, descending=True), [1, 0, 3, 2, 4])
    smallest = np.array([np.iinfo(np.int64).min, 0, -1])
    np.testing.assert_array_equal(run("argsort", smallest, descending=True), [1, 2, 0])


# ---- creation ----------------------------------------------------------------------------------------------------


def test_ranges_and_constants_of_symbolic_sizes():
    assert shape_of("arange", start=t) == (t,)
    assert shape_of("arange", start=n, stop=n + 7, step=2) == (4,)
    type, guards = inferred("arange", start=1, stop=t)
    assert type.shape == (t - 1,) and guarded(guards) == [("1", "min(1, t)")]
    assert shape_of("arange", start=5, stop=2) == (0,)
    assert shape_of("full", shape=(b, 3), value=0.5) == (b, 3)
    assert shape_of("eye", n=n) == (n, n)
    node = apply("arange", [], {"start": t, "dtype": "i32"})
    np.testing.assert_array_equal(evaluate([node], {}, {"t": 4})[0], np.arange(4, dtype=np.int32))


def test_refusals_of_creation():
    assert refusal("full", shape=(2,), value=300, dtype="u8") == (
        "`value` must be a whole number from 0 to 255 for u8, got 300.0")
    assert refusal("full", shape=(2,), value=0.5, dtype="i64").startswith("`value` must be a whole number")
    assert refusal("full", shape=(2,), value=1, dtype="f16") == (
        '`dtype` must be one of f32, f64, i32, i64, u8, bool, got "f16"')
    assert refusal("full", shape=(-2,), value=1) == "`shape` has a negative size in [-2]"
    assert refusal("arange", start=5, step=0) == "`step` must not be 0"
    assert refusal("arange", start=5, dtype="bool").startswith("`dtype` must be one of f32, f64, i32, i64")
    assert refusal("eye", n=-1) == "`n, m` has a negative size in [-1, -1]"
    assert refusal("one_hot", tensor("i64", 3), depth=-1) == "`depth` has a negative size in [-1]"
