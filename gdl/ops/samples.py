"""Descriptions of valid inputs, drawn only when a test needs them: every op declares some, and they drive its tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from gdl.record import Record, record


@record
class Draw(Record):
    """A random array. `kind`: normal, between, distinct, integers, booleans, or values (given as they are)."""

    kind: str
    shape: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    values: Any = None
    dtype: str = "f64"


@record
class Sample(Record):
    """One valid call: tensors and attributes.

    `smooth` is False where the op has a kink at this very input (ties), so that no stencil can check the gradient
    there; then `gradients` (one per input, of the sum of the result) says what it is.
    """

    inputs: tuple[Draw, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    smooth: bool = True
    gradients: tuple[Any, ...] | None = None


def sample(*inputs: Draw, smooth: bool = True, gradients: tuple[Any, ...] | None = None, **attrs: Any) -> Sample:
    return Sample(inputs, attrs, smooth, gradients)


def normal(*shape: int) -> Draw:
    return Draw("normal", shape)


def positive(*shape: int) -> Draw:
    """Away from zero: between 0.5 and 2."""
    return Draw("between", shape, 0.5, 2.0)


def between(low: float, high: float, *shape: int) -> Draw:
    return Draw("between", shape, low, high)


def distinct(*shape: int) -> Draw:
    """A shuffled grid: no two values of a sample closer than 0.1, none within 0.05 of a whole or half number, so that
    no stencil crosses a kink."""
    return Draw("distinct", shape)


def integers(low: int, high: int, *shape: int, dtype: str = "i64") -> Draw:
    """From low up to, not including, high."""
    return Draw("integers", shape, low, high, dtype=dtype)


def booleans(*shape: int) -> Draw:
    return Draw("booleans", shape, dtype="bool")


def values(data: Any, dtype: str = "f64") -> Draw:
    return Draw("values", values=data, dtype=dtype)


# ---- samples of elementwise ops ----------------------------------------------------------------------------------


def singles(draw: Callable[..., Draw]) -> list[Sample]:
    """One tensor: of several shapes, also empty, with axes of size 1, and a scalar."""
    return [sample(draw(2, 3)), sample(draw()), sample(draw(0, 2)), sample(draw(1, 4, 1))]


def pairs(draw: Callable[..., Draw], other: Callable[..., Draw] | None = None) -> list[Sample]:
    """Two tensors, in every way that they can broadcast."""
    other = other or draw
    same, stretched, scalars = ((2, 3), (2, 3)), ((2, 1), (1, 3)), ((), ())
    shapes = [same, ((2, 3), (3,)), stretched, ((1, 3), (2, 1, 1)), ((), (4,)), ((), (0, 3)), scalars]
    return [sample(draw(*a), other(*b)) for a, b in shapes]


def kink(*inputs: Sequence[float], gradients: tuple[Sequence[float], ...]) -> Sample:
    """A sample with points that have no derivative, and the gradient there."""
    return sample(*[values(i) for i in inputs], smooth=False, gradients=gradients)
