"""`python -m benchmarks`: measures GDL against its peers and writes what it found."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import editor, scaling, startup
from benchmarks.machine import describe, installed_bytes, package_bytes
from benchmarks.page import Found, page
from benchmarks.processes import PEERS, ROOT, Peer
from benchmarks.steps import Conditions, Disagreement, measure
from benchmarks.workloads import WORKLOADS

_PARTS = ("steps", "startup", "scaling", "sizes")


def main() -> int:
    given = _arguments()
    how = [Conditions(threads, given.rounds, given.starts, given.clock) for threads in given.threads]
    peers = _present(given.peers)
    fewest, rounds = min(given.threads), max(1, given.starts)
    found = Found(describe(peers, max(given.threads)))
    try:
        for key in given.only if "steps" in given.parts else ():
            for conditions in how:
                _say(f"{key}: {WORKLOADS[key].title}, {conditions.threads_said}")
                found.steps[key, conditions.threads] = measure(WORKLOADS[key], peers, conditions, _say)
    except Disagreement as fault:
        _say(str(fault))
        return 1
    if "startup" in given.parts:
        found.starts = startup.measure(fewest, rounds) | editor.measure(rounds)
        found.first_steps = {n: startup.measure_first_steps(peers, n, rounds) for n in given.threads}
    found.scales = scaling.measure(fewest, given.quick) if "scaling" in given.parts else {}
    found.sizes = _sizes(peers) if "sizes" in given.parts else {}
    text = page(how, found, _command(given), given.note)
    if given.json:
        record = asdict(found)
        record["steps"] = {f"{key}, {threads}": value for (key, threads), value in record["steps"].items()}
        given.json.write_text(json.dumps(record, indent=1))
    if given.write:
        given.write.write_text(text)
    else:
        print(text)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [peer.name for peer in PEERS]
    parser.add_argument("--only", type=_listed(list(WORKLOADS)), default=list(WORKLOADS), metavar="W1,W3")
    parser.add_argument("--peers", type=_listed(names), default=names, metavar=",".join(names))
    parser.add_argument("--parts", type=_listed(list(_PARTS)), default=list(_PARTS), metavar=",".join(_PARTS))
    parser.add_argument("--threads", type=_counts, default=[1], metavar="1,2",
                        help="processors and threads of each peer; each number is measured [1]")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=None, help="turns that each peer takes [15]")
    parser.add_argument("--starts", type=int, default=None, help="fresh processes for the time to the first step [3]")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall",
                        help="cpu: processor time, for machines with other work")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="few turns: to see that all works")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there instead of printing it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    parser.add_argument("--note", action="append", default=[], help="a remark for the page's head")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.quick else 15)
    given.starts = (1 if given.quick else 3) if given.starts is None else given.starts
    return given


def _command(given: argparse.Namespace) -> str:
    """How to measure the same again, wherever the results go."""
    said = ["--threads", ",".join(map(str, given.threads))]
    said += ["--rounds", str(given.rounds), "--starts", str(given.starts)]
    said += ["--clock", given.clock] if given.clock != "wall" else []
    said += ["--only", ",".join(given.only)] if given.only != list(WORKLOADS) else []
    said += ["--parts", ",".join(given.parts)] if given.parts != list(_PARTS) else []
    said += ["--quick"] if given.quick else []
    return " ".join(["python -m benchmarks", *said, "--write docs/benchmarks.md"])


def _counts(text: str) -> list[int]:
    counts = sorted({int(part) for part in text.split(",")})
    if counts[0] < 1:
        raise argparse.ArgumentTypeError(f"{counts[0]} is no number of threads")
    return counts


def _listed(known: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return chosen

    return parse


def _present(names: list[str]) -> list[Peer]:
    """The peers asked for that are installed, GDL first; the others are named."""
    wanted = [peer for peer in PEERS if peer.name in names or peer.name == "gdl"]
    for peer in wanted:
        if not peer.is_installed:
            _say(f"{peer.title} is not installed and left out: pip install {peer.module}")
    return [peer for peer in wanted if peer.is_installed]


def _sizes(peers: list[Peer]) -> dict[str, dict[str, int]]:
    sizes = {"gdl": package_bytes(ROOT)}
    for module in dict.fromkeys(peer.module for peer in peers if peer.module != "gdl"):
        sizes[module] = installed_bytes(module)
    return sizes


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
