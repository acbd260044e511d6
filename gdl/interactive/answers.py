"""What an input is answered with: plain data, for whoever draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.session.reference import Entry
from gdl.session.summary import LayerRow, VariableRow
from gdl.train.events import Event


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an expression: a NumPy array with its type, or a plain Python value (then `type` is its kind).

    `path` is set for a variable; `name` is "" but for one of several.
    """

    value: Any
    type: str
    path: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """Something has a name now: what it is, in words; what rests on it and was updated; what no longer fits."""

    name: str
    what: str
    updated: tuple[str, ...] = ()
    out_of_date: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """Errors and warnings."""

    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Lines as they are."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column heads. Numbers stand to the right."""

    heads: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers that something needs, with what they give and cost."""

    rows: tuple[LayerRow, ...]


@dataclass(frozen=True, slots=True)
class Variables:
    """The tensors of the session."""

    rows: tuple[VariableRow, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes [height, width, 1 or 3], to be drawn."""

    pixels: Any
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """How a value went: (step, value), oldest first."""

    name: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Documentation:
    """What is known of something that can be called."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """Something in a training."""

    event: Event


@dataclass(frozen=True, slots=True)
class Tested:
    """How a test came out."""

    name: str
    failures: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over."""


Answer = (
    Value | Bound | Said | Text | Table | Layers | Variables | Picture | Curve | Documentation | Happened | Tested
    | Ended
)  # fmt: skip
