"""Answers as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Any

import numpy as np

from gdl.cli.entries import draw_entry
from gdl.cli.summary import draw_layers, draw_variables
from gdl.cli.tables import draw_table
from gdl.cli.wording import line
from gdl.interactive.answers import (
    Bound,
    Curve,
    Documentation,
    Ended,
    Happened,
    Layers,
    Picture,
    Said,
    Table,
    Tested,
    Text,
    Value,
    Variables,
)
from gdl.ops.table import show_static
from gdl.render import render
from gdl.repl.curve import draw_curve
from gdl.repl.picture import draw_picture
from gdl.train.events import Started

_DIM, _BOLD, _RED, _GREEN, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
_MOST_ELEMENTS = 200  # of an array, before its middle is left out


@dataclass(slots=True)
class Pen:
    """Draws answers for a screen of some width, in colour or with nothing in it but text."""

    width: int = 100
    color: bool = False
    _plan: Started | None = None  # how the training under way began

    @singledispatchmethod
    def draw(self, answer: Any) -> str:
        """The answer as text; "" where there is nothing to say."""
        raise TypeError(f"no way to draw {type(answer).__name__}")

    @draw.register
    def _(self, answer: Value) -> str:
        note = self._in(_DIM, f"{answer.type}  {answer.path}".rstrip())
        if not isinstance(answer.value, np.ndarray):
            return f"{show_static(answer.value)}  {note}"
        if not answer.value.ndim:
            return f"{_scalar(answer.value)}  {note}"
        shown = np.array2string(
            answer.value, precision=5, max_line_width=self.width, threshold=_MOST_ELEMENTS, suppress_small=False
        )
        return f"{shown}\n{note}"

    @draw.register
    def _(self, answer: Bound) -> str:
        parts = [f"{answer.name}: {self._in(_DIM, answer.what)}"] if answer.name else []
        if answer.updated:
            parts.append(self._in(_DIM, f"updated: {', '.join(answer.updated)}"))
        if answer.out_of_date:
            parts.append(self._in(_RED, f"out of date: {', '.join(answer.out_of_date)}"))
        return "\n".join(parts)

    @draw.register
    def _(self, answer: Said) -> str:
        return render(answer.diagnostics, color=self.color, width=self.width).rstrip("\n")

    @draw.register
    def _(self, answer: Text) -> str:
        return "\n".join(answer.lines).rstrip("\n")

    @draw.register
    def _(self, answer: Table) -> str:
        return draw_table(answer.heads, answer.rows, self._bold)

    @draw.register
    def _(self, answer: Layers) -> str:
        return draw_layers(answer.rows, self._bold)

    @draw.register
    def _(self, answer: Variables) -> str:
        return draw_variables(answer.rows, self._bold)

    @draw.register
    def _(self, answer: Picture) -> str:
        return f"{draw_picture(answer.pixels, self.color, self.width)}\n{self._in(_DIM, answer.caption)}".rstrip()

    @draw.register
    def _(self, answer: Curve) -> str:
        return draw_curve(answer.name, answer.points, min(self.width, 80))

    @draw.register
    def _(self, answer: Documentation) -> str:
        return "\n\n".join(draw_entry(entry, self.width, self._bold, self._dim) for entry in answer.entries)

    @draw.register
    def _(self, answer: Happened) -> str:
        if isinstance(answer.event, Started):
            self._plan = answer.event
        return line(answer.event, self._plan) or ""

    @draw.register
    def _(self, answer: Tested) -> str:
        if not answer.failures:
            return self._in(_GREEN, f"ok     {answer.name}")
        said = render(answer.failures, color=self.color, width=self.width).rstrip("\n")
        return f"{self._in(_RED, f'FAILED {answer.name}')}\n{said}"

    @draw.register
    def _(self, answer: Ended) -> str:
        return ""

    def _bold(self, text: str) -> str:
        return self._in(_BOLD, text)

    def _dim(self, text: str) -> str:
        return self._in(_DIM, text)

    def _in(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self.color and text else text


def _scalar(value: np.ndarray) -> str:
    return str(bool(value)).lower() if value.dtype == np.bool_ else str(value[()])
