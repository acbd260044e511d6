"""Writes docs/errors/ from the pages of `gdl explain`: `python docs/make_errors.py`."""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from gdl.errors import catalogue  # noqa: E402

FOLDER = ROOT / "docs" / "errors"
MARK = "<!-- Written by docs/make_errors.py from gdl/errors/pages/: change those, not this page. -->\n"
INDEX = """\
Everything that GDL can say is wrong, with a code that stays. `gdl explain E0301` shows a page of these in the terminal,
offline. Every program on them is run by the tests: the wrong one has that mistake and no other, the right one has none.
"""


def pages() -> dict[str, str]:
    """File name -> text of every page: an index, and a page for each topic."""
    titles = catalogue.titles()
    made, index = {}, ["# Errors\n", MARK, INDEX]
    for topic, codes in groupby(titles, catalogue.topic):
        codes = list(codes)
        name = f"E{codes[0][1:3]}.md"
        rows = [f"| [{code}]({name}#{code.lower()}) | {titles[code]} |" for code in codes]
        index += [f"## {topic}\n", "| code | what is wrong |\n|---|---|", *rows, ""]
        made[name] = "\n".join([f"# {topic}\n", MARK, *map(_section, codes)]).rstrip("\n") + "\n"
    made["README.md"] = "\n".join(index).rstrip("\n") + "\n"
    return made


def _section(code: str) -> str:
    """A page as a part of a longer one: its headings are smaller, and the names of its files can be seen."""
    text = catalogue.page(code) or ""
    title, _, rest = text.partition("\n")
    rest = re.sub(r"^<!-- name: (.*) -->$", r"`\1`:\n", rest, flags=re.MULTILINE)
    rest = re.sub(r"^## (Wrong|Right)$", r"**\1**", rest, flags=re.MULTILINE)
    return f"## {code}\n\n**{title.partition(': ')[2]}.**\n{rest}"


def write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
