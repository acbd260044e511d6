"""Convolutions that multiply images where they lie: no window is copied.

What a row of a kernel sees of a row of an image is one run of memory. With the images' rows sorted as [row, image,
column, channel], one place along the row, in all rows of all images, makes a matrix whose rows are such runs, each as
far from the next as a row of an image is long. So a convolution is a product for each row of the kernel and each
column of the result, and what lies in a border is left out by taking fewer rows of the matrix or elements of the run.

Products are made small (`small_products.py`). Measured, one core with AVX-512, f32, GFLOP/s of products in large and in
small pieces: 50 images of 14x14, 32 to 64 channels 80, 104; 7x7, 128 to 256 channels, stride 2, 90, 107.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import accumulate
from math import prod
from typing import Any, NamedTuple

from gdl.ops.columns import aligned
from gdl.ops.lazy import np
from gdl.ops.small_products import small_product
from gdl.ops.windows import Run, Windows
from gdl.record import Record, record

#: Small products have at least so many rows and columns, the first numbers where they can; ...
LEAST = (64, 16), (40, 16)
#: ... where products are added up, which takes time for each, more.
LEAST_SUMMED = ((96, 32),)
#: Blocks of images, their results included, are not larger, unless a single one is.
BLOCK_BYTES = 1 << 22
#: Products that are added up are made so many bytes at a time.
PIECES_BYTES = 1 << 18


@record
class Sorted(Record):
    """An axis whose elements are sorted by their remainder: with 2, first the even ones, then the odd ones."""

    size: int
    step: int = 1

    def at(self, i: int) -> int:
        return self.starts[i % self.step] + i // self.step

    @property
    def counts(self) -> list[int]:
        """Elements of each remainder."""
        return [max(0, -(-(self.size - r) // self.step)) for r in range(self.step)]

    @property
    def starts(self) -> list[int]:
        return list(accumulate(self.counts, initial=0))

    def parts(self) -> list[tuple[slice, slice]]:
        """The elements of each remainder: where they lie, and which ones of the axis they are."""
        starts = self.starts
        return [(slice(starts[r], starts[r + 1]), slice(r, None, self.step)) for r in range(self.step)]


@record
class Side(Record):
    """Images as they are sorted for products."""

    rows: Sorted
    columns: Sorted
    channels: int

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.columns.size * self.channels

    def shape(self, images: int) -> tuple[int, ...]:
        return (self.rows.size, images, self.columns.size, self.channels)

    def filling(self) -> Callable[[Any, Any], None]:
        """What sorts images into memory of the shape [rows, images, columns, channels]."""
        parts = [(here, y, columns, x) for here, y in self.rows.parts() for columns, x in self.columns.parts()]

        def fill(memory: Any, images: Any) -> None:
            turned = images.transpose(1, 0, 2, 3)
            for rows, y, columns, x in parts:
                memory[rows, :, columns] = turned[y, :, x]

        return fill


@record
class Term(Record):
    """What one row of the kernel does: rows of the one side, in a run, belong to a run of rows of the other side."""

    tap: int
    source: int
    result: int
    rows: int


@record
class Stripe(Record):
    """Columns of the result that see the same elements of the kernel's row, from `tap` on, `window` of them.

    The first of `count` lies at `place`, the next one `step` further; they see a run of the source that begins at
    `first`, the next one `along` further.
    """

    place: int
    step: int
    count: int
    first: int
    along: int
    tap: int
    window: int


@record
class Rowwise(Record):
    """How to convolve so many images: `terms` for each remainder of the result's rows, and `stripes` along rows."""

    images: int
    source: Side
    result: Side
    terms: tuple[tuple[Term, ...], ...]
    stripes: tuple[Stripe, ...]
    item_bytes: int

    @property
    def rows(self) -> int:
        """The most rows of an image in a product."""
        return max([term.rows for terms in self.terms for term in terms], default=0)

    @property
    def depth(self) -> int:
        """The most that one product sums up."""
        return self.source.channels * max([stripe.window for stripe in self.stripes], default=0)


