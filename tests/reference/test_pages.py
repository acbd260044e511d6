"""The pages of docs/reference are what docs/make_reference.py writes, and their links lead somewhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from gdl.session.reference import entries

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
PAGES = sorted(FOLDER.glob("*.md"))


def test_the_pages_are_up_to_date() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))["pages"]()
    written = {path.name: path.read_text(encoding="utf-8") for path in PAGES}
    assert made.keys() == written.keys()
    for name, text in made.items():
        assert text == written[name], f"run `python docs/make_reference.py`: {name} tells another story"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]+)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        path = page.parent / target
        assert path.is_file(), target
        headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in [heading.lower() for heading in headings], f"{target}#{anchor}"


def test_the_index_names_everything_once() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[(\w+)\]", index, re.MULTILINE) == [entry.name for entry in entries()]
