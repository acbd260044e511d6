"""A curve in a terminal, drawn with Braille dots: two across and four down in each character."""

from __future__ import annotations

from collections.abc import Sequence

_ROWS = 10
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row, then column, from U+2800


def draw_curve(name: str, points: Sequence[tuple[int, float]], width: int) -> str:
    """The points with the ends of both axes."""
    if not points:
        return f"{name}: no finite value"
    low, high = min(v for _, v in points), max(v for _, v in points)
    labels = f"{high:.4g}", f"{low:.4g}"
    margin = max(map(len, labels))
    columns = max(width - margin - 3, 8)
    cells = [[0] * columns for _ in range(_ROWS)]
    for x, y in _dots(points, low, high, columns):
        cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    lines = []
    for i, row in enumerate(cells):
        label = labels[0] if i == 0 else labels[1] if i == _ROWS - 1 else ""
        lines.append(f"{label:>{margin}} |{''.join(chr(0x2800 + c) if c else ' ' for c in row)}".rstrip())
    first, last = f"step {points[0][0]:,}", f"{points[-1][0]:,}"
    lines.append(f"{'':{margin}}  {first}{last:>{columns - len(first)}}")
    return "\n".join([name, *lines])


def _dots(points: Sequence[tuple[int, float]], low: float, high: float, columns: int) -> list[tuple[int, int]]:
    """Dots from point to point, a step of at most one dot across at a time."""
    first, last = points[0][0], points[-1][0]
    wide, tall = 2 * columns - 1, 4 * _ROWS - 1
    placed = [
        (round((step - first) / (last - first) * wide) if last > first else 0,
         round((high - value) / (high - low) * tall) if high > low else tall // 2)
        for step, value in points
    ]  # fmt: skip
    found = placed[:1]
    for (x0, y0), (x1, y1) in zip(placed, placed[1:], strict=False):
        count = max(abs(x1 - x0), 1)
        found += [(x0 + (x1 - x0) * i // count, y0 + (y1 - y0) * i // count) for i in range(1, count + 1)]
    return found
