"""Threads that compute parts of a statement at the same time.

NumPy lets go of Python's lock in ufuncs, copies and BLAS, so threads help wherever a part is large. A hand-over costs
about 20 microseconds.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numpy as np

from gdl.runtime.arrays import BUFFER_ELEMENTS

Call = tuple[Callable[..., Any], Sequence[Any]]
_Inbox = SimpleQueue  # of (function, arguments, where its end is told), or None: no more


class Pool:
    """So many threads, the caller's among them. The others start when they are first needed, wait while there is
    nothing to do, and end with the pool."""

    __slots__ = ("__weakref__", "_inboxes", "threads")

    def __init__(self, threads: int):
        self.threads = threads
        self._inboxes: tuple[_Inbox, ...] = ()

    def run(self, calls: Sequence[Call]) -> None:
        """Makes the calls, no more than there are threads, and returns when all are done. Raises what the first of
        those that failed raised."""
        if not self._inboxes:
            self._start()
        done: SimpleQueue[BaseException | None] = SimpleQueue()  # of this run: an interrupted one leaves nothing behind
        for inbox, (function, arguments) in zip(self._inboxes, calls[1:]):
            inbox.put((function, arguments, done))
        function, arguments = calls[0]
        try:
            function(*arguments)
        finally:
            faults = [done.get() for _ in calls[1:]]
        for fault in faults:
            if fault is not None:
                raise fault

    def _start(self) -> None:
        self._inboxes = tuple([SimpleQueue() for _ in range(self.threads - 1)])
        for inbox in self._inboxes:
            Thread(target=_work, args=(inbox,), name="gdl part", daemon=True).start()
        weakref.finalize(self, _end, self._inboxes)


def _work(inbox: _Inbox) -> None:
    with np.errstate(all="ignore"):  # as in a run: infinities are values
        np.setbufsize(BUFFER_ELEMENTS)
        while (call := inbox.get()) is not None:
            function, arguments, done = call
            fault = None
            try:
                function(*arguments)
            except BaseException as raised:
                fault = raised
            del call, function, arguments  # what was lent is not kept while waiting
            done.put(fault)
            del done, fault


def _end(inboxes: Sequence[_Inbox]) -> None:
    for inbox in inboxes:
        inbox.put(None)
