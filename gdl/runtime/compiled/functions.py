"""exp, log, tanh and their kin from additions and multiplications only, so that loops over them run in vectors.

Units in the last place that they may be off, f32 and f64: exp 1.5, expm1 2, log 1.5, log1p 2.5, tanh 3.5, sigmoid 3,
erf 5 (tests/runtime/test_numba.py holds them to it). nan, infinities, zeros' signs and subnormal numbers come out as
NumPy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, getcontext
from math import factorial
from typing import Any

import numpy as np
from numba import njit

from gdl.ops.elementwise import SIGMOID_FLOOR
from gdl.ops.error_function import FITS
from gdl.runtime.compiled.intrinsics import exponent, fma, mantissa, pick, scaled, signed, size_of

getcontext().prec = 50
_LN2 = Decimal(2).ln()


def _inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    return njit(forceinline=True, error_model="numpy")(function)


def _polynomial(coefficients: Sequence[Any]) -> Callable[..., Any]:
    """By Horner's scheme, the highest power first."""
    lines = [f"value = fma(value, x, c{i})" for i in range(1, len(coefficients))]
    text = "\n    ".join(["def polynomial(x):", "value = c0", *lines, "return value"])
    names: dict[str, Any] = {"__name__": __name__, "fma": fma, **{f"c{i}": c for i, c in enumerate(coefficients)}}
    exec(text, names)
    return _inlined(names["polynomial"])


def made_for(dtype: type[Any], bits_of_high: int) -> dict[str, Callable[..., Any]]:
    """The functions on floats of this type. ln 2 is taken apart: its product with an exponent must be exact."""
    one, two, half, zero = dtype(1), dtype(2), dtype(0.5), dtype(0)
    infinity, nan = dtype(np.inf), dtype(np.nan)
    info = np.finfo(dtype)
    shift = dtype(1.5 * 2.0**info.nmant)
    log2_e = dtype(1 / _LN2)
    high = dtype(int(_LN2 * 2**bits_of_high)) / dtype(2**bits_of_high)
    low = dtype(_LN2 - Decimal(float(high)))
    least, most = dtype(info.minexp - info.nmant - 2) * high, dtype(info.maxexp + 0.25) * high  # 0 and infinity
    normal = info.smallest_normal
    digits = dtype(info.nmant + 1)
    raised = two**digits
    is_single = dtype is np.float32
    # e^r - 1 - r over r^2 for |r| <= ln 2 / 2, and atanh(s) / s - 1 over s^2 for s <= 0.172: Taylor's series, which
    # is as short as a fit would be but for one term
    tail = _polynomial([dtype(1 / factorial(n)) for n in range(8 if is_single else 14, 1, -1)])
    odd = _polynomial([dtype(2 / (2 * n + 1)) for n in range(4 if is_single else 11, 0, -1)])
    end, above, below = FITS[info.bits // 8]
    erf_end = dtype(end)
    erf_above, erf_below = [_polynomial([dtype(c) for c in part]) for part in (above, below)]
    floor = dtype(SIGMOID_FLOOR[info.bits // 8])

    @_inlined
    def reduced(x, shifted):
        n = shifted - shift
        return fma(n, -low, fma(n, -high, x))

    @_inlined
    def exp(x):
        x = pick(x < least, least, pick(x > most, most, x))
        shifted = fma(x, log2_e, shift)
        r = reduced(x, shifted)
        return scaled(fma(tail(r), r * r, r) + one, shifted)

    @_inlined
    def expm1(x):
        clipped = pick(x < least, least, pick(x > most, most, x))
        shifted = fma(clipped, log2_e, shift)
        r = reduced(clipped, shifted)
        scale = scaled(one, shifted - one)
        return pick(x == zero, x, two * fma(fma(tail(r), r * r, r), scale, scale - half))

    @_inlined
    def log(x):
        is_small = x < normal
        positive = pick(is_small, x * raised, x)
        n = exponent(positive) - pick(is_small, digits, zero)
        f = mantissa(positive) - one
        s = f / (two + f)
        square = s * s
        # log(1 + f) = f - s (f - R), with R = s^2 (2/3 + 2/5 s^2 + ...)
        value = fma(n, high, f - fma(-n, low, s * (f - square * odd(square))))
        value = pick(x > zero, value, pick(x == zero, -infinity, nan))
        return pick(x == infinity, x, value)

    @_inlined
    def log1p(x):
        u = one + x
        value = log(u) + (x - (u - one)) / u
        value = pick(u == infinity, u, pick(u > zero, value, log(u)))
        return pick(x == zero, x, value)

    @_inlined
    def tanh(x):
        size = size_of(x)
        e = expm1(two * pick(size > digits, digits, size))
        return signed(e / (e + two), x)

    @_inlined
    def sigmoid(x):
        return one / (one + exp(-pick(x < floor, floor, x)))

    @_inlined
    def erf(x):
        size = size_of(x)
        size = pick(size > erf_end, erf_end, size)
        return signed(expm1(-(erf_above(size) * size / erf_below(size))), x)

    return {"exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "tanh": tanh, "sigmoid": sigmoid, "erf": erf}


FUNCTIONS = {
    f"{name}_{dtype}": function
    for dtype, functions in (("f32", made_for(np.float32, 15)), ("f64", made_for(np.float64, 40)))
    for name, function in functions.items()
}
globals().update(FUNCTIONS)
