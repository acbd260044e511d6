"""Operators on nodes are NumPy's: with nodes, arrays, lists and numbers on either side."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import gdl
from gdl import builder as ad

A = np.array([[0.5, 1.5, 2.0], [3.0, 0.25, 1.0]])
B = np.array([[2.0, 0.5, 2.0], [1.5, 0.25, 4.0]])


@pytest.fixture(autouse=True)
def graph() -> Iterator[gdl.Graph]:
    with gdl.Graph() as graph:
        yield graph


def value(node: gdl.Node, **feeds: Any) -> Any:
    return gdl.Runtime(node.graph).forward(node, feeds)


ARITHMETIC = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip


@pytest.mark.parametrize("operate", ARITHMETIC, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", [B, B.astype("f4"), B.tolist(), B[0], 2.0, 2, np.float32(2), np.array(2.0)], ids=str)
def test_arithmetic_on_both_sides(operate: Callable[[Any, Any], Any], other: Any) -> None:
    a = ad.placeholder("a", A.shape, "f64")
    right = np.asarray(other, "f8")
    np.testing.assert_allclose(value(operate(a, other), a=A), operate(A, right), rtol=1e-15)
    if isinstance(other, list) and operate is operator.mod:
        return  # a list on the left of % is Python's own business
    np.testing.assert_allclose(value(operate(other, a), a=A), operate(right, A), rtol=1e-15)


@pytest.mark.parametrize("operate", ARITHMETIC, ids=lambda f: f.__name__)
def test_arithmetic_of_nodes(operate: Callable[[Any, Any], Any]) -> None:
    a, b = ad.placeholder("a", A.shape, "f64"), ad.placeholder("b", A.shape, "f64")
    np.testing.assert_allclose(value(operate(a, b), a=A, b=B), operate(A, B), rtol=1e-15)
    np.testing.assert_allclose(value(operate(a, a), a=A), operate(A, A), rtol=1e-15)


def test_products_of_matrices() -> None:
    a = ad.placeholder("a", (None, 3), "f64")
    np.testing.assert_allclose(value(a @ B.T, a=A), A @ B.T)
    np.testing.assert_allclose(value(B.T @ a, a=A), B.T @ A)
    np.testing.assert_allclose(value(B.T.tolist() @ a, a=A), B.T @ A)
    np.testing.assert_allclose(value(a @ ad.transpose(a), a=A), A @ A.T)


def test_signs_and_conditions() -> None:
    a = ad.placeholder("a", A.shape, "f64")
    for found, wanted in [
        (-a, -A), (+a, A), (abs(-a), A), (1 - a, 1 - A), (a + a, 2 * A), ((a > 1) & (a < 3), (A > 1) & (A < 3)),
        ((a > 1) | (a < 0.5), (A > 1) | (A < 0.5)), (~(a > 1), ~(A > 1)), (A > a, A > A),
    ]:  # fmt: skip
        np.testing.assert_array_equal(value(found, a=A), wanted)


INDICES = [
    0, -1, (0, 1), slice(1), slice(None, None, -1), (slice(None), slice(0, 3, 2)), (Ellipsis, 0), (None, 1),
    (0, None, 2), (slice(None), None), ([1, 0],), (slice(None), np.array([2, 0, 0])),
    (np.int64(1), slice(np.int64(1), None)),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing(index: Any) -> None:
    a = ad.placeholder("a", A.shape, "f64")
    np.testing.assert_array_equal(value(a[index], a=A), A[index])


def test_an_index_may_be_a_node_and_a_bound_a_size() -> None:
    a, i = ad.placeholder("a", ("n", 3), "f64"), ad.placeholder("i", (None,), "i64")
    np.testing.assert_array_equal(value(a[i], a=A, i=[1, 1, 0]), A[[1, 1, 0]])
    np.testing.assert_array_equal(value(a[: a.shape[0] - 1], a=A), A[:-1])


def test_arrays_take_the_dtype_of_their_neighbour_where_they_can() -> None:
    f, i = ad.placeholder("f", (3,)), ad.placeholder("i", (3,), "i64")
    assert [n.dtype for n in (f + B[0], f * np.arange(3), np.arange(3, dtype="i4") + i, 2 + i, i / 2)] == [
        "f32", "f32", "i64", "i64", "f32",
    ]  # fmt: skip
    with pytest.raises(gdl.ProgramError, match="E0401"):
        i + B[0]  # floats beside whole numbers


def test_what_python_asks_of_objects() -> None:
    a = ad.placeholder("a", (3,))
    assert {a: 1}[a] == 1 and (a == None) is False and (a != "a") is True  # noqa: E711
    with pytest.raises(gdl.ProgramError, match="E0921: `a > 0`"):
        if a > 0:
            pass
    for wrong in (lambda: a + "text", lambda: iter(a), lambda: 1 in a, lambda: a + {}):
        with pytest.raises(TypeError):
            wrong()
    shown, name = repr(a * 2), (a * 2).name  # not in an assert, which pytest writes anew
    assert repr(a) == "<a: f32[3]>" and shown == "<a * 2: f32[3]>"
    assert a.shape == (3,) and a.dtype == "f32" and name == "a * 2"
