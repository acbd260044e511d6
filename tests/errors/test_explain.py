"""`gdl explain`: pages in the terminal, codes however they are typed, near ones for those that don't exist."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from gdl.cli.main import main
from gdl.errors import Exit, catalogue

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "errors"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = Exit.OK) -> str:
    assert main(["explain", *arguments]) == code
    streams = capsys.readouterr()
    return streams.out + streams.err


def test_a_page_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    page = said(capsys, "E0301")
    assert page.startswith("E0301: ") and "\nWrong\n" in page and "\nRight\n" in page
    assert "    logits = x @ W\n" in page and "error[E0301]" in page
    assert not re.search("```|<!--|^#", page, re.MULTILINE) and not page.endswith("\n\n")
    assert max(map(len, page.splitlines())) <= 120
    assert said(capsys, "e0301") == page


def test_several_codes_and_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "E0301", "w0303").count("\nWrong\n") == 2
    listed = said(capsys)
    assert re.findall(r"^  ([EW]\d{4})  \S", listed, re.MULTILINE) == list(catalogue.titles())
    assert [line for line in listed.splitlines() if line and line[0] != " "] == list(catalogue.TOPICS.values())
    shown = said(capsys, *catalogue.titles())
    assert "```" not in shown and "<!--" not in shown


def test_files_are_shown_with_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\nflowers.csv:\n    length,width\n" in said(capsys, "E0615")


@pytest.mark.parametrize(
    ("typed", "near"), [("E0303", ["W0303"]), ("0301", ["E0301"]), ("E0299", ["E0215", "E0214", "E0213"]),
                        ("E9", ["E0009"]), ("E02", [f"E02{n:02}" for n in range(1, 11)]), ("shapes", []), ("", []),
                        ("E0301.md", []), ("../E0301", [])]
)  # fmt: skip
def test_near_codes(capsys: pytest.CaptureFixture[str], typed: str, near: list[str]) -> None:
    told = said(capsys, typed, code=Exit.USAGE)
    assert f"there is no error `{typed}`" in told
    assert re.findall(r"did you mean ([EW]\d{4}): \S", told) == near
    assert near or "gdl explain lists all codes" in told


def test_it_is_quick_to_start() -> None:
    heavy = "numpy lark rich pygments prompt_toolkit pooch gdl.lang gdl.syntax".split()
    program = (
        "import sys; from gdl.cli.main import main; main(['explain', 'E0301']); "
        f"sys.exit(' '.join(m for m in {heavy} if m in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


def test_check_says_once_where_more_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.gdl"
    wrong.write_text("x = 3 +\nplaceholder y: f32[n]\n")
    assert main(["check", str(wrong)]) == Exit.PROGRAM
    told = capsys.readouterr().err
    assert told.count("gdl explain") == 1
    assert told.splitlines()[-1].startswith(f"{wrong}: 2 errors; `gdl explain E0017` tells more")


def test_the_documents_are_up_to_date() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_errors.py"))["pages"]()
    assert made == {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}, (
        "run `python docs/make_errors.py`"
    )


def test_the_index_leads_to_every_code() -> None:
    links = re.findall(r"^\| \[(\w+)\]\((\w+\.md)#(\w+)\)", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [code for code, _, _ in links] == list(catalogue.titles())
    for code, page, anchor in links:
        assert anchor == code.lower() and f"\n## {code}\n" in (FOLDER / page).read_text("utf-8")
