"""The long kill test: runs stopped by SIGKILL at random moments and resumed must end as the uninterrupted run does.

`python -m benchmarks.kill [--kills 200] [--seed 0]`. Each run of programs/kill.gdl is killed again and again until it
is through, then the next begins, until there were so many kills. The moments are drawn over the time that a run takes
from its start; in a third of the cases the kill then waits for a file to appear, as when a checkpoint is written. Exit
code 1, and the moments, if any run ends with other weights than the uninterrupted one.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.processes import conditions
from benchmarks.workloads import PROGRAMS

_PROGRAM = PROGRAMS / "kill.gdl"
_POLL_S = 0.0005


@dataclass(slots=True)
class Trial:
    """One run from its start to its end, with the kills on the way."""

    moments_s: list[float] = field(default_factory=list)
    sha256: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole, seconds = _uninterrupted(Path(folder) / "whole")
        print(f"uninterrupted: {seconds:.1f} s, sha256 {whole}", flush=True)
        killed = runs = 0
        wrong = []
        for trial in _trials(Path(folder), given.kills, seconds, random.Random(given.seed)):
            killed, runs = killed + len(trial.moments_s), runs + 1
            if trial.sha256 != whole:
                wrong.append(trial)
            verdict = "the same" if trial.sha256 == whole else f"DIFFERENT: {trial.sha256}"
            print(f"run {runs}: {len(trial.moments_s)} kills, {killed} in all, weights {verdict}", flush=True)
    for trial in wrong:
        print(f"killed after {', '.join(f'{moment:.4f}' for moment in trial.moments_s)} s: {trial.sha256}")
    print(f"{killed} kills in {runs} runs, {runs - len(wrong)} runs ended with the uninterrupted run's weights")
    return 1 if wrong else 0


def _trials(folder: Path, kills: int, seconds: float, rng: random.Random) -> Iterator[Trial]:
    """Runs, until so many kills have hit."""
    left = kills
    while left > 0:
        trial = _trial(folder / f"run-{left}", left, seconds, rng)
        left -= len(trial.moments_s)
        yield trial


def _trial(out: Path, kills: int, seconds: float, rng: random.Random) -> Trial:
    """One run, killed at most so often."""
    trial = Trial()
    while not trial.sha256:
        process = _started(out)
        if len(trial.moments_s) < kills:
            moment = _killed(process, out, seconds, rng)
            if moment is not None:
                trial.moments_s.append(moment)
                continue
        trial.sha256 = _ended(process)
    return trial


def _killed(process: subprocess.Popen[str], out: Path, seconds: float, rng: random.Random) -> float | None:
    """Kills the process at a random moment and gives it back; None where the process was through before."""
    began = perf_counter()
    end = began + rng.uniform(0.0, 0.8 * seconds)
    while perf_counter() < end and process.poll() is None:
        sleep(_POLL_S)
    if rng.random() < 1 / 3:
        _await_writing(process, out, end + seconds)
    if process.poll() is not None:
        return None
    moment = perf_counter() - began
    process.kill()
    process.communicate()
    return moment


def _await_writing(process: subprocess.Popen[str], out: Path, end: float) -> None:
    """Waits until a file of the run's directory appears that was not there, as when a checkpoint is begun."""
    before = _files(out)
    while perf_counter() < end and process.poll() is None and _files(out) <= before:
        sleep(_POLL_S)


def _files(out: Path) -> set[str]:
    return {path.name for path in out.rglob("*")} if out.is_dir() else set()


def _started(out: Path) -> subprocess.Popen[str]:
    """The run, from its start or from where it was killed."""
    exists = (out / "config.json").is_file()
    arguments = ["--resume", str(out)] if exists else [str(_PROGRAM), "--out", str(out)]
    command = [sys.executable, "-m", "gdl", "run", *arguments, "--json"]
    return subprocess.Popen(command, env=conditions(1), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _ended(process: subprocess.Popen[str]) -> str:
    out, wrong = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the run ended with {process.returncode}: {wrong}")
    return json.loads(out.splitlines()[-1])["sha256"]


def _uninterrupted(out: Path) -> tuple[str, float]:
    began = perf_counter()
    return _ended(_started(out)), perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
