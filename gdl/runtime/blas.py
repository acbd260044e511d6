"""How many threads the BLAS below NumPy uses: one, where GDL's own threads share the work.

Two pools of threads get into each other's way, and BLAS's waits by spinning: on two busy processors OpenBLAS with two
threads took 3 to 30 times as long as with one, GDL's threads no longer than one. Only OpenBLAS (in NumPy's own builds),
MKL and BLIS can be told in a running process; Accelerate reads the environment when it is loaded, as all do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

#: The functions that set the number of threads, by the names under which libraries have them.
_SETTERS = (
    "scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads64_",
    "openblas_set_num_threads", "MKL_Set_Num_Threads", "bli_thread_set_num_threads",
)  # fmt: skip


def use_one_thread() -> bool:
    """Holds NumPy's BLAS to one thread in this process; whether a way to tell it so was found."""
    setter = next(_setters(), None)
    if setter is not None:
        setter(1)
    return setter is not None


def _setters() -> Iterator[Callable[[int], None]]:
    for path in _libraries():
        try:
            library = ctypes.CDLL(str(path))  # loaded already: this gives a handle to it
        except OSError:
            continue
        for name in _SETTERS:
            if hasattr(library, name):
                yield getattr(library, name)


def _libraries() -> Iterator[Path]:
    """NumPy's module that does matrix products, whose symbols include those of the libraries that it needs; and, where
    a system does not look there, the libraries that came with NumPy."""
    yield Path(np._core._multiarray_umath.__file__)
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        yield from sorted(folder.glob("*blas*"))
