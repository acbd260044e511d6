"""The live line of a terminal: epoch, step, values, examples per second, time left; reports scroll by above it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gdl.cli.display import Plain
from gdl.cli.wording import duration, number
from gdl.train.events import Evaluated, Event, Finished, Progress, Reported, Started

_REFRESH_HZ = 5  # often enough for the eye, and next to nothing for the training
_BAR_WIDTH = 24
_SETTLING_S = 0.5  # before a rate means anything


class Live(Plain):
    """Writes lines above a line that polls the progress of training."""

    def __init__(self, console: Console, progress: Progress):
        super().__init__()
        self._console, self._progress = console, progress
        self._training: Started | None = None
        self._began = monotonic()
        self._values: dict[str, str] = {}  # last reported or evaluated
        self._download: tuple[str, int, int] | None = None

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self._training, self._began = event, monotonic()
        elif isinstance(event, Finished):
            self._training = None
        elif isinstance(event, Reported):
            self._values |= {name: number(value) for name, value in event.values.items() if name != "loss"}
        elif isinstance(event, Evaluated):
            values = {name: value for name, value in event.values.items() if isinstance(value, float)}
            self._values |= {f"{event.eval} {name}": number(v, name in event.shares) for name, v in values.items()}
        super().show(event)

    def write(self, text: str) -> None:
        self._console.print(Text(text))

    def downloading(self, name: str, done_bytes: int, total_bytes: int) -> None:
        self._download = (name, done_bytes, total_bytes)
        if done_bytes == total_bytes:
            super().downloading(name, done_bytes, total_bytes)
            self._download = None

    def __rich__(self) -> Table | Text:
        if self._download is not None:
            name, done, total = self._download
            return _bar(done, total, f"downloading {name}  {done / 1e6:.1f}/{total / 1e6:.1f} MB")
        if self._training is None:
            return Text("")
        return _bar(self._progress.step, self._training.steps, "  ".join(self._parts(self._training)))

    def _parts(self, plan: Started) -> Iterator[str]:
        now = self._progress
        if plan.epochs:
            yield f"epoch {max(now.epoch, 1)}/{plan.epochs}"
        yield f"step {now.step}/{plan.steps}"
        if now.step:
            yield f"loss {number(now.loss)}"
        seconds, steps = monotonic() - self._began, now.step - plan.at.step
        if steps and seconds > _SETTLING_S:
            yield f"{now.examples / seconds:,.0f} examples/s"
            yield f"{duration(seconds / steps * max(plan.steps - now.step, 0))} left"
        yield from (f"{name} {value}" for name, value in self._values.items())


def _bar(done: int, total: int, text: str) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_row(
        ProgressBar(total=max(total, 1), completed=done, width=_BAR_WIDTH),
        Text(text, overflow="ellipsis", no_wrap=True),
    )
    return table


@contextmanager
def live(progress: Progress) -> Iterator[Live]:
    """A live display on standard output, gone without a trace when the run ends; the lines stay."""
    console = Console(highlight=False)
    shown = Live(console, progress)
    with RichLive(shown, console=console, refresh_per_second=_REFRESH_HZ, transient=True, redirect_stderr=False):
        yield shown
