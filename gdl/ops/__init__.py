"""The ops. Importing this package fills the table."""

from __future__ import annotations

from gdl.ops import comparison, conversion, cumulative, elementwise, linalg, reductions

__all__ = ["comparison", "conversion", "cumulative", "elementwise", "linalg", "reductions"]
