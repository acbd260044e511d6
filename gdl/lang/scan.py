"""`scan x in xs along t carry h = h0 { ... }`"""

from __future__ import annotations

from typing import Any

from gdl.errors import names as errors
from gdl.lang.context import Context, Frame
from gdl.syntax import ast


def evaluate_scan(cx: Context, frame: Frame, expr: ast.Scan) -> Any:
    """Recurrence along an axis."""
    cx.fail(errors.misplaced(expr.span, "`scan`", "in this version", "recurrence along an axis is not built yet; unroll with for i in 0..n"), frame)
