"""A number as an array to stand beside a large one: NumPy's maximum and minimum have no fast loop for a number.

Measured, f32, ns per element of 65,536: against a number 0.38, a row of 512 0.18, as many elements 0.13.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from gdl.ops.lazy import np

#: With fewer elements the loop over rows costs more than is saved; more would not stay in the cache.
_LEAST, _MOST = 512, 2**15


@lru_cache(maxsize=256)
def beside(number: float, shape: tuple[int, ...], dtype: Any) -> Any:
    """What broadcasts to arrays of this shape as the number does: an array of their last axes where that pays."""
    elements, axis = 1, len(shape)
    while axis and elements < _LEAST:
        axis -= 1
        elements *= shape[axis]
    if not _LEAST <= elements <= _MOST:
        return np.asarray(number, dtype)
    array = np.full(shape[axis:], number, dtype)
    array.flags.writeable = False
    return array
