"""`gdl doc`: the reference in the terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from gdl.cli.entries import Style, draw_entry, draw_index
from gdl.cli.screen import has_color, width
from gdl.errors import Exit
from gdl.errors import command as command_errors
from gdl.errors import tools as errors
from gdl.resources import open_source
from gdl.session.reference import SECTIONS, Entry, entries, entries_of, search


@click.command("doc")
@click.argument("names", metavar="[FILE] [NAME]...", nargs=-1)
@click.option("--search", "words", metavar="WORDS", help="All whose text has these words.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per entry, on standard output.")
def command(names: Sequence[str], words: str | None, as_json: bool) -> int:
    """What a name means: an op, a function, a layer, a data source, or a section such as `losses`.

    With a FILE.gdl its own definitions are told instead. Without a name everything is listed.
    """
    bold, dim = _styles()
    told, where, index = entries(), "GDL", True
    if names and names[0].endswith(".gdl"):
        source = open_source(Path(names[0]))
        told, where, names = entries_of(source), source.name, names[1:]
        if not told:
            raise command_errors.nothing_to_do(source.name, "definition")
    if names:
        told, index = _named(names, told, where)
    if words is not None:
        told, index = tuple(search(words, told)), True
        if not told:
            raise errors.nothing_found(words, where)
    if as_json:
        for entry in told:
            click.echo(json.dumps(asdict(entry)))
    elif index:
        click.echo(draw_index(told, width(), bold), color=True)
    else:
        click.echo("\n\n".join(draw_entry(entry, width(), bold, dim) for entry in told), color=True)
    return Exit.OK


def _named(names: Sequence[str], among: Sequence[Entry], where: str) -> tuple[tuple[Entry, ...], bool]:
    """The entries of these names; those of a section, which are only listed."""
    found: list[Entry] = []
    for name in names:
        these = [entry for entry in among if entry.name == name]
        listed = [entry for entry in among if entry.section == name]
        if not these and listed and len(names) == 1 and name in SECTIONS:
            return tuple(listed), True
        if not these:
            name = name if found else " ".join(names)
            raise errors.nothing_told(name, where, [*[entry.name for entry in among], *SECTIONS])
        found += these
    return tuple(found), False


def _styles() -> tuple[Style, Style]:
    if not has_color(sys.stdout):
        return str, str
    return lambda text: click.style(text, bold=True), lambda text: click.style(text, dim=True)
