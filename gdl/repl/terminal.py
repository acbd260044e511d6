"""The prompt in a terminal: editing with prompt_toolkit, answers below.

The prompt stands before the session does: what answers (the checker, the ops, NumPy) is imported in a thread of its own
while the person begins to type, so nothing here imports it when loaded.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import HighlightMatchingBracketProcessor

from gdl.cli.screen import width
from gdl.repl.coloring import STYLE, Coloring
from gdl.repl.completing import Completing

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive
    from gdl.repl.draw import Pen

_PROMPT, _MORE = ">>> ", "... "


def run_terminal(opened: Callable[[], tuple[Interactive, Pen]], color: bool, vi: bool) -> None:
    """Reads, answers and draws until the person has had enough. `opened` waits for the session."""
    prompt = _prompt(lambda: opened()[0], color, vi)
    click.echo("gdl: :help says what can be typed, Tab completes, Ctrl-D ends")
    while (text := _next(prompt)) is not None:
        session, pen = opened()
        pen.width = width()
        if text.strip() and not _answer(session, pen, text):
            return


def _next(prompt: PromptSession[str]) -> str | None:
    """The next input; None at the end."""
    while True:
        try:
            return prompt.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return None


def _prompt(session: Callable[[], Interactive], color: bool, vi: bool) -> PromptSession[str]:
    return PromptSession(
        _PROMPT,
        prompt_continuation=lambda _width, _line, _wrap: _MORE,
        history=_history(),
        lexer=Coloring() if color else None,
        style=STYLE if color else None,
        completer=Completing(session),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        input_processors=[HighlightMatchingBracketProcessor()],
        key_bindings=_keys(),
        multiline=True,
        editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
        enable_open_in_editor=True,
        enable_history_search=False,
    )


def _answer(session: Interactive, pen: Pen, text: str) -> bool:
    """Draws the answers to an input; whether the session goes on."""
    from gdl.interactive.answers import Ended  # imported by now

    try:
        with _interrupting(session):
            for answer in session.submit(text):
                if isinstance(answer, Ended):
                    return False
                drawn = pen.draw(answer)
                if drawn:
                    click.echo(drawn, color=True)
    except KeyboardInterrupt:
        click.echo("interrupted")
    except Exception as error:  # a bug, which must not cost the session
        if os.environ.get("GDL_DEBUG", "") not in ("", "0"):
            raise
        click.echo(f"This is a bug in GDL: {type(error).__name__}: {error}. The session goes on.")
    return True


@contextmanager
def _interrupting(session: Interactive) -> Iterator[None]:
    """While this lasts, Ctrl-C lets training end after its step; anything else, and a second one, ends at once."""

    def handle(_signal: int, _frame: FrameType | None) -> None:
        trainer = session.trainer
        if not trainer.is_running or trainer.progress.interrupted:
            raise KeyboardInterrupt
        trainer.progress.interrupted = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _history() -> History:
    """In the user's own folder, where that can be written."""
    path = Path(os.environ.get("GDL_HISTORY") or Path.home() / ".gdl_history")
    try:
        path.touch()
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def _keys() -> KeyBindings:
    """Enter ends an input that is finished, and one whose last line is empty; else it begins a new line."""
    keys = KeyBindings()

    @keys.add("enter")
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        from gdl.interactive.reading import is_unfinished  # imported by now, or waited for

        document = buffer.document
        at_end = not document.text_after_cursor.strip()
        last_is_empty = "\n" in document.text and not document.current_line.strip()
        if at_end and (last_is_empty or not is_unfinished(document.text)):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n" + _indent(document.current_line_before_cursor))

    @keys.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("tab")
    def _tab(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if not buffer.document.current_line_before_cursor.strip():
            buffer.insert_text("  ")
        elif buffer.complete_state:
            buffer.complete_next()
        else:
            buffer.start_completion(insert_common_part=True)

    return keys


def _indent(line: str) -> str:
    """The blanks that a line after this one begins with."""
    own = line[: len(line) - len(line.lstrip())]
    return own + ("  " if line.rstrip().endswith(("{", "(", "[")) else "")
