"""What the checker has to say to a person: data only. `gdl.errors` words it, `render` draws it."""

from __future__ import annotations

from enum import Enum

from gdl.record import Record, record
from gdl.source import Span


class Severity(Enum):
    ERROR = "error"
    WARNING = "warning"


@record
class Label(Record):
    """A place and what it contributes. The text may be empty: then only the caret is drawn."""

    span: Span
    text: str = ""
    is_primary: bool = False  # drawn ^^^ like the first label: the mistake shows here just as well


@record
class Edit(Record):
    """Replace the text of `span` by `text`."""

    span: Span
    text: str


@record
class Diagnostic(Record):
    """One mistake, told once: `labels[0]` is where it shows (drawn ^^^), the others contributed to it (drawn ---)."""

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    helps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()  # lines of a table, drawn indented as they are
    fix: tuple[Edit, ...] = ()
    severity: Severity = Severity.ERROR

    @property
    def span(self) -> Span | None:
        return self.labels[0].span if self.labels else None

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR
