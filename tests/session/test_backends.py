"""Backends by name: what is said where one is not to be had, and that a run keeps its own. numba is not needed here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gdl
from gdl.runtime import backends
from gdl.session.checking import check_program
from gdl.session.configuration import configuration_of
from gdl.session.runs import resume, start
from gdl.source import Source
from gdl.train.data import data_options
from gdl.train.rundir import view_run

PROGRAM = """\
variable w: f32[3] = ones()
loss = sum(w * w)
train {
  steps 2
  minimize loss with Sgd(0.1)
}
"""


@pytest.fixture
def without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_numba")
def test_without_numba_the_way_out_is_said() -> None:
    with pytest.raises(gdl.UsageError) as caught:
        gdl.loads(PROGRAM, backend="numba")
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0919"
    assert diagnostic.message == "the backend `numba` is not to be had: the package numba is not installed"
    assert diagnostic.helps == ("install it: pip install 'gdl[fast]'",)


def test_a_backend_that_there_is_not() -> None:
    with pytest.raises(gdl.UsageError, match="E0919: the backend `cuda` is not to be had: there is none of this name"):
        gdl.loads(PROGRAM, backend="cuda")


@pytest.mark.usefixtures("without_numba")
def test_a_run_says_what_it_was_started_with_and_does_not_go_on_with_another(tmp_path: Path) -> None:
    options = data_options(None, None)
    checked = check_program(Source("p.gdl", PROGRAM), options, {})
    start(checked, options, hypers={}, out=tmp_path / "run", backend="numba")
    assert configuration_of(view_run(tmp_path / "run")).backend == "numba"
    with pytest.raises(gdl.UsageError, match="E0919"):
        resume(tmp_path / "run", lambda data, program: options)


def test_runs_from_before_there_were_backends_are_numpys(tmp_path: Path) -> None:
    options = data_options(None, None)
    checked = check_program(Source("p.gdl", PROGRAM), options, {})
    start(checked, options, hypers={}, out=tmp_path / "run")
    file = tmp_path / "run" / "config.json"
    config = json.loads(file.read_text())
    assert config.pop("backend") == "numpy"
    file.write_text(json.dumps(config))
    assert configuration_of(view_run(tmp_path / "run")).backend == "numpy"
    file.write_text(json.dumps(config | {"backend": "cuda"}))
    with pytest.raises(gdl.GdlError, match="`backend` in its config.json must be a backend's name, got 'cuda'"):
        configuration_of(view_run(tmp_path / "run"))
