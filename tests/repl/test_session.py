"""The session object as editors and notebooks use it: text in, plain data out; quick, and no slower after much use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gdl.interactive import session as module
from gdl.interactive.answers import Answer, Bound, Ended, Said, Value
from gdl.interactive.completion import completions
from gdl.interactive.reading import is_unfinished
from gdl.interactive.session import Interactive
from gdl.repl.pipe import inputs


def ask(session: Interactive, text: str) -> Answer:
    """The one answer to an input."""
    (answer,) = session.submit(text)
    return answer


def value(session: Interactive, text: str) -> np.ndarray:
    answer = ask(session, text)
    assert isinstance(answer, Value), answer
    return answer.value


def test_answers_are_plain_data() -> None:
    session = Interactive()
    assert ask(session, "variable w: f32[2] = ones()") == Bound("w", "variable, f32[2]")
    answer = ask(session, "w")
    assert isinstance(answer, Value) and (answer.type, answer.path) == ("f32[2]", "w")
    answer.value[:] = 7  # its own array
    assert value(session, "w").tolist() == [1, 1]
    assert isinstance(ask(session, ":quit"), Ended)


def test_two_sessions_share_nothing() -> None:
    first, second = Interactive(), Interactive()
    ask(first, "x = 1")
    assert isinstance(ask(second, "x"), Said)


def test_a_seed_decides_the_first_values() -> None:
    sessions = [Interactive(seed=seed) for seed in (1, 1, 2)]
    for session in sessions:
        ask(session, "variable w: f32[3] = normal()")
    a, b, c = [value(session, "w").tolist() for session in sessions]
    assert a == b != c


def test_gradient_descent_is_that_of_numpy() -> None:
    session = Interactive()
    ask(session, "variable w: f64[2] = ones()")
    ask(session, "loss = sum((w - f64([3.0, -1.0])) ** 2)")
    w = np.ones(2)
    for _ in range(10):
        ask(session, "w := w - 0.1 * grad(loss, w)")
        w -= 0.1 * 2 * (w - [3.0, -1.0])
    np.testing.assert_allclose(value(session, "w"), w, rtol=1e-14)


def test_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "wrong.gdl"
    path.write_text("gdl 1\nx = 2\ny = z\n", encoding="utf-8")
    session = Interactive(folder=tmp_path)
    ask(session, "x = 1")
    (answer,) = session.load(path)
    assert isinstance(answer, Said) and [d.code for d in answer.diagnostics] == ["E0101"]
    assert value(session, "x") == 1


def test_blocks_find_what_they_need_among_much_else() -> None:
    session = Interactive()
    for text in ("data digit = digits()", "few = digit.test.image[0:2]", "x: f32[2] = [1.0, 2.0]"):
        ask(session, text)
    (answer,) = session.submit('test "right" { expect x == [1.0, 2.0] }')
    assert answer.failures == ()  # type: ignore[union-attr]


# ---- what is unfinished ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["f(", "def f(x: f32[n]) -> f32[n] {", "[1,", "x =", "1 +", "w := 2 *", "(1 + 2"])
def test_unfinished(text: str) -> None:
    assert is_unfinished(text)


@pytest.mark.parametrize(
    "text", ["", "x", "loss", "1 + 1", "x = 3", "f(1))", ":type (", "?f", "w := 1", "# remark", "x;"]
)
def test_finished(text: str) -> None:
    assert not is_unfinished(text)


def test_lines_become_inputs() -> None:
    lines = ["x = [1,", "2]", "", "y = x", "  |> relu", "y", "def f(x: f32[n]) {", "", "return x }", "(1"]
    joined = ["x = [1,\n2]", "y = x\n  |> relu", "y", "def f(x: f32[n]) {\n\nreturn x }", "(1"]
    assert list(inputs(lines)) == joined


# ---- completion --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def furnished() -> Interactive:
    session = Interactive()
    for text in (
        "from nn import Dense", "data digit = digits()", "hyper rate: float = 0.1", "placeholder pixels: f32[2, 3]",
        "net model = Dense(2)", "logits = model(pixels)",
        "def scaled(x: f32[n], factor: float = 2.0) -> f32[n] { return x * factor }",
    ):  # fmt: skip
        list(session.submit(text))
    return session


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("log", "logits"), ("y = softm", "softmax"), (":tr", "trace"), ("from nn import Co", "Conv"),
        ("plac", "placeholder"), ("model.", "w"), ("model/", "model/w"), ("digit.te", "test"),
        ("digit.test.im", "image"), ("scaled(logits, fa", "factor="), ("leaky_relu(logits, ", "slope="),
        (":feed pix", "pixels = "), (":set ra", "rate = "), ("?sof", "softmax"), (":mode t", "train"), ("x: f3", "f32"),
    ],
)  # fmt: skip
def test_completion(furnished: Interactive, typed: str, offered: str) -> None:
    assert offered in [each.text for each in completions(furnished, typed)]


def test_completion_tells_types_and_signatures(furnished: Interactive) -> None:
    told = {each.text: each.meta for each in completions(furnished, "l")}
    assert told["logits"] == "f32[2, 2]"
    assert told["log"].startswith("log(x: f")


def test_a_bug_in_completion_stays_there(furnished: Interactive, monkeypatch: pytest.MonkeyPatch) -> None:
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

    from gdl.repl.completing import Completing

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("gdl.interactive.completion.completions", fail)
    assert list(Completing(lambda: furnished).get_completions(Document("l"), CompleteEvent())) == []


# ---- work --------------------------------------------------------------------------------------------------------


def calls(work: Callable[[], object]) -> int:
    """How many functions of Python are called: the same on every machine, however busy."""
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_nothing_is_more_work_after_a_thousand_inputs() -> None:
    session = Interactive()
    for text in ("variable w: f32[3] = ones()", "loss = sum(w ** 2)", "x = loss * 2"):
        ask(session, text)
    texts = ("grad(loss, w)", "w := w * 0.5", "x = loss * 3")

    def work() -> list[int]:
        return [calls(lambda text=text: list(session.submit(text))) for text in texts]  # type: ignore[misc]

    work()  # what is read and imported once
    before = work()
    for i in range(500):
        ask(session, f"a{i} = w * {i}.0")
        ask(session, f"a{i}")
    for text, early, late in zip(texts, before, work(), strict=True):
        assert late < 2 * early + 3000, text


def test_the_session_names_no_screen() -> None:
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert "print(" not in source and "click" not in source
