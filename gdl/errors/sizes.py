"""What can be wrong with sizes once they are known: E0801 to E0803."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import RunError
from gdl.errors.places import own_places, told
from gdl.source import Span


@dataclass(frozen=True, slots=True)
class Bound:
    """A size as the program writes it, its value in this run, and where it comes from."""

    size: str
    value: int
    origin: Span | None = None

    def __str__(self) -> str:
        return self.size if self.size == str(self.value) else f"`{self.size}` is {self.value}"


def sizes_differ(left: Bound, right: Bound, origin: Sequence[Span]) -> RunError:
    """Two sizes that the program needs to be equal, and could not compare before the data was seen."""
    own, notes = own_places(origin)
    labels = [Label(span, "they meet here") for span in own[:1]]
    labels += [Label(s.origin, f"{s.value} comes from here") for s in (left, right) if s.origin is not None]
    message = f"sizes that must be equal are not: {left}, {right}"
    way_out = "feed arrays whose sizes agree, or declare both axes with the same dim: feeds are then checked against it"
    return RunError(Diagnostic("E0801", message, tuple(labels), (way_out,), notes))


def size_unknown(size: str, unbound: Sequence[str], known: Sequence[str], origin: Sequence[Span]) -> RunError:
    """A size with symbols to which nothing that is fed gives a value."""
    names = ", ".join(f"`{n}`" for n in unbound)
    needed = "" if size in [f"`{n}`" for n in unbound] else f", which {size} needs"
    message = f"nothing that is fed says how large {names} is{needed}"
    notes = (f"known here: {', '.join(known)}",) if known else ()
    way_out = f"feed a placeholder that has the axis {names}, or write a number instead"
    return told("E0802", message, origin, way_out, notes=notes)


def size_impossible(size: str, value: str, where: str, origin: Sequence[Span]) -> RunError:
    """A size below zero, or one whose arithmetic divides by zero."""
    message = f"the size {size} is {value} where {where}"
    way_out = "check the numbers that were fed or set with --set: a size is zero or more"
    return told("E0803", message, origin, way_out)