def forward(images: int, windows: tuple[Windows, Windows], channels: int, outs: int, item_bytes: int) -> Rowwise:
    """From images to what windows see of them."""
    down, across = windows
    source = Side(Sorted(down.size, down.stride), Sorted(across.size, across.dilation), channels)
    result = Side(Sorted(down.count), Sorted(across.count), outs)
    terms = []
    for tap in range(down.window):
        rows, y = down.under(tap)
        if rows.stop > rows.start:
            terms.append(Term(tap, source.rows.at(y.start), rows.start, rows.stop - rows.start))
    return Rowwise(images, source, result, (tuple(terms),), stripes_of(across, source), item_bytes)


def stripes_of(across: Windows, source: Side) -> tuple[Stripe, ...]:
    """The columns that windows along rows make."""
    taps = Sorted(across.window)
    return tuple([stripe for run in across.forward() for stripe in _stripes(run, taps, source.columns)])


def backward(images: int, windows: tuple[Windows, Windows], channels: int, outs: int, item_bytes: int) -> Rowwise:
    """From what windows see to images: the taps of a kernel's row are those of `turned_weights`."""
    down, across = windows
    runs = across.backward()
    between = max([run.between for run in runs], default=1)
    source = Side(Sorted(down.count), Sorted(across.count, between), outs)
    result = Side(Sorted(down.size, down.stride), Sorted(across.size), channels)
    terms: list[list[Term]] = [[] for _ in range(down.stride)]
    for tap in range(down.window):
        rows, y = down.under(tap)
        if rows.stop > rows.start:
            terms[y.start % down.stride].append(Term(tap, rows.start, result.rows.at(y.start), rows.stop - rows.start))
    taps = turned_taps(across)
    stripes = [stripe for run in runs for stripe in _stripes(run, taps, source.columns)]
    return Rowwise(images, source, result, tuple(map(tuple, terms)), tuple(stripes), item_bytes)


def turned_taps(across: Windows) -> Sorted:
    """The elements of a kernel's row, counted from its end, those together that see the same inputs."""
    runs = across.backward()
    return Sorted(across.window, max([run.taps.step or 1 for run in runs], default=1))


