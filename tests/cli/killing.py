"""Kills runs of a program with SIGKILL at random moments and resumes them; run as a program of its own.

    python killing.py PROGRAM FOLDER TRIALS SEED

Each run is a fork of this process, so that what is killed is training and not Python's start. Prints one line of JSON
per trial: when it was killed, whether it was still alive then, and what was left at the end.
"""

import contextlib
import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from gdl.cli.main import main
from gdl.train.checkpoint import peek
from gdl.train.rundir import view_run


def fork_run(*args: str) -> int:
    """A child that runs the command quietly."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                code = main(list(args))
        finally:
            os._exit(code)
    return child


def wait(child: int) -> int:
    """The exit code; minus the signal where one ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def outcome(folder: Path) -> dict[str, object]:
    run = view_run(folder)
    assert run.latest is not None
    return {"sha256": peek(run.latest).sha256, "metrics": run.metrics.read_text()}


def trial(program: str, base: Path, moment_s: float) -> dict[str, object]:
    """One run killed. Where the machine was quicker this time and the run had ended, it is tried again, sooner."""
    for attempt in range(10):
        folder = base / str(attempt)
        child = fork_run("run", program, "--out", str(folder))
        time.sleep(moment_s)
        os.kill(child, signal.SIGKILL)
        killed = wait(child) == -signal.SIGKILL
        if killed:
            break
        moment_s /= 2
    if not (folder / "config.json").is_file():  # killed before the directory was there: nothing to resume
        again = wait(fork_run("run", program, "--out", str(folder)))
    else:
        again = wait(fork_run("run", "--resume", str(folder)))
    return {"moment_s": moment_s, "killed": killed, "exit": again, **outcome(folder)}


def run_trials(program: str, base: Path, trials: int, seed: int) -> None:
    main(["run", program, "--out", str(base / "warm"), "--quiet"])  # imports and caches for every fork
    began = time.monotonic()
    exit_code = wait(fork_run("run", program, "--out", str(base / "whole")))
    whole_s = time.monotonic() - began
    print(json.dumps({"moment_s": whole_s, "killed": False, "exit": exit_code, **outcome(base / "whole")}), flush=True)
    moments = random.Random(seed)
    for number in range(trials):
        print(json.dumps(trial(program, base / f"run{number}", moments.uniform(0.0, whole_s))), flush=True)


if __name__ == "__main__":
    run_trials(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
