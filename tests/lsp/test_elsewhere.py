"""What one file declares, found and renamed in the files that import it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gdl.fixes import applied
from gdl.lsp import navigating
from gdl.lsp.elsewhere import Files, meant, origin
from gdl.lsp.page import Page
from gdl.lsp.renaming import Refused, renamable, rename
from tests.lsp.pages import MARK, page_of

BLOCKS = """\
from nn import Dense
## Twice as wide inside.
layer Block(x: f32[b, d], width: int) -> f32[b, d] {
  return x |> up: Dense(width, act=relu) |> down: Dense(d)
}
def twice(x: f[*a], by: float = 2.0) -> f[*a] { return by * x }
"""
NAMED = """\
from "blocks.gdl" import Block, twice
net model = Block(width=8)
y = model(ones([2, 3]))
s = sum(model.up.w) + sum(twice(y, by=3.0))
"""
THROUGH = """\
import "blocks.gdl" as m
y = ones([2, 3]) |> a: m.Block(width=8)
z = m.twice(y, by=3.0) + sum(a.up.b)
"""
PASSED_ON = 'from "named.gdl" import twice\ny = twice([1.0])\n'


class Folder:
    """Files that are asked about, the text of each by its name."""

    def __init__(self, path: Path, **texts: str):
        self.path = path
        for name, text in texts.items():
            (path / f"{name}.gdl").write_text(text)

    def page(self, name: str) -> Page:
        file = self.path / f"{name}.gdl"
        return page_of(file.read_text(), file)

    def files(self) -> Files:
        def users(path: Path) -> Iterator[Page]:
            return (self.page(file.stem) for file in sorted(self.path.glob("*.gdl")) if file.resolve() != path)

        return Files(lambda path: self.page(path.stem), users)

    def renamed(self, name: str, at: str, new: str) -> dict[str, str]:
        """The texts of the files that a new name changes. `at` is marked where the old one stands."""
        page = self.page(name)
        offset = page.source.text.index(at.replace(MARK, "")) + at.index(MARK)
        edits = rename(page, offset, new, self.files())
        texts = {edit.span.source.path.stem: edit.span.source.text for edit in edits}
        return {
            name: applied(text, [edit for edit in edits if edit.span.source.path.stem == name])
            for name, text in texts.items()
        }


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, blocks=BLOCKS, named=NAMED, through=THROUGH, passed_on=PASSED_ON)


@pytest.mark.parametrize(
    ("at", "new", "changed"),
    [
        ("layer \u2038Block", "Wide", {"blocks": 1, "named": 2, "through": 1}),
        ("def \u2038twice", "scaled", {"blocks": 1, "named": 2, "through": 1, "passed_on": 2}),
        ("\u2038width: int", "inner", {"blocks": 2, "named": 1, "through": 1}),
        ("\u2038by: float", "factor", {"blocks": 2, "named": 1, "through": 1}),
        ("\u2038up: Dense", "first", {"blocks": 1, "named": 1, "through": 1}),
        ("\u2038down: Dense", "last", {"blocks": 1}),
    ],
)
def test_a_new_name_in_all_files(folder: Folder, at: str, new: str, changed: dict[str, int]) -> None:
    texts = folder.renamed("blocks", at, new)
    assert {name: text.count(new) for name, text in texts.items()} == changed
    for name, text in texts.items():
        (folder.path / f"{name}.gdl").write_text(text)
    for file in folder.path.glob("*.gdl"):
        assert folder.page(file.stem).known.diagnostics == ()


def test_from_a_use_in_another_file(folder: Folder) -> None:
    new = folder.renamed("passed_on", "= \u2038twice([", "scaled")
    assert {name: text.count("scaled") for name, text in new.items()} == {
        "blocks": 1, "named": 2, "through": 1, "passed_on": 2,
    }  # fmt: skip
    page = folder.page("named")
    assert renamable(page, page.source.text.index("Block("), folder.files()).text == "Block"


def test_a_name_that_another_file_has_is_refused(folder: Folder) -> None:
    with pytest.raises(Refused, match=r"in named\.gdl: `y` is declared already on line 3"):
        folder.renamed("blocks", "def \u2038twice", "y")
    with pytest.raises(Refused, match="imported: it is declared in nn"):
        folder.renamed("blocks", "import \u2038Dense", "Full")


def test_a_member_of_which_nothing_is_known_is_refused(folder: Folder) -> None:
    (folder.path / "named.gdl").write_text(NAMED.replace("Block(width=8)", "Block(width=missing)"))
    with pytest.raises(Refused, match=r"in named\.gdl: line 4 is wrong, so .* `\.up`"):
        folder.renamed("blocks", "\u2038up: Dense", "first")


def test_files_of_the_same_names_are_not_meant(folder: Folder) -> None:
    (folder.path / "other.gdl").write_text("def twice(x: f[*a], by: float = 2.0) -> f[*a] { return by * x }\n")
    (folder.path / "own.gdl").write_text('from "other.gdl" import twice\ny = twice(1.0, by=2.0)\n')
    assert folder.renamed("other", "def \u2038twice", "scaled").keys() == {"other", "own"}
    assert "own" not in folder.renamed("blocks", "\u2038by: float", "factor")


def test_uses_in_all_files(folder: Folder) -> None:
    page = folder.page("named")
    symbol = navigating.symbol_at(page, page.source.text.index("twice"))
    assert symbol is not None
    found = list(meant(*origin(page, symbol, folder.files()), folder.files()))
    assert [(each.page.source.name, [span.line for span in each.places]) for each in found if each.places] == [
        ("blocks.gdl", [6]), ("named.gdl", [1, 4]), ("passed_on.gdl", [1, 2]), ("through.gdl", [3]),
    ]  # fmt: skip


def test_files_that_import_each_other_end(tmp_path: Path) -> None:
    folder = Folder(
        tmp_path,
        a='from "b.gdl" import g\ndef f(x: f[]) -> f[] { return g(x) }\n',
        b='from "a.gdl" import f\ndef g(x: f[]) -> f[] { return f(x) }\n',
    )
    assert folder.renamed("a", "def \u2038f", "h").keys() == {"a", "b"}
    Folder(tmp_path, a='from "b.gdl" import f\n', b='from "a.gdl" import f\n')
    with pytest.raises(Refused, match="imported"):
        folder.renamed("a", "import \u2038f", "h")
