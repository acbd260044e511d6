"""Windows that slide over axes: how many there are, and what lies under them. Shared by convolution and pooling.

Along an axis of size n, the output at o sees the inputs o * stride - before + i * dilation for i in 0..window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
class Windows:
    """The windows along one axis, all sizes being numbers."""

    size: int
    window: int
    stride: int
    dilation: int
    before: int
    count: int

    @property
    def padded(self) -> int:
        """How much of the padded axis the windows reach."""
        return (self.count - 1) * self.stride + reach_of(self.window, self.dilation) if self.count else 0  # type: ignore[return-value]

    def under(self, i: int) -> tuple[slice, slice]:
        """The outputs whose i-th element lies on the axis and not in its border, and where these elements lie."""
        offset = i * self.dilation - self.before
        first = max(0, -(offset // self.stride))
        last = min(self.count, (self.size - 1 - offset) // self.stride + 1)
        if last <= first:
            return slice(0, 0), slice(0, 0)
        start = first * self.stride + offset
        return slice(first, last), slice(start, start + (last - first - 1) * self.stride + 1, self.stride)


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
