"""`gdl diff`: what changed between two programs, runs or checkpoints."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from difflib import SequenceMatcher
from functools import partial
from itertools import groupby
from pathlib import Path

import click

from gdl.cli.options import FILE_PATH, data_option, program_options
from gdl.cli.screen import has_color, printable
from gdl.errors import Exit
from gdl.session.difference import ADDED, CHANGED, REMOVED, RENAMED, Change, Difference, compare, open_side

_MARKS = {ADDED: "+", REMOVED: "-", CHANGED: "~", RENAMED: ">"}
_COLORS = {ADDED: "green", REMOVED: "red", CHANGED: "yellow", RENAMED: "cyan"}
_TITLES = {
    "trained": "trained or kept", "gives": "what layers give", "nodes": "values", "procedures": "training and tests",
}  # fmt: skip
_LONGEST = 76  # of two texts that are shown beside each other
Paint = Callable[[str, str], str]


@click.command("diff")
@click.argument("before", metavar="A", type=FILE_PATH)
@click.argument("after", metavar="B", type=FILE_PATH)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, on standard output.")
@data_option
def command(before: Path, after: Path, as_json: bool, data: Path | None) -> int:
    """Compare A with B, each a program, a run's directory or a checkpoint, by names and paths.

    Variables, layers, hypers, shapes, definitions, training; comments and layout don't count. What one side can't have,
    as a checkpoint has no layers, is left out. The exit code is 0 where nothing differs and 1 where something does.
    """

    def options(data_dir: Path | None, program_dir: Path | None):  # type: ignore[no-untyped-def]
        return program_options(data or data_dir, program_dir)

    difference = compare(open_side(before, options), open_side(after, options))
    if as_json:
        click.echo(json.dumps(asdict(difference)))
    else:
        paint = partial(_painted, has_color(sys.stdout))
        click.echo(draw(difference, paint), color=True)
    return Exit.DIFFERENT if difference.changes else Exit.OK


def _painted(with_color: bool, text: str, color: str) -> str:
    return click.style(text, fg=color) if with_color else text


def draw(difference: Difference, paint: Paint) -> str:
    """The changes under their sections."""
    if not difference.changes:
        told = [_TITLES.get(section, section) for section in difference.compared]
        return printable(f"{difference.before} and {difference.after} are the same: {', '.join(told)}")
    lines = [paint(printable(f"- {difference.before}"), "red"), paint(printable(f"+ {difference.after}"), "green")]
    for section, changes in groupby(difference.changes, lambda change: change.section):
        lines += ["", _TITLES.get(section, section), *_lines(list(changes), paint)]
    return "\n".join(lines)


def _lines(changes: list[Change], paint: Paint) -> Iterator[str]:
    names = [f"{c.name} -> {c.new_name}" if c.new_name else c.name for c in changes]
    longest = min(max(map(len, names)), 40)
    for change, name in zip(changes, names):
        mark = paint(_MARKS[change.kind], _COLORS[change.kind])
        first, *more = _told(change)
        yield printable(f"{name:<{longest}}  {first}").rstrip().join([f"  {mark} ", ""])
        yield from [" " * 6 + printable(line) for line in more]


def _told(change: Change) -> list[str]:
    before, after = change.before, change.after
    if change.kind == RENAMED:
        return [f"{before}  likely renamed" if before == after else f"{before} -> {after}  likely renamed"]
    if change.kind != CHANGED:
        return [_shortened(before or after, 0)]
    if len(before) + len(after) <= _LONGEST:
        return [f"{before} -> {after}{_growth(before, after) if change.section == 'parameters' else ''}"]
    return ["", f"- {_shortened(before, _first_difference(before, after))}",
            f"+ {_shortened(after, _first_difference(before, after))}"]  # fmt: skip


def _growth(before: str, after: str) -> str:
    """How much more, of counts."""
    old, new = before.replace(",", ""), after.replace(",", "")
    return f"  ({int(new) - int(old):+,})"


def _first_difference(before: str, after: str) -> int:
    match = SequenceMatcher(None, before, after, autojunk=False).find_longest_match()
    return match.size if match.a == match.b == 0 else 0


def _shortened(text: str, at: int) -> str:
    """A text of at most 100 characters, the one at `at` among them."""
    start = max(0, min(at - 30, len(text) - 100))
    cut = text[start : start + 100]
    return ("..." if start else "") + cut + ("..." if start + 100 < len(text) else "")
