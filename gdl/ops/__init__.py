"""The ops. Importing this package fills the table."""

from __future__ import annotations

from gdl.ops import comparison, conversion, creation, cumulative, elementwise, indexing, linalg, random, reductions, shaping

__all__ = [
    "comparison", "conversion", "creation", "cumulative", "elementwise", "indexing", "linalg", "random", "reductions",
    "shaping",
]  # fmt: skip
