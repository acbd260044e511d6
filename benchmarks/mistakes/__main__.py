"""Asks GDL, ONNX, NNEF and JAX about the same seven mistakes and writes a page of what they print.

    python -m venv peers && peers/bin/pip install onnx nnef jax
    python -m benchmarks.mistakes --python peers/bin/python --write docs/seven-mistakes.md
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

from benchmarks.processes import ROOT

FOLDER = Path(__file__).parent
PROGRAMS = FOLDER / "programs"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Its programs' name, its title, the numbers or words that an answer would tell, and what a line must have in it to
    be one of the places that contribute."""

    name: str
    title: str
    telling: tuple[str, ...]
    places: tuple[str, ...]


MISTAKES = (
    Mistake("inner_sizes", "Inner sizes of 784 and 785", ("784", "785"), ("784", "785")),
    Mistake("bias", "A bias of 11 for 10 outputs", ("10", "11"), ("784, 10", "11")),
    Mistake("channels", "A kernel of 4 channels on 3", ("3", "4"), ("28", "16")),
    Mistake("unknown_op", "An op that does not exist", ("softmax",), ("sofmax",)),
    Mistake("misspelt_name", "A misspelt name", ("logits",), ("logits =", "softmax")),
    Mistake("cycle", "Definitions in a circle", ("gate", "h"), ("h =", "gate =")),
    Mistake("uneven_split", "28 rows split into 5", ("28", "5"), ("28", "5")),
)
PEERS = (("ONNX", ".onnx"), ("NNEF", ".nnef"), ("JAX", ".jax"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mistakes", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the Python that has onnx, nnef and jax")
    parser.add_argument("--write", type=Path, help="the page to write; else it is printed")
    given = parser.parse_args()
    answers = {mistake.name: _answers(given.python, mistake) for mistake in MISTAKES}
    versions = _run([given.python, str(FOLDER / "ask.py")]).split("\n")
    text = _page(answers, [line for line in versions if line])
    if given.write:
        given.write.write_text(text, encoding="utf-8")
    else:
        print(text)


# ---- asking ------------------------------------------------------------------------------------------------------


def _answers(python: str, mistake: Mistake) -> dict[str, str]:
    """What each says, shortened; an empty text where it says nothing."""
    found = {"GDL": _run([sys.executable, "-m", "gdl", "check", f"{mistake.name}.gdl"])}
    for title, suffix in PEERS:
        file = f"{mistake.name}{suffix}"
        command = [python, file] if suffix == ".jax" else [python, str(FOLDER / "ask.py"), file]
        found[title] = _shortened(_run(command), file)
    return found


def _run(command: list[str]) -> str:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu", "NO_COLOR": "1", "GDL_OFFLINE": "1"}
    done = subprocess.run(command, cwd=PROGRAMS, env=environment, text=True, capture_output=True)
    return (done.stdout + done.stderr).rstrip()


_REMARK = re.compile(r"Traceback|During handling|For simplicity|-----|$")


def _shortened(said: str, file: str) -> str:
    """Of a traceback the lines about the program's own file, and what each exception says; `...` for the rest."""
    kept: list[str] = []
    is_own = False
    for line in said.split("\n"):
        if line.startswith("  File "):
            is_own = re.search(rf'["/]{re.escape(file)}"', line) is not None
            line = re.sub(r'"[^"]*/', '"', line)
        wanted = is_own if line.startswith(" ") else not _REMARK.match(line)
        if not line.startswith(" "):
            is_own = False
        if wanted:
            kept.append(line)
        elif kept[-1:] != ["..."] and line:
            kept.append("...")
    return "\n".join(kept[1:] if kept[:1] == ["..."] and len(kept) > 1 else kept)


# ---- the page ----------------------------------------------------------------------------------------------------


_INTRODUCTION = (
    "Seven mistakes that everyone makes, each written for GDL, for ONNX (its text form, `onnx.parser`, then "
    "`checker.check_model` with `full_check` and strict shape inference), for NNEF (`nnef.parse_string`, then "
    "`nnef.infer_shapes`) and for JAX (run as it stands), and what each prints. Of tracebacks only the lines about "
    "the program and the exceptions are kept; `...` stands for what was left out.",
    "These tools have other purposes: ONNX and NNEF are written by programs and carry nets from one to the next, JAX "
    "is a library of a language that knows no shapes. What says nothing may mean it so: ONNX lets the last part of a "
    "split be smaller.",
)


def _page(answers: dict[str, dict[str, str]], versions: list[str]) -> str:
    introduction = [*_INTRODUCTION, f"Python {sys.version.split()[0]}; {', '.join(versions)}. To repeat:"]
    parts = [
        "# Seven mistakes",
        *[fill(paragraph, 120) for paragraph in introduction],
        "```sh\npython -m venv peers && peers/bin/pip install onnx nnef jax\n"
        "python -m benchmarks.mistakes --python peers/bin/python --write docs/seven-mistakes.md\n```",
        _table(answers),
    ]
    for number, mistake in enumerate(MISTAKES, 1):
        parts.append(f"## {number}. {mistake.title}")
        text = (PROGRAMS / f"{mistake.name}.gdl").read_text(encoding="utf-8").rstrip()
        said = answers[mistake.name]
        code = re.search(r"error\[(E\d+)\]", said["GDL"])
        wishes = f"<!-- name: {mistake.name}.gdl -->\n<!-- error: {code[1] if code else ''} -->"
        parts.append(f"{wishes}\n```gdl\n{text}\n```")
        parts.append(f"```console\n$ gdl check {mistake.name}.gdl\n{said['GDL']}\n```")
        for title, suffix in PEERS:
            program = f"[{title}](../benchmarks/mistakes/programs/{mistake.name}{suffix})"
            shown = f":\n\n```text\n{said[title]}\n```" if said[title] else " says nothing."
            parts.append(f"{program}{shown}")
    return "\n\n".join(parts) + "\n"


def _table(answers: dict[str, dict[str, str]]) -> str:
    """Counted in what was printed, not judged: see the questions."""
    titles = ["GDL", *[title for title, _ in PEERS]]
    rows = [f"| of {len(MISTAKES)} answers | {' | '.join(titles)} |\n|{'---|' * (len(titles) + 1)}"]
    for question, holds in QUESTIONS:
        counts = [sum(holds(mistake, answers[mistake.name][title]) for mistake in MISTAKES) for title in titles]
        rows.append(f"| {question} | {' | '.join(map(str, counts))} |")
    return "\n".join(rows)


def _is_refused(mistake: Mistake, said: str) -> bool:
    return bool(said)


def _has_line(mistake: Mistake, said: str) -> bool:
    return re.search(r"line \d+|:\d+:\d+|\[\d+:\d+\]", said) is not None


def _has_numbers(mistake: Mistake, said: str) -> bool:
    return all(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) for word in mistake.telling)


def _shows_places(mistake: Mistake, said: str) -> bool:
    """Whether the lines of the program are shown on which the sizes or names stand that do not fit."""
    lines = [line for line in said.split("\n") if re.match(r"\s*\d+ \||    ", line)]
    return all(any(place in line for line in lines) for place in mistake.places)


def _has_way_out(mistake: Mistake, said: str) -> bool:
    return re.search(r"^help: |[Dd]id you mean", said, re.MULTILINE) is not None


QUESTIONS = (
    ("refuse the program", _is_refused),
    ("name its line", _has_line),
    ("tell both numbers, or the name that was meant", _has_numbers),
    ("show every line that contributes", _shows_places),
    ("offer a way out", _has_way_out),
)


if __name__ == "__main__":
    main()
