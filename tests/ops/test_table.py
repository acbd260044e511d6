"""Every op against its entry in the table: value, type, `out`, memory, strides, symbols. Samples cover a new op."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from gdl.graph.node import Node
from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.table import TABLE, Op, infer
from gdl.types.match import Guard, Mismatch
from gdl.types.sizes import symbol
from gdl.types.tensor import TensorType, bind_type, tensor
from tests.graph.evaluate import evaluate
from tests.ops.drawing import CASES, Case, arrays, dtype_choices, types_of
from tests.ops.oracles import ORACLES

KERNELS = [case for case in CASES if case.op.kernel is not None]
FIXED = [case for case in KERNELS if not case.op.random]


def run(case: Case, inputs: Sequence[np.ndarray], **more: Any) -> Any:
    """The op by its kernel, or a composite by the kernels that it is made of."""
    if case.op.kernel is None:
        leaves = [Node("input", (), {"name": str(i)}, t) for i, t in enumerate(types_of(list(inputs)))]
        results = case.op(*leaves, **case.sample.attrs)
        found = evaluate(several(results), {str(i): x for i, x in enumerate(inputs)})
        return tuple(found) if isinstance(results, tuple) else found[0]
    if case.op.random:
        inputs = [np.random.default_rng(0), *inputs]  # type: ignore[list-item]
    return case.op.kernel(*inputs, **case.attrs, **more)


def result_type(case: Case, inputs: Sequence[np.ndarray]) -> Any:
    return infer(case.op, types_of(list(inputs)), case.attrs)[0]


def frozen(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Copies that can't be written."""
    copies = [x.copy() for x in inputs]
    for x in copies:
        x.flags.writeable = False
    return copies


