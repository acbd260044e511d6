"""No input of any kind gives a traceback, runs forever, or is refused without a word that helps."""

from __future__ import annotations

import pytest

from gdl.train.data import DataOptions
from tests.fuzz import attacks, corpus, inputs
from tests.fuzz.attacks import Place
from tests.fuzz.oracle import Finding, broken
from tests.fuzz.running import broken_run

SEED = 1
HANDMADE = [
    pytest.param(text, id=f"{path.stem}-{number}")
    for path in sorted(corpus.CASES.glob("*.gdl"))
    for number, text in enumerate(path.read_text(encoding="utf-8").split(corpus.SEPARATOR))
]


def first_wrong(text: str, options: DataOptions) -> Finding | None:
    """What the text breaks when it is checked and, if it is right, run."""
    found, checked = broken(text, options)
    if found is None and checked is not None and checked.program is not None:
        return broken_run(checked, options)
    return found


def findings_in_texts(numbers: range, options: DataOptions) -> list[str]:
    found = {number: first_wrong(inputs.text(SEED, number), options) for number in numbers}
    return [f"input {number} of seed {SEED}: {f.key}\n{f.detail}" for number, f in found.items() if f is not None]


def findings_in_attacks(numbers: range, place: Place) -> list[str]:
    found = {number: attacks.attack(place, SEED, number) for number in numbers}
    return [f"attack {number} of seed {SEED}: {f.key}\n{f.detail}" for number, f in found.items() if f is not None]


@pytest.mark.parametrize("text", HANDMADE)
def test_what_broke_once_or_might(text: str, options: DataOptions) -> None:
    assert first_wrong(text, options) is None


@pytest.mark.parametrize("part", range(3))
def test_texts(part: int, options: DataOptions) -> None:
    assert findings_in_texts(range(part * 300, part * 300 + 300), options) == []


def test_files_and_arguments(place: Place) -> None:
    assert findings_in_attacks(range(300), place) == []


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_ninety_thousand_texts(options: DataOptions) -> None:
    assert findings_in_texts(range(90_000), options) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ten_thousand_files_and_arguments(place: Place) -> None:
    assert findings_in_attacks(range(10_000), place) == []


# ---- the fuzzer itself -------------------------------------------------------------------------------------------


def test_an_input_is_what_it_was() -> None:
    assert [inputs.text(SEED, number) for number in range(20)] == [inputs.text(SEED, number) for number in range(20)]


def test_some_inputs_are_right_and_some_are_wrong(options: DataOptions) -> None:
    made = [broken(inputs.text(SEED, number), options)[1] for number in range(150)]
    right = [checked for checked in made if checked is not None and checked.program is not None]
    assert 5 <= len(right) <= 145


@pytest.mark.parametrize("fault", [TypeError, KeyError, RecursionError, MemoryError, AssertionError])
def test_a_fault_in_the_checker_is_found(fault: type, options: DataOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_how: object) -> None:
        raise fault("planted")

    monkeypatch.setattr("gdl.session.checking.check", fail)
    found, _ = broken("x = 1\n", options)
    assert found is not None and fault.__name__ in found.key


def test_a_loop_without_end_is_found(options: DataOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def spin(*_args: object, **_how: object) -> None:
        while True:
            pass

    monkeypatch.setattr("tests.fuzz.oracle.LIMIT_S", 0.2)
    monkeypatch.setattr("gdl.session.checking.check", spin)
    found, _ = broken("x = 1\n", options)
    assert found is not None and "TooLong" in found.key
