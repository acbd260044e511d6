"""GDL with its plans compiled by numba."""

from __future__ import annotations

from collections.abc import Callable

import numba  # noqa: F401  # counted among the imports, as the other peers' compilers are

from benchmarks.peers import gdl_peer
from benchmarks.workloads import Arrays, Workload


def load(workload: Workload, weights: Arrays, data: Arrays) -> Callable[[], float]:
    return gdl_peer.load(workload, weights, data, "numba")
