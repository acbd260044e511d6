"""How large a matrix product may be to count as small for BLAS.

With kernels for AVX-512, OpenBLAS multiplies what takes at most a million multiplications without packing it first. The
same work in pieces that small is done a tenth to a third faster; with other kernels it takes a tenth more time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

from gdl.ops.lazy import np

#: Kernels by the names that the environment can ask OpenBLAS for.
_WITH_AVX512 = ("skylakex", "cooperlake", "sapphirerapids")


def cpu_features() -> Mapping[str, bool]:
    """What NumPy found the processor to be able to do, by NumPy's names; nothing where it does not say."""
    return getattr(np._core._multiarray_umath, "__cpu_features__", {})


@cache
def small_product() -> int:
    """The most multiplications of a small product; 0 where BLAS knows none."""
    built_with = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {}).get("name", "")
    asked = os.environ.get("OPENBLAS_CORETYPE", "").lower()
    has_avx512 = cpu_features().get("AVX512_SKX", False)
    return 10**6 if "openblas" in built_with and has_avx512 and (not asked or asked in _WITH_AVX512) else 0
