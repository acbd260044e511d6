"""Convolutions whose kernels have three rows, two rows of the result at a time, with 2/3 of the multiplications.

Two neighbouring rows y of the result come from four rows d of the image and the three rows g of the kernel:

    m0 = (d0 - d2) g0                       m1 = (d1 + d2) (g0 + g1 + g2) / 2
    m3 = (d1 - d3) g2                       m2 = (d2 - d1) (g0 - g1 + g2) / 2
    y0 = m0 + m1 + m2                       y1 = m1 - m2 - m3

Each m is a convolution along the row only: rows of images, mixed, times a row of mixed weights (`rowwise.py`). The same
four products, the other way around, give the gradient at the kernel. Against f64 the results are off by as much as
those of the plain products, in f32 by 0.5 to 1.5 times that. Both axes at once would take 4/9 of the multiplications;
measured with NumPy, 16 mixtures of short runs cost what that saves.

Reference: Winograd, 1980, chapter 5; Lavin and Gray, 2016, section 4.1, F(2, 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from gdl.ops.lazy import np
from gdl.ops.rowwise import (
    LEAST_SUMMED,
    Rowwise,
    Side,
    Sorted,
    Term,
    add_products,
    arrays,
    blocking,
    blocks,
    bytes_of,
    fewer,
    multiply,
    pieces_shape,
    products_of,
    stripes_of,
)  # fmt: skip
from gdl.ops.windows import Windows
from gdl.record import Record, record


@record
class Pairs(Record):
    """How to convolve by pairs of rows: `mixed` rows, one for each pair, and where the images' rows lie among them,
    borders included: from `before` on."""

    mixed: Rowwise
    rows: int  # of an image
    before: int
    weights: tuple[int, ...]  # the shape of the four mixtures of the kernel's rows

    @property
    def pairs(self) -> int:
        return self.mixed.rows

    def inside(self, odd: int) -> tuple[slice, slice]:
        """Every second row with borders: which of them lie in the image, and which of its rows they are."""
        start = max(0, -((odd - self.before) // 2))
        first = 2 * start + odd - self.before
        stop = max(start, min(self.pairs + 1, start - ((first - self.rows) // 2)))
        return slice(start, stop), slice(first, first + 2 * (stop - start), 2)


def pairs_of(images: int, windows: tuple[Windows, Windows], channels: int, outs: int, item_bytes: int) -> Pairs | None:
    """How to convolve these windows by pairs of rows; None where they do not lie for it."""
    down, across = windows
    if down.window != 3 or any(w.stride != 1 for w in windows) or down.dilation != 1 or 0 in (down.count, across.count):
        return None
    pairs = -(-down.count // 2)
    source = Side(Sorted(pairs), Sorted(across.size, across.dilation), channels)
    result = Side(Sorted(pairs), Sorted(across.count), outs)
    mixed = Rowwise(images, source, result, ((Term(0, 0, 0, pairs),),), stripes_of(across, source), item_bytes)
    return Pairs(mixed, down.size, down.before, (4, across.window * channels, outs))


def convolve_pairs(plan: Pairs) -> Callable[..., None]:
    """A kernel `k(x, weights, out, scratch)`; weights are [3, taps across * channels, outs]."""
    rows = plan.mixed
    block, pieces = blocking(rows, sources=3, results=3)
    shapes = (*_sources(plan, block), *[rows.result.shape(block)] * 3, plan.weights)
    products = cache(lambda images: products_of(rows, rows.terms[0][0], 0, images, pieces))

    def run(x: Any, kernel: Any, out: Any, scratch: Any) -> None:
        *memory, weights = arrays(shapes, scratch, x.dtype)
        _mix_weights(kernel, weights)
        for images in blocks(rows.images, block):
            even, odd, mixed, first, second, third = [fewer(m, images.stop - images.start) for m in memory]
            for i, matrix in enumerate(_mixtures(x[images], plan, even, odd, mixed)):
                multiply(products(images.stop - images.start), matrix, weights[i], (first, second, third, first)[i])
                if i == 2:
                    np.add(first, second, out=first)
                    np.add(first, third, out=out[images, 0::2].transpose(1, 0, 2, 3))
                    np.subtract(second, third, out=second)
            y1 = out[images, 1::2].transpose(1, 0, 2, 3)
            np.subtract(second[: len(y1)], first[: len(y1)], out=y1)

    run.scratch_bytes = bytes_of(shapes, rows.item_bytes)  # type: ignore[attr-defined]
    return run


def correlate_pairs(plan: Pairs) -> Callable[..., None]:
    """A kernel `k(x, g, out, scratch)` for the gradient at the kernel."""
    rows = plan.mixed
    block, pieces = blocking(rows, LEAST_SUMMED, sources=3, results=1)
    shapes = (*_sources(plan, block), rows.result.shape(block), plan.weights, pieces_shape(rows))
    products = cache(lambda images: products_of(rows, rows.terms[0][0], 0, images, pieces))

    def run(x: Any, g: Any, out: Any, scratch: Any) -> None:
        *memory, sums, made = arrays(shapes, scratch, x.dtype)
        sums.fill(0)
        for images in blocks(rows.images, block):
            even, odd, mixed, below = [fewer(m, images.stop - images.start) for m in memory]
            g0, g1 = [g[images, i::2].transpose(1, 0, 2, 3) for i in (0, 1)]
            paired = below[: len(g1)]
            for i, matrix in enumerate(_mixtures(x[images], plan, even, odd, mixed)):
                if i == 0:
                    below[...] = g0
                elif i == 1:
                    np.add(paired, g1, out=paired)
                elif i == 2:
                    np.subtract(g0[: len(g1)], g1, out=paired)
                else:
                    below[len(g1) :] = 0
                    paired[...] = g1
                add_products(products(images.stop - images.start), matrix, below, sums[i], made)
        _unmix(sums, out)

    run.scratch_bytes = bytes_of(shapes, rows.item_bytes)  # type: ignore[attr-defined]
    return run


def _sources(plan: Pairs, block: int) -> tuple[tuple[int, ...], ...]:
    """What scratch memory holds of images: every second row, the others, and mixtures of these."""
    mixed = plan.mixed.source.shape(block)
    return ((plan.pairs + 1, *mixed[1:]),) * 2 + (mixed,)


def _mixtures(x: Any, plan: Pairs, even: Any, odd: Any, mixed: Any) -> Iterator[Any]:
    """What the four products take of a block of images, one after the other, as sorted rows. The next one overwrites
    it."""
    turned, columns = x.transpose(1, 0, 2, 3), plan.mixed.source.columns
    for i, rows in enumerate((even, odd)):
        inside, y = plan.inside(i)
        rows[: inside.start], rows[inside.stop :] = 0, 0
        for here, there in columns.parts():
            rows[inside, :, here] = turned[y, :, there]
    d0, d1, d2, d3 = even[:-1], odd[:-1], even[1:], odd[1:]
    for combine, a, b in ((np.subtract, d0, d2), (np.add, d1, d2), (np.subtract, d2, d1), (np.subtract, d1, d3)):
        yield combine(a, b, out=mixed)


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
