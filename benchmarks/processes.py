"""Peers in processes of their own, all under the same conditions."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.worker import CLOCK, SPAWNED, THREADS

ROOT = Path(__file__).parent.parent
#: glibc's allocator told never to give memory back, so that large arrays are not faulted in again at each step.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**34), "MALLOC_TOP_PAD_": str(2**26)}
_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
#: Settings that would hold OpenBLAS to kernels for other processors.
_PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
_ANSWER_WITHIN_S = 600


@dataclass(frozen=True, slots=True)
class Peer:
    """A library as it is run here. `module` is what must be installed, `runs` the module in peers/."""

    name: str
    title: str
    module: str
    runs: str
    environment: Mapping[str, str] = field(default_factory=dict)
    workloads: frozenset[str] | None = None  # None: all

    def takes(self, key: str) -> bool:
        return self.workloads is None or key in self.workloads

    @property
    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.module) is not None


_WITHOUT_CONVOLUTION = frozenset({"W1", "W2", "W7", "W7v"})
PEERS = (
    Peer("gdl", "GDL", "gdl", "gdl"),
    Peer("gdl-numba", "GDL, numba", "numba", "gdl_numba"),
    Peer("torch", "PyTorch eager", "torch", "torch"),
    Peer("torch-malloc", "PyTorch, tuned malloc", "torch", "torch", KEEP_MEMORY),
    Peer("jax", "JAX jit", "jax", "jax"),
    Peer("autograd", "autograd", "autograd", "autograd", workloads=_WITHOUT_CONVOLUTION),
    Peer("mygrad", "MyGrad", "mygrad", "mygrad", workloads=_WITHOUT_CONVOLUTION),
)


class PeerFailed(Exception):
    """A peer's process ended without an answer; the text is what it last wrote."""


class Worker:
    """A running peer. To be closed, or used in a `with`."""

    def __init__(self, peer: Peer, key: str, file: Path, threads: int, clock: str = "wall"):
        self.peer = peer
        environment = conditions(threads) | peer.environment | {SPAWNED: repr(monotonic()), CLOCK: clock}
        command = [sys.executable, "-m", "benchmarks.worker", peer.runs, key, str(file)]
        self._process = subprocess.Popen(
            command, env=environment, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=lambda: pin(threads),
        )  # fmt: skip
        self.facts: dict[str, Any] = self._answer()

    def ask(self, command: str, *numbers: int) -> Any:
        assert self._process.stdin is not None
        print(command, *numbers, file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        self._process.communicate(timeout=_ANSWER_WITHIN_S)  # ends its input, so that it ends

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, wrong = self._process.communicate(timeout=_ANSWER_WITHIN_S)
            raise PeerFailed(f"{self.peer.title}: {wrong.strip()[-2000:]}")
        return json.loads(line)


def prepare(key: str, file: Path) -> None:
    """Writes GDL's initial weights and the data of a workload."""
    command = [sys.executable, "-m", "benchmarks.worker", "prepare", key, str(file)]
    subprocess.run(command, env=conditions(1), cwd=ROOT, check=True)


def conditions(threads: int) -> dict[str, str]:
    """The environment of every process that is measured."""
    kept = {name: value for name, value in os.environ.items() if name not in _PINS and not name.startswith("MALLOC_")}
    xla = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return kept | {name: str(threads) for name in (*_THREAD_COUNTS, THREADS)} | {"XLA_FLAGS": xla, "PYTHONPATH": path}


def pin(threads: int) -> None:
    """Holds this process to as many processors as it may have threads: not every pool of threads has a setting."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
