"""What the checker knows of a data source before any record is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from gdl.record import Record, record


@record
class FieldType(Record):
    """One field of a record, without the leading batch axis: `u8[28, 28]`.

    Where `classes` is known, the values are whole numbers from 0 to `classes - 1`, which occurs.
    """

    dtype: str
    shape: tuple[int, ...]
    classes: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"


@record
class DataHeader(Record):
    """A source's fields, its splits with their numbers of records (`""` is the whole of a source without splits; -1 is
    not known before reading), and its static attributes (`text.vocab`)."""

    name: str  # as called: mnist(), chars("a.txt", 64)
    fields: Mapping[str, FieldType]
    splits: Mapping[str, int]
    attributes: Mapping[str, int | float | str] = field(default_factory=dict)
    origin: str = ""  # where it comes from, for the run's log
    splitting: str = ""  # how a source without splits may be called to have some: csv(..., test=0.2)


@record
class SourceCall(Record):
    """A data source as a program names it, its arguments static values."""

    name: str
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        import json

        def show(value: object) -> str:
            return json.dumps(value) if isinstance(value, (str, bool)) else str(value)

        parts = [show(a) for a in self.args] + [f"{k}={show(v)}" for k, v in self.kwargs.items()]
        return f"{self.name}({', '.join(parts)})"
