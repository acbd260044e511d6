"""Texts with a mark where something is asked."""

from __future__ import annotations

from pathlib import Path

from gdl.lsp.page import Page, studied, turned
from gdl.resources import open_source
from gdl.source import Source
from gdl.train.data import data_options

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.gdl"))
MARK = "\u2038"  # a caret


def page_of(text: str, path: Path | None = None) -> Page:
    """The text, checked."""
    return studied(Source(path.name if path else "text", text, path), data_options(None, path.parent if path else None))


def asked(text: str, path: Path | None = None) -> tuple[Page, int]:
    """A checked text, and the place of the mark in it."""
    at = text.index(MARK)
    return page_of(text.replace(MARK, ""), path), at


def typed(page: Page, text: str) -> tuple[Page, int]:
    """A text that was changed since the check of a page, and the place of the mark in it."""
    at = text.index(MARK)
    return turned(Source("text", text.replace(MARK, ""), page.source.path), page.known), at


def example(name: str, folder: Path) -> Page:
    """An example as if it stood in a folder with the data that it takes."""
    (folder / "tinyshakespeare.txt").write_text("To be, or not to be, that is the question.\n" * 100)
    return page_of(open_source(ROOT / "examples" / name).text, folder / name)
