"""The command run in this process: whatever it is given, it answers with an exit code of its own and in words."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout

from gdl.cli.main import main
from gdl.errors import Exit
from tests.fuzz.oracle import CONTROL, Finding, TooLong, finding_of, time_limit

_LIMIT_S = 20.0


class _Stream(io.TextIOWrapper):
    """Takes what standard output takes, which refuses what is not UTF-8; standard error writes it as codes."""

    def __init__(self, errors: str) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors=errors, write_through=True)

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined]


def broken_command(args: Sequence[str]) -> Finding | None:
    """What `gdl args...` breaks, if anything: an exception, the exit code of a bug, control characters, silence."""
    out, err = _Stream("strict"), _Stream("backslashreplace")
    try:
        with time_limit(_LIMIT_S), redirect_stdout(out), redirect_stderr(err):
            code = main(list(args))
    except (Exception, SystemExit, TooLong) as error:
        return finding_of(error)
    said = out.text + err.text
    if code == Exit.BUG or code not in list(Exit) or "Traceback" in said:
        return Finding(f"exit {code}: {err.text[:90]}", f"{args}\n{said[-3000:]}")
    if code != Exit.OK and not err.text.strip() and "FAILED" not in said and "--json" not in args:
        return Finding(f"exit {code} without a word", f"{args}\n{said}")
    odd = CONTROL.search(said)
    if odd is not None:
        return Finding(f"control character {odd[0]!r} in the output", f"{args}\n{said[-3000:]!r}")
    return None
