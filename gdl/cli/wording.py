"""Events as lines of text, the same on a terminal and off it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gdl.columns import counted
from gdl.train.events import Evaluated, Event, Finished, Moment, Noted, Reported, Started, Stopped

_UNNAMED = "train"


def line(event: Event, plan: Started | None) -> str | None:
    """What to say of an event, or None where nothing is said. `plan` is how the present train block began."""
    if isinstance(event, Reported):
        return f"{_when(event.at, plan)}  {_values(event.values, frozenset())}"
    if isinstance(event, Evaluated):
        return _evaluated(event, plan)
    if isinstance(event, Started):
        return _started(event)
    if isinstance(event, Noted):
        return f"note: {event.text}"
    if isinstance(event, Stopped) and event.reason != "interrupt":
        return f"{_when(event.at, plan)}  stopped: {event.reason}"
    if isinstance(event, Finished):
        return _finished(event)
    return None


def number(value: float, is_share: bool = False) -> str:
    """Short, and as precise as a reader needs; shares of examples always with four places."""
    if is_share:
        return f"{value:.4f}"
    return str(value) if isinstance(value, int) else f"{value:.5g}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3:05`, `1:02:45`"""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _when(at: Moment, plan: Started | None) -> str:
    if plan is None:
        return f"step {at.step}"
    step = f"step {at.step:>{len(str(plan.steps))}}/{plan.steps}"
    epoch = f"epoch {at.epoch}/{plan.epochs}  " if plan.epochs else ""
    return f"{_name(at.train)}{epoch}{step}"


def _name(train: str) -> str:
    """Of a train block that has one: `train { ... }` is called just that."""
    return f"{train}  " if train != _UNNAMED else ""


def _values(values: Mapping[str, Any], shares: frozenset[str]) -> str:
    return "  ".join(f"{name} {number(value, name in shares)}" for name, value in values.items())


def _evaluated(event: Evaluated, plan: Started | None) -> str:
    scalars = {name: value for name, value in event.values.items() if not hasattr(value, "shape")}
    head = f"{_when(event.at, plan)}  {event.eval}" if plan else f"{event.eval}"
    parts = [f"{head}: {_values(scalars, event.shares)}".rstrip(" ").removesuffix(":")]
    parts += [_array(name, value) for name, value in event.values.items() if name not in scalars]
    parts += [f"  wrote {path}" for path in event.files]
    return "\n".join(parts)


def _array(name: str, value: Any) -> str:
    """An array as NumPy prints it, under its name."""
    rows = str(value).splitlines()
    return f"  {name} = {rows[0]}" + "".join(f"\n  {' ' * len(name)}   {row}" for row in rows[1:])


def _started(event: Started) -> str | None:
    who = f"{event.at.train}: " if event.at.train != _UNNAMED else ""
    goes_on = f", from step {event.at.step:,}" if event.at.step else ""
    batch = "all at once" if event.batch == event.examples else f"{event.batch:,} at a time"
    drawn = f" on {event.examples:,} examples, {batch}" if event.examples > 1 else ""
    length = counted(event.steps, "step")
    if event.epochs:
        length = f"{counted(event.epochs, 'epoch')}, {length}"
    return f"{who}training for {length}{drawn}{goes_on}"


def _finished(event: Finished) -> str:
    rate = event.examples / event.seconds if event.seconds > 0 else 0.0
    return f"trained {event.at.step:,} steps in {duration(event.seconds)}, {rate:,.0f} examples/s"
