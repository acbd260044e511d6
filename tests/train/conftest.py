"""The fixture that trains a program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gdl.session.checking import check_program
from gdl.session.runs import Length, start
from gdl.source import Source
from gdl.train.events import Progress
from tests.train.running import TINY, Result, options


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Result]:
    """Runs a program's text to its end, in a directory of its own."""
    count = iter(range(1000))

    def run_text(
        text: str = TINY, seed: int = 0, progress: Progress | None = None, length: Length | None = None, **hypers
    ) -> Result:
        checked = check_program(Source("program.gdl", text), options(), hypers)
        out = tmp_path / f"run{next(count)}"
        run = start(checked, options(), hypers=hypers, seed=seed, length=length, out=out, progress=progress)
        return Result(run, list(run.events()))

    return run_text
