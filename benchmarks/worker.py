"""One peer with one workload, in a process of its own: reads commands from standard input, answers in JSON.

`python -m benchmarks.worker PEER WORKLOAD FILE`, with weights and data in FILE. PEER `prepare` writes FILE. Commands:
`losses N`, `time N TIMES` (TIMES measurements of N steps), `memory`, `about`.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from time import monotonic, perf_counter, process_time
from typing import Any

import numpy as np

from benchmarks.workloads import WORKLOADS, Arrays, Workload

SPAWNED = "BENCHMARK_SPAWNED"  # when the process was started, by the clock that all processes share
THREADS = "BENCHMARK_THREADS"  # how many it may use
CLOCK = "BENCHMARK_CLOCK"  # what steps are timed by: wall, or cpu where the machine has other work

_LIBRARIES = ("gdl", "torch", "jax", "jaxlib", "autograd", "mygrad", "numba", "numpy")


def main() -> None:
    peer, key, file = sys.argv[1:]
    workload = WORKLOADS[key]
    if peer == "prepare":
        _prepare(workload, file)
        return
    weights, data = _read(file)
    step, facts = _loaded(peer, workload, weights, data)
    _answer(facts)
    for line in sys.stdin:
        command, *numbers = line.split()
        _answer(_COMMANDS[command](step, *map(int, numbers)))


def _prepare(workload: Workload, file: str) -> None:
    from benchmarks.peers.gdl_peer import initial_weights

    data = workload.data()
    tensors = {f"weights {path}": array for path, array in initial_weights(workload, data).items()}
    np.savez(file, **tensors, **{f"data {name}": array for name, array in data.items()})


def _read(file: str) -> tuple[Arrays, Arrays]:
    with np.load(file) as stored:
        arrays = {name: np.asarray(stored[name]) for name in stored.files}
    weights = {name.removeprefix("weights "): a for name, a in arrays.items() if name.startswith("weights ")}
    return weights, {name.removeprefix("data "): a for name, a in arrays.items() if name.startswith("data ")}


def _loaded(peer: str, workload: Workload, weights: Arrays, data: Arrays) -> tuple[Callable[[], float], dict[str, Any]]:
    """The step, run once, and how long that took since the process was started."""
    began = perf_counter()
    module = importlib.import_module(f"benchmarks.peers.{peer}_peer")
    imported = perf_counter()
    baseline = _kilobytes("VmRSS")
    _forget_peak()
    step = module.load(workload, weights, data)
    loaded = perf_counter()
    loss = step()
    first = perf_counter()
    return step, {
        "import_s": imported - began, "load_s": loaded - imported, "first_s": first - loaded,
        "since_start_s": monotonic() - float(os.environ[SPAWNED]), "baseline_kb": baseline, "loss": loss,
    }  # fmt: skip


def _losses(step: Callable[[], float], count: int) -> list[float]:
    return [step() for _ in range(count)]


def _time(step: Callable[[], float], count: int, times: int) -> list[float]:
    clock = process_time if os.environ.get(CLOCK) == "cpu" else perf_counter
    seconds = []
    for _ in range(times):
        began = clock()
        for _ in range(count):
            step()
        seconds.append((clock() - began) / count)
    return seconds


def _memory(step: Callable[[], float]) -> dict[str, int]:
    """The largest resident memory so far, and that during one more step, when nothing is left to be made."""
    peak = _kilobytes("VmHWM")
    _forget_peak()
    step()
    return {"peak_kb": peak, "step_kb": _kilobytes("VmHWM")}


def _about(step: Callable[[], float]) -> dict[str, Any]:
    versions = {name: _version(name) for name in _LIBRARIES if name in sys.modules}
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return {"python": platform.python_version(), "versions": versions, "pools": None}
    kept = ("internal_api", "version", "architecture", "num_threads")
    pools = [{name: pool.get(name) for name in kept} for pool in threadpool_info()]
    return {"python": platform.python_version(), "versions": versions, "pools": pools}


def _version(name: str) -> str:
    return getattr(sys.modules[name], "__version__", None) or metadata.version(name)


def _kilobytes(field: str) -> int:
    """A line of /proc/self/status; 0 where there is none."""
    try:
        with open("/proc/self/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith(f"{field}:")), 0)
    except OSError:
        return 0


def _forget_peak() -> None:
    """Sets the peak of resident memory back to the present, where the system can."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return


def _answer(value: Any) -> None:
    print(json.dumps(value), flush=True)


_COMMANDS: dict[str, Callable[..., Any]] = {"losses": _losses, "time": _time, "memory": _memory, "about": _about}

if __name__ == "__main__":
    main()
