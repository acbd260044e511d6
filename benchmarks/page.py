"""Results as a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks import scaling, startup
from benchmarks.processes import PEERS
from benchmarks.steps import Conditions, Measured
from benchmarks.workloads import TOLERANCES, WORKLOADS

Results = Mapping[tuple[str, int], Sequence[Measured]]  # by workload and number of threads
_TITLES = {peer.name: peer.title for peer in PEERS}


@dataclass(slots=True)
class Found:
    """All that was measured."""

    machine: dict[str, Any]
    steps: dict[tuple[str, int], list[Measured]] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    first_steps: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    scales: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)


def page(how: Sequence[Conditions], found: Found, command: str, notes: Sequence[str]) -> str:
    steps = found.steps
    parts = ["# Benchmarks", _introduction(how, command, notes), "## The machine", _machine(found.machine)]
    if steps:
        parts += ["## Steps", _workloads(steps), _times(steps), "### GDL's time as a part of the peer's",
                  "Below 1 GDL is faster. The median over the turns of each turn's ratio.", _ratios(steps),
                  "## Memory", _MEMORY, _memory(steps)]  # fmt: skip
        if how[0].starts:
            parts += ["## From the start to the first finished step", _FIRST, _first(steps)]
    if found.first_steps:
        parts += ["## From the command to the first step of convnet.gdl", _CONVNET,
                  startup.first_table(found.first_steps, heading)]  # fmt: skip
    if found.starts:
        parts += ["## Commands", startup.table(found.starts, heading)]
    if found.scales:
        parts += ["## Scaling", _SCALING, scaling.tables(found.scales, heading)]
    if found.sizes:
        parts += ["## Size on disk", _sizes(found.sizes)]
    return "\n\n".join(parts) + "\n"


_MEMORY = (
    "Largest resident memory in MB of a process that has made four steps; in parentheses how much of it was added "
    "after the imports (compilation, weights, buffers), and the largest during one more step, when all is made."
)
_FIRST = (
    "Fresh processes, warm disk, medians in seconds: in all, imports included; in parentheses what checking, planning "
    "and compiling took, that is the time from the imports to the end of the first step, less a later step."
)
_CONVNET = (
    "From the start of a fresh process, imports included: `gdl run examples/convnet.gdl`, with checking, the run's "
    "directory and the report, and the same net as W3 in the peers, on weights and batches from a file."
)
_SCALING = (
    "GDL alone. `chain.gdl` is a chain of sines and products on a vector of 8 with its gradient; counted are the nodes "
    "that the passes leave. The other tables vary one number of W2."
)


def heading(columns: Sequence[str]) -> str:
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def _introduction(how: Sequence[Conditions], command: str, notes: Sequence[str]) -> str:
    first, third = TOLERANCES
    clock = "processor time" if how[0].clock == "cpu" else "wall time"
    counts = " or ".join(str(each.threads) for each in how)
    lines = [
        "Whole training steps, forward, backward and update, in float32, from the programs in `benchmarks/programs/` "
        "through an ordinary session: batches are taken from arrays in memory, the loss comes back as a number after "
        f"each step. Each peer runs in a process of its own, with {counts} thread{'' if counts == '1' else 's'} on as "
        f"many processors (GDL: `--threads`); they take turns, {how[0].rounds} each. All start from the same weights "
        f"and get the same batches. Nothing is timed unless all losses agree with GDL's: the first within {first:g}, "
        f"that after three steps within {third:g}, relatively. Times are {clock}.",
        "What is random is fed, and W5 and W6 have no dropout, so that all peers compute the same numbers. Optimizers "
        "are the libraries' own where they have them (PyTorch's as they are by default), else written out. PyTorch has "
        "its own image layout, and images turned where its padding differs, at no cost to it.",
        "\n".join(f"**{note}**" for note in notes),
        f"To repeat: `{command}`, in an environment with GDL's requirements and "
        "`pip install torch jax autograd mygrad threadpoolctl`. Peers that are not installed are named and left out. "
        "`python -m benchmarks.kill` is the long kill test, `python -m benchmarks.prompt` times the prompt before and "
        "after a thousand inputs.",
    ]
    return "\n\n".join(line for line in lines if line)


def _machine(machine: Mapping[str, Any]) -> str:
    lines = [
        f"- {machine['date']}, {machine['processor']}, {machine['processors']} processors, {machine['system']}; load "
        f"averages as it began {', '.join(map(str, machine['load']))}",
        "- `OPENBLAS_CORETYPE`, `OPENBLAS_L2_SIZE` and `MALLOC_*` are cleared for every peer",
    ]
    for name, facts in machine["libraries"].items():
        if "failed" in facts:
            lines.append(f"- {_TITLES[name]}: {facts['failed']}")
            continue
        versions = ", ".join(f"{library} {version}" for library, version in facts["versions"].items())
        pools = "; ".join(
            f"{p['internal_api']} {p['version'] or ''} {p['architecture'] or ''} ({p['num_threads']} threads)"
            for p in facts["pools"] or ()
        )
        lines.append(f"- {_TITLES[name]}: {versions}, Python {facts['python']}" + (f"; {pools}" if pools else ""))
    return "\n".join(lines)


def _workloads(steps: Results) -> str:
    keys = dict.fromkeys(key for key, _ in steps)
    return "\n".join(f"- **{key}** {WORKLOADS[key].title} (`{WORKLOADS[key].file}`)" for key in keys)


def _names(steps: Results) -> list[str]:
    present = {measured.peer for found in steps.values() for measured in found}
    return [peer.name for peer in PEERS if peer.name in present]


def _rows(steps: Results, names: Sequence[str], cell: Any) -> list[str]:
    rows = []
    for (key, threads), found in steps.items():
        by_name = {measured.peer: measured for measured in found}
        cells = [cell(key, by_name, by_name[name]) if name in by_name else "" for name in names]
        rows.append(f"| {key} | {threads} | {' | '.join(cells)} |")
    return rows


def _times(steps: Results) -> str:
    def cell(key: str, by_name: Mapping[str, Measured], measured: Measured) -> str:
        unit = 1e3 if WORKLOADS[key].batch else 1e6
        low, middle, high = [value * unit for value in measured.quartiles()]
        return f"**{middle:.3g}** ({low:.3g} to {high:.3g})"

    names = _names(steps)
    lines = [heading(["median (quartiles)", "threads", *[_TITLES[name] for name in names]]), *_rows(steps, names, cell)]
    return "Milliseconds per step; microseconds for W7 and W7v.\n\n" + "\n".join(lines)


def _ratios(steps: Results) -> str:
    def cell(key: str, by_name: Mapping[str, Measured], measured: Measured) -> str:
        return f"{by_name['gdl'].ratio_to(measured):.2f}"

    names = [name for name in _names(steps) if name != "gdl"]
    return "\n".join([heading(["GDL to", "threads", *[_TITLES[name] for name in names]]), *_rows(steps, names, cell)])


def _memory(steps: Results) -> str:
    def cell(key: str, by_name: Mapping[str, Measured], measured: Measured) -> str:
        added = measured.peak_kb - measured.baseline_kb
        return f"{measured.peak_kb / 1024:.0f} (+{added / 1024:.0f}; {measured.step_kb / 1024:.0f})"

    names = _names(steps)
    return "\n".join([heading(["MB", "threads", *[_TITLES[name] for name in names]]), *_rows(steps, names, cell)])


def _first(steps: Results) -> str:
    def cell(key: str, by_name: Mapping[str, Measured], measured: Measured) -> str:
        if not measured.first_steps_s:
            return ""
        return f"{median(measured.first_steps_s):.2f} ({measured.compile_s():.2f})"

    names = _names(steps)
    return "\n".join([heading(["seconds", "threads", *[_TITLES[name] for name in names]]), *_rows(steps, names, cell)])


def _sizes(sizes: Mapping[str, Mapping[str, int]]) -> str:
    lines = [heading(["package", "MB with all that it requires", "largest parts"])]
    for name, parts in sizes.items():
        largest = sorted(parts.items(), key=lambda part: -part[1])[:3]
        told = ", ".join(f"{part} {size / 1e6:.0f}" for part, size in largest)
        lines.append(f"| {name} | {sum(parts.values()) / 1e6:.0f} | {told} |")
    return "\n".join(lines)
