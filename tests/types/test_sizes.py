"""Sizes: their normal form, and their arithmetic held to that of integers by substitution."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdl.types import sizes
from gdl.types.sizes import (
    Size,
    at_most,
    ceil_div,
    equal,
    is_symbol,
    minimum,
    product,
    solve,
    substitute,
    symbol,
    symbols,
)

n, m, h = symbol("n"), symbol("m"), symbol("h")

NAMES = ("n", "m", "h")
OPERATIONS: dict[str, Callable[[Size, Size], Size]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "ceil_div": ceil_div,
    "min": minimum,
}
VALUES = st.fixed_dictionaries({name: st.integers(1, 40) for name in NAMES})
LEAVES = st.one_of(st.integers(-6, 12), st.sampled_from(NAMES))
TREES = st.recursive(LEAVES, lambda inner: st.tuples(st.sampled_from(sorted(OPERATIONS)), inner, inner), max_leaves=8)


def build(tree: object, leaf: Callable[[str], Size]) -> Size | None:
    """The value of an expression, its names being what `leaf` says; None where it divides by zero or less."""
    if isinstance(tree, str):
        return leaf(tree)
    if isinstance(tree, int):
        return tree
    op, left, right = tree  # type: ignore[misc]
    a, b = build(left, leaf), build(right, leaf)
    if a is None or b is None or (op in ("//", "%", "ceil_div") and isinstance(b, int) and b <= 0):
        return None
    return OPERATIONS[op](a, b)


@given(TREES, VALUES)
def test_arithmetic_is_that_of_integers(tree: object, values: dict[str, int]) -> None:
    numbers = build(tree, values.__getitem__)
    symbolic = build(tree, symbol)
    if numbers is None or symbolic is None:
        return
    assert substitute(symbolic, values) == numbers


@given(TREES, TREES, VALUES)
def test_verdicts_hold_for_all_sizes(one: object, two: object, values: dict[str, int]) -> None:
    numbers = build(one, values.__getitem__), build(two, values.__getitem__)
    symbolic = build(one, symbol), build(two, symbol)
    if None in numbers or None in symbolic:
        return
    a, b = symbolic
    assert equal(a, b) in (None, numbers[0] == numbers[1])  # type: ignore[arg-type]
    assert equal(a, b) is equal(b, a)  # type: ignore[arg-type]
    assert at_most(a, b) in (None, numbers[0] <= numbers[1])  # type: ignore[arg-type, operator]


@given(TREES, VALUES, st.sampled_from(NAMES))
def test_substituting_one_name_after_the_other_is_substituting_all(
    tree: object, values: dict[str, int], first: str
) -> None:
    size, number = build(tree, symbol), build(tree, values.__getitem__)
    if size is None or number is None:
        return
    one_by_one = substitute(size, {first: values[first]})
    assert substitute(one_by_one, values) == substitute(size, values)
    assert first not in symbols(one_by_one)


@given(st.integers(1, 9), st.integers(-5, 9), st.integers(0, 40))
def test_solving_undoes_substituting(factor: int, offset: int, value: int) -> None:
    assert solve(factor * n + offset, factor * value + offset, "n") == value


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (h * 2, h + h),
        (n * m, m * n),
        ((n + 1) * (n - 1), n * n - 1),
        (n - n, 0),
        (n * 0, 0),
        (3 * n // 3, n),
        (6 * n * m // (2 * m), 3 * n),
        ((4 * n + 3) // 2, 2 * n + 1),
        (2 * n % 2, 0),
        ((2 * n + 5) % 2, 1),
        (n // n, 1),
        (ceil_div(4 * n + 1, 2), 2 * n + 1),
        (product([n, 2, m]), 2 * n * m),
        (minimum(n, n + 1), n),
        (minimum(3, 5), 3),
        (n**3, n * n * n),
        ((n + 1) ** 0, 1),
    ],
)
def test_equal_sizes_have_one_form(one: Size, two: Size) -> None:
    assert one == two and hash(one) == hash(two) and equal(one, two) is True


@pytest.mark.parametrize(
    ("one", "two", "verdict"),
    [
        (784, 785, False),
        (n + 1, n, False),
        (n, m, None),
        (n, 5, None),
        (28 * n, 27 * n, False),  # no axis of a symbol is empty
        (n * m + n, n * m, False),
        (n * n, n, None),
        (n // 2 + 1, 1, None),  # a quotient may be 0
        (n - m, 0, None),
    ],
)
def test_verdicts(one: Size, two: Size, verdict: bool | None) -> None:
    assert equal(one, two) is verdict


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (2 * n + 1, "2 * n + 1"),
        (1 - n, "-n + 1"),
        (n // 2, "n // 2"),
        ((n + 1) // m, "(n + 1) // m"),
        (3 * (n // 2), "3 * (n // 2)"),
        (ceil_div(n, 2), "ceil_div(n, 2)"),
        (minimum(n, m), "min(n, m)"),
        (n * n, "n * n"),
    ],
)
def test_text(size: Size, text: str) -> None:
    assert str(size) == text


def test_names_in_sizes() -> None:
    assert is_symbol(n) == "n"
    assert [is_symbol(size) for size in (5, 2 * n, n + m, n // 2)] == [None] * 4
    assert symbols(n * (m // h) + 3) == {"n", "m", "h"}
    assert symbols(3) == set()


def test_what_cannot_be_solved() -> None:
    assert solve(2 * n, 5, "n") is None  # no whole number
    assert solve(n + 5, 3, "n") is None  # below zero
    assert solve(n * n, 9, "n") is None  # not linear
    assert solve(n + m, 9, "n") is None  # another name


def test_a_constant_is_an_int_again() -> None:
    assert type(n - n + 4) is int
    assert type(sizes.substitute(n * 3, {"n": 2})) is int
