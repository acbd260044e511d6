"""Every code has a page, and what the page shows is what happens. `pytest --accept` writes in what is said: read it.

    # E0301: what is wrong, in a few words
    What it means and why GDL insists.
    ## Wrong
    gdl         a program with exactly this mistake; the text block after it is what `gdl check` says of it
    console     `$ gdl ...`, after settings of the environment, says what is shown; a line `...` stands for any lines
    python      a doctest
    gdls        a transcript of the prompt
    ## Right
    the same, without a mistake

`<!-- name: FILE -->` makes the next block a file, which is not run.
"""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import gdl
from gdl.cli.main import main
from gdl.errors import catalogue
from gdl.render import render
from gdl.repl.transcript import rewritten, run_transcript
from gdl.session.checking import check_program
from gdl.source import Source
from gdl.train.data import DataOptions
from tests.test_docs import Block, blocks, commands, folder, pattern, run_program, run_python  # noqa: F401

PACKAGE = Path(gdl.__file__).parent
TITLES = catalogue.titles()
LIBRARY_PLACE = re.compile(r"  nn\.gdl:\d+$", re.MULTILINE)  # the library may grow
MADE = {
    code
    for path in (PACKAGE / "errors").glob("*.py")
    for code in re.findall(r'"([EW]\d{4})"', path.read_text(encoding="utf-8"))
}


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert sorted(MADE - TITLES.keys()) == []
    assert sorted(TITLES.keys() - MADE) == []


def test_codes_are_made_in_one_place() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "errors":
            assert not re.search(r'Diagnostic\(\s*"[EW]\d{4}"', path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("code", TITLES)
def test_a_page_is_laid_out_like_the_others(code: str) -> None:
    page = catalogue.page(code)
    assert page is not None
    assert re.fullmatch(rf"# {code}: [^\n]{{8,90}}\n\n.{{80,}}?\n## Wrong\n.+?\n## Right\n.+?", page, re.DOTALL), (
        "a title, a paragraph, a wrong program, a right one"
    )
    assert max(map(len, re.sub(r"```.*?```", "", page, flags=re.DOTALL).splitlines())) <= 120
    assert not TITLES[code].endswith(".")


@pytest.mark.parametrize("code", TITLES)
def test_a_page_shows_what_happens(code: str, folder: Path, request: pytest.FixtureRequest) -> None:  # noqa: F811
    path = catalogue.FOLDER / f"{code}.md"
    page = path.read_text(encoding="utf-8")
    right_from = page.count("\n", 0, page.index("\n## Right\n")) + 1
    accept = request.config.getoption("--accept")
    found, names = blocks(path), {"__name__": "__main__"}
    shown_wrong, graph, at = "", gdl.Graph(), 0
    for block, follower in zip(found, [*found[1:], None]):
        wrong = block.line < right_from
        text = follower.text if follower and follower.language == "text" and "name" not in follower.wishes else None
        if "name" in block.wishes:
            (folder / block.wishes["name"]).write_text(block.text, encoding="utf-8")
        elif block.language == "gdl" and wrong:
            said = checked(block, code, folder)
            if accept:
                at = page.index(fence(block), at)
                page = page[:at] + with_text(page[at:], block, said)
            else:
                assert text is not None and text.rstrip("\n") == said, f"{block.place}\n{said}"
            shown_wrong += said
        elif block.language == "gdl":
            run_program(block, folder)
        elif block.language == "python":
            with graph:
                run_python(block, names)
            shown_wrong += block.text if wrong else ""
            assert wrong or "Traceback" not in block.text
        elif block.language in ("console", "gdls"):
            said, holds = (consoled if block.language == "console" else prompted)(block, folder)
            if accept:
                at = page.index(fence(block), at)
                page = page[:at] + page[at:].replace(block.text, said, 1)
            else:
                assert holds, f"{block.place}\n{said}"
            shown_wrong += said if wrong else ""
            assert wrong or f"{code}" not in said.replace(f"explain {code}", ""), said
    if accept:
        path.write_text(page, encoding="utf-8")
    assert re.search(rf"\b{code}\b", shown_wrong), f"{code} is not shown by its page:\n{shown_wrong}"
    others = set(re.findall(r"\[([EW]\d{4})\]", shown_wrong)) - {code}
    assert not others


def checked(block: Block, code: str, folder: Path) -> str:  # noqa: F811
    """What `gdl check` says of a wrong program, which has this mistake only."""
    name = f"{code.lower()}.gdl"
    source = Source(name, block.text, folder / name)
    options = DataOptions(program_dir=folder, cache_dir=folder / "cache", offline=True)
    said = check_program(source, options).diagnostics
    assert {d.code for d in said} == {code}, render(said)
    return LIBRARY_PLACE.sub("", shown(render(said), folder))


def with_text(page: str, block: Block, said: str) -> str:
    """A page that begins with a block, and what is said of it after that."""
    rest = page.removeprefix(fence(block))
    old = re.match(r"\n```text\n.*?^```\n", rest, re.DOTALL | re.MULTILINE)
    return f"{fence(block)}\n```text\n{said}\n```\n{rest[old.end() :] if old else rest}"


def fence(block: Block) -> str:
    return f"```{block.language}\n{block.text}```\n"


def consoled(block: Block, folder: Path) -> tuple[str, bool]:  # noqa: F811
    """Runs the commands in this process: what the block would look like, and whether it does."""
    lines, holds = [], True
    for command, expected in commands(block.text):
        at = command.index("gdl")
        settings = dict(word.split("=", 1) for word in command[:at])
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as told, redirect_stderr(told):
            for name, value in settings.items():
                patch.setenv(name, value)
            main(command[at + 1 :])
        said = shown(told.getvalue(), folder).rstrip("\n")
        fits = re.fullmatch(pattern(expected), said) is not None
        holds = holds and fits
        lines += [f"$ {shlex.join(command)}", *([expected if fits else said] if said or expected else [])]
    return "\n".join(lines) + "\n", holds


def shown(said: str, folder: Path) -> str:  # noqa: F811
    """As it is said to somebody whose program lies in a folder of theirs."""
    return said.replace(f"{folder}/", "").replace(str(folder), "/home/you")


def prompted(block: Block, folder: Path) -> tuple[str, bool]:  # noqa: F811
    outcomes = list(run_transcript(block.text, folder))
    return rewritten(block.text, outcomes).rstrip("\n") + "\n", all(outcome.passed for outcome in outcomes)