def _stripes(run: Run, taps: Sorted, columns: Sorted) -> Iterator[Stripe]:
    """A run of results, cut where the source's columns are sorted by remainders: each goes through one of them."""
    period, along = run.places.step or 1, run.along
    parts = next(n for n in range(1, columns.step + 1) if n * along % columns.step == 0)
    tap = taps.at(run.taps.start) if run.window else 0
    for part in range(min(parts, run.count)):
        count = -(-(run.count - part) // parts)
        first = columns.at(run.first + part * along) if run.window else 0
        place, step = run.places.start + part * period, period * parts
        yield Stripe(place, step, count, first, parts * along // columns.step, tap, run.window)


# ---- products ------------------------------------------------------------------------------------------------------


class Strided(NamedTuple):
    """Matrices that lie in memory in steps, one after the other along the first axis."""

    shape: tuple[int, ...]
    offset_bytes: int
    strides: tuple[int, ...]

    def of(self, memory: Any) -> Any:
        return np.ndarray(self.shape, memory.dtype, memory, self.offset_bytes, self.strides)


class Product(NamedTuple):
    """Runs of sorted rows times a part of a row of the kernel's; without a part, the result is zero."""

    here: Strided
    part: slice | None
    there: Strided


def products_of(plan: Rowwise, term: Term, result_row: int, images: int, pieces: int) -> list[Product]:
    """What makes the rows of a term for so many images: from `result_row` on of the result's memory, in so many pieces
    side by side."""
    item_bytes, channels, outs = plan.item_bytes, plan.source.channels, plan.result.channels
    source_bytes, result_bytes = plan.source.width * item_bytes, plan.result.width * item_bytes
    rows, piece, products = term.rows * images, outs // pieces, []
    for stripe in plan.stripes:
        start, step = channels * stripe.first * item_bytes, channels * stripe.along * item_bytes
        here = Strided(
            (stripe.count, 1, rows, stripe.window * channels), term.source * images * source_bytes + start,
            (step, 0, source_bytes, item_bytes),
        )  # fmt: skip
        start, step = outs * stripe.place * item_bytes, outs * stripe.step * item_bytes
        there = Strided(
            (stripe.count, pieces, rows, piece), result_row * images * result_bytes + start,
            (step, piece * item_bytes, result_bytes, item_bytes),
        )  # fmt: skip
        part = slice(stripe.tap * channels, (stripe.tap + stripe.window) * channels) if stripe.window else None
        products.append(Product(here, part, there))
    return products


def multiply(products: Sequence[Product], source: Any, weights: Any, out: Any) -> None:
    """Sorted rows times a row of the kernel, [taps across * channels, outs]."""
    for here, part, there in products:
        result = there.of(out)
        if part is None:
            result.fill(0)
            continue
        pieces = weights[part].reshape(here.shape[3], *result.shape[1::2])
        np.matmul(here.of(source), pieces.transpose(1, 0, 2), out=result)


class Step(NamedTuple):
    """Rows of the result that come together: which rows of the images they are, where they lie in memory, and the terms
    that are added up, each with the rows that it gives and its products."""

    rows: slice
    count: int
    terms: list[tuple[Term, slice, list[Product]]]


def multiply_rows(plan: Rowwise) -> Callable[..., None]:
    """A kernel `k(x, weights, out, scratch)`; weights are [taps down, taps across * channels, outs]."""
    block, pieces = blocking(plan)
    most = max([each.stop - each.start for each, _ in plan.result.rows.parts()], default=0)
    sums_shape = (most, *plan.result.shape(block)[1:])
    shapes = (plan.source.shape(block), sums_shape, sums_shape)
    steps, fill = cache(partial(_steps, plan, pieces)), plan.source.filling()

    def run(x: Any, weights: Any, out: Any, scratch: Any) -> None:
        memory = arrays(shapes, scratch, x.dtype)
        for images in blocks(plan.images, block):
            source, sums, more = [fewer(array, images.stop - images.start) for array in memory]
            fill(source, x[images])
            for rows, count, terms in steps(images.stop - images.start):
                _add_up(terms, source, weights, sums[:count], more, out[images, rows].transpose(1, 0, 2, 3))

    run.scratch_bytes = bytes_of(shapes, plan.item_bytes)  # type: ignore[attr-defined]
    return run


def _steps(plan: Rowwise, pieces: int, images: int) -> list[Step]:
    steps = []
    for (lies, rows), terms in zip(plan.result.rows.parts(), plan.terms):
        made = []
        for i, term in enumerate(sorted(terms, key=lambda term: term.rows)):  # what gives all rows comes last
            start = term.result - lies.start
            products = products_of(plan, term, 0 if i else start, images, pieces)
            made.append((term, slice(start, start + term.rows), products))
        steps.append(Step(rows, lies.stop - lies.start, made))
    return steps


def _add_up(
    terms: Sequence[tuple[Term, slice, list[Product]]], source: Any, weights: Any, sums: Any, more: Any, target: Any
) -> None:
    """The sum of the terms; the first goes where sums are made, each further one into `more`, and is added."""
    for i, (term, rows, products) in enumerate(terms):
        multiply(products, source, weights[term.tap], more if i else sums)
        if i == 0:
            sums[: rows.start], sums[rows.stop :] = 0, 0
        elif i == len(terms) - 1 and term.rows == len(sums):
            np.add(sums, more[: term.rows], out=target)
            return
        else:
            np.add(sums[rows], more[: term.rows], out=sums[rows])
    target[...] = sums if terms else 0


def blocking(plan: Rowwise, is_sum: bool = False, sources: int = 1, results: int = 2) -> tuple[int, int]:
    """How many images go together, and into how many pieces, side by side, products are cut; memory holds so many
    sources and results of each image."""
    outs, small = plan.result.channels, small_product()
    for least, piece in LEAST_SUMMED if is_sum else LEAST:
        pieces, least = 1, max(least, plan.rows)
        while outs // pieces % (2 * piece) == 0 and plan.depth * (outs // pieces) * least > small:
            pieces *= 2
        weights = max(plan.depth * (outs // pieces), 1)
        if weights * least <= small:
            return block_of(plan, small // (weights * max(plan.rows, 1)), sources, results), pieces
    return block_of(plan, plan.images, sources, results), 1


def block_of(plan: Rowwise, most: int, sources: int, results: int) -> int:
    """How many images go together, `most` at most: blocks are about equally large."""
    numbers = sources * prod(plan.source.shape(1)) + results * prod(plan.result.shape(1))
    most = max(1, min(most, BLOCK_BYTES // max(numbers * plan.item_bytes, 1)))
    count = -(-plan.images // most)
    return -(-plan.images // max(count, 1))


# ---- sums of products ----------------------------------------------------------------------------------------------


def add_rows(plan: Rowwise) -> Callable[..., None]:
    """A kernel `k(x, g, out, scratch)` for the gradient at the kernel, by the plan of the convolution."""
    (block, pieces), outs = blocking(plan, is_sum=True, results=1), plan.result.channels
    shapes = (plan.source.shape(block), plan.result.shape(block), pieces_shape(plan))
    fill, fill_below = plan.source.filling(), plan.result.filling()

    @cache
    def steps(images: int) -> list[tuple[int, list[Product]]]:
        return [(term.tap, products_of(plan, term, term.result, images, pieces)) for term in plan.terms[0]]

    def run(x: Any, g: Any, out: Any, scratch: Any) -> None:
        *memory, made = arrays(shapes, scratch, x.dtype)
        out.fill(0)
        for images in blocks(plan.images, block):
            source, below = [fewer(array, images.stop - images.start) for array in memory]
            fill(source, x[images])
            fill_below(below, g[images])
            for tap, products in steps(images.stop - images.start):
                add_products(products, source, below, out[tap].reshape(-1, outs), made)

    run.scratch_bytes = bytes_of(shapes, plan.item_bytes)  # type: ignore[attr-defined]
    return run


def pieces_shape(plan: Rowwise) -> tuple[int, int]:
    """Memory for one product, or for a sum and small products that are added up at once."""
    size = plan.depth * plan.result.channels
    few = min(PIECES_BYTES // max(size * plan.item_bytes, 1), max([s.count for s in plan.stripes], default=0))
    return (1 + few if few > 1 else 1), size


def add_products(products: Sequence[Product], source: Any, below: Any, sums: Any, made: Any) -> None:
    """Adds to the gradient at a row of the kernel what sorted rows of images give, `below` being the gradient there."""
    for here, part, there in products:
        if part is None:
            continue
        target, (count, pieces, _, piece) = sums[part], there.shape
        rows, gradients = here.of(source).transpose(0, 1, 3, 2), there.of(below)
        memory = made[:, : target.size].reshape(-1, *target.shape)
        total, some = memory[0], memory[1:] if len(memory) > 1 else memory
        for start in range(0, count, len(some)):
            some = some[: count - start]
            several = slice(start, start + len(some))
            in_pieces = some.reshape(len(some), -1, pieces, piece).transpose(0, 2, 1, 3)
            np.matmul(rows[several], gradients[several], out=in_pieces)
            np.add(target, np.add.reduce(some, axis=0, out=total) if len(memory) > 1 else total, out=target)


# ---- memory --------------------------------------------------------------------------------------------------------


def blocks(images: int, block: int) -> Iterator[slice]:
    for start in range(0, images, max(block, 1)):
        yield slice(start, min(start + block, images))


def fewer(array: Any, images: int) -> Any:
    """Memory for sorted rows of images as that for fewer images."""
    rows, most, *rest = array.shape
    return array if images == most else array.reshape(-1)[: rows * images * prod(rest)].reshape(rows, images, *rest)


def bytes_of(shapes: Sequence[Sequence[int]], item_bytes: int) -> int:
    return sum(aligned(prod(shape) * item_bytes) for shape in shapes)


def arrays(shapes: Sequence[Sequence[int]], scratch: Any, dtype: Any) -> list[Any]:
    """Arrays of these shapes, one behind the other, in scratch memory."""
    sizes = [aligned(prod(shape) * dtype.itemsize) for shape in shapes]
    return [np.ndarray(shape, dtype, scratch, start) for shape, start in zip(shapes, accumulate(sizes, initial=0))]
