"""What can be wrong with checkpoints and run directories: E0701, E0710 to E0729."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import CheckpointError
from gdl.errors.names import closest
from gdl.record import Record, record
from gdl.source import Span

_MAX_ROWS = 20


@record
class Missing(Record):
    """A variable of the program that the file lacks, and the file's tensor that looks most like it."""

    name: str
    type: str
    closest: str = ""
    closest_type: str = ""


@record
class WrongSize(Record):
    """A variable whose tensor in the file has another shape or dtype."""

    name: str
    program_type: str
    file_type: str


@record
class Extra(Record):
    """A tensor of the file that no variable of the program takes."""

    name: str
    type: str


Row = Missing | WrongSize | Extra


def does_not_fit(
    span: Span | None,
    file: object,
    fits: int,
    total: int,
    rows: Sequence[Row],
    *,
    target: str = "",
    program_hypers: Mapping[str, object] | None = None,
    file_hypers: Mapping[str, object] | None = None,
) -> Diagnostic:
    """A checkpoint's tensors are not the program's variables. Hypers that differ are named as the likely reason."""
    program_hypers, file_hypers = program_hypers or {}, file_hypers or {}
    differing = {
        name: (value, file_hypers[name])
        for name, value in program_hypers.items()
        if name in file_hypers and file_hypers[name] != value
    }
    any_wrong = any(isinstance(row, WrongSize) for row in rows)
    settings = {name: saved for name, (_, saved) in differing.items()} if any_wrong else {}
    return Diagnostic(
        "E0701",
        f"checkpoint {file} does not fit this program",
        labels=(Label(span, f"{fits} of {total} variables match"),) if span else (),
        details=_table(rows, differing) if span else (f"{fits} of {total} variables match", *_table(rows, differing)),
        helps=tuple(_ways_out(rows, settings, target)),
    )


def _table(rows: Sequence[Row], differing: Mapping[str, tuple[object, object]]) -> tuple[str, ...]:
    ours = "".join(f", {name}={_shown(value)}" for name, (value, _) in differing.items())
    theirs = ", ".join(f"{name}={_shown(value)}" for name, (_, value) in differing.items())
    saved = f", saved with {theirs}" if theirs else ""
    lines = []
    for row in rows[:_MAX_ROWS]:
        if isinstance(row, Missing):
            closest = f"     closest in file: {row.closest} {row.closest_type}" if row.closest else ""
            lines.append(f"missing     {row.name}  {row.type}  (program){closest}")
        elif isinstance(row, WrongSize):
            lines.append(
                f"wrong size  {row.name}  {row.program_type} (program{ours})  vs  {row.file_type} (file{saved})"
            )
        else:
            lines.append(f"extra       {row.name}  {row.type}  (file)")
    if len(rows) > _MAX_ROWS:
        lines.append(f"... and {len(rows) - _MAX_ROWS} more")
    return tuple(lines)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ways_out(rows: Sequence[Row], settings: Mapping[str, object], target: str) -> Iterable[str]:
    ways = []
    if settings:
        ways.append("run with " + " ".join(f"--set {name}={_shown(value)}" for name, value in settings.items()))
    renames = dict.fromkeys(
        prefix_change(row.closest, row.name) for row in rows if isinstance(row, Missing) and row.closest
    )
    if any(old == new for old, new in renames):
        ways.append("leave out the `map`: the file has these names")
    elif renames:
        maps = " ".join(f'map "{old}" -> "{new}"' for old, new in renames)
        ways.append(f'rename with: load {target or "model"} from "..." {maps}')
    yield ", or ".join(ways) if ways else "load the checkpoint of this program, or train anew"


def prefix_change(old: str, new: str) -> tuple[str, str]:
    """Both names without the trailing parts that they share: `a/fc/w`, `a/head/w` -> `a/fc`, `a/head`."""
    old_parts, new_parts = old.split("/"), new.split("/")
    while len(old_parts) > 1 and len(new_parts) > 1 and old_parts[-1] == new_parts[-1]:
        old_parts.pop()
        new_parts.pop()
    return "/".join(old_parts), "/".join(new_parts)


def damaged(file: object, expected: str, found: str) -> CheckpointError:
    way_out = "use another checkpoint of the run (checkpoints/), or train anew"
    message = f"checkpoint {file} is damaged: expected {expected}, found {found}"
    return CheckpointError(Diagnostic("E0710", message, helps=(way_out,)))


def unreadable(file: object, why: str, beside: Iterable[str] = ()) -> CheckpointError:
    """`beside`: the names of the checkpoints in that folder."""
    message = f"checkpoint {file} can't be read: {why}"
    names = {Path(name).stem: name for name in beside}
    similar = names.get(closest(Path(str(file)).stem, names) or "")
    way_out = "is the path right? that of a `load` begins at the program's file"
    return CheckpointError(Diagnostic("E0711", message, helps=(f"did you mean {similar}?" if similar else way_out,)))


def not_a_checkpoint(file: object, found: str) -> CheckpointError:
    message = f"{file} is no safetensors file: {found}"
    return CheckpointError(Diagnostic("E0712", message, helps=("name a .safetensors file",)))


def unknown_dtype(file: object, name: str, dtype: str) -> CheckpointError:
    message = f"checkpoint {file} holds {name} as {dtype}, a dtype that GDL does not have"
    return CheckpointError(Diagnostic("E0713", message, helps=("save it as F32, F64, I32, I64, U8 or BOOL",)))


def newer_format(file: object, found: str, known: str) -> CheckpointError:
    message = f"checkpoint {file} has format {found}, this GDL knows {known}"
    return CheckpointError(Diagnostic("E0714", message, helps=("install a newer GDL",)))


def not_written(file: object, why: str) -> CheckpointError:
    message = f"{file} can't be written: {why}"
    way_out = "make room, or choose another place with --out DIR; what was saved before is intact"
    return CheckpointError(Diagnostic("E0715", message, helps=(way_out,)))


def directory_taken(folder: object, holds_run: bool) -> CheckpointError:
    if holds_run:
        message, way_out = (
            f"{folder} holds another run",
            f"continue it with --resume {folder}, or choose another --out DIR",
        )
    else:
        message, way_out = f"{folder} is not an empty folder", "choose another --out DIR"
    return CheckpointError(Diagnostic("E0720", message, helps=(way_out,)))


def not_a_run(folder: object, why: str) -> CheckpointError:
    message = f"{folder} is no run to resume: {why}"
    return CheckpointError(Diagnostic("E0721", message, helps=("name the folder that `gdl run --out DIR` made",)))


def nothing_intact(folder: object, rows: Sequence[str]) -> CheckpointError:
    message = f"no checkpoint in {folder} is intact"
    way_out = "start again: gdl run with another --out DIR"
    return CheckpointError(Diagnostic("E0722", message, details=tuple(rows), helps=(way_out,)))
