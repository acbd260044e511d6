"""`python -m benchmarks`: measures GDL against its peers and writes what it found."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import scaling, startup
from benchmarks.machine import describe, installed_bytes, package_bytes
from benchmarks.page import page
from benchmarks.processes import PEERS, ROOT, Peer
from benchmarks.steps import Conditions, Disagreement, Measured, measure
from benchmarks.workloads import WORKLOADS

_PARTS = ("steps", "startup", "scaling", "sizes")


def main() -> int:
    given = _arguments()
    how = Conditions(given.threads, given.rounds, given.starts, given.clock)
    peers = _present(given.peers)
    machine = describe(peers, how.threads)
    steps: dict[str, list[Measured]] = {}
    for key in given.only if "steps" in given.parts else ():
        _say(f"{key}: {WORKLOADS[key].title}")
        try:
            steps[key] = measure(WORKLOADS[key], peers, how, _say)
        except Disagreement as fault:
            _say(str(fault))
            return 1
    starts = startup.measure(how.threads, max(1, how.starts)) if "startup" in given.parts else {}
    scales = scaling.measure(how.threads, given.quick) if "scaling" in given.parts else {}
    sizes = _sizes(peers) if "sizes" in given.parts else {}
    text = page(how, machine, steps, starts, scales, sizes, _command(given), given.note)
    if given.json:
        found = {key: [asdict(m) for m in measured] for key, measured in steps.items()}
        record = {"machine": machine, "steps": found, "startup": starts, "scaling": scales, "sizes": sizes}
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
    parser.add_argument("--threads", type=int, default=1, help="processors and threads of each peer [1]")
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
    said = ["--threads", str(given.threads), "--rounds", str(given.rounds), "--starts", str(given.starts)]
    said += ["--clock", given.clock] if given.clock != "wall" else []
    said += ["--only", ",".join(given.only)] if given.only != list(WORKLOADS) else []
    said += ["--parts", ",".join(given.parts)] if given.parts != list(_PARTS) else []
    said += ["--quick"] if given.quick else []
    return " ".join(["python -m benchmarks", *said, "--write docs/benchmarks.md"])


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
