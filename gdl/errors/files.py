"""E0902, E0905: program files that can't be read or written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gdl.diagnostics import Diagnostic
from gdl.errors.names import closest


def unreadable(path: Path, reason: str, nearby: Iterable[str]) -> Diagnostic:
    similar = closest(str(path), nearby)
    help = f"did you mean {similar}?" if similar else "name a .gdl file"
    return Diagnostic("E0902", f"I cannot read {path}: {reason}", (), (help,))


def unwritable(path: Path, reason: str) -> Diagnostic:
    help = "the file is as it was; make it and its folder writable"
    return Diagnostic("E0905", f"I cannot write {path}: {reason}", (), (help,))
