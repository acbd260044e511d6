"""What the measurements were made on: processor, libraries and their BLAS."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.processes import Peer, PeerFailed, Worker, prepare


def describe(peers: Sequence[Peer], threads: int) -> dict[str, Any]:
    """Facts on the machine and on each library, asked of a process that has just run it."""
    return {
        "date": date.today().isoformat(), "processor": _processor(), "processors": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()], "system": _system(),
        "libraries": _libraries(peers, threads),
    }  # fmt: skip


def _system() -> str:
    release = ".".join(platform.release().split("-")[0].split(".")[:2])
    return " ".join([platform.system(), release, *platform.libc_ver()]).strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    facts: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    wide = [flag for flag in ("avx2", "avx512f", "amx_tile") if flag in facts.get("flags", "").split()]
    family = f"family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}"
    return f"{facts.get('model name', platform.processor())} ({family}; {', '.join(wide)})"


def _libraries(peers: Sequence[Peer], threads: int) -> dict[str, Any]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "start.npz"
        prepare("W1", file)
        for peer in peers:
            try:
                with Worker(peer, "W1", file, threads) as worker:
                    found[peer.name] = worker.ask("about")
            except PeerFailed as failure:
                found[peer.name] = {"failed": str(failure)}
    return found


def package_bytes(root: Path) -> dict[str, int]:
    """The size of GDL as its wheel has it, from a checkout, and of all that it requires."""
    own = [p for folder in ("gdl", "stdlib", "grammar") for p in (root / folder).rglob("*") if p.is_file()]
    size = sum(path.stat().st_size for path in own if "__pycache__" not in path.parts)
    listed = (root / "pyproject.toml").read_text().split("\ndependencies = [", 1)[1].split("]", 1)[0]
    return {"gdl": size} | installed_bytes(*[_name(text.strip(' ",')) for text in listed.splitlines() if text.strip()])


def installed_bytes(*packages: str) -> dict[str, int]:
    """The size on disk of packages and of all that they require, by package."""
    sizes: dict[str, int] = {}
    waiting = list(packages)
    while waiting:
        name = waiting.pop()
        if name in sizes:
            continue
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        files = [distribution.locate_file(file) for file in distribution.files or ()]
        sizes[name] = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
        waiting += [_name(r) for r in distribution.requires or () if "extra ==" not in r]
    return sizes


def _name(requirement: str) -> str:
    """The package that a requirement names, in the form in which names are compared."""
    end = next((i for i, char in enumerate(requirement) if not (char.isalnum() or char in "-_.")), len(requirement))
    return requirement[:end].lower().replace("_", "-").replace(".", "-")
