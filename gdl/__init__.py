"""GDL, a small language for neural networks.

    import gdl

    session = gdl.load("mnist.gdl", lr=0.1)
    session.train()
    session.evaluate("test")          # {"loss": 0.27, "accuracy": 0.92}
    session.run("logits", x=images)   # a plain array

    x = gdl.builder.placeholder("x", (None, 784))     # graphs node by node: see gdl.builder

Everything here is loaded when it is first used, so that `import gdl` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from gdl import builder
    from gdl.builder import Graph, Node, Optimizer, Runtime
    from gdl.diagnostics import Diagnostic
    from gdl.errors import CheckpointError, DataError, GdlError, ProgramError, RunError, UsageError
    from gdl.ops.table import op
    from gdl.session.api import check, load, loads, parse
    from gdl.session.session import Outcome, Session
    from gdl.train.inline_tests import TestResult

__all__ = [
    "CheckpointError",
    "DataError",
    "Diagnostic",
    "GdlError",
    "Graph",
    "Node",
    "Optimizer",
    "Outcome",
    "ProgramError",
    "RunError",
    "Runtime",
    "Session",
    "TestResult",
    "UsageError",
    "__version__",
    "builder",
    "check",
    "load",
    "loads",
    "op",
    "parse",
]

_HOME = {
    "Diagnostic": "gdl.diagnostics",
    "Outcome": "gdl.session.session",
    "Session": "gdl.session.session",
    "TestResult": "gdl.train.inline_tests",
    "op": "gdl.ops.table",
    **dict.fromkeys(("Graph", "Node", "Optimizer", "Runtime"), "gdl.builder"),
    **dict.fromkeys(("check", "load", "loads", "parse"), "gdl.session.api"),
    **dict.fromkeys(
        ("CheckpointError", "DataError", "GdlError", "ProgramError", "RunError", "UsageError"), "gdl.errors"
    ),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'gdl' has no attribute {name!r}")
    from importlib import import_module

    if name == "builder":
        return import_module("gdl.builder")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
