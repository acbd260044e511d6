"""What changed between two programs, runs or checkpoints, by name and path, as data.

Layout and comments are no change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from gdl.errors.checkpoint import Missing, WrongSize, prefix_change
from gdl.lang.program import Hyper
from gdl.ops.table import show_static
from gdl.resources import open_source
from gdl.session.checking import Checked, check_program
from gdl.session.configuration import configuration_of
from gdl.session.runs import check_copy
from gdl.syntax import ast
from gdl.syntax.parser import parse
from gdl.train import checkpoint
from gdl.train.checkpoint import OPTIMIZER_PREFIX, fit
from gdl.train.data import DataOptions
from gdl.train.rundir import view_run
from gdl.train.variables import model_types
from gdl.types.record import FieldType

ADDED, REMOVED, CHANGED, RENAMED = "added", "removed", "changed", "renamed"
MakeOptions = Callable[[Path | None, Path | None], DataOptions]
_LENGTHS = ("epochs", "steps")
_IN_BOTH = ("trained", "gives", "parameters", "run")  # what is told of names that both sides have


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. `before` and `after` say what it is on either side, "" where it is not there; of what was
    renamed, `name` and `new_name` are its names."""

    section: str
    kind: str
    name: str
    before: str = ""
    after: str = ""
    new_name: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs, section by section; `compared` are the sections that both sides have."""

    before: str
    after: str
    compared: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(slots=True)
class Side:
    """What is compared. Sections that a side knows nothing of are not in `facts`: a checkpoint has no layers."""

    name: str
    variables: Mapping[str, FieldType]
    is_plain: bool = False  # a program that was not run: its hypers have their defaults
    facts: dict[str, dict[str, str]] = field(default_factory=dict)  # section -> name -> what it is


def compare(before: Side, after: Side) -> Difference:
    """What changed from one side to the other."""
    variables = list(_variables(before.variables, after.variables))
    moved = {prefix_change(c.name, c.new_name) for c in variables if c.kind == RENAMED}
    sections = [section for section in before.facts if section in after.facts]
    changes: list[Change] = []
    if before.is_plain and after.is_plain:
        sections.remove("values used")
    for section in sections:
        found = list(_facts(before.facts[section], after.facts[section], section))
        changes += _layers(found, dict(moved)) if section == "layers" else found
    return Difference(before.name, after.name, ("variables", *sections), (*variables, *changes))


# ---- what differs ------------------------------------------------------------------------------------------------


def _variables(before: Mapping[str, FieldType], after: Mapping[str, FieldType]) -> Iterator[Change]:
    """As checkpoints are matched with programs: what is missing may be there under a similar name."""
    taken: dict[str, str] = {}
    for row in fit(before, after).rows:
        if isinstance(row, WrongSize):
            yield Change("variables", CHANGED, row.name, row.program_type, row.file_type)
        elif isinstance(row, Missing):
            if row.closest and row.closest_type == row.type and row.closest not in taken:
                taken[row.closest] = row.name
                yield Change("variables", RENAMED, row.name, row.type, row.type, row.closest)
            else:
                yield Change("variables", REMOVED, row.name, row.type)
    for name, type in after.items():
        if name not in before and name not in taken:
            yield Change("variables", ADDED, name, "", str(type))


def _facts(before: Mapping[str, str], after: Mapping[str, str], section: str) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        is_one_sided = old is None or new is None
        block = name.partition(": ")[0]
        if is_one_sided and (section in _IN_BOTH or block != name and (block in before) != (block in after)):
            continue  # the variable, the layer or the block that it belongs to is told
        if old != new:
            kind = ADDED if old is None else REMOVED if new is None else CHANGED
            yield Change(section, kind, name, str(old or ""), str(new or ""))


def _layers(changes: Sequence[Change], moved: Mapping[str, str]) -> list[Change]:
    """Of what came or went with a layer around it, that layer only; renamed where its variables were."""
    found: list[Change] = []
    gone = {change.name: change for change in changes if change.kind == REMOVED}
    come = {change.name: change for change in changes if change.kind == ADDED}
    renamed = {old: new for old, new in moved.items() if old in gone and new in come}
    for change in changes:
        own = gone if change.kind == REMOVED else come
        outer = [name for name in own if change.name.startswith(f"{name}/")]
        if change.kind == CHANGED or not outer and change.name not in {**renamed, **{v: v for v in renamed.values()}}:
            found.append(change)
        elif change.name in renamed and change.kind == REMOVED:
            new = renamed[change.name]
            found.append(Change("layers", RENAMED, change.name, change.before, come[new].after, new))
    return found


# ---- the sides ---------------------------------------------------------------------------------------------------


def open_side(path: Path, options: MakeOptions) -> Side:
    """A program's file, a checkpoint (.safetensors), or a run's directory. Errors: GdlError."""
    if path.is_dir():
        run = view_run(path)
        config = configuration_of(run)
        checked, _ = check_copy(run, config, options, None)
        side = _of_program(str(path), checked)
        side.is_plain = False
        side.facts["run"] = {"seed": str(config.seed)}
        if run.latest is not None:
            _add_checkpoint(side, run.latest)
        return side
    if path.suffix == ".safetensors":
        side = Side(str(path), {})
        _add_checkpoint(side, path)
        return side
    return _of_program(str(path), check_program(open_source(path), options(None, path.parent)))


def _of_program(name: str, checked: Checked) -> Side:
    program = checked.require()
    items = parse(program.source)[0].items
    nodes = program.nodes.get(True) or program.nodes.get(False) or {}
    trained = {path: program.variables[path].trained for path in model_types(program)}
    side = Side(name, model_types(program), is_plain=True)
    side.facts = {
        "trained": {path: "trained" if is_trained else "kept" for path, is_trained in trained.items()},
        "layers": {path: info.layer for path, info in program.layers.items()},
        "gives": {path: ", ".join(map(str, info.results)) for path, info in program.layers.items()},
        "nodes": {n: str(t) for n, t in program.placeholders.items()}
        | {n: str(node.type) for n, node in nodes.items() if not node.is_leaf},
        "hypers": {name: _hyper(hyper) for name, hyper in program.hypers.items()},
        "values used": {name: show_static(hyper.value) for name, hyper in program.hypers.items()},
        "definitions": dict(_definitions(items)),
        "procedures": dict(_procedures(items)),
        "parameters": _counts(side.variables, trained),
    }
    return side


def _add_checkpoint(side: Side, path: Path) -> None:
    peek = checkpoint.peek(path)
    side.variables = {n: t for n, t in peek.types.items() if not n.startswith(OPTIMIZER_PREFIX)}
    hypers = peek.meta.get("hypers")
    if isinstance(hypers, dict):
        side.facts["values used"] = {name: show_static(value) for name, value in hypers.items()}
    side.facts.setdefault("parameters", _counts(side.variables, {}))
    if peek.sha256:
        side.facts["weights"] = {"sha256": peek.sha256[:16]}
    known = {key: str(peek.meta[key]) for key in ("seed", "step") if key in peek.meta}
    side.facts["run"] = {**side.facts.get("run", {}), **known}


def _counts(types: Mapping[str, FieldType], trained: Mapping[str, bool]) -> dict[str, str]:
    counts = {"all": sum(prod(type.shape) for type in types.values())}
    if trained:
        counts["trained"] = sum(prod(types[path].shape) for path, is_trained in trained.items() if is_trained)
    return {name: f"{count:,}" for name, count in counts.items()}


def _hyper(hyper: Hyper) -> str:
    kinds = " | ".join(f'"{kind}"' if hyper.is_choice else kind for kind in hyper.kind)
    ends = f"[{hyper.low}, {hyper.high}]" if hyper.closed else f"({hyper.low}, {hyper.high})"
    return f"{kinds} = {show_static(hyper.default)}" + (f" in {ends}" if hyper.low is not None else "")


# ---- texts -------------------------------------------------------------------------------------------------------


def _definitions(items: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """What the file binds, as it is written."""
    for item in items:
        match item:
            case ast.Bind():
                yield ", ".join(item.targets), _written(item.value)
            case ast.Metric() | ast.Net() | ast.Data():
                yield item.name, _written(item.value)
            case ast.Variable() | ast.State():
                yield item.name, _written(item.init, "= ")
            case ast.Definition():
                yield f"{item.what} {item.name}", _written(item)
            case ast.Load():
                yield f"load {item.target or 'model'}", _written(item)


def _procedures(items: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """The statements of train, eval and test blocks, each under its block and its first word."""
    for item in items:
        if not isinstance(item, (ast.Train, ast.Eval, ast.Test)):
            continue
        word = type(item).__name__.lower()
        block = f"{word} {item.name}" if item.name else word
        count: dict[str, int] = {}
        yield block, ""
        for statement in item.body:
            text = _written(statement)
            verb = text.split(" ", 1)[0]
            verb = "length" if verb in _LENGTHS else verb
            count[verb] = count.get(verb, 0) + 1
            yield f"{block}: {verb}" + (f" {count[verb]}" if count[verb] > 1 else ""), text


class _Written(str):
    """A piece of a program as written, without comments, in single spaces; equal to another one that says the same."""

    __slots__ = ("tree",)
    tree: ast.Ast

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Written) and self.tree == other.tree

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def _written(tree: ast.Ast, before: str = "") -> str:
    text = re.sub(r'("(?:\\.|[^"\\])*")|#[^\n]*', lambda match: match[1] or "", tree.span.text)
    made = _Written(before + " ".join(text.split()))
    made.tree = tree
    return made
