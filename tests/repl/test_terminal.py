"""The real program in a pseudo-terminal: typing, completing, history, interrupting, resizing."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ESCAPE = re.compile(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])|\r|\x07")
_WAIT_S = 15.0


class Terminal:
    """The program with a keyboard and a screen. What was shown and not yet waited for is kept."""

    def __init__(self, folder: Path, *options: str):
        self._screen, inside = pty.openpty()
        self.resize(30, 100)
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
        environment |= {"GDL_HISTORY": str(folder / "history"), "GDL_OFFLINE": "1", "PROMPT_TOOLKIT_NO_CPR": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gdl", "repl", *options], cwd=folder, env=environment,
            stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        self._inside = inside
        self._shown = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self._screen, keys.encode())

    def expect(self, text: str) -> str:
        """Waits until the text is shown; everything shown up to its end."""
        deadline = time.monotonic() + _WAIT_S
        while True:
            plain = _ESCAPE.sub(b"", self._shown).decode(errors="replace")
            if text in plain:
                seen, _, rest = plain.partition(text)
                self._shown = rest.encode()
                return seen + text
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._screen], [], [], left)[0]:
                raise AssertionError(f"{text!r} was not shown, but: {plain!r}")
            try:
                self._shown += os.read(self._screen, 65536)
            except OSError:
                raise AssertionError(f"{text!r} was not shown before the end, but: {plain!r}") from None

    def ask(self, keys: str, answer: str) -> str:
        """Types an input and waits for its answer and the next prompt; what was shown up to the answer."""
        self.type(keys + "\r")
        shown = self.expect(answer)
        self.expect(">>>")
        return shown

    def end(self) -> int:
        try:
            return self.process.wait(_WAIT_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            os.close(self._screen)
            os.close(self._inside)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    shown = Terminal(tmp_path)
    shown.expect(">>>")
    yield shown
    if shown.process.poll() is None:
        shown.process.kill()
        shown.process.wait()


def test_typing_and_the_end(terminal: Terminal) -> None:
    terminal.ask("x = 3.0", "x: float 3.0")
    terminal.ask("x * 14", "42.0  float")
    terminal.type("\x04")
    assert terminal.end() == 0


def test_unfinished_input_goes_on(terminal: Terminal) -> None:
    terminal.type("y = [1.0,\r")
    terminal.expect("...")
    terminal.ask("2.0]", "y: list [1.0, 2.0]")
    terminal.type(":quit\r")
    assert terminal.end() == 0


def test_completing(terminal: Terminal) -> None:
    terminal.type("softm\t")
    terminal.expect("softmax")
    terminal.ask("([1.0, 1.0])", "[0.5 0.5]")
    terminal.type(":hel\t")
    terminal.expect("help")
    terminal.ask("", ":train [n epochs|steps]")
    terminal.type("leaky_relu(0.0, slo\t")
    terminal.expect("slope=")
    terminal.ask("1.0)", "0.0  f32[]")
    terminal.type("\x04")
    assert terminal.end() == 0


def test_history(terminal: Terminal) -> None:
    terminal.ask("1 + 1", "2  int")
    terminal.ask("5", "5  int")
    terminal.ask("\x1b[A\x1b[A", "2  int")
    terminal.type("\x04")
    assert terminal.end() == 0


def test_a_mistake_is_shown_under_the_input(terminal: Terminal) -> None:
    terminal.type("wrong + 1\r")
    terminal.expect("error[E0101]")
    terminal.expect("^^^^^")
    terminal.expect(">>>")
    terminal.ask("1 + 1", "2  int")
    terminal.type("\x04")
    assert terminal.end() == 0


def test_interrupting_typing_and_training(terminal: Terminal) -> None:
    terminal.type("nonsense")
    terminal.expect("nonsense")
    terminal.type("\x03")
    terminal.expect(">>>")
    terminal.ask("variable w: f32[] = zeros()", "variable, f32[]")
    terminal.ask("train { steps 100000000; minimize (w - 3) ** 2 with Sgd(0.1) }", ":train runs it")
    terminal.type(":train\r")
    terminal.expect("training for")
    time.sleep(0.5)
    terminal.type("\x03")
    terminal.expect(">>>")
    terminal.ask("w > 2.9", "true  bool[]")
    terminal.type("\x04")
    assert terminal.end() == 0


def test_resizing(terminal: Terminal) -> None:
    terminal.type("zeros([")
    terminal.expect("zeros([")
    terminal.resize(20, 50)
    shown = terminal.ask("40])", "f32[40]")
    assert max(map(len, shown.split("\n"))) <= 50
    terminal.type("\x04")
    assert terminal.end() == 0


def test_a_dumb_terminal_gets_no_control_bytes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gdl", "repl"], cwd=tmp_path, input=b"1 + 1\nwrong\n:show eye(4)\n",
        env={**os.environ, "TERM": "dumb", "PYTHONPATH": str(ROOT)}, capture_output=True,
    )  # fmt: skip
    assert b"2  int" in done.stdout and b"E0101" in done.stdout
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.returncode == 3
