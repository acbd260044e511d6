"""How long commands take, from their start: in fresh processes, in turns."""

from __future__ import annotations

import importlib.util
import os
import pty
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter

from benchmarks.large import program
from benchmarks.processes import PEERS, ROOT, Peer, conditions, pin, prepare
from benchmarks.worker import SPAWNED

_GDL = (sys.executable, "-m", "gdl")


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and the text that it is timed to: its end, if empty. With `keys` it runs in a terminal where these are
    typed at once."""

    title: str
    arguments: tuple[str, ...]
    until: str = ""
    keys: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def commands(folder: Path) -> list[Command]:
    long = folder / "long.gdl"
    long.write_text(program(1000), encoding="utf-8")
    torch = [Command("python -c 'import torch'", (sys.executable, "-c", "import torch"))]
    return [
        Command("python -c pass", (sys.executable, "-c", "pass")),
        Command("gdl --help", (*_GDL, "--help")),
        Command("gdl check mnist.gdl", (*_GDL, "check", str(ROOT / "examples" / "mnist.gdl"))),
        Command("gdl check convnet.gdl", (*_GDL, "check", str(ROOT / "examples" / "convnet.gdl"))),
        Command("gdl check, 1,000 lines", (*_GDL, "check", str(long))),
        *(torch if importlib.util.find_spec("torch") is not None else ()),
        Command("gdl repl: the prompt", (*_GDL, "repl"), ">>>", ""),
        Command("gdl repl: 17 + 25 answered", (*_GDL, "repl"), "42", "17 + 25\r"),
    ]  # fmt: skip


def first_steps(folder: Path, peers: Sequence[Peer], threads: int) -> list[Command]:
    """`gdl run convnet.gdl` up to the report of its first step, on the digits that GDL brings along; and the same net
    in each peer up to its first loss, W3, from weights and batches in a file."""
    file, program = folder / "start.npz", str(ROOT / "examples" / "convnet.gdl")
    if not file.exists():
        prepare("W3", file)
    run = (*_GDL, "run", program, "--steps", "1", "--threads", str(threads), "--json")
    run += ("--out", str(Path(tempfile.mkdtemp(dir=folder)) / "run"))
    found = [Command("gdl run convnet.gdl", run, '"report"', environment={"GDL_OFFLINE": "1"})]
    for peer in peers:
        if peer.name != PEERS[0].name and peer.takes("W3"):
            worker = (sys.executable, "-m", "benchmarks.worker", peer.runs, "W3", str(file))
            found.append(Command(peer.title, worker, '"first_s"', environment=peer.environment))
    return found


def measure(threads: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of the commands by title, one for each round."""
    with tempfile.TemporaryDirectory() as folder:
        return _in_turns(lambda: commands(Path(folder)), threads, rounds)


def measure_first_steps(peers: Sequence[Peer], threads: int, rounds: int) -> dict[str, list[float]]:
    """Seconds to the first finished step by what makes it, one for each round."""
    with tempfile.TemporaryDirectory() as folder:
        return _in_turns(lambda: first_steps(Path(folder), peers, threads), threads, rounds)


def _in_turns(made: Callable[[], list[Command]], threads: int, rounds: int) -> dict[str, list[float]]:
    """The first round, which warms the disk's cache, does not count."""
    found: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        for command in made():
            seconds = (_timed if command.keys is None else _timed_in_terminal)(command, threads)
            if turn:
                found.setdefault(command.title, []).append(seconds)
    return found


def _timed(command: Command, threads: int) -> float:
    environment = {**conditions(threads), **command.environment, SPAWNED: repr(monotonic())}
    began = perf_counter()
    process = subprocess.Popen(
        command.arguments, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, preexec_fn=lambda: pin(threads), cwd=ROOT,
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


def first_table(found: Mapping[int, Mapping[str, list[float]]], heading: Callable[[Sequence[str]], str]) -> str:
    """A row for each number of threads and each peer, and GDL's time as a part of the peer's."""
    lines = [heading(["first finished step", "threads", "median s", "fastest s", "`gdl run` takes of it"])]
    for threads, by_title in found.items():
        (_, mine), *_ = by_title.items()
        for title, seconds in by_title.items():
            ratio = statistics.median(a / b for a, b in zip(mine, seconds))
            shown = "" if seconds is mine else f"{ratio:.2f}"
            lines.append(f"| {title} | {threads} | {statistics.median(seconds):.3f} | {min(seconds):.3f} | {shown} |")
    return "\n".join(lines)
