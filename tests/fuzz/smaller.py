"""A finding's text made small: what can be left out without losing the finding is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic

from tests.fuzz import corpus


def smaller(text: str, breaks: Callable[[str], bool], seconds: float = 20.0) -> str:
    """The text without lines, then without tokens, as long as it still breaks and time lasts."""
    until = monotonic() + seconds
    lines = _reduced([line + "\n" for line in text.split("\n")], breaks, until)
    return "".join(_reduced(corpus.split("".join(lines)), breaks, until))


def _reduced(parts: Sequence[str], breaks: Callable[[str], bool], until: float) -> Sequence[str]:
    size = max(len(parts) // 2, 1)
    while True:
        at, shrunk = 0, False
        while at < len(parts) and monotonic() < until:
            candidate = [*parts[:at], *parts[at + size :]]
            if breaks("".join(candidate)):
                parts, shrunk = candidate, True
            else:
                at += size
        if monotonic() >= until or (size == 1 and not shrunk):
            return parts
        size = max(size // 2, 1)
