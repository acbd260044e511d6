"""Windows of images as the rows of a matrix, and back: what makes a convolution a matrix product (im2col, col2im).

Images are [n, h, w, c]. A few of them at a time, so that their columns stay in the processor's cache.

Reference: Chellapilla, Puri and Simard, 2006, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gdl.ops.lazy import np
from gdl.ops.small_products import small_product
from gdl.ops.windows import Run, Windows
from gdl.record import Record, record

#: Columns of about so many bytes are made at a time ...
BLOCK_BYTES = 1 << 20
#: ... but not of fewer rows, which would make matrix products too small.
BLOCK_ROWS = 256
#: With so many results small products (`small_products.py`) pay.
MANY_OUTS = 16
#: With fewer channels a window's rows are too short to be copied one by one: its elements then vary slowest.
FEW_CHANNELS = 4


@record
class Columns(Record):
    """How to unfold images with so many channels. Its scratch memory holds `pixels` and `columns`."""

    images: int
    down: Run
    across: Run
    channels: int
    outs: int  # of a result
    item_bytes: int
    is_folded: bool = False  # columns are results, not what is multiplied

    @property
    def taps(self) -> int:
        """Elements of the kernel, channels apart."""
        return self.down.window * self.across.window

    @property
    def width(self) -> int:
        """Elements under one window."""
        return self.taps * self.channels

    @property
    def rows(self) -> int:
        """Windows of one image."""
        return self.down.count * self.across.count

    @property
    def block(self) -> int:
        """Images that are unfolded together."""
        if self.is_plain:
            return self.images
        fits = BLOCK_BYTES // max(self.rows * self.width * self.item_bytes, 1)
        if not self.is_folded and self.outs >= MANY_OUTS:
            fits = min(fits, small_product() // max(self.rows * self.width * self.outs, 1) or fits)
        return max(1, min(self.images, max(fits, -(-BLOCK_ROWS // max(self.rows, 1)))))

    @property
    def is_plain(self) -> bool:
        """Whether the windows are single elements, each of its own: the images are the columns."""
        return all(run.is_plain for run in (self.down, self.across))

    @property
    def is_inside(self) -> bool:
        """Whether no window reaches into a border."""
        return self.down.is_inside and self.across.is_inside

    @property
    def pixels_bytes(self) -> int:
        if self.is_plain or self.is_inside:
            return 0
        return aligned(self.block * self.down.reach * self.across.reach * self.channels * self.item_bytes)

    @property
    def columns_bytes(self) -> int:
        return 0 if self.is_plain else aligned(self.block * self.rows * self.width * self.item_bytes)

    @property
    def scratch_bytes(self) -> int:
        return self.pixels_bytes + self.columns_bytes

    def blocks(self) -> Iterator[slice]:
        for start in range(0, self.images, self.block):
            yield slice(start, min(start + self.block, self.images))


def columns_of(
    images: int, windows: tuple[Windows, Windows], channels: int, outs: int, item_bytes: int, is_folded: bool = False
) -> Columns:
    """The columns of all windows."""
    down, across = windows
    return Columns(images, down.whole, across.whole, channels, outs, item_bytes, is_folded)


def aligned(size_bytes: int) -> int:
    return -(-size_bytes // 64) * 64


def matrix(images: Any) -> Any:
    """[n, h, w, c] as [n * h * w, c]; a view, also of some of the channels."""
    return images.reshape(-1, images.shape[-1])


def columns_in(scratch: Any, plan: Columns, dtype: Any) -> tuple[Any, Any]:
    """Memory for columns: as a matrix [block * rows, width], and as [block, down, across, kh, kw, c]."""
    shape = (plan.block, plan.down.count, plan.across.count, plan.down.window, plan.across.window, plan.channels)
    memory = scratch[: plan.block * plan.rows * plan.width * plan.item_bytes].view(dtype)
    if plan.channels < FEW_CHANNELS:
        turned = memory.reshape(shape[3:] + shape[:3])
        return memory.reshape(plan.width, -1).T, turned.transpose(3, 4, 5, 0, 1, 2)
    return memory.reshape(-1, plan.width), memory.reshape(shape)


def unfolded(x: Any, plan: Columns, scratch: Any) -> Iterator[tuple[slice, Any]]:
    """Blocks of images, and the windows of each as rows of a matrix. The next block overwrites it."""
    if plan.is_plain:
        yield slice(0, len(x)), matrix(x)
        return
    rows, columns = columns_in(scratch[plan.pixels_bytes :], plan, x.dtype)
    if plan.is_inside:
        seen = _windows(x, plan, plan.down.first, plan.across.first)
        for block in plan.blocks():
            count = block.stop - block.start
            columns[:count] = seen[block]
            yield block, rows[: count * plan.rows]
        return
    pixels = _pixels_in(scratch[: plan.pixels_bytes], plan, x.dtype)
    seen = _windows(pixels, plan, 0, 0)
    (inside_y, y), (inside_x, z) = plan.down.overlap, plan.across.overlap
    for block in plan.blocks():
        count = block.stop - block.start
        pixels[:count, inside_y, inside_x] = x[block, y, z]
        columns[:count] = seen[:count]
        yield block, rows[: count * plan.rows]


def _pixels_in(scratch: Any, plan: Columns, dtype: Any) -> Any:
    """Memory for what the windows of a block of images reach, borders of zeros included."""
    shape = (plan.block, plan.down.reach, plan.across.reach, plan.channels)
    memory = scratch[: int(np.prod(shape)) * plan.item_bytes].view(dtype).reshape(shape)
    memory.fill(0)
    return memory


def _windows(images: Any, plan: Columns, y: int, x: int) -> Any:
    """All windows, the first of which begins at [y, x], as a view [n, down, across, kh, kw, c]."""
    down, across = plan.down, plan.across
    step_n, step_y, step_x, step_c = images.strides
    return np.lib.stride_tricks.as_strided(
        images[:, y:, x:],
        (len(images), down.count, across.count, down.window, across.window, plan.channels),
        (step_n, step_y * down.along, step_x * across.along, step_y * down.between, step_x * across.between, step_c),
    )


def fold(columns: Any, images: Any, down: Windows, across: Windows) -> None:
    """Adds the columns of a block to the images that they came from; what lies in the border is dropped."""
    images.fill(0)
    for i in range(down.window):
        rows, y = down.under(i)
        for j in range(across.window):
            places, x = across.under(j)
            target = images[:, y, x]
            np.add(target, columns[: len(images), rows, places, i, j], out=target)
