"""What can go wrong while a program trains or is evaluated: E0820 to E0829."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import CheckpointError, DataError, RunError
from gdl.source import Span


def diverged(
    loss: str, value: float, step: int, span: Span | None, culprit: Span | None, what: str, kept: str
) -> RunError:
    """A loss that is no number. `culprit` is the first node in order that is not finite, `what` tells about it."""
    labels = [Label(culprit, what)] if culprit else []
    if span is not None:
        labels.append(Label(span, "minimized here"))
    helps = [
        "lower the learning rate, clip the gradients (`minimize ... clip 1.0`), or guard the logarithm, root or"
        " division that the place above points to"
    ]
    message = f"the loss `{loss}` became {value} in step {step}"
    return RunError(Diagnostic("E0820", message, tuple(labels), tuple(helps), (kept,) if kept else ()))


def no_records(data: str, split: str, span: Span | None) -> DataError:
    name = f"{data}.{split}" if split else data
    labels = (Label(span),) if span else ()
    return DataError(Diagnostic("E0821", f"{name} has no records", labels, ("use a split that has some",)))


def not_images(file: str, shape: Sequence[int], dtype: str, span: Span | None) -> RunError:
    message = f'`write "{file}"` can\'t make an image of {dtype}[{", ".join(map(str, shape))}]'
    help = "images are [h, w], [n, h, w], [n, h, w, 1] or [n, h, w, 3], with values from 0 to 1"
    return RunError(Diagnostic("E0822", message, (Label(span),) if span else (), (help,)))


def outside_run_directory(file: str, span: Span | None) -> RunError:
    message = f'`write "{file}"` may only write .png files inside the run\'s directory'
    labels = (Label(span),) if span else ()
    return RunError(Diagnostic("E0823", message, labels, ('write "images/name-{step}.png" = ...',)))


def unknown_marker(file: str, marker: str, span: Span | None) -> RunError:
    message = f'`write "{file}"`: {marker} means nothing'
    labels = (Label(span),) if span else ()
    return RunError(Diagnostic("E0824", message, labels, ("what can stand in braces: {step}, {epoch}",)))


def other_data(name: str, then: Mapping[str, Any] | None, now: Mapping[str, Any]) -> CheckpointError:
    """`then` and `now`: the source as it is written, and how many records each split has."""
    message = f"the run was started with other data: `{name}` was {_data(then)}, now it is {_data(now)}"
    way_out = "give the data of that time (--data DIR), or start a new run"
    return CheckpointError(Diagnostic("E0730", message, helps=(way_out,)))


def _data(described: Mapping[str, Any] | None) -> str:
    if described is None:
        return "not there"
    counts = [f"{count:,} {split}".rstrip() for split, count in described["splits"].items()]
    return f"{described['source']} with {', '.join(counts)} records"


def other_program(path: object, why: str) -> CheckpointError:
    message = f"the run in {path} does not fit its program: {why}"
    return CheckpointError(Diagnostic("E0731", message, helps=("start a new run from the program",)))


def save_outside(directory: str) -> RunError:
    message = f'`save "{directory}"` may only name a folder below the current one'
    return RunError(Diagnostic("E0825", message, helps=('save "runs/name", or choose any place with --out DIR',)))


def expectation_failed(test: str, text: str, span: Span | None, found: Sequence[str]) -> Diagnostic:
    """`found` says in which numbers the two sides differ."""
    return _not_so(f'test "{test}": `expect {text}` does not hold', span, found)


def example_failed(example: str, text: str, span: Span | None, found: Sequence[str]) -> Diagnostic:
    """`expectation_failed` of an `Example:` in a doc comment."""
    return _not_so(f"{example}: `{text}` does not hold", span, found)


def example_not_finite(example: str, text: str, span: Span | None, found: str) -> Diagnostic:
    """An example of what is computed, which comes to nan or infinity."""
    return _not_so(f"{example}: `{text}` is not finite", span, [found])


def _not_so(message: str, span: Span | None, found: Sequence[str]) -> Diagnostic:
    labels = (Label(span, found[0] if found else ""),) if span else ()
    return Diagnostic("E0826", message, labels, notes=tuple(found[1:]))
