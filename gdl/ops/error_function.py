"""The error function in NumPy, for both float dtypes.

    erf(x) = tanh(x P(x^2)), |x| held below 4.2, from where on erf rounds to 1        f32
    erf(x) = 1 - e^(-x P(x) / Q(x)) for x >= 0, and erf(-x) = -erf(x)                 f64

P stands for artanh(erf(x)) / x, or P / Q for -log(erfc(x)) / x: both are smooth, the latter nearly straight. The tanh
costs a third less, and its P need not be exact where tanh levels off; but no short P is close enough for f64. The
coefficients are our own fit: linearised least squares in 40 and 50-digit arithmetic at Chebyshev nodes, weighted by
what an error of the fit does to erf, and reweighted (Lawson) towards the smallest largest error. By the fit alone erf
is off by a factor of at most 1 + 9.5e-8 (tanh), 1 + 2.2e-10 (P / Q in f32, on [0, 4]) and 1 + 1.9e-18 (in f64, on [0,
6]); beyond, erf rounds to 1. All coefficients of P / Q are positive: nothing cancels. With rounding, erf is right to
4 units in the last place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from gdl.ops.lazy import np

#: P of x^2 in f32, from the highest power down.
_SMOOTH = (
    1.418105895e-7, -5.667636561e-6, 8.763180054e-5, -0.0006197707496, -0.0001918431429, 0.1027690595, 1.128379274,
)  # fmt: skip
_END = 4.2
#: Elements that go through all steps together: they and what is computed of them stay in the cache.
_BLOCK = 2**16

#: Bytes of a float -> the end of the fit, P and Q, both from the highest power down. For f32 too: code that computes an
#: element to its end, rather than a step for all, has no use for a tanh of its own.
FITS: dict[int, tuple[float, Sequence[float], Sequence[float]]] = {
    4: (
        4.0,
        (0.037234935375, 0.28058014934, 0.91426509629, 1.5174738157, 1.1283791673),
        (0.037251625434, 0.27873894759, 0.78063659724, 1.0),
    ),
    8: (
        6.0,
        (
            0.0001178642731854261283, 0.003351116404552121051, 0.03479820627877875118, 0.1989842634043941435,
            0.7176116228583799642, 1.708990304977242639, 2.663810052450927668, 2.519832328532730962,
            1.128379167095512572,
        ),
        (
            0.0001178853592160198347, 0.003348677722693638864, 0.03424150702612478799, 0.1879202372609584052,
            0.6302230503904049634, 1.328054066446140362, 1.668953673624269359, 1.0,
        ),
    ),
}  # fmt: skip


def erf_kernel(x: Any, out: Any) -> Any:
    """erf(x) written into `out`, which may be x."""
    if out.itemsize == 8:
        return by_quotient(x, out)
    if not (out.ndim and out.flags.c_contiguous and x.flags.c_contiguous):
        return _of_singles(x, out)
    flat, into = x.reshape(-1), out.reshape(-1)
    for start in range(0, out.size, _BLOCK):
        _of_singles(flat[start : start + _BLOCK], into[start : start + _BLOCK])
    return out


def _of_singles(x: Any, out: Any) -> Any:
    start, end, highest, inner, last = _constants()
    held = x.clip(start, end)
    square = np.multiply(held, held)
    value = np.multiply(square, highest, out=out)
    for coefficient in inner:
        np.add(value, coefficient, value)
        np.multiply(value, square, value)
    np.add(value, last, value)
    np.multiply(value, held, value)
    return np.tanh(value, value)


@lru_cache(maxsize=1)
def _constants() -> tuple[Any, ...]:
    """The ends and the coefficients as arrays, which a ufunc takes as they are."""
    start, end, highest, *inner, last = [np.asarray(number, np.float32) for number in (-_END, _END, *_SMOOTH)]
    return start, end, highest, inner, last


def by_quotient(x: Any, out: Any) -> Any:
    """erf(x) by P / Q."""
    end, above, below = FITS[out.itemsize]
    size = np.minimum(np.absolute(x), end, out=np.empty_like(out))
    exponent = _polynomial(above, size)
    np.multiply(exponent, size, out=exponent)
    np.divide(exponent, _polynomial(below, size), out=exponent)
    np.negative(exponent, out=exponent)
    np.expm1(exponent, out=exponent)
    return np.copysign(exponent, x, out=out)  # 1 - e^.. is -expm1(..): only the size matters, the sign is x's


def _polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """By Horner's scheme."""
    value = np.multiply(x, coefficients[0], out=np.empty_like(x))
    for coefficient in coefficients[1:-1]:
        np.add(value, coefficient, out=value)
        np.multiply(value, x, out=value)
    return np.add(value, coefficients[-1], out=value)
