"""Convolutions whose kernels have three rows, two rows of the result at a time, with 2/3 of the multiplications.

Two neighbouring rows y of the result come from four rows d of the image and the three rows g of the kernel:

    m0 = (d0 - d2) g0                       m1 = (d1 + d2) (g0 + g1 + g2) / 2
    m3 = (d1 - d3) g2                       m2 = (d2 - d1) (g0 - g1 + g2) / 2
    y0 = m0 + m1 + m2                       y1 = m1 - m2 - m3

Each m is a convolution along the row only, so a product of matrices over columns of windows. The same four products,
the other way around, give the gradient at the kernel. Against f64 the results are off by as much as those of the plain
products, in f32 by 0.5 to 1.5 times that. Both axes at once would take 4/9 of the multiplications; measured with NumPy,
16 mixtures of short runs cost what that saves: f32, one core, 50 images of 14x14, milliseconds plain, so, both axes: 32
to 64 channels 5.0, 4.1, 4.3; 64 to 32 channels 5.5, 4.5, 4.5.

Reference: Winograd, 1980, chapter 5; Lavin and Gray, 2016, section 4.1, F(2, 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import prod
from typing import Any

from gdl.ops.columns import aligned
from gdl.ops.lazy import np
from gdl.ops.windows import Run, Windows
from gdl.record import Record, record

#: Columns and products of about so many bytes are made at a time. With what they are made of they fill a fast cache ...
BLOCK_BYTES = 1 << 19
#: ... but not of fewer rows, which would make matrix products too small.
BLOCK_ROWS = 256


@record
class Pairs(Record):
    """How to convolve so many images by pairs of rows. `padded` are the images' rows with their borders."""

    images: int
    padded: Run
    across: Run
    channels: int
    outs: int
    item_bytes: int

    @property
    def pairs(self) -> int:
        """Of rows of the result; the last row may have no other."""
        return self.padded.count // 2

    @property
    def width(self) -> int:
        """Elements under a window's row."""
        return self.across.window * self.channels

    @property
    def block(self) -> int:
        """Images that are convolved together: blocks are about equally large."""
        rows = self.pairs * self.across.count
        fits = BLOCK_BYTES // max(rows * (self.width + self.outs) * self.item_bytes, 1)
        blocks = -(-self.images // max(1, fits, -(-BLOCK_ROWS // max(rows, 1))))
        return -(-self.images // max(blocks, 1))

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """What scratch memory holds: the images with borders, mixed rows, their columns."""
        images, pairs, across = self.block, self.pairs, self.across
        return (
            (images, pairs + 1, 2, across.reach * self.channels),
            (images, pairs, across.reach * self.channels),
            (images, pairs, across.count, self.width),
        )

    @property
    def rows_shape(self) -> tuple[int, ...]:
        """Every second row of a block of results."""
        return (self.block, self.pairs, self.across.count, self.outs)


def pairs_of(images: int, windows: tuple[Windows, Windows], channels: int, outs: int, item_bytes: int) -> Pairs | None:
    """How to convolve these windows by pairs of rows; None where they do not lie for it."""
    down, across = windows
    if down.window != 3 or any(w.stride != 1 for w in windows) or down.dilation != 1 or 0 in (down.count, across.count):
        return None
    rows = down.count + down.count % 2
    padded = Run(slice(0, rows), slice(0, 3), rows, 3, -down.before, 1, 1, down.size)
    return Pairs(images, padded, across.whole, channels, outs, item_bytes)


def convolve_pairs(plan: Pairs) -> Callable[..., None]:
    """A kernel `k(x, kernel, out, scratch)`; the kernel may be a view that is turned around."""
    weights_shape = (4, plan.width, plan.outs)
    shapes = (*plan.shapes, weights_shape, *[plan.rows_shape] * 3)

    def run(x: Any, kernel: Any, out: Any, scratch: Any) -> None:
        padded, mixed, columns, weights, m0, m1, m2 = _arrays(shapes, scratch, x.dtype)
        _mix_weights(kernel.reshape(3, *weights_shape[1:]), weights)
        padded.fill(0)
        for block in _blocks(plan):
            y0, y1 = out[block, 0::2], out[block, 1::2]
            count, rows = y1.shape[:2]
            first, second, third = m0[:count], m1[:count], m2[:count]
            for i, matrix in enumerate(_mixtures(x[block], plan, padded, mixed, columns)):
                product = (first, second, third, first)[i]
                np.matmul(matrix, weights[i], out=product.reshape(-1, plan.outs))
                if i == 2:
                    np.add(first, second, out=first)
                    np.add(first, third, out=y0)
                    np.subtract(second, third, out=second)
            np.subtract(second[:, :rows], first[:, :rows], out=y1)

    run.scratch_bytes = _bytes_of(shapes, plan.item_bytes)  # type: ignore[attr-defined]
    return run


def correlate_pairs(plan: Pairs) -> Callable[..., None]:
    """A kernel `k(x, g, out, scratch)` for the gradient at the kernel."""
    sums_shape = (4, plan.width, plan.outs)
    shapes = (*plan.shapes, plan.rows_shape, sums_shape, sums_shape[1:])

    def run(x: Any, g: Any, out: Any, scratch: Any) -> None:
        padded, mixed, columns, below, sums, piece = _arrays(shapes, scratch, x.dtype)
        padded.fill(0)
        sums.fill(0)
        for block in _blocks(plan):
            g0, g1 = g[block, 0::2], g[block, 1::2]
            count, rows = g1.shape[:2]
            under, paired = below[:count], below[:count, :rows]
            for i, matrix in enumerate(_mixtures(x[block], plan, padded, mixed, columns)):
                if i == 0:
                    under[...] = g0
                elif i == 1:
                    np.add(paired, g1, out=paired)
                elif i == 2:
                    np.subtract(g0[:, :rows], g1, out=paired)
                else:
                    under[:, rows:] = 0
                    paired[...] = g1
                np.matmul(matrix.T, under.reshape(-1, plan.outs), out=piece)
                np.add(sums[i], piece, out=sums[i])
        _unmix(sums, out)

    run.scratch_bytes = _bytes_of(shapes, plan.item_bytes)  # type: ignore[attr-defined]
    return run


def _mixtures(x: Any, plan: Pairs, padded: Any, mixed: Any, columns: Any) -> Iterator[Any]:
    """What the four products take of a block of images, one after the other, each as a matrix with a row for each
    window. The next one overwrites it."""
    count, across = len(x), plan.across
    (inside_y, y), (inside_x, z) = plan.padded.overlap, across.overlap
    pixels = padded.reshape(len(padded), -1, across.reach, plan.channels)
    pixels[:count, inside_y, inside_x] = x[:, y, z]
    even, odd = padded[:count, :, 0], padded[:count, :, 1]
    d0, d1, d2, d3 = even[:, :-1], odd[:, :-1], even[:, 1:], odd[:, 1:]
    rows, steps = mixed[:count], mixed.strides
    step = plan.channels * mixed.itemsize
    seen = np.lib.stride_tricks.as_strided(
        rows, (count, plan.pairs, across.count, across.window, plan.channels),
        (*steps[:2], step * across.along, step * across.between, mixed.itemsize),
    )  # fmt: skip
    copied = columns[:count]
    for combine, a, b in ((np.subtract, d0, d2), (np.add, d1, d2), (np.subtract, d2, d1), (np.subtract, d1, d3)):
        combine(a, b, out=rows)
        copied.reshape(seen.shape)[...] = seen
        yield copied.reshape(-1, plan.width)


def _mix_weights(kernel: Any, weights: Any) -> None:
    g0, g1, g2 = kernel
    first, plus, minus, last = weights
    half, middle = np.add(g0, g2, out=plus), last
    np.multiply(half, 0.5, out=half)
    np.multiply(g1, 0.5, out=middle)
    np.subtract(half, middle, out=minus)
    np.add(half, middle, out=plus)
    first[...], last[...] = g0, g2


def _unmix(sums: Any, out: Any) -> None:
    """The gradient at the kernel, from that at the mixtures of its rows."""
    s0, s1, s2, s3 = sums.reshape(4, *out.shape[1:])
    np.subtract(s1, s2, out=out[1])
    np.multiply(out[1], 0.5, out=out[1])
    np.add(s1, s2, out=s1)
    np.multiply(s1, 0.5, out=s1)
    np.add(s0, s1, out=out[0])
    np.subtract(s1, s3, out=out[2])


def _blocks(plan: Pairs) -> Iterator[slice]:
    for start in range(0, plan.images, max(plan.block, 1)):
        yield slice(start, min(start + plan.block, plan.images))


def _bytes_of(shapes: Sequence[Sequence[int]], item_bytes: int) -> int:
    return sum(aligned(prod(shape) * item_bytes) for shape in shapes)


def _arrays(shapes: Sequence[Sequence[int]], scratch: Any, dtype: Any) -> list[Any]:
    sizes = [aligned(prod(shape) * dtype.itemsize) for shape in shapes]
    return [np.ndarray(shape, dtype, scratch, start) for shape, start in zip(shapes, accumulate(sizes, initial=0))]
