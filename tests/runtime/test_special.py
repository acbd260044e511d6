"""Kernels made for their shapes give what the plain kernels give, within rounding."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.ops.table import TABLE, infer
from gdl.runtime.arrays import DTYPES, aligned_block
from tests.ops.drawing import CASES, Case, arrays, types_of

SPECIAL = [case for case in CASES if case.op.specialise is not None and not case.op.view]


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("case", SPECIAL, ids=str)
def test_special_kernels_equal_plain_ones(case: Case, dtype: str) -> None:
    given = [a.astype(DTYPES[dtype]) if a.dtype.kind == "f" else a for a in arrays(case)]
    check(case.op.name, given, case.attrs)


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (1, 2), (0, 2), -1])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_long_axes(axis: object, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=(40, 30, 50)).astype(np.float32)
    check("sum", [x], {"axis": axis, "keepdims": keepdims})
    check("sum", [x[0]], {"axis": axis if axis in (0, 1) else -1, "keepdims": keepdims})


def check(name: str, given: list[np.ndarray], attrs: dict[str, object]) -> None:
    """The kernel made for these shapes against the plain one, from memory of several layouts."""
    entry, types = TABLE[name], types_of(given)
    type, _ = infer(entry, types, attrs)
    special = entry.specialise(type, *types, **attrs)
    if special is None:
        return
    wanted = entry.kernel(*given, **attrs)
    tolerance = 1e-12 if type.dtype == "f64" else 2e-5
    for inputs in (given, [np.array(a, order="F") for a in given], [strided(a) for a in given]):
        out = np.full(type.shape, 7, DTYPES[type.dtype])
        scratch = [aligned_block(n) for n in [getattr(special, "scratch_bytes", 0)] if n]
        special(*inputs, out, *scratch)
        np.testing.assert_allclose(out, wanted, rtol=tolerance, atol=tolerance)


def strided(array: np.ndarray) -> np.ndarray:
    """The same values, every second element of a larger array."""
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array
