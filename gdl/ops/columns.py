"""Windows of images as the rows of a matrix, and back: what makes a convolution a matrix product (im2col, col2im).

Images are [n, h, w, c]. A few of them at a time, so that their columns stay in the processor's cache.

Reference: Chellapilla, Puri and Simard, 2006, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gdl.ops.lazy import np
from gdl.ops.windows import Windows

#: Columns of about so many bytes are made at a time ...
BLOCK_BYTES = 1 << 20
#: ... but not of fewer rows, which would make matrix products too small.
BLOCK_ROWS = 512
#: With fewer channels a window's rows are too short to be copied one by one: its elements then vary slowest.
FEW_CHANNELS = 4


@dataclass(frozen=True, slots=True)
class Columns:
    """How to unfold images with so many channels. Its scratch memory holds `pixels` and `columns`."""

    images: int
    down: Windows
    across: Windows
    channels: int
    item_bytes: int

    @property
    def width(self) -> int:
        """Elements under one window."""
        return self.down.window * self.across.window * self.channels

    @property
    def rows(self) -> int:
        """Windows of one image."""
        return self.down.count * self.across.count

    @property
    def block(self) -> int:
        """Images that are unfolded together."""
        fits = BLOCK_BYTES // max(self.rows * self.width * self.item_bytes, 1)
        return max(1, min(self.images, max(fits, -(-BLOCK_ROWS // max(self.rows, 1)))))

    @property
    def is_plain(self) -> bool:
        """Whether the windows are single elements, each of its own: the images are the columns."""
        return all(
            w.window == w.stride == 1 and w.before == 0 and w.count == w.size for w in (self.down, self.across)
        )

    @property
    def pixels_bytes(self) -> int:
        height, width = self.down.padded, self.across.padded
        return 0 if self.is_plain else _aligned(self.block * height * width * self.channels * self.item_bytes)

    @property
    def columns_bytes(self) -> int:
        return 0 if self.is_plain else _aligned(self.block * self.rows * self.width * self.item_bytes)

    def blocks(self) -> Iterator[slice]:
        for start in range(0, self.images, self.block):
            yield slice(start, min(start + self.block, self.images))


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // 64) * 64


def columns_in(scratch: Any, plan: Columns, dtype: Any) -> tuple[Any, Any]:
    """Memory for columns: as a matrix [block * rows, width], and as [block, down, across, kh, kw, c]."""
    shape = (plan.block, plan.down.count, plan.across.count, plan.down.window, plan.across.window, plan.channels)
    memory = scratch[: plan.block * plan.rows * plan.width * plan.item_bytes].view(dtype)
    if plan.channels < FEW_CHANNELS:
        turned = memory.reshape(shape[3:] + shape[:3])
        return memory.reshape(plan.width, -1).T, turned.transpose(3, 4, 5, 0, 1, 2)
    return memory.reshape(-1, plan.width), memory.reshape(shape)


def pixels_in(scratch: Any, plan: Columns, dtype: Any) -> tuple[Any, Any]:
    """Memory for the images of a block with borders of zeros: where the images go, and all windows as a view of it."""
    down, across = plan.down, plan.across
    shape = (plan.block, down.padded, across.padded, plan.channels)
    memory = scratch[: int(np.prod(shape)) * plan.item_bytes].view(dtype).reshape(shape)
    memory.fill(0)
    n, y, x, c = memory.strides
    view = np.ndarray(
        (plan.block, down.count, across.count, down.window, across.window, plan.channels), dtype, memory,
        strides=(n, y * down.stride, x * across.stride, y * down.dilation, x * across.dilation, c),
    )  # fmt: skip
    return memory[:, down.before : down.before + down.size, across.before : across.before + across.size], view


def unfold(images: Any, inside: Any, view: Any, columns: Any) -> None:
    """The windows of a block of images into `columns`. The windows may leave out the last lines of an image."""
    count, height, width = len(images), inside.shape[1], inside.shape[2]
    inside[:count] = images[:, :height, :width]
    columns[:count] = view[:count]


def fold(columns: Any, images: Any, plan: Columns) -> None:
    """Adds the columns of a block to the images that they came from; what lies in the border is dropped."""
    images.fill(0)
    for i in range(plan.down.window):
        rows, y = plan.down.under(i)
        for j in range(plan.across.window):
            places, x = plan.across.under(j)
            target = images[:, y, x]
            np.add(target, columns[: len(images), rows, places, i, j], out=target)
