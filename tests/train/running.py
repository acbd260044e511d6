"""Programs run from their text, their events collected."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gdl.session.runs import Run, resume
from gdl.train.checkpoint import weights_sha256
from gdl.train.data import DataOptions, data_options
from gdl.train.events import Event, Progress

TINY = (Path(__file__).parent / "tiny.gdl").read_text()


class StopAt(Progress):
    """Interrupts training after a step, as Ctrl-C would."""

    def __init__(self, last: int):
        super().__init__()
        self._last = last

    @property  # type: ignore[override]
    def interrupted(self) -> bool:
        return self.step >= self._last

    @interrupted.setter
    def interrupted(self, _value: bool) -> None:
        """Only steps interrupt."""


@dataclass
class Result:
    run: Run
    events: list[Event]

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def sha256(self) -> str:
        return weights_sha256(self.run.execution.state)

    @property
    def metrics(self) -> list[dict]:
        assert self.run.directory is not None
        return [json.loads(line) for line in self.run.directory.metrics.read_text().splitlines()]


def options(data_dir: Path | None = None, program_dir: Path | None = None) -> DataOptions:
    return data_options(data_dir, program_dir, environ={"GDL_OFFLINE": "1"})


def go_on(result: Result, **how) -> Result:
    assert result.run.directory is not None
    run = resume(result.run.directory.path, options, **how)
    return Result(run, list(run.events()))