def several(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def assert_is(actual: Any, type: TensorType) -> None:
    actual = np.asarray(actual)
    assert (actual.dtype.name, actual.shape) == (NUMPY_NAME[type.dtype], type.shape)


def assert_agrees(actual: Any, expected: np.ndarray, ulps: float = 16) -> None:
    """Floats to a few units in the last place of the largest; integers exactly, where they overflow wrapped around."""
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    if actual.dtype.kind in "iu":
        bits = 8 * actual.dtype.itemsize
        low = -(2 ** (bits - 1)) if actual.dtype.kind == "i" else 0
        wrapped = [(int(e) - low) % 2**bits + low for e in expected.reshape(-1)]
        assert actual.reshape(-1).tolist() == wrapped
    elif actual.dtype.kind == "b":
        assert actual.reshape(-1).tolist() == [bool(e) for e in expected.reshape(-1)]
    else:
        wanted = expected.astype(float)
        scale = np.abs(wanted).max(initial=1.0, where=np.isfinite(wanted))
        np.testing.assert_allclose(actual, wanted, rtol=0, atol=ulps * np.finfo(actual.dtype).eps * scale)


# ---- the table itself --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", TABLE.values(), ids=lambda entry: entry.name)
def test_entry_is_complete(entry: Op) -> None:
    """Signature, documentation, samples, an oracle, and something said of the gradient."""
    assert entry.signature.results
    assert entry.doc
    assert entry.samples
    assert entry.random or entry.name in ORACLES
    assert entry.expand is not None or (entry.gradient is None) != (entry.flat is None)
    assert not (entry.ufunc and entry.takes_out), "a ufunc takes `out` by itself"


def test_no_oracle_without_op() -> None:
    assert set(ORACLES) <= set(TABLE)


# ---- values and types --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=str)
def test_value_and_type_in_every_dtype(case: Case) -> None:
    """The oracle's value and the inferred type, from inputs that can't be written."""
    choices = dtype_choices(case)
    assert choices
    for dtypes in choices:
        inputs = frozen(arrays(case, dtypes))
        result = run(case, inputs)
        for actual, type in zip(several(result), several(result_type(case, inputs)), strict=True):
            assert_is(actual, type)
        if not case.op.random:
            expected = ORACLES[case.op.name](*inputs, **case.attrs)
            for actual, wanted in zip(several(result), several(expected), strict=True):
                assert_agrees(actual, wanted)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_type_with_symbols_is_the_type_without(case: Case) -> None:
    """With each size but 0 and 1 a symbol, the result's type is the same once they are bound."""
    concrete = types_of(arrays(case))
    sizes = {f"n{s}": s for t in concrete for s in t.shape if isinstance(s, int) and s > 1}
    symbolic = [tensor(t.dtype, *[symbol(f"n{s}") if s > 1 else s for s in t.shape]) for t in concrete]  # type: ignore[operator]
    try:
        found, guards = infer(case.op, symbolic, case.attrs)
    except Mismatch:
        assert _attributes_fix_sizes(case), "only a size that an attribute repeats can contradict a symbol"
        return
    if not all(_holds(guard, sizes) for guard in guards):
        assert _attributes_fix_sizes(case)
        return
    for each, expected in zip(several(found), several(infer(case.op, concrete, case.attrs)[0]), strict=True):
        assert bind_type(each, sizes) == expected


def _holds(guard: Guard, sizes: dict[str, int]) -> bool:
    left, right = bind_type(TensorType("f32", (guard.left, guard.right)), sizes).shape
    return left == right


def _attributes_fix_sizes(case: Case) -> bool:
    sized = {"shape", "widths", "size", "parts", "k", "sizes", "index", "repeats"}
    return any(p.name in sized for p in case.op.static_params)


# ---- memory ------------------------------------------------------------------------------------------------------


def into(case: Case, inputs: Sequence[np.ndarray], out: np.ndarray) -> None:
    """The op by its way of writing into a given array."""
    if case.op.ufunc:
        getattr(np, case.op.ufunc)(*inputs, out=out)
    else:
        run(case, inputs, out=out)


@pytest.mark.parametrize("case", [c for c in KERNELS if c.op.takes_out or c.op.ufunc], ids=str)
def test_out_gets_the_same_value(case: Case) -> None:
    for dtypes in dtype_choices(case):
        inputs = frozen(arrays(case, dtypes))
        plain = np.asarray(run(case, inputs))
        out = np.frombuffer(b"\xa5" * max(plain.nbytes, 1), np.uint8)[: plain.nbytes].copy().view(plain.dtype)
        out = out.reshape(plain.shape)
        into(case, inputs, out)
        np.testing.assert_array_equal(out, plain)


@pytest.mark.parametrize("case", [c for c in KERNELS if c.op.elementwise], ids=str)
def test_elementwise_works_in_place(case: Case) -> None:
    assert case.op.takes_out or case.op.ufunc
    for dtypes in dtype_choices(case):
        originals = arrays(case, dtypes)
        plain = np.asarray(run(case, originals))
        for k, original in enumerate(originals):
            if (original.dtype, original.shape) == (plain.dtype, plain.shape):
                inputs = frozen(originals)
                inputs[k] = original.copy()
                into(case, inputs, inputs[k])
                np.testing.assert_array_equal(inputs[k], plain)


@pytest.mark.parametrize("case", [c for c in FIXED if c.op.view], ids=str)
def test_view_shares_memory(case: Case) -> None:
    inputs = arrays(case)
    result = np.asarray(run(case, inputs))
    assert not result.size or np.shares_memory(result, inputs[0])


@pytest.mark.parametrize("case", [c for c in FIXED if c.op.keeps], ids=str)
def test_what_keeps_has_the_same_elements(case: Case) -> None:
    (x,) = arrays(case)
    result = np.asarray(run(case, [x]))
    assert not result.size or set(result.flat) == set(x.flat)


@pytest.mark.parametrize("case", [c for c in FIXED if c.op.points_into], ids=str)
def test_indices_are_of_the_axis_that_the_op_says(case: Case) -> None:
    inputs = [x.copy() for x in arrays(case)]
    at, dim = case.op.points_into(*types_of(inputs), **case.attrs)
    if inputs[at].size:
        inputs[at].flat[0] = dim.size - 1
        run(case, inputs)
        inputs[at].flat[0] = dim.size
        with pytest.raises(IndexError):
            run(case, inputs)


@pytest.mark.parametrize("case", [c for c in FIXED if c.op.holds], ids=str)
def test_whole_numbers_stay_within_what_the_op_says(case: Case) -> None:
    inputs = arrays(case)
    result = np.asarray(run(case, inputs))
    held = case.op.holds(*types_of(inputs), **case.attrs)
    if held is not None and result.size:
        assert held[0] <= result.min() and result.max() <= held[1]


@pytest.mark.parametrize("case", [c for c in FIXED if not c.op.view], ids=str)
def test_result_is_new_memory(case: Case) -> None:
    inputs = arrays(case)
    result = np.asarray(run(case, inputs))
    assert not any(np.shares_memory(result, x) for x in inputs)


def layouts(x: np.ndarray) -> Iterator[np.ndarray]:
    """The same values, laid out in other ways."""
    backwards = (..., *[slice(None, None, -1)] * x.ndim)
    yield np.array(x, order="F")
    yield x[backwards].copy()[backwards]
    wide = np.zeros([2 * n + 1 for n in x.shape], x.dtype)
    part = wide[(..., *[slice(1, None, 2)] * x.ndim)]
    part[...] = x
    yield part


@pytest.mark.parametrize("case", [c for c in CASES if c.sample.inputs and not c.op.random], ids=str)
def test_layout_in_memory_does_not_matter(case: Case) -> None:
    inputs = arrays(case)
    plain = several(run(case, inputs))
    for strided in zip(*[layouts(x) for x in inputs]):
        for actual, expected in zip(several(run(case, frozen_strides(strided))), plain, strict=True):
            assert_agrees(actual, np.asarray(expected).astype(object))
    repeated = [np.broadcast_to(x[:1], x.shape) if x.ndim and len(x) else x for x in inputs]
    copied = [x.copy() for x in repeated]
    for actual, expected in zip(several(run(case, repeated)), several(run(case, copied)), strict=True):
        assert_agrees(actual, np.asarray(expected).astype(object))


def frozen_strides(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    for x in inputs:
        x.flags.writeable = False
    return list(inputs)


def _takes_twins(case: Case) -> bool:
    draws = case.sample.inputs
    return len(draws) > 1 and draws[-2] == draws[-1]


@pytest.mark.parametrize("case", [c for c in FIXED if _takes_twins(c)], ids=str)
def test_same_array_twice(case: Case) -> None:
    """f(x, x) is f(x, copy of x), also written into x itself."""
    *others, x, _ = arrays(case)
    expected = np.asarray(run(case, [*others, x, x.copy()]))
    np.testing.assert_array_equal(run(case, [*frozen(others), x, x]), expected)
    if case.op.elementwise and (x.dtype, x.shape) == (expected.dtype, expected.shape):
        into(case, [*frozen(others), x, x], x)
        np.testing.assert_array_equal(x, expected)


def test_oracles_can_fail() -> None:
    """The comparison sees a wrong last digit, a wrong shape and a wrong integer."""
    with pytest.raises(AssertionError):
        assert_agrees(np.float64(1 + 1e-14), np.array(1.0, object))
    with pytest.raises(AssertionError):
        assert_agrees(np.zeros((1, 2)), np.zeros(2, object))
    with pytest.raises(AssertionError):
        assert_agrees(np.array([3]), np.array([2], object))
    assert_agrees(np.array([-128], "int8"), np.array([128], object))
    assert_agrees(np.array([math.nan]), np.array([math.nan], object))
