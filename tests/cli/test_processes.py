"""The command as a process: signals, kills, terminals, pipes, start-up."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gdl.errors import Exit
from gdl.train.rundir import view_run
from tests.cli.conftest import ROOT

Spawn = Callable[..., subprocess.Popen]
TINY = ROOT / "tests" / "train" / "tiny.gdl"
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def wait_for(happened: Callable[[], bool], patience_s: float = 60.0) -> None:
    end = time.monotonic() + patience_s
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def is_training(folder: Path) -> Callable[[], bool]:
    return lambda: (folder / "metrics.jsonl").is_file() and (folder / "metrics.jsonl").stat().st_size > 0


# ---- Ctrl-C


def test_ctrl_c_finishes_the_step_saves_and_says_how_to_go_on(spawn: Spawn, tmp_path: Path) -> None:
    """And the resumed run ends with the weights of an uninterrupted one. Every step is tried in tests/train."""
    process = spawn("run", TINY, "--epochs", 1_000_000, **PIPES)
    wait_for(is_training(tmp_path / "runs" / "tiny"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == Exit.INTERRUPTED
    assert "gdl run --resume runs/tiny" in err and "Traceback" not in out + err
    latest = view_run(Path("runs/tiny")).latest
    assert latest is not None
    step = int(latest.stem.removeprefix("step-"))
    resumed = spawn("run", "--resume", "runs/tiny", "--steps", step + 50, **PIPES)
    whole = spawn("run", TINY, "--out", "whole", "--steps", step + 50, **PIPES)
    out, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == Exit.OK and f"from step {step:,}" in out and f"trained {step + 50:,} steps" in out
    assert whole.communicate(timeout=60)[0].splitlines()[-1] == out.splitlines()[-1]
    assert out.splitlines()[-1].startswith("sha256:")


def test_a_second_ctrl_c_stops_at_once(spawn: Spawn) -> None:
    endless = TINY.read_text().replace("Adam(lr)", "Adam(lr)\n  repeat 100000000 { minimize loss with Sgd(lr) }")
    Path("endless.gdl").write_text(endless)
    process = spawn("run", "endless.gdl", "--out", "run", **PIPES)
    assert process.stdout is not None and "training for" in process.stdout.readline()
    time.sleep(0.5)  # until it is in its first step
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None  # its one step takes for ever
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == Exit.INTERRUPTED and "Traceback" not in err


# ---- kill -9


#: Momentum to be kept, noise to be drawn, reports to be remembered; little to check, so that most kills hit training.
KILLED = """gdl 1
dim batch
data arms = spiral(points=30, classes=3)
placeholder x: f32[batch, 2]
placeholder y: i64[batch]
variable w: f32[2] = normal()
loss = mean((x @ w + 0.1 * normal([batch]) - f32(y)) ** 2)
train {
  epochs 60
  feed x = pos, y = arm from arms batch 16 shuffle
  minimize loss with Momentum(0.05)
  report loss every 7 steps
  save every 10 steps
}
"""


def test_killed_at_twenty_random_moments_and_resumed(tmp_path: Path, environment: dict[str, str]) -> None:
    Path("tiny.gdl").write_text(KILLED)
    driver = Path(__file__).with_name("killing.py")
    command = [sys.executable, str(driver), "tiny.gdl", str(tmp_path), "20", "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    whole, *trials = map(json.loads, done.stdout.splitlines())
    assert whole["exit"] == 0 and len(trials) == 20
    assert all(trial["killed"] for trial in trials)
    for trial in trials:
        assert (trial["exit"], trial["sha256"]) == (0, whole["sha256"]), trial["moment_s"]
        assert trial["metrics"] == whole["metrics"], trial["moment_s"]


# ---- terminals and pipes


def on_a_terminal(spawn: Spawn, *args: object, env: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit code of the command run on a terminal of its own, and everything that it wrote there."""
    ours, theirs = pty.openpty()
    settings = {"TERM": "xterm-256color", "COLUMNS": "140", "LINES": "30", **(env or {})}
    process = spawn(*args, stdin=theirs, stdout=theirs, stderr=theirs, text=None, env=settings)
    os.close(theirs)
    written = b""
    while True:
        ready, _, _ = select.select([ours], [], [], 60)
        assert ready, "nothing was written for a minute"
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    return process.wait(timeout=60), written.decode()


ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_a_terminal_has_a_live_line_below_the_reports(spawn: Spawn) -> None:
    code, text = on_a_terminal(spawn, "run", TINY, "--epochs", 300)
    assert code == Exit.OK
    assert "\x1b[?25l" in text and text.rstrip().endswith(text.rstrip().splitlines()[-1])
    plain = ANSI.sub("", text)
    assert re.search(r"epoch \d+/300  step \d+/1800  loss [\d.]+", plain)
    assert re.search(r"[\d,]+ examples/s  [\d.:]+( s)? left", plain)
    assert "held_out: loss" in plain and "sha256:" in plain
    assert text.count("\x1b[?25h") == 1  # the cursor is back


def test_no_color_and_dumb_terminals(spawn: Spawn) -> None:
    Path("wrong.gdl").write_text("gdl 1\nx = logit\n")
    colour = re.compile(r"\x1b\[[0-9;]*m")
    assert colour.search(on_a_terminal(spawn, "check", "wrong.gdl")[1])
    assert not colour.search(on_a_terminal(spawn, "check", "wrong.gdl", env={"NO_COLOR": "1"})[1])
    assert not colour.search(on_a_terminal(spawn, "run", TINY, "--steps", 20, env={"NO_COLOR": "1"})[1])
    assert "\x1b" not in on_a_terminal(spawn, "run", TINY, "--steps", 20, env={"TERM": "dumb"})[1]


def test_a_reader_that_goes_away_is_no_bug(spawn: Spawn) -> None:
    process = spawn("run", TINY, "--epochs", 200, **PIPES)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    assert "bug" not in process.stderr.read() and process.wait(timeout=60) != Exit.BUG


# ---- start-up

#: What takes long to import and must be left out where it is not needed. How long commands take, `benchmarks` tells.
HEAVY = ("lark", "numpy", "pooch", "prompt_toolkit", "pygments", "rich", "safetensors", "socket", "zipfile")
EXAMPLE = str(ROOT / "examples" / "mnist.gdl")


@pytest.mark.parametrize(
    "args", [("--help",), ("check", EXAMPLE), ("doc", "relu"), ("fmt", "--check", EXAMPLE)]
)
def test_nothing_heavy_is_imported(args: tuple[str, ...], environment: dict[str, str]) -> None:
    program = f"import sys; from gdl.cli.main import main; main({list(args)!r}); "
    program += f"sys.exit(', '.join(sorted(set({HEAVY!r}) & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_help_needs_no_checker(environment: dict[str, str]) -> None:
    program = "import sys; from gdl.cli.main import main; main(['--help']); "
    program += "sys.exit(', '.join(m for m in sys.modules if m.startswith(('gdl.lang', 'gdl.ops', 'gdl.syntax'))))"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stderr.strip() == ""
