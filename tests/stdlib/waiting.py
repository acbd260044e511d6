"""Layers of the standard library that wait for ops still to come. A mark that is no longer needed fails the tests."""

from __future__ import annotations

import pytest

WAITING = {
    "Conv": "conv2d",
    "ConvTranspose": "conv2d_transpose",
    "Rnn": "scan",
    "Lstm": "scan",
    "Gru": "scan",
}


def marks(call: str) -> list[pytest.MarkDecorator]:
    """For a test of `Conv(...)`: that it fails as long as its op is missing."""
    missing = WAITING.get(call.split("(")[0])
    return [pytest.mark.xfail(strict=True, reason=f"waits for {missing}")] if missing else []
