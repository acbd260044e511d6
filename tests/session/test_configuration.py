"""What a run's config.json may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gdl
from gdl.session.configuration import configuration_of
from gdl.train.rundir import open_run
from tests.cli.conftest import gdl as command  # noqa: F401  (a fixture)

PROGRAM = """gdl 1
data digit = digits()
variable w: f32[] = 1.0
train { steps 1; minimize w * w with Sgd(0.1) }
eval test { feed x = flatten(image) / 16 from digit.test batch 8; report mean(x) }
placeholder x: f32[batch, 64]
dim batch
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.gdl").write_text(PROGRAM)
    return tmp_path


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data", {"digit": {"source": "digits()", "splits": {"train": [1]}}}),
        ("data", {"digit": {"source": "digits()", "splits": [1]}}),
        ("data", {"digit": {"source": 3, "splits": {}}}),
        ("data", {"digit": None}),
        ("data", []),
        ("seed", -1),
        ("length", ["epochs"]),
        ("backend", ["numpy"]),
    ],
)
def test_what_is_something_else_is_refused(folder: Path, command: Any, key: str, value: object) -> None:  # noqa: F811
    assert command("run", "a.gdl", "--out", "r", "--quiet").code == 0
    path = folder / "r" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(gdl.CheckpointError, match=f"E0721: .*`{key}` in its config.json must be"):
        configuration_of(open_run(folder / "r"))
