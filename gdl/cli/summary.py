"""`gdl summary`: what a program is made of and what it costs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from gdl.cli.options import FILE_PATH, data_option, program_options, set_option
from gdl.cli.screen import has_color, show_diagnostics
from gdl.cli.settings import knobs, parse_settings
from gdl.cli.tables import draw_table
from gdl.errors import Exit
from gdl.errors import tools as errors
from gdl.resources import open_source
from gdl.session.checking import check_program
from gdl.session.summary import ACTIVATIONS, FLOPS, Cost, LayerRow, Summary, VariableRow, summarize
from gdl.types.tensor import TensorType


@click.command("summary")
@click.argument("file", type=FILE_PATH)
@set_option
@click.option("--size", "sizes", multiple=True, metavar="NAME=N", help="Bind a size: batch=64; may be repeated.")
@click.option("--variables", "with_variables", is_flag=True, help="List the variables too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, on standard output.")
@data_option
def command(
    file: Path, settings: Sequence[str], sizes: Sequence[str], with_variables: bool, as_json: bool, data: Path | None
) -> int:
    """Layers with their shapes, parameters and costs, and the memory of a training step. Nothing is run.

    The batch is that of the train block, unless --size says another one.
    """
    source = open_source(file)
    hypers = parse_settings(settings, knobs(source)) if settings else {}
    checked = check_program(source, program_options(data, file.parent), hypers)
    show_diagnostics(d for d in checked.diagnostics if not d.is_error)
    summary = summarize(checked.require(), _sizes(sizes))
    if as_json:
        click.echo(json.dumps(as_record(summary)))
    else:
        bold = (lambda text: click.style(text, bold=True)) if has_color(sys.stdout) else str
        click.echo(draw(summary, with_variables, bold), color=True)
    return Exit.OK


def _sizes(texts: Sequence[str]) -> dict[str, int]:
    """The sizes that `--size` binds. Errors: UsageError."""
    found: dict[str, int] = {}
    for text in texts:
        name, _, number = (part.strip() for part in text.partition("="))
        if not name or not number.isdecimal() or len(number) > 18 or not int(number):
            raise errors.not_a_size(text)
        found[name] = int(number)
    return found


# ---- drawn -------------------------------------------------------------------------------------------------------


def draw(summary: Summary, with_variables: bool, emphasize: Callable[[str], str] = str) -> str:
    """The whole summary as text."""
    parts = [draw_layers((*summary.layers, summary.total), emphasize)]
    if with_variables and summary.variables:
        parts.append(draw_variables(summary.variables, emphasize))
    meaning = [f"FLOPs: {FLOPS}", f"activations: {ACTIVATIONS}"]
    return "\n\n".join([*parts, "\n".join([*map(_cost, summary.costs), *_memory(summary), *meaning])])


def draw_layers(rows: Sequence[LayerRow], emphasize: Callable[[str], str] = str) -> str:
    """A line for each layer; columns that would be empty are left out."""
    columns: list[tuple[str, list[Any]]] = [
        ("path", [row.path for row in rows]), ("layer", [row.layer for row in rows]),
        ("gives", [", ".join(map(str, row.gives)) for row in rows]),
        ("bound", [", ".join(map(_shape, row.shapes)) if row.shapes != row.gives else "" for row in rows]),
        ("trained", [row.trained for row in rows]), ("kept", [row.kept for row in rows]),
        ("FLOPs", [row.flops for row in rows]), ("activation bytes", [row.activation_bytes for row in rows]),
    ]  # fmt: skip
    kept = [column for column in columns if any(column[1]) or column[0] == "trained"]
    return draw_table([head for head, _ in kept], list(zip(*[values for _, values in kept])), emphasize)


def draw_variables(rows: Sequence[VariableRow], emphasize: Callable[[str], str] = str) -> str:
    """A line for each variable, and what they are together."""
    lines = [(r.path, str(r.type), r.elements, "trained" if r.is_trained else "kept", r.nbytes) for r in rows]
    total = ("(all)", "", sum(r.elements for r in rows), "", sum(r.nbytes for r in rows))
    return draw_table(("variable", "type", "elements", "", "bytes"), (*lines, total), emphasize)


def _shape(type: TensorType) -> str:
    return f"[{', '.join(map(str, type.shape))}]"


def _cost(cost: Cost) -> str:
    kinds = {"train": "a training step", "eval": f"a batch of `{cost.name}`", "program": "all that is defined"}
    who = f" of `{cost.name}`" if cost.kind == "train" and cost.name != "train" else ""
    sizes = "".join(f", {name} = {size:,}" for name, size in cost.sizes.items())
    assumed = f" ({' and '.join(cost.assumed)} not known, taken as 1: see --size)" if cost.assumed else ""
    return f"{kinds[cost.kind]}{who}{sizes}: {cost.flops:,} FLOPs{assumed}"


def _memory(summary: Summary) -> list[str]:
    most = max(summary.costs, key=lambda cost: cost.arena_bytes + cost.batch_bytes)
    parts = {"values on the way": most.arena_bytes, "variables": summary.variable_bytes,
             "the optimizer": summary.optimizer_bytes, "the batch": most.batch_bytes}  # fmt: skip
    told = ", ".join(f"{_size(count)} for {what}" for what, count in parts.items() if count)
    return [f"peak memory: {_size(summary.peak_bytes)}" + (f" = {told}" if told else "")]


def _size(nbytes: int) -> str:
    """`412 bytes`, `1.5 kB`, `28.5 MB`"""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if nbytes >= factor:
            return f"{nbytes / factor:.3g} {unit}"
    return f"{nbytes} bytes"


# ---- for programs ------------------------------------------------------------------------------------------------


def as_record(summary: Summary) -> dict[str, Any]:
    """The summary in JSON's types."""
    return {
        "program": summary.program,
        "layers": [_row(row) for row in summary.layers],
        "total": _row(summary.total),
        "variables": [
            {"path": row.path, "dtype": row.type.dtype, "shape": list(row.type.shape), "trained": row.is_trained}
            for row in summary.variables
        ],
        "costs": [
            {"kind": cost.kind, "name": cost.name, "sizes": dict(cost.sizes), "assumed": list(cost.assumed),
             "flops": cost.flops, "arena_bytes": cost.arena_bytes, "batch_bytes": cost.batch_bytes}
            for cost in summary.costs
        ],
        "variable_bytes": summary.variable_bytes,
        "optimizer_bytes": summary.optimizer_bytes,
        "peak_bytes": summary.peak_bytes,
    }  # fmt: skip


def _row(row: LayerRow) -> dict[str, Any]:
    return {
        "path": row.path, "layer": row.layer, "gives": [str(type) for type in row.gives],
        "shapes": [list(type.shape) for type in row.shapes], "trained": row.trained, "kept": row.kept,
        "flops": row.flops, "activation_bytes": row.activation_bytes,
    }  # fmt: skip
