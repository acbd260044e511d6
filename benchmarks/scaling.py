"""How cost grows: with the number of nodes, with batch and width, with depth. Each measured in a process of its own.

`python -m benchmarks.scaling KIND NUMBER` is such a process; it answers in JSON.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.processes import ROOT, conditions, pin
from benchmarks.workloads import PROGRAMS

KINDS: dict[str, tuple[int, ...]] = {
    "nodes": (10, 100, 1_000, 10_000, 100_000),
    "batch": (1, 4, 16, 64, 256, 1024),
    "width": (16, 64, 256, 1024),
    "depth": (1, 4, 16, 64),
}
_TIMES = 15


def measure(threads: int, quick: bool) -> dict[str, list[dict[str, Any]]]:
    """By kind, what each of its numbers gave."""
    chosen = {kind: numbers[:3] if quick else numbers for kind, numbers in KINDS.items()}
    return {kind: [_asked(kind, number, threads) for number in numbers] for kind, numbers in chosen.items()}


def _asked(kind: str, number: int, threads: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scaling", kind, str(number)]
    done = subprocess.run(
        command, env=conditions(threads), cwd=ROOT, text=True, capture_output=True, check=True,
        preexec_fn=lambda: pin(threads),
    )  # fmt: skip
    return json.loads(done.stdout)


# ---- in the process --------------------------------------------------------------------------------------------------


def _nodes(number: int) -> dict[str, Any]:
    """A chain of about so many nodes, its gradient among them: checking, planning, and a node's part of a run."""
    import gdl

    began = perf_counter()
    session = gdl.load(PROGRAMS / "chain.gdl", count=max(1, number // 5))
    checked = perf_counter()
    x = np.linspace(0.1, 0.9, 8, dtype=np.float32)
    session.run(("y", "dx"), x=x)
    planned = perf_counter()
    seconds = _median(lambda: session.run(("y", "dx"), x=x))
    nodes = _statements(session)
    return {"number": number, "nodes": nodes, "check_s": checked - began, "plan_s": planned - checked,
            "step_s": seconds, "per_node_ns": 1e9 * seconds / nodes}  # fmt: skip


def _statements(session: Any) -> int:
    """The nodes of the one plan that the session has made."""
    [runner] = session._runners.values()
    [ready] = runner._ready.values()
    return len(ready.step.plan.order)


def _mlp(**hypers: int) -> dict[str, Any]:
    import gdl

    size = hypers.get("size", 50)
    rng = np.random.default_rng(0)
    data = {"x": rng.random((size, 784), np.float32), "y": rng.integers(0, 10, size)}
    session = gdl.load(PROGRAMS / "w2_mlp.gdl", arrays={"batches": data}, **hypers)
    began = perf_counter()
    session.step()
    planned = perf_counter() - began
    [runner] = session._stepper._runners.values()
    [ready] = runner._ready.values()
    return {"number": next(iter(hypers.values())), "plan_s": planned, "step_s": _median(session.step),
            "plan_bytes": ready.step.plan.peak_bytes}  # fmt: skip


def _median(step: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(_TIMES):
        began = perf_counter()
        step()
        seconds.append(perf_counter() - began)
    return statistics.median(seconds)


_MEASURES: dict[str, Callable[[int], dict[str, Any]]] = {
    "nodes": _nodes,
    "batch": lambda n: _mlp(size=n),
    "width": lambda n: _mlp(width=n),
    "depth": lambda n: _mlp(depth=n),
}


# ---- tables ----------------------------------------------------------------------------------------------------------


def tables(found: dict[str, list[dict[str, Any]]], heading: Callable[[Sequence[str]], str]) -> str:
    nodes = [heading(["nodes of the plan", "check s", "plan and first run s", "run ms", "per node ns"])]
    for row in found.get("nodes", []):
        nodes.append(f"| {row['nodes']:,} | {row['check_s']:.3f} | {row['plan_s']:.3f} | {1e3 * row['step_s']:.3f} "
                     f"| {row['per_node_ns']:.0f} |")  # fmt: skip
    parts = ["\n".join(nodes)]
    for kind in ("batch", "width", "depth"):
        lines = [heading([f"W2's {kind}", "step ms", "plan and first step s", "memory of the plan MB"])]
        for row in found.get(kind, []):
            lines.append(f"| {row['number']:,} | {1e3 * row['step_s']:.3f} | {row['plan_s']:.3f} "
                         f"| {row['plan_bytes'] / 1e6:.2f} |")  # fmt: skip
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(json.dumps(_MEASURES[sys.argv[1]](int(sys.argv[2]))))
