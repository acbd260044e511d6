"""Windows that slide over axes: how many there are, and what lies under them. Shared by convolution and pooling.

Along an axis of size n, the output at o sees the inputs o * stride - before + i * dilation for i in 0..window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import gcd
from typing import Any

from gdl.ops.extents import fit, is_size, refuse, whole_number
from gdl.ops.table import show_static
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.sizes import Size
from gdl.types.tensor import Dim

AXES = ("top", "bottom"), ("left", "right")


def pair(name: str, value: Any, at_least: int = 1) -> tuple[int, int]:
    """An attribute for both axes: one number, or one for each. Raises Mismatch."""
    listed = value if isinstance(value, (tuple, list)) else (value, value)
    if len(listed) != 2:
        raise refuse(f"`{name}` must be one number or two, got {show_static(value)}")
    down, across = [whole_number(name, v, at_least) for v in listed]
    return down, across


def borders(pad: Any) -> tuple[Any, Any]:
    """`pad` for each of the two axes: "same", "valid", or (before, after). Raises Mismatch."""
    if pad in ("same", "valid"):
        return pad, pad
    given = f'`pad` must be "same", "valid" or [[top, bottom], [left, right]], got {show_static(pad)}'
    if not isinstance(pad, (tuple, list)) or len(pad) != 2:
        raise refuse(given)
    for sides in pad:
        if not isinstance(sides, (tuple, list)) or len(sides) != 2 or not all(map(is_size, sides)):
            raise refuse(given)
    for side, width in zip(("top", "bottom", "left", "right"), (width for sides in pad for width in sides)):
        whole_number(side, width, at_least=0)
    return tuple(pad[0]), tuple(pad[1])


def windows_along(
    dim: Dim, window: Size, stride: int, dilation: int, pad: Any, name: str = "the kernel"
) -> tuple[Size, list[Guard]]:
    """How many windows fit on an axis. Raises Mismatch where not even one does."""
    if sizes.at_most(1, window) is False:
        raise refuse(f"{name} must not be empty, got size {window}")
    if pad == "same":
        return sizes.ceil_div(dim.size, stride), []
    before, after = (0, 0) if pad == "valid" else pad
    reach, room = reach_of(window, dilation), dim.size + before + after
    spread = f" (size {window}, dilation {dilation})" if dilation != 1 else ""
    padded = f" with padding {before} and {after}" if before or after else ""
    text = f"{name} covers {reach} elements{spread}, more than the axis of size {dim.size}{padded} has"
    return (room - reach) // stride + 1, fit(reach, Dim(room, dim.label, dim.origin), text)


def reach_of(window: Size, dilation: int) -> Size:
    """How many elements there are from a window's first to its last, these included."""
    return (window - 1) * dilation + 1


@dataclass(frozen=True, slots=True)
class Run:
    """Results along one axis that are all computed alike: each from the same elements of a window, at one distance.

    The first result's first element lies at `first` of an operand with `size` elements, the next result's `along`
    further, the next element `between` further.
    """

    places: slice  # of the results
    taps: slice  # elements of the window
    count: int  # of results
    window: int  # how many elements that is
    first: int
    along: int
    between: int
    size: int

    @property
    def reach(self) -> int:
        """How many elements of the operand there are from the first that is read to the last."""
        if not self.count or not self.window:
            return 0
        return (self.count - 1) * self.along + (self.window - 1) * self.between + 1

    @property
    def is_inside(self) -> bool:
        return self.first >= 0 and self.first + self.reach <= self.size

    @property
    def is_plain(self) -> bool:
        """Whether the results are the operand's elements, each of one."""
        return self.window == self.along == 1 and self.first == 0 and self.count == self.size

    @property
    def overlap(self) -> tuple[slice, slice]:
        """What lies on the axis: as part of what is reached, and as part of the axis."""
        start, stop = max(self.first, 0), min(self.first + self.reach, self.size)
        stop = max(start, stop)
        return slice(start - self.first, stop - self.first), slice(start, stop)


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows along one axis, all sizes being numbers."""

    size: int
    window: int
    stride: int
    dilation: int
    before: int
    count: int

    @property
    def whole(self) -> Run:
        """All windows as one run, which reaches into the borders."""
        places, taps = slice(0, self.count), slice(0, self.window)
        return Run(places, taps, self.count, self.window, -self.before, self.stride, self.dilation, self.size)

    def forward(self) -> list[Run]:
        """The outputs in runs that see the same elements of the window: what lies in a border counts for nothing."""
        seen: list[list[tuple[int, int]]] = []
        for o in range(self.count):
            start = o * self.stride - self.before
            places = [(i, start + i * self.dilation) for i in range(self.window)]
            seen.append([(i, at) for i, at in places if 0 <= at < self.size])
        return _runs(seen, 1, self.stride, self.dilation, self.size)

    def backward(self) -> list[Run]:
        """The other way: the inputs in runs that are seen by the same elements of the window, and from which outputs.
        The elements are counted from the window's end."""
        seen = []
        for p in range(self.size):
            places = [divmod(p + self.before - i * self.dilation, self.stride) for i in range(self.window)]
            by = [(self.window - 1 - i, o) for i, (o, rest) in enumerate(places) if rest == 0 and 0 <= o < self.count]
            seen.append(by[::-1])  # so that the outputs come in their order
        between = self.dilation // gcd(self.stride, self.dilation)
        return _runs(seen, self.stride, 1, between, self.count)

    def under(self, i: int) -> tuple[slice, slice]:
        """The outputs whose i-th element lies on the axis and not in its border, and where these elements lie."""
        offset = i * self.dilation - self.before
        first = max(0, -(offset // self.stride))
        last = min(self.count, (self.size - 1 - offset) // self.stride + 1)
        if last <= first:
            return slice(0, 0), slice(0, 0)
        start = first * self.stride + offset
        return slice(first, last), slice(start, start + (last - first - 1) * self.stride + 1, self.stride)


def _runs(seen: Sequence[Sequence[tuple[int, int]]], period: int, along: int, between: int, size: int) -> list[Run]:
    """Results in runs, each `period` after the other, given the (element of the window, place in the operand) of
    each."""
    runs = []
    for phase in range(min(period, len(seen))):
        places = range(phase, len(seen), period)
        for taps, group in groupby(places, key=lambda p: tuple([tap for tap, _ in seen[p]])):
            members = list(group)
            cut = slice(taps[0], taps[-1] + 1, taps[1] - taps[0] if len(taps) > 1 else 1) if taps else slice(0, 0)
            first = seen[members[0]][0][1] if taps else 0
            where = slice(members[0], members[-1] + 1, period)
            runs.append(Run(where, cut, len(members), len(taps), first, along, between, size))
    return runs


def windows_of(size: int, window: int, stride: int, dilation: int, pad: Any) -> Windows:
    """The windows on an axis of a known size. "same" pads as little as it must, the odd element at the end."""
    reach = (window - 1) * dilation + 1
    if pad == "same":
        count = -(-size // stride)
        return Windows(size, window, stride, dilation, max((count - 1) * stride + reach - size, 0) // 2, count)
    before, after = (0, 0) if pad == "valid" else pad
    return Windows(size, window, stride, dilation, before, (size + before + after - reach) // stride + 1)


def windows_2d(
    size: Sequence[int], window: Sequence[int], stride: Any, dilation: Any, pad: Any
) -> tuple[Windows, Windows]:
    """The windows along both axes."""
    strides, dilations = pair("stride", stride), pair("dilation", dilation)
    down, across = [windows_of(*each) for each in zip(size, window, strides, dilations, borders(pad))]
    return down, across
