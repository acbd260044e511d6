"""How a run is shown: one line per report, a live line at the bottom of a terminal, JSON, or nothing."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import click

from gdl.cli.screen import is_terminal, printable
from gdl.cli.wording import line
from gdl.train.events import Event, Progress, Started, record


class Display(Protocol):
    def show(self, event: Event) -> None: ...

    def downloading(self, name: str, done_bytes: int, total_bytes: int) -> None: ...


class Quiet:
    """Shows nothing: errors and warnings are not its business."""

    def show(self, event: Event) -> None:
        """Nothing is shown."""

    def downloading(self, name: str, done_bytes: int, total_bytes: int) -> None:
        """Nothing is shown."""


class Json(Quiet):
    """One JSON object a line; numbers that JSON lacks are null."""

    def show(self, event: Event) -> None:
        self.say(record(event))

    def say(self, fields: dict[str, Any]) -> None:
        click.echo(json.dumps(_finite(fields), allow_nan=False))


class Plain:
    """One line per report, with nothing in it but text."""

    def __init__(self) -> None:
        self._plan: Started | None = None

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self._plan = event
        text = line(event, self._plan)
        if text is not None:
            self.write(printable(text))

    def write(self, text: str) -> None:
        click.echo(text)

    def downloading(self, name: str, done_bytes: int, total_bytes: int) -> None:
        if done_bytes == total_bytes:
            self.write(f"downloaded {name}, {total_bytes / 1e6:.1f} MB")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def display(progress: Progress, *, quiet: bool, as_json: bool) -> Iterator[Display]:
    """The display that suits the options and standard output."""
    if as_json:
        yield Json()
    elif quiet:
        yield Quiet()
    elif not is_terminal(sys.stdout):
        yield Plain()
    else:
        from gdl.cli.live import live  # rich, for terminals only

        with live(progress) as shown:
            yield shown
