"""What shape rules have in common: sizes that must agree or fit, attributes that must be known numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdl.types import sizes
from gdl.types.match import Guard, Mismatch, normal_axes
from gdl.types.sizes import Poly, Size
from gdl.types.tensor import DTYPES, Dim

INTEGER_LIMITS = {"u8": (0, 255), "i32": (-(2**31), 2**31 - 1), "i64": (-(2**63), 2**63 - 1), "bool": (0, 1)}


def refuse(text: str, dim: Dim | None = None, help: str = "") -> Mismatch:
    """What to raise for an attribute that the op can't take: because of the size of `dim`, if there is one."""
    return Mismatch("require", dim, help, text=text)


def agree(left: Dim, right: Dim, args: tuple[str, ...], text: str = "") -> list[Guard]:
    """Nothing where two sizes are equal, a guard where that is undecided. Raises Mismatch("size")."""
    verdict = sizes.equal(left.size, right.size)
    if verdict is False:
        raise Mismatch("size", left, right, args, text)
    return [] if verdict else [Guard(left, right)]


def fit(small: Size, large: Dim, text: str) -> list[Guard]:
    """Nothing where small <= large, a guard where that is undecided. Raises Mismatch("require") with `text`."""
    verdict = sizes.at_most(small, large.size)
    if verdict is False:
        raise refuse(text)
    return [] if verdict else [Guard(Dim(small), Dim(sizes.minimum(small, large.size), large.label, large.origin))]


def divides(parts: Size, whole: Dim, text: str, help: str = "") -> list[Guard]:
    """Nothing where parts divides whole, a guard where that is undecided. Raises Mismatch("require") with `text`."""
    if parts == 0:
        raise refuse(text)
    covered = whole.size // parts * parts
    verdict = sizes.equal(covered, whole.size)
    if verdict is False:
        raise refuse(text, whole, help)
    return [] if verdict else [Guard(Dim(covered), whole)]


def resized(dim: Dim, size: Size) -> Dim:
    """The same axis with another size: its label stays, but the place that its size came from does not."""
    return dim if dim.size == size else Dim(size, dim.label)


def axes_of(shape: Sequence[Size], what: str = "shape") -> tuple[Dim, ...]:
    """The axes of a shape given as an attribute. Raises Mismatch for a size below 0."""
    for size in shape:
        if sizes.at_most(0, size) is False:
            raise refuse(f"`{what}` has a negative size in {shown(shape)}")
    return tuple([Dim(size, sizes.is_symbol(size)) for size in shape])


def whole_number(name: str, value: Any, at_least: int | None = None) -> int:
    """An int attribute that must be known before the data is seen. Raises Mismatch."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(f"`{name}` must be a whole number known at check time, got {value}")
    if at_least is not None and value < at_least:
        raise refuse(f"`{name}` must be {'positive' if at_least == 1 else f'at least {at_least}'}, got {value}")
    return value


def whole_axis(axis: Any, rank: int) -> int:
    """One axis, counted from 0. Raises Mismatch."""
    (found,) = normal_axes((axis,), rank)
    return found


def known_dtype(dtype: str, allowed: Sequence[str] = DTYPES) -> str:
    """A dtype attribute. Raises Mismatch."""
    if dtype not in allowed:
        raise refuse(f'`dtype` must be one of {", ".join(allowed)}, got "{dtype}"')
    return dtype


def representable(name: str, value: float, dtype: str) -> None:
    """Raises Mismatch where an integer or bool dtype has no such value."""
    if dtype not in INTEGER_LIMITS:
        return
    low, high = INTEGER_LIMITS[dtype]
    if not low <= value <= high or value != int(value):
        raise refuse(f"`{name}` must be a whole number from {low} to {high} for {dtype}, got {value}")


def shown(shape: Sequence[Size | Dim]) -> str:
    """`[batch, 28]`"""
    return f"[{', '.join(str(s.size if isinstance(s, Dim) else s) for s in shape)}]"


def is_size(value: Any) -> bool:
    return isinstance(value, (int, Poly)) and not isinstance(value, bool)
