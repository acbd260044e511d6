"""How long commands take, from their start: in fresh processes, in turns."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.processes import ROOT, conditions, pin
from benchmarks.workloads import PROGRAMS

_GDL = (sys.executable, "-m", "gdl")


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and the text that it is timed to: its end, if empty. With `keys` it runs in a terminal where these are
    typed at once."""

    title: str
    arguments: tuple[str, ...]
    until: str = ""
    keys: str | None = None


def commands(folder: Path) -> list[Command]:
    out = ("--out", str(folder / "run"))
    return [
        Command("python -c pass", (sys.executable, "-c", "pass")),
        Command("gdl --help", (*_GDL, "--help")),
        Command("gdl check mnist.gdl", (*_GDL, "check", str(ROOT / "examples" / "mnist.gdl"))),
        Command("gdl check convnet.gdl", (*_GDL, "check", str(ROOT / "examples" / "convnet.gdl"))),
        Command("gdl run, convnet.gdl's net: first step", (*_GDL, "run", str(PROGRAMS / "start.gdl"), "--json", *out),
                '"report"'),
        Command("gdl repl: the prompt", (*_GDL, "repl"), ">>>", ""),
        Command("gdl repl: 17 + 25 answered", (*_GDL, "repl"), "42", "17 + 25\r"),
    ]  # fmt: skip


def measure(threads: int, rounds: int) -> dict[str, list[float]]:
    """Seconds by the command's title, one for each round; the first round, which warms the disk's cache, apart."""
    found: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            for command in commands(Path(folder)):
                seconds = (_timed if command.keys is None else _timed_in_terminal)(command, threads)
                if turn:
                    found.setdefault(command.title, []).append(seconds)
    return found


def _timed(command: Command, threads: int) -> float:
    began = perf_counter()
    process = subprocess.Popen(
        command.arguments, env=conditions(threads), text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: pin(threads),
    )  # fmt: skip
    assert process.stdout is not None
    seen = None
    for line in process.stdout:
        if seen is None and command.until and command.until in line:
            seen = perf_counter() - began
    code, ended = process.wait(), perf_counter() - began
    if code or (command.until and seen is None):
        raise RuntimeError(f"{' '.join(command.arguments)} ended with {code}")
    return ended if seen is None else seen


def _timed_in_terminal(command: Command, threads: int) -> float:
    screen, inside = pty.openpty()
    environment = {**conditions(threads), "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
    environment["GDL_HISTORY"] = os.devnull
    began = perf_counter()
    process = subprocess.Popen(
        command.arguments, env=environment, stdin=inside, stdout=inside, stderr=inside, preexec_fn=lambda: pin(threads)
    )
    os.close(inside)
    shown = b""
    try:
        os.write(screen, (command.keys or "").encode())
        while command.until.encode() not in shown:
            shown += os.read(screen, 65536)
        return perf_counter() - began
    except OSError:
        raise RuntimeError(f"{' '.join(command.arguments)} ended after {shown!r}") from None
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def table(found: dict[str, list[float]], heading: Callable[[Sequence[str]], str]) -> str:
    lines = [heading(["command", "median s", "fastest s"])]
    lines += [f"| `{title}` | {statistics.median(s):.3f} | {min(s):.3f} |" for title, s in found.items()]
    return "\n".join(lines)
