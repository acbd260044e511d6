"""GDL: the program from its file, through an ordinary session."""

from __future__ import annotations

import os
from collections.abc import Callable

import gdl
import gdl.session.session  # what `gdl.load` would import
from benchmarks.worker import THREADS
from benchmarks.workloads import Arrays, Workload


def session_of(workload: Workload, data: Arrays, backend: str = "numpy") -> gdl.Session:
    threads, arrays = int(os.environ.get(THREADS, 1)), {"batches": data} if workload.batch else None
    return gdl.load(workload.program, threads=threads, arrays=arrays, backend=backend)


def initial_weights(workload: Workload, data: Arrays) -> Arrays:
    """The model's weights as GDL initialises them, which all peers start from."""
    variables = session_of(workload, data).variables
    return {path: array for path, array in variables.items() if not path.startswith("optimizer/")}


def load(workload: Workload, weights: Arrays, data: Arrays, backend: str = "numpy") -> Callable[[], float]:
    session = session_of(workload, data, backend)
    for path, array in weights.items():
        session.variables[path] = array
    if workload.batch:
        return session.step
    names = ("loss", "da", "db", "dc")
    a, b, c = data["a"], data["b"], data["c"]
    return lambda: session.run(names, a=a, b=b, c=c)[0]
