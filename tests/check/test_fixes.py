"""Fixes: each takes its mistake away and makes no other; together they mend what a newcomer brings along."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from gdl.diagnostics import Diagnostic, Edit, Label
from gdl.fixes import fixed
from gdl.lang.check import check
from gdl.session.checking import check_program
from gdl.session.fixing import mend
from gdl.source import Source, Span
from gdl.syntax.parser import parse
from gdl.train.data import DataOptions
from tests.check.test_goldens import FOLDER, hypers_of
from tests.golden import Golden, cases

SYNTAX = FOLDER.parents[1] / "syntax" / "goldens"
STORIES = Path(__file__).parent / "fixes"

#: Statements with one more mistake, which shows when the first is mended.
UNCOVERED = {
    "newcomer/calls": {"E0101"}, "newcomer/eval_block": {"E0305"}, "newcomer/keyword_load": {"E0106"},
    "newcomer/library_names": {"E0202"}, "newcomer/train_block": {"E0101"},
    "train/load_of_nothing": {"E0711"},
}  # fmt: skip


def options_of(case: Path) -> DataOptions:
    return DataOptions(program_dir=case.parent, cache_dir=case.parent / "no cache", offline=True)


def told(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((d.code, d.message) for d in diagnostics)


@pytest.mark.parametrize("case", cases(FOLDER))
def test_fixes_of_a_golden_mend_it(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    source = Source(case.name, case.read_text(encoding="utf-8"), case)
    before = check_program(source, options_of(case), hypers_of(source)).diagnostics
    if not any(d.fix for d in before):
        assert fixed(source, before).text == source.text
        return
    result = mend(source, options_of(case), hypers_of(source))
    assert result.mended
    after = result.diagnostics
    assert not any(d.fix for d in after if d.span is not None and d.span.source is result.source)
    new = told(after) - told([d for d in before if d not in result.mended])
    name = str(case.relative_to(FOLDER).with_suffix(""))
    assert {code for code, _ in new} == UNCOVERED.get(name, set()), new


@pytest.mark.parametrize("case", cases(SYNTAX))
def test_fixes_of_a_syntax_golden_mend_it(case: Path) -> None:
    source = Source(case.name, case.read_bytes().decode())
    before = parse(source)[1]
    now = fixed(source, before)
    after = parse(Source(case.name, now.text))[1]
    assert told(after) - told([d for d in before if d not in now.diagnostics]) == Counter()
    assert len(after) == len(before) - len(now.diagnostics)


@pytest.mark.parametrize("case", cases(STORIES))
def test_what_newcomers_write(case: Path, golden: Golden) -> None:
    """The program after its fixes, of which nothing is left to say."""
    result = mend(Source(case.name, case.read_text(encoding="utf-8"), case), options_of(case))
    assert result.diagnostics == ()
    golden(case, result.source.text)


# ---- edits ---------------------------------------------------------------------------------------------------------

SOURCE = Source("edits.gdl", "abcdefgh")


def wrong(*edits: tuple[int, int, str], message: str = "wrong") -> Diagnostic:
    spans = [Span(SOURCE, start, end) for start, end, _ in edits]
    return Diagnostic("E0000", message, (Label(spans[0]),), fix=tuple(map(Edit, spans, [text for *_, text in edits])))


@pytest.mark.parametrize(
    ("diagnostics", "text", "count"),
    [
        ([wrong((0, 2, "X")), wrong((2, 4, "Y"))], "XYefgh", 2),
        ([wrong((0, 3, "X")), wrong((2, 4, "Y"))], "Xdefgh", 1),
        ([wrong((2, 4, "Y")), wrong((0, 8, "X"))], "abYefgh", 1),
        ([wrong((3, 3, "X")), wrong((3, 3, "Y"))], "abcXdefgh", 1),
        ([wrong((3, 3, "X")), wrong((3, 3, "X"), message="the same remedy")], "abcXdefgh", 2),
        ([wrong((0, 1, "X"), (7, 8, "Y")), wrong((7, 8, "Z"), (4, 5, "Z"))], "XbcdefgY", 1),
        ([wrong((0, 3, "X"), (2, 4, "Y"))], "abcdefgh", 0),
        ([wrong((1, 2, "")), wrong((1, 1, "Y"))], "acdefgh", 1),
    ],
)
def test_edits_that_touch_are_not_made_together(diagnostics: list[Diagnostic], text: str, count: int) -> None:
    found = fixed(SOURCE, diagnostics)
    assert (found.text, len(found.diagnostics)) == (text, count)


def test_fixes_in_other_files_are_left_alone() -> None:
    other = Diagnostic("E0000", "wrong", fix=(Edit(Span(Source("other.gdl", "abc"), 0, 1), "X"),))
    assert fixed(SOURCE, [other]).text == SOURCE.text


def test_fixes_that_lead_in_a_circle_come_to_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def there_and_back(source: Source, **how: object) -> object:
        found = Diagnostic("E0000", "wrong", fix=(Edit(Span(source, 0, 1), "b" if source.text == "a" else "a"),))
        return check(Source("empty.gdl", ""), **how)[0], [found]  # type: ignore[arg-type]

    monkeypatch.setattr("gdl.session.checking.check", there_and_back)
    result = mend(Source("circle.gdl", "a"), options_of(tmp_path))
    assert [d.fix[0].text for d in result.mended] == ["b"]
