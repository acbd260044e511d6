"""Ctrl-C: the first asks training to finish its step and save, the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gdl.train.events import Progress


@contextmanager
def gentle_interrupt(progress: Progress) -> Iterator[None]:
    """While this lasts, the first Ctrl-C sets `progress.interrupted`; a second raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may have handlers
        yield
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if progress.interrupted:
            raise KeyboardInterrupt
        progress.interrupted = True

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
