"""What must hold of any text: it is checked without an exception, within time and memory, and told about in order."""

from __future__ import annotations

import json
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from gdl.autodiff import requests
from gdl.diagnostics import Diagnostic
from gdl.lang import context
from gdl.render import render, to_json
from gdl.session.checking import Checked, check_program
from gdl.source import Source, Span
from gdl.syntax.parser import is_incomplete
from gdl.train.data import DataOptions

#: Processor time that one input may take: a bound on accidents (loops of 10**9, exponential growth), not a benchmark.
LIMIT_S = 5.0

_CODE = re.compile(r"[EW]\d{4}")
#: What may not reach a screen.
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


class TooLong(BaseException):
    """Raised into the input that is being tried; no handler of the program's may catch it."""


@dataclass(frozen=True)
class Finding:
    """A property that an input broke. `key` is equal for findings of one cause."""

    key: str
    detail: str


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """TooLong after so much processor time of this process."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def finding_of(error: BaseException) -> Finding:
    """An exception as a finding; its cause is where in GDL it was raised."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/gdl/" in f.filename.replace("\\", "/")]
    last = frames[-1] if frames and not isinstance(error, TooLong) else None
    where = f"{last.filename.rpartition('/gdl/')[2]}:{last.name}" if last else ""
    text = "".join(traceback.format_exception(error)[-12:])
    return Finding(f"{type(error).__name__} {where}", text[-6000:])


def broken(text: str, options: DataOptions) -> tuple[Finding | None, Checked | None]:
    """What the text breaks, if anything; and what the checker made of it."""
    try:
        with time_limit(LIMIT_S):
            checked = check_program(Source("fuzz.gdl", text, _path(options)), options)
            is_incomplete(text)
            found = _wrong(checked)
    except (Exception, TooLong) as error:
        return finding_of(error), None
    return found, checked


def _path(options: DataOptions) -> Path | None:
    """Where the program would lie: beside the files that it may import."""
    return options.program_dir / "fuzz.gdl" if options.program_dir else None


def _wrong(checked: Checked) -> Finding | None:
    failed = any(d.is_error for d in checked.diagnostics)
    if failed == (checked.program is not None):
        return Finding("errors and a program", f"{checked.diagnostics}")
    return next(filter(None, map(wrong_diagnostic, checked.diagnostics)), None)


def wrong_diagnostic(diagnostic: Diagnostic) -> Finding | None:
    """What is wrong with one diagnostic: its code, its texts, its places, how it is drawn."""
    code, message = diagnostic.code, diagnostic.message
    if not _CODE.fullmatch(code) or not message.strip():
        return Finding(f"code or message of {code}", repr(diagnostic))
    for span in [label.span for label in diagnostic.labels] + [edit.span for edit in diagnostic.fix]:
        if not _inside(span):
            where = f"{span.start}..{span.end} of {len(span.source.text)}"
            return Finding(f"span of {code} outside its source", f"{where}: {message}")
    for width in (40, 100):
        drawn = render([diagnostic], width=width) + _COLOR.sub("", render([diagnostic], color=True, width=width))
        if CONTROL.search(drawn):
            return Finding(f"control character in {code}", repr(drawn))
        drawn.encode()
    json.dumps(to_json(diagnostic))
    return None


def _inside(span: Span) -> bool:
    return 0 <= span.start <= span.end <= len(span.source.text)


@contextmanager
def bounded_memory(nbytes: int = 6 * 2**30) -> Iterator[None]:
    """No more memory than this for the process, where the system can say so: what asks for more gets a MemoryError."""
    try:
        import resource
    except ImportError:  # not on this system
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (nbytes if hard == resource.RLIM_INFINITY else min(nbytes, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def tight_limits() -> Iterator[None]:
    """GDL's own limits of effort, lower: they are what ends a program still, only sooner."""
    lower = ((context, "MAX_EVALUATIONS", 30_000), (requests, "MAX_NODES", 20_000))
    before = [getattr(module, name) for module, name, _ in lower]
    for module, name, value in lower:
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name, _), value in zip(lower, before):
            setattr(module, name, value)
