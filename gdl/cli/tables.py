"""Tables as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gdl.columns import cells


def draw_table(heads: Sequence[str], rows: Sequence[Sequence[Any]], emphasize: Callable[[str], str] = str) -> str:
    """Columns as wide as they must be, numbers to the right."""
    texts = [[_cell(value) for value in row] for row in rows]
    if not texts:
        return "nothing"
    columns = range(len(heads))
    widths = [max(cells(row[i]) for row in [list(heads), *texts]) for i in columns]
    right = [all(isinstance(row[i], (int, float)) or row[i] in ("", "-") for row in rows) for i in columns]

    def drawn(row: Sequence[str]) -> str:
        padded = [" " * (widths[i] - cells(row[i])) + row[i] if right[i] else row[i] + " " * (widths[i] - cells(row[i]))
                  for i in columns]  # fmt: skip
        return "  ".join(padded).rstrip()

    head = [emphasize(drawn(heads))] if any(heads) else []
    return "\n".join([*head, *map(drawn, texts)])


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
