"""The three convolutions as contractions.

Rows are images, so that all of a tile sees the same elements of the kernel, and what lies in a border is not
multiplied. In the kernel's gradient rows are channels, and the sum goes over the images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from gdl.graph.node import Node
from gdl.ops.windows import Windows, windows_2d
from gdl.runtime.compiled.contraction import Contraction, Packing, Round, Segment, Target, tile_for
from gdl.runtime.compiled.nest import Access

#: What the kernel's gradient reads at a time stays in the cache; nor do long sums of it lose digits.
BLOCK_BYTES, BLOCK_DEPTH = 2**19, 2**12
#: Fewer images are NumPy's.
LEAST_IMAGES = 4
#: Longer tables take too long to write.
MOST_SEGMENTS = 2**18
#: Which arrays are the images, the kernel, and the convolution's result.
_ROLES = {"conv2d": (0, 1, 2), "conv2d_input_grad": (2, 1, 0), "conv2d_kernel_grad": (0, 2, 1)}


def convolution(node: Node, accesses: Sequence[Access], arrays: Sequence[np.ndarray]) -> Contraction | None:
    if node.op not in _ROLES or not all(array.flags.c_contiguous and array.size for array in arrays):
        return None
    x, kernel, g = [arrays[at].shape for at in _ROLES[node.op]]
    attrs, groups = node.attrs, node.attrs["groups"]
    down, across = windows_2d(x[1:3], kernel[:2], attrs["stride"], attrs["dilation"], attrs["pad"])
    conv = _Convolution(down, across, x[0], kernel[2], kernel[3] // groups, groups)
    if conv.images < LEAST_IMAGES or conv.segments > MOST_SEGMENTS:
        return None
    return _KINDS[node.op](conv, accesses, arrays[0].itemsize)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """The sizes of one; `channels` and `outs` are those of a group."""

    down: Windows
    across: Windows
    images: int
    channels: int
    outs: int
    groups: int

    @property
    def segments(self) -> int:
        down, across = self.down, self.across
        return down.count * across.count * down.window * across.window + self.images * down.count * down.window

    @property
    def pixel(self) -> int:
        """From one pixel of the images to the next."""
        return self.channels * self.groups

    @property
    def image(self) -> int:
        return self.down.size * self.across.size * self.pixel

    @property
    def place(self) -> int:
        """From one place of the result to the next."""
        return self.outs * self.groups

    @property
    def result(self) -> int:
        return self.down.count * self.across.count * self.place

    @property
    def taps(self) -> int:
        return self.down.window * self.across.window


def _forward(conv: _Convolution, accesses: Sequence[Access], item_bytes: int) -> Contraction:
    """Each place of the result is a target, each element of the kernel there a segment."""
    down, across, channels = conv.down, conv.across, conv.channels
    # neighbouring elements of a row of the kernel, and what they see, lie one behind the other: one segment
    joined = across.dilation == 1 and conv.groups == 1
    targets = []
    for row, column in product(range(down.count), range(across.count)):
        seen = [*_seen(across, column)]
        starts, depth = (seen[:1], len(seen) * channels) if joined else (seen, channels)
        segments = [
            Segment((y * across.size + x) * conv.pixel, (i * across.window + j) * channels)
            for i, y in _seen(down, row) for j, x in starts
        ]  # fmt: skip
        targets.append(Target((row * across.count + column) * conv.place, depth, tuple(segments)))
    return Contraction(
        *accesses, conv.images, conv.outs, conv.image, 1, conv.result,
        Packing(conv.taps * channels, 0, conv.place, 1),
        tuple([Round(g * channels, g * conv.outs, g * conv.outs, 1, tuple(targets)) for g in range(conv.groups)]),
    )  # fmt: skip


def _backward(conv: _Convolution, accesses: Sequence[Access], item_bytes: int) -> Contraction:
    """Each pixel is a target, each element of the kernel that some place of the result saw it with a segment."""
    down, across, outs = conv.down, conv.across, conv.outs
    targets = []
    for y, x in product(range(down.size), range(across.size)):
        segments = [
            Segment((row * across.count + column) * conv.place, (i * across.window + j) * outs)
            for (i, row), (j, column) in product(_seen_by(down, y), _seen_by(across, x))
        ]
        targets.append(Target((y * across.size + x) * conv.pixel, outs, tuple(segments)))
    rounds = [Round(g * outs, g * outs, g * conv.channels, conv.taps, tuple(targets)) for g in range(conv.groups)]
    return Contraction(
        *accesses, conv.images, conv.channels, conv.result, 1, conv.image,
        Packing(outs, conv.channels * conv.place, 1, conv.place), tuple(rounds),
    )  # fmt: skip


def _at_kernel(conv: _Convolution, accesses: Sequence[Access], item_bytes: int) -> Contraction:
    """Each element of the kernel is a target, each row of an image where it is seen a segment."""
    down, across, places = conv.down, conv.across, conv.down.count * conv.across.count
    tile = tile_for(conv.channels, conv.outs, item_bytes)
    bytes_of_one = (down.size * across.size * tile.rows + places * tile.columns) * item_bytes
    block = max(1, min(BLOCK_BYTES // bytes_of_one, BLOCK_DEPTH // places, conv.images))
    elements = [*product(range(down.window), range(across.window))]
    by_count = {
        count: tuple([_at_element(conv, i, j, count) for i, j in elements])
        for count in {block, conv.images % block or block}
    }
    rounds = []
    for first in range(0, conv.images, block):
        count = min(block, conv.images - first)
        for g in range(conv.groups):
            a, b = first * conv.image + g * conv.channels, first * conv.result + g * conv.outs
            rounds.append(Round(a, b, g * conv.outs, count, by_count[count], first > 0))
    return Contraction(
        *accesses, conv.channels, conv.outs, 1, across.stride, conv.place,
        Packing(places, conv.result, conv.place, 1), tuple(rounds), block * down.size * across.size, conv.pixel,
    )  # fmt: skip


def _at_element(conv: _Convolution, i: int, j: int, images: int) -> Target:
    down, across = conv.down, conv.across
    (rows, ys), (columns, xs) = down.under(i), across.under(j)
    depth = columns.stop - columns.start
    segments = [
        Segment((n * down.size + y) * across.size + xs.start, (n * down.count + row) * across.count + columns.start)
        for n in range(images) for row, y in zip(_range(rows), _range(ys)) if depth
    ]  # fmt: skip
    return Target((i * across.window + j) * conv.channels * conv.place, depth, tuple(segments))


def _range(places: slice) -> range:
    return range(places.start, places.stop, places.step or 1)


def _seen(windows: Windows, place: int) -> Iterator[tuple[int, int]]:
    """The elements of the window at a place of the result that lie on the axis, and where."""
    for element in range(windows.window):
        at = place * windows.stride - windows.before + element * windows.dilation
        if 0 <= at < windows.size:
            yield element, at


def _seen_by(windows: Windows, at: int) -> list[tuple[int, int]]:
    """The elements of windows that see this place on the axis, and at which places of the result."""
    found = [(e, divmod(at + windows.before - e * windows.dilation, windows.stride)) for e in range(windows.window)]
    return [(element, place) for element, (place, rest) in found if not rest and 0 <= place < windows.count]


_KINDS = {"conv2d": _forward, "conv2d_input_grad": _backward, "conv2d_kernel_grad": _at_kernel}
