"""What the documents show is what happens: every program, session and command in them is run.

A page is read from top to bottom. Its fenced blocks are run in a folder of their own, which has the examples in it:

    gdl        checked, then its tests and evals are run and its training for two steps
    python     a doctest where it begins with >>>, else executed; a page's blocks share their names
    console    `$ gdl ...` is run and must say what is shown; a line `...` stands for any lines,
               ` ... ` in a line for any part of it
    gdls       a session of the prompt, from its beginning, answered as shown (the prompt's tutorial has its own test)

A comment before a block says what else it needs:

    <!-- file: NAME ... -->      a file in that folder, with the text that follows
    <!-- name: NAME -->          the next block is such a file as well
    <!-- error: E0301 -->        the next gdl block has this error
    <!-- not run -->             the next gdl block is only checked
    <!-- needs: numba -->        the next command is left out where this package is not installed
    <!-- needs: mnist -->        the next command finds MNIST's files (with the bundled digits in them)
    <!-- numbers vary -->        numbers of what comes out of the next commands are not compared
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdl
from gdl.ops.table import TABLE
from gdl.repl.transcript import run_transcript
from gdl.resources import resource
from gdl.train.data.idx_format import read_idx
from gdl.train.data.sources.digits import resized

ROOT = Path(__file__).parents[1]
DOCS = [path for path in (ROOT / "docs").rglob("*.md") if "node_modules" not in path.parts]
GENERATED = ("errors", "reference")  # below docs/; their programs are run by the tests of what they are made from
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "examples").glob("*.md"),
        *(path for path in DOCS if path.parent.name not in GENERATED),
    ]
)
PIECE = re.compile(r"^<!-- (?P<comment>.*?) ?-->$|^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\b[0-9a-f]{64}\b|\d[\d,]*(\.\d*)?(e[-+]?\d+)?")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str
    wishes: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page and, with the language `file`, the files that its comments hold."""
    found: list[Block] = []
    wishes: dict[str, str] = {}
    page = path.read_text(encoding="utf-8")
    for piece in PIECE.finditer(page):
        line = page.count("\n", 0, piece.start()) + 1
        comment = piece["comment"]
        if comment is None:
            found.append(Block(path.name, line, piece["language"], piece["text"], wishes))
            wishes = {}
        elif comment.startswith("file: "):
            name, _, text = comment.removeprefix("file: ").partition("\n")
            found.append(Block(path.name, line, "file", text, {"name": name}))
        else:
            key, _, wanted = comment.partition(": ")
            wishes = {**wishes, key: wanted}
    return found


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with as many pictures as MNIST has: the bundled digits over and over."""
    folder = tmp_path_factory.mktemp("data")
    images = resized(read_idx(resource("data/digits/images-idx3-ubyte.gz"), 1 << 20), 28)
    labels = read_idx(resource("data/digits/labels-idx1-ubyte.gz"), 1 << 20)
    for split, count in (("train", 60_000), ("t10k", 10_000)):
        for kind, code, array in (("images-idx3", 3, images), ("labels-idx1", 1, labels)):
            records = np.resize(array, (count, *array.shape[1:]))
            header = bytes([0, 0, 8, code]) + b"".join(n.to_bytes(4, "big") for n in records.shape)
            (folder / f"{split}-{kind}-ubyte").write_bytes(header + records.tobytes())
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a page's blocks run."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GDL_OFFLINE", "1")
    monkeypatch.setenv("GDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GDL_DATA", raising=False)
    ops = dict(TABLE)
    yield tmp_path
    TABLE.clear()  # of the ops that a page defines
    TABLE.update(ops)


@pytest.mark.parametrize("page", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in PAGES])
def test_blocks_hold(page: Path, folder: Path, mnist: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page):
        if block.language == "file" or (block.language in ("text", "csv") and "name" in block.wishes):
            (folder / block.wishes["name"]).write_text(block.text, encoding="utf-8")
        elif block.language == "gdl":
            run_program(block, folder)
        elif block.language == "python":
            run_python(block, names)
        elif block.language == "console" and (block.wishes.get("needs") != "numba" or find_spec("numba")):
            run_commands(block, mnist if block.wishes.get("needs") == "mnist" else None)
        elif block.language == "gdls" and page.name != "repl-tutorial.md":
            run_session(block, folder)


def run_program(block: Block, folder: Path) -> None:
    text = block.text if block.text.startswith("gdl 1") else f"gdl 1\n{block.text}"
    path = folder / block.wishes.get("name", "block.gdl")
    path.write_text(text, encoding="utf-8")
    found = [str(d.code) for d in gdl.check(path)]
    assert found == ([block.wishes["error"]] if "error" in block.wishes else []), block.place
    if found or "not run" in block.wishes:
        return
    session = gdl.load(path)
    for result in session.test():
        assert result.passed, (block.place, result)
    if session.program.trains:
        session.train(steps=2)
    for name in session.program.evals:
        session.evaluate(name)


def run_python(block: Block, names: dict[str, Any]) -> None:
    if not block.text.startswith(">>>"):
        exec(compile(block.text, block.place, "exec"), names)
        return
    test = doctest.DocTestParser().get_doctest(block.text, names, block.place, block.page, block.line)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(
        test, clear_globs=False
    )
    names.update(test.globs)
    assert result.failed == 0, block.place


def run_session(block: Block, folder: Path) -> None:
    for outcome in run_transcript(block.text, folder):
        said, shown = outcome.actual, outcome.exchange.expected
        if "numbers vary" in block.wishes:
            said, shown = NUMBER.sub("0", said), NUMBER.sub("0", shown)
        assert re.fullmatch(pattern(shown), said), f"{block.place}: {outcome.exchange.text}\n{outcome.actual}"


def run_commands(block: Block, data: Path | None) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **({"GDL_DATA": str(data)} if data else {})}
    for command, shown in commands(block.text):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said = done.stdout
        if "numbers vary" in block.wishes:
            said, shown = NUMBER.sub("0", said), NUMBER.sub("0", shown)
        assert re.fullmatch(pattern(shown), said.rstrip("\n")), f"{block.place}: {command}\n{said}"


def commands(text: str) -> list[tuple[list[str], str]]:
    """Each command of a block with what it should say."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return [(shlex.split(command), shown.rstrip("\n")) for command, shown in zip(parts[1::2], parts[2::2], strict=True)]


def pattern(shown: str) -> str:
    """A line of `...` alone stands for any number of lines, ` ... ` in a line for any part of it."""
    lines = [re.escape(line).replace(r"\ \.\.\.\ ", r" .*\ ") for line in shown.split("\n")]
    return r"\n".join(r"(?:.*\n)*?.*" if line == r"\.\.\." else line for line in lines)


@pytest.mark.parametrize("page", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in sorted({*PAGES, *DOCS})])
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_readme_shows_the_example_as_it_is() -> None:
    shown = blocks(ROOT / "README.md")[0].text.splitlines()
    example = (ROOT / "examples" / "mnist.gdl").read_text(encoding="utf-8").splitlines()
    kept = [line.partition("#")[0].rstrip() for line in example]
    for line in shown:
        assert line.startswith("##") or line.partition("#")[0].rstrip() in kept, line
