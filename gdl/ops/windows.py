"""Windows that slide over axes: how many there are, and what lies under them. Shared by convolution and pooling.

Along an axis of size n, the output at o sees the inputs o * stride - before + i * dilation for i in 0..window.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from math import gcd
from typing import Any, NamedTuple

from gdl.ops.extents import fit, is_size, refuse, whole_number
from gdl.ops.table import show_static
from gdl.record import Record, record
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


@record
class Run(Record):
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


@record
class Windows(Record):
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

        def seen(o: int) -> _Seen:
            start = o * self.stride - self.before
            low = _within(-(start // self.dilation), self.window)
            high = _within((self.size - 1 - start) // self.dilation + 1, self.window)
            return _Seen(low, high, low, start + low * self.dilation)

        return _runs(seen, self.count, 1, 1, self.stride, self.dilation, self.size)

    def backward(self) -> list[Run]:
        """The other way: the inputs in runs that are seen by the same elements of the window, and from which outputs.
        The elements are counted from the window's end."""
        common = gcd(self.stride, self.dilation)
        step, between = self.stride // common, self.dilation // common

        def seen(p: int) -> _Seen:
            at = p + self.before
            element = next((i for i in range(step) if (at - i * self.dilation) % self.stride == 0), self.window)
            elements = max(0, -((element - self.window) // step))  # one in every `step`
            output = (at - element * self.dilation) // self.stride
            low = _within(-((self.count - 1 - output) // between), elements)
            high = _within(output // between + 1, elements)
            first = self.window - 1 - element - (high - 1) * step  # the last, so that the outputs come in their order
            return _Seen(low, high, first, output - (high - 1) * between)

        return _runs(seen, self.size, self.stride, step, 1, between, self.count)

    def under(self, i: int) -> tuple[slice, slice]:
        """The outputs whose i-th element lies on the axis and not in its border, and where these elements lie."""
        offset = i * self.dilation - self.before
        first = max(0, -(offset // self.stride))
        last = min(self.count, (self.size - 1 - offset) // self.stride + 1)
        if last <= first:
            return slice(0, 0), slice(0, 0)
        start = first * self.stride + offset
        return slice(first, last), slice(start, start + (last - first - 1) * self.stride + 1, self.stride)


class _Seen(NamedTuple):
    """What a result sees: elements from `low` to `high` (none where these meet), the first of them, and its place in
    the operand. From each result to the next, bounds rise nowhere, or fall nowhere."""

    low: int
    high: int
    tap: int
    place: int


def _within(n: int, most: int) -> int:
    return max(0, min(n, most))


def _runs(
    seen: Callable[[int], _Seen], count: int, period: int, step: int, along: int, between: int, size: int
) -> list[Run]:
    """Results that see the same elements, one every `step`, in runs with each result `period` after the other."""
    runs = []
    for phase in range(min(period, count)):
        places = range(phase, count, period)
        at = 0
        while at < len(places):
            low, high, tap, place = seen(places[at])
            rest = range(at + 1, len(places))
            end = at + 1 + bisect(rest, False, key=lambda i: seen(places[i])[:2] != (low, high))  # noqa: B023
            window = max(0, high - low)
            taps = slice(tap, tap + (window - 1) * step + 1, step) if window else slice(0, 0)
            where = slice(places[at], places[end - 1] + 1, period)
            runs.append(Run(where, taps, end - at, window, place if window else 0, along, between, size))
            at = end
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
