"""Kernels made for their shapes: where they refuse, where they leave the work to the plain kernel, odd strides."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.ops.table import TABLE
from gdl.types.tensor import TensorType, tensor


def special(name: str, out: TensorType, *types: TensorType, **attrs: object):  # noqa: ANN201
    return TABLE[name].specialise(out, *types, **attrs)  # type: ignore[misc]


@pytest.mark.parametrize("dtype", ["i32", "i64"])
@pytest.mark.parametrize("wrong", [-1, 3, -(2**31), 2**31 - 1])
def test_an_index_outside_its_line_is_named(dtype: str, wrong: int) -> None:
    indices = np.array([[0], [wrong]], {"i32": np.int32, "i64": np.int64}[dtype])
    x, out = np.ones((2, 3), np.float32), np.empty((2, 1), np.float32)
    take = special("take_along_axis", tensor("f32", 2, 1), tensor("f32", 2, 3), tensor(dtype, 2, 1), axis=-1)
    with pytest.raises(IndexError, match=rf"the index {wrong} at \[1, 0\] is outside an axis of size 3"):
        take(x, indices, out)
    put = special("put_along_axis_add", tensor("f32", 2, 3), tensor(dtype, 2, 1), tensor("f32", 2, 1), size=3, axis=-1)
    with pytest.raises(IndexError, match=rf"the index {wrong} at \[1, 0\] is outside an axis of size 3"):
        put(indices, out, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint8, bool])
@pytest.mark.parametrize("zero", ["neither", "x", "y"])
@pytest.mark.parametrize("into", ["new", "x", "y", "both", "condition"])
def test_a_choice_in_place(dtype: type, zero: str, into: str) -> None:
    """`out` may be either operand, both, or a condition of its own type; what is 0 or infinite stays what it is."""
    rng = np.random.default_rng(0)
    x, y = [rng.integers(0, 200, (3, 4)).astype(dtype) for _ in range(2)]
    if np.dtype(dtype).kind == "f":
        x[0], y[1] = np.inf, np.nan
        x[2], y[2] = -0.0, 0.0
    x, y = np.array(0, dtype) if zero == "x" else x, np.array(0, dtype) if zero == "y" else y
    if into == "both":
        y = x
    condition = rng.random((3, 4)) < 0.5
    expected = np.where(condition, x, y)
    out = {"x": x, "y": y, "both": x, "condition": condition}.get(into)
    if out is None or out.shape != expected.shape or out.dtype != expected.dtype:
        out = np.empty_like(expected)
    TABLE["where"].kernel(condition, x, y, out=out)
    np.testing.assert_array_equal(out, expected)
    if np.dtype(dtype).kind == "f":
        np.testing.assert_array_equal(np.signbit(out), np.signbit(expected))


def test_updates_that_may_meet_are_left_to_the_plain_kernel() -> None:
    types = tensor("i64", 2, 2), tensor("f32", 2, 2)
    assert special("put_along_axis_add", tensor("f32", 2, 3), *types, size=3, axis=1) is None


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_of_short_rows(name: str) -> None:
    """Also of rows with a nan, and of none too few to pay."""
    x = np.random.default_rng(0).standard_normal((5, 20, 7)).astype(np.float32)
    x[1, 2, 3] = np.nan
    kernel = special(name, tensor("f32", 5, 20), tensor("f32", 5, 20, 7), axis=-1, keepdims=False)
    for given in (x, np.asfortranarray(x)):
        out = np.empty((5, 20), np.float32)
        kernel(given, out, np.empty(kernel.scratch_bytes, np.uint8))
        np.testing.assert_array_equal(out, TABLE[name].kernel(x, axis=-1))
    for columns in (33, 64):
        x = np.random.default_rng(columns).standard_normal((512, columns)).astype(np.float32)
        x[3, columns // 2] = np.nan
        kernel = special(name, tensor("f32", 512, 1), tensor("f32", 512, columns), axis=1, keepdims=True)
        for given in (x, np.asfortranarray(x)):
            out = np.empty((512, 1), np.float32)
            kernel(given, out, np.empty(kernel.scratch_bytes, np.uint8))
            np.testing.assert_array_equal(out, TABLE[name].kernel(x, axis=1, keepdims=True))
    assert special(name, tensor("f32"), tensor("f32", 7), axis=0, keepdims=False) is None
    assert special(name, tensor("f32", 20), tensor("f32", 20, 64), axis=1, keepdims=False) is None
    assert special(name, tensor("f32", 999), tensor("f32", 999, 65), axis=1, keepdims=False) is None


def test_a_batch_against_a_matrix_of_any_strides() -> None:
    rng = np.random.default_rng(0)
    product = special("matmul", tensor("f64", 2, 3, 5), tensor("f64", 2, 3, 4), tensor("f64", 4, 5))
    x, y, out = rng.standard_normal((3, 2, 4)), rng.standard_normal((5, 4)), np.empty((2, 3, 5))
    for left in (
        x.transpose(1, 0, 2),
        np.ascontiguousarray(x.transpose(1, 0, 2)),
        np.broadcast_to(x[:1, :1], (2, 3, 4)),
    ):
        product(left, y.T, out)
        np.testing.assert_allclose(out, np.einsum("bik,nk->bin", left, y), rtol=1e-12)
    two = special("matmul", tensor("f64", 2, 5), tensor("f64", 2, 4), tensor("f64", 4, 5))
    for left in (x[:, 0], np.asfortranarray(x[0]), np.broadcast_to(x[0, 0], (2, 4)), x[:2, 1, ::-1]):
        found = np.empty((2, 5))
        two(left[:2], y.T, found)
        np.testing.assert_array_equal(found, np.ascontiguousarray(left[:2]) @ y.T)
    assert special("matmul", tensor("i64", 2, 5), tensor("i64", 2, 4), tensor("i64", 4, 5)) is None
    assert special("matmul", tensor("f64", 2, 0, 5), tensor("f64", 2, 0, 4), tensor("f64", 4, 5)) is None
