"""Run directories: made whole, resumed exactly, usable after any kill."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gdl.errors import CheckpointError
from gdl.train import rundir
from gdl.train.checkpoint import peek
from gdl.train.rundir import create, open_run

PROGRAM = {"mnist.gdl": b"gdl 1\r\n## exact bytes \xff\n", "lib/nn.gdl": b"gdl 1\n"}


def fails(act, *arguments) -> str:
    with pytest.raises(CheckpointError) as error:
        act(*arguments)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.helps
    return f"{diagnostic.code} {diagnostic.message}"


def tensors(step: int) -> dict[str, np.ndarray]:
    return {"model/w": np.full(50, step, np.float32)}


def train(run: rundir.RunDirectory, steps: range, every: int = 5, best: tuple[int, ...] = ()) -> None:
    for step in steps:
        run.append_metrics({"step": step, "loss": 1 / step})
        if step % every == 0:
            run.save_checkpoint(step, tensors(step), {"seed": 1}, is_best=step in best)


def names(run: rundir.RunDirectory) -> list[str]:
    return sorted(path.name for path in run.checkpoints.iterdir())


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_run_holds_the_program_to_the_byte(tmp_path):
    run = create(tmp_path / "runs" / "one", PROGRAM, {"seed": 0, "hypers": {"lr": np.float64(0.5)}, "data": tmp_path})
    assert {name: (run.program / name).read_bytes() for name in PROGRAM} == PROGRAM
    config = json.loads((run.path / "config.json").read_text())
    assert config == {"seed": 0, "hypers": {"lr": 0.5}, "data": str(tmp_path)}
    assert run.metrics.read_bytes() == b"" and names(run) == [] and run.latest is None and run.best is None
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["one"]


def test_an_empty_folder_serves_and_stays_the_same_folder(tmp_path, monkeypatch):
    inode = tmp_path.stat().st_ino
    monkeypatch.chdir(tmp_path)
    create(Path("."), PROGRAM, {})
    assert tmp_path.stat().st_ino == inode
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoints",
        "config.json",
        "metrics.jsonl",
        "program",
    ]


def test_another_run_is_never_overwritten(tmp_path):
    create(tmp_path / "run", PROGRAM, {"a": 1})
    before = everything(tmp_path)
    message = fails(create, tmp_path / "run", PROGRAM, {"a": 2})
    assert message.startswith("E0720") and "holds another run" in message
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("...")
    assert "is not an empty folder" in fails(create, tmp_path / "other", PROGRAM, {})
    assert "is not an empty folder" in fails(create, tmp_path / "other" / "thesis.tex", PROGRAM, {})
    (tmp_path / "other" / "thesis.tex").unlink()
    (tmp_path / "other").rmdir()
    assert everything(tmp_path) == before


def test_what_a_killed_creation_left_is_no_hindrance(tmp_path):
    (tmp_path / ".run.unfinished" / "program").mkdir(parents=True)
    create(tmp_path / "run", PROGRAM, {})
    (tmp_path / "empty" / ".run.unfinished").mkdir(parents=True)
    create(tmp_path / "empty", PROGRAM, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "run"]


def test_a_place_that_can_not_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert fails(create, tmp_path / "file" / "run", PROGRAM, {}).startswith("E0715")


@pytest.mark.parametrize("name", ["../a.gdl", "/a.gdl", ""])
def test_program_files_stay_below(tmp_path, name):
    with pytest.raises(ValueError, match="not a name below the folder"):
        create(tmp_path / "run", {name: b""}, {})


def test_metrics_are_lines_of_plain_json(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    run.append_metrics({"step": np.int64(1), "loss": np.float32(0.5), "bad": float("nan"), "worse": [-np.inf, np.inf]})
    run.append_metrics({"step": 2, "loss": 0.1 + 0.2})
    lines = [json.loads(line, parse_constant=pytest.fail) for line in run.metrics.read_text().splitlines()]
    assert lines == [
        {"step": 1, "loss": 0.5, "bad": "NaN", "worse": ["-Infinity", "Infinity"]},
        {"step": 2, "loss": 0.30000000000000004},
    ]


def test_the_last_three_and_the_best_are_kept(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    train(run, range(1, 31), best=(5, 10))
    kept = [f"step-{step:08d}.safetensors" for step in (10, 20, 25, 30)]
    assert names(run) == sorted([*kept, "best", "latest"])
    assert run.latest.name == kept[-1] and run.best.name == kept[0]
    assert peek(run.best).meta["is_best"] is True


def test_steps_beyond_eight_digits_are_still_in_order(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    for step in (99_999_999, 100_000_000, 100_000_001):
        run.save_checkpoint(step, tensors(1), {})
    assert open_run(run.path).resumed.meta["step"] == 100_000_001


def test_a_resumed_run_ends_as_an_uninterrupted_one(tmp_path):
    whole = create(tmp_path / "whole", PROGRAM, {"seed": 1})
    train(whole, range(1, 31), best=(10, 25))
    broken = create(tmp_path / "broken", PROGRAM, {"seed": 1})
    train(broken, range(1, 14), best=(10, 25))
    with open(broken.metrics, "ab") as stream:
        stream.write(b'{"step": 14, "lo')  # killed in the middle of a line
    resumed = open_run(broken.path)
    assert resumed.resumed.meta == {
        "seed": 1,
        "step": 10,
        "metrics_bytes": resumed.metrics.stat().st_size,
        "is_best": True,
    }
    assert resumed.resumed.tensors["model/w"].tolist() == [10] * 50
    assert resumed.config == {"seed": 1} and resumed.notes == ()
    train(resumed, range(11, 31), best=(10, 25))
    assert everything(broken.path) == everything(whole.path)


def test_without_a_checkpoint_the_run_starts_again(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    train(run, range(1, 4))
    resumed = open_run(run.path)
    assert resumed.resumed is None and "no checkpoint was saved yet" in resumed.notes[0]
    assert run.metrics.read_bytes() == b""


def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    train(run, range(1, 16), best=(10, 15))
    newest = run.latest
    newest.write_bytes(newest.read_bytes()[:-1])
    resumed = open_run(run.path)
    assert resumed.resumed.meta["step"] == 10
    (note,) = resumed.notes
    assert "step-00000015.safetensors is damaged" in note and "step-00000010.safetensors serves" in note
    assert resumed.latest == resumed.best == run.checkpoints / "step-00000010.safetensors"
    assert json.loads(resumed.metrics.read_text().splitlines()[-1])["step"] == 10
    assert "step-00000015.safetensors.damaged" in names(run)
    assert open_run(run.path).notes == ()


def test_an_old_damaged_checkpoint_hinders_nothing(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    train(run, range(1, 16))
    (run.checkpoints / "step-00000005.safetensors").write_bytes(b"")
    resumed = open_run(run.path)
    assert resumed.resumed.meta["step"] == 15 and resumed.best is None


def test_only_damaged_checkpoints_are_an_error(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    train(run, range(1, 11))
    for path in run.checkpoints.glob("step-*"):
        path.write_bytes(b"")
    before = everything(run.path)
    assert fails(open_run, run.path).startswith("E0722")
    assert everything(run.path) == before


@pytest.mark.parametrize("meta", [{}, {"step": "5", "metrics_bytes": 0}, {"step": 5, "metrics_bytes": True}])
def test_a_checkpoint_from_elsewhere_is_not_resumed(tmp_path, meta):
    from gdl.train.checkpoint import save

    run = create(tmp_path / "run", PROGRAM, {})
    save(run.checkpoints / "step-00000005.safetensors", tensors(5), meta)
    assert fails(open_run, run.path).startswith("E0722")


@pytest.mark.parametrize("config", [None, b"", b"[]", b"{", b"[" * 5000, b"\xff"])
def test_what_is_no_run(tmp_path, config):
    if config is not None:
        (tmp_path / "config.json").write_bytes(config)
    assert fails(open_run, tmp_path).startswith("E0721")
    assert fails(open_run, tmp_path / "none").startswith("E0721")


def test_pointers_are_put_right_and_leftovers_cleared(tmp_path):
    run = create(tmp_path / "run", PROGRAM, {})
    train(run, range(1, 21), best=(15,))
    before = everything(run.path)
    (run.checkpoints / "latest").write_bytes(b"\xff/../../etc/passwd\0\n")
    (run.checkpoints / "best").unlink()
    (run.checkpoints / ".step-00000025.safetensors.77.unfinished").write_bytes(b"half")
    (run.path / ".config.json.77.unfinished").write_bytes(b"half")
    assert run.latest is None
    open_run(run.path)
    assert everything(run.path) == before


CHILD = """
import sys
from pathlib import Path
import numpy as np
from gdl.train.rundir import create, open_run
out = Path(sys.argv[1])
run = open_run(out) if (out / "config.json").exists() else create(out, {"a.gdl": b"gdl 1"}, {"seed": 1})
step = run.resumed.meta["step"] if run.resumed else 0
if run.resumed:
    assert (run.resumed.tensors["w"] == step).all()
while step < int(sys.argv[2]):
    step += 1
    run.append_metrics({"step": step, "loss": 1 / step})
    run.save_checkpoint(step, {"w": np.full(20_000, step, np.float32)}, {}, is_best=step % 7 == 0)
    print("saved", flush=True)
"""


def child(out: Path, steps: int) -> subprocess.Popen:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", CHILD, str(out), str(steps)]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_killed_at_any_moment_it_can_be_resumed_and_ends_the_same(tmp_path):
    moments = random.Random(1)
    out = tmp_path / "killed"
    kills = 0
    for _ in range(8):
        running = child(out, 1_000_000)
        assert running.stdout.readline() == "saved\n", running.stderr.read()
        time.sleep(moments.uniform(0.0, 0.06))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        kills += running.returncode == -signal.SIGKILL
    reached = open_run(out).resumed.meta["step"]
    assert kills == 8 and reached >= 8
    for folder in (out, tmp_path / "whole"):
        finishing = child(folder, reached + 10)
        _, complaints = finishing.communicate(timeout=120)
        assert finishing.returncode == 0, complaints
    assert everything(out) == everything(tmp_path / "whole")
