"""`gdl explain`: what the code of an error means, why GDL insists, a wrong program and the right one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap

import click

from gdl.cli.screen import has_color, width
from gdl.errors import Exit, catalogue
from gdl.errors import command as errors

_PIECE = re.compile(r"^```\w*\n(?P<block>.*?)^```$|^<!-- (?P<comment>.*?) -->$", re.MULTILINE | re.DOTALL)


@click.command("explain")
@click.argument("codes", metavar="[CODE]...", nargs=-1)
def command(codes: Sequence[str]) -> int:
    """What an error means: `gdl explain E0301`.

    Without a code, all of them are listed, a line each.
    """
    titles = catalogue.titles()
    if not codes:
        click.echo(_index(titles), color=True)
    told = []
    for code in codes:
        text = catalogue.page(code.upper())
        if text is None:
            raise errors.unknown_code(code, {near: titles[near] for near in catalogue.similar(code.upper())})
        told.append("\n".join(_drawn(text)).rstrip("\n"))
    if told:
        click.echo("\n\n".join(told), color=True)
    return Exit.OK


def _index(titles: dict[str, str]) -> str:
    parts = [
        "\n".join([_bold(topic), *(f"  {code}  {titles[code]}" for code in codes)])
        for topic, codes in groupby(titles, catalogue.topic)
    ]
    return "\n\n".join(parts)


def _drawn(page: str) -> Iterator[str]:
    """A page as lines of text: blocks indented, paragraphs as wide as the screen."""
    end = 0
    for piece in _PIECE.finditer(page):
        yield from _paragraphs(page[end : piece.start()])
        end = piece.end()
        if piece["block"] is not None:
            yield from [*(f"    {line}".rstrip() for line in piece["block"].splitlines()), ""]
        elif piece["comment"].startswith("name: "):
            yield f"{piece['comment'].removeprefix('name: ')}:"
    yield from _paragraphs(page[end:])


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        line = " ".join(paragraph.split())
        if line.startswith("#"):
            yield from [_bold(line.lstrip("# ")), ""]
        elif line:
            yield from [*wrap(line, width()), ""]


def _bold(text: str) -> str:
    return click.style(text, bold=True) if has_color(sys.stdout) else text
