"""What the checker lets through runs: no edit of an example fails after it was checked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.mutation import running
from tests.mutation.edits import KINDS, edit

SEED = 1
#: Edits in the quick run: the fewer, the longer a step of the example takes.
QUICK = {"affine": 120, "mnist": 90, "spiral": 50, "vae": 30, "batch_norm": 30, "wgan": 15, "dcgan": 15, "convnet": 15}
THOROUGH = 500


def later_failures(name: str, numbers: range, folder: Path) -> tuple[list[str], Counter[str]]:
    """What failed after it was checked, and how many edits came to which end."""
    text, options = running.example(name), running.build(folder)
    failed, counts = [], Counter[str]()
    for number in numbers:
        change = edit(text, SEED, number)
        found = running.outcome(change.applied(text), options)
        counts[found.word] += 1
        if found.word == "failed later":
            failed.append(f"{name}, edit {number} of seed {SEED}: {change.told(text)}\n{found.said}")
    return failed, counts


@pytest.mark.parametrize("name", running.names())
def test_edits(name: str, tmp_path: Path) -> None:
    failed, _ = later_failures(name, range(QUICK.get(name, 10)), tmp_path)
    assert failed == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", running.names())
def test_five_hundred_edits(name: str, tmp_path: Path) -> None:
    failed, _ = later_failures(name, range(THOROUGH), tmp_path)
    assert failed == []


# ---- the test itself -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", running.names())
def test_the_examples_themselves_run(name: str, tmp_path: Path) -> None:
    assert running.outcome(running.example(name), running.build(tmp_path)).word == "ran"


def test_edits_are_of_every_kind_refused_and_run(tmp_path: Path) -> None:
    text = running.example("affine")
    changes = [edit(text, SEED, number) for number in range(40)]
    assert changes == [edit(text, SEED, number) for number in range(40)]
    assert {change.kind for change in changes} == set(KINDS)
    _, counts = later_failures("affine", range(40), tmp_path)
    assert counts["ran"] >= 5 and counts["refused"] >= 15


def test_what_fails_later_is_found(tmp_path: Path) -> None:
    text = "x = normal([2])\neval e { report gather(x, i64(x * 1000)) }\n"
    found = running.outcome(text, running.build(tmp_path))
    assert found.word == "failed later" and "E0809" in found.said


def test_a_fault_of_the_checker_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_how: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr("gdl.session.checking.check", fail)
    found = running.outcome(running.example("mnist"), running.build(tmp_path))
    assert found.word == "failed later" and "KeyError" in found.said
