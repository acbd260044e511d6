"""`load ... map ... freeze`: weights of another program, under other names, kept as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import gdl

PROGRAM = """gdl 1
from nn import Dense
dim b
placeholder x: f32[b, 4]
{load}
net {body} = Dense(3)
net head = Dense(1)
y = head({body}(x))
loss = mean(y ** 2)
train {{
  steps 5
  feed x = ones([2, 4])
  minimize loss with Sgd(0.1)
}}
"""


def saved(folder: Path) -> gdl.Session:
    session = gdl.loads(PROGRAM.format(load="", body="body"))
    session.train()
    session.save(folder / "old.safetensors")
    return session


def program(folder: Path, load: str) -> Path:
    path = folder / "new.gdl"
    path.write_text(PROGRAM.format(load=load, body="encoder"), encoding="utf-8")
    return path


def test_weights_come_in_under_their_new_names(tmp_path: Path) -> None:
    old = saved(tmp_path)
    new = gdl.load(program(tmp_path, 'load encoder from "old.safetensors" map "body" -> "encoder"'))
    assert np.array_equal(new.variables["encoder/w"], old.variables["body/w"])
    assert not np.array_equal(new.variables["head/w"], old.variables["head/w"])


def test_frozen_weights_stay_and_the_others_learn(tmp_path: Path) -> None:
    saved(tmp_path)
    new = gdl.load(program(tmp_path, 'load encoder from "old.safetensors" map "body" -> "encoder" freeze'))
    frozen, head = new.variables["encoder/w"], new.variables["head/w"]
    new.train()
    assert np.array_equal(new.variables["encoder/w"], frozen)
    assert not np.array_equal(new.variables["head/w"], head)


def test_without_freeze_they_are_trained_on(tmp_path: Path) -> None:
    saved(tmp_path)
    new = gdl.load(program(tmp_path, 'load encoder from "old.safetensors" map "body" -> "encoder"'))
    start = new.variables["encoder/w"]
    new.train()
    assert not np.array_equal(new.variables["encoder/w"], start)


def test_what_is_frozen_needs_no_training(tmp_path: Path) -> None:
    saved(tmp_path)
    new = gdl.load(program(tmp_path, 'load encoder from "old.safetensors" map "body" -> "encoder" freeze'))
    assert [d.code for d in new.diagnostics] == []
    assert [path for path, info in new.program.variables.items() if info.frozen] == ["encoder/w", "encoder/b"]


def test_what_is_frozen_in_one_training_and_learns_in_another_counts_as_trained(tmp_path: Path) -> None:
    saved(tmp_path)
    path = program(tmp_path, 'load encoder from "old.safetensors" map "body" -> "encoder"')
    first = 'train first {\n  load encoder from "old.safetensors" map "body" -> "encoder" freeze\n  steps 5'
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text[text.index("train {") :].replace("train {\n  steps 5", first), encoding="utf-8")
    new = gdl.load(path)
    assert [d.code for d in new.diagnostics] == []
    assert not any(info.frozen for info in new.program.variables.values())
