"""The three convolutions as matrix products, made for given shapes. Kernels of three rows may go over pairs of rows
(`winograd.py`), where a third of the multiplications is more than what comes with it.

Where windows reach into a border, what lies there is not multiplied: the results are computed in parts that see the
same elements of the kernel. With "same" borders a 5x5 kernel over 7x7 images takes 0.69 of the multiplications, a 3x3
kernel over 14x14 images 0.91.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, product
from math import prod
from typing import Any

from gdl.ops.columns import FEW_CHANNELS, Columns, aligned, columns_in, fold, matrix, unfolded
from gdl.ops.lazy import np
from gdl.ops.windows import Run, Windows, windows_2d
from gdl.ops.winograd import Pairs, convolve_pairs, correlate_pairs, pairs_of

#: What things take, measured on one core, in nanoseconds: to multiply and add two numbers in a large product, ...
PRODUCT_NS = 0.022
#: ... to copy or add a number where runs are short, ...
COPY_NS = 0.4
#: ... to mix a number with others for a convolution by pairs of rows, or to take a result out of the mixtures, less
#: what is saved as a third of the columns is not copied, ...
PAIR_NS = 0.4
#: ... and to begin a part.
PART_NS = 15_000.0
#: A small product takes as long as one with so many more rows.
MORE_ROWS = 16
#: More parts are not considered.
MOST_PARTS = 1024

Kernel = Callable[..., None]


def convolve(x: Sequence[int], kernel: Sequence[int], item_bytes: int, groups: int, **attrs: Any) -> Kernel:
    """A kernel `k(x, kernel, out, scratch)` for `conv2d`."""
    windows = _windows(x, kernel, attrs)
    choices = [([w.whole], w.forward()) for w in windows]
    outs = kernel[3] // groups
    parts = _cheapest(choices, x[0], kernel[2], item_bytes, outs)
    pairs = _cheaper_pairs(_cost_ns(parts, outs), x[0], windows, kernel[2], outs, item_bytes, groups)
    if pairs is not None:
        run = convolve_pairs(pairs)
    else:
        run = _products(parts, [w.count for w in windows], kernel, item_bytes, groups)
    run.counts = windows[0].count, windows[1].count  # type: ignore[attr-defined]
    return run


def convolve_back(x: Sequence[int], kernel: Sequence[int], item_bytes: int, groups: int, **attrs: Any) -> Kernel:
    """A kernel `k(g, kernel, out, scratch)` for `conv2d_input_grad`."""
    windows = _windows(x, kernel, attrs)
    whole = Columns(x[0], windows[0].whole, windows[1].whole, kernel[2], item_bytes)
    outs = kernel[3] // groups
    way = _folded(whole, windows, groups)
    way_ns = _cost_ns([whole], outs) + whole.images * whole.rows * whole.width * COPY_NS
    runs = [w.backward() for w in windows]
    if min(kernel[2], outs) >= FEW_CHANNELS and not whole.is_plain and len(runs[0]) * len(runs[1]) <= MOST_PARTS:
        parts = _columns(runs, x[0], outs, item_bytes)
        parts_ns = _cost_ns(parts, kernel[2])
        if parts_ns <= way_ns:
            way, way_ns = _products(parts, x[1:3], kernel, item_bytes, groups, is_turned=True), parts_ns
    if all(w.stride == 1 for w in windows):
        seen = windows[0].turned, windows[1].turned
        pairs = _cheaper_pairs(way_ns, x[0], seen, outs, kernel[2], item_bytes, groups)
        if pairs is not None:
            return _turned(convolve_pairs(pairs), kernel, item_bytes)
    return way


def correlate(x: Sequence[int], kernel: Sequence[int], item_bytes: int, groups: int, **attrs: Any) -> Kernel:
    """A kernel `k(x, g, out, scratch)` for `conv2d_kernel_grad`."""
    windows = _windows(x, kernel, attrs)
    counts, outs = [w.count for w in windows], kernel[3] // groups
    choices = [([w.whole], w.forward()) for w in windows]
    parts = _cheapest(choices, x[0], kernel[2], item_bytes, outs, is_sum=True)
    pairs = _cheaper_pairs(_cost_ns(parts, outs, is_sum=True), x[0], windows, kernel[2], outs, item_bytes, groups)
    if pairs is not None:
        return correlate_pairs(pairs)
    columns_bytes = max([part.scratch_bytes for part in parts], default=0)
    below_bytes = max([_result_bytes(part, counts, outs) for part in parts], default=0)
    piece_bytes = max([part.width for part in parts], default=0) * outs * item_bytes

    def run(x: Any, g: Any, out: Any, scratch: Any = b"") -> None:
        out.fill(0)
        memory = scratch[columns_bytes : columns_bytes + below_bytes]
        sums = scratch[columns_bytes + below_bytes :][:piece_bytes].view(x.dtype)
        for x_part, g_part, out_part in _by_group(groups, x, g, out):
            for part in parts:
                if not part.taps:
                    continue
                piece = sums[: part.width * outs].reshape(part.width, outs)
                target = out_part[part.down.taps, part.across.taps]
                for block, rows in unfolded(x_part, part, scratch):
                    below = g_part[block, part.down.places, part.across.places]
                    if not _is_all(part, counts):
                        below = _copied(below, memory)
                    np.matmul(rows.T, matrix(below), out=piece)
                    np.add(target, piece.reshape(target.shape), out=target)

    run.scratch_bytes = columns_bytes + below_bytes + piece_bytes  # type: ignore[attr-defined]
    return run


# ---- parts -------------------------------------------------------------------------------------------------------


def _windows(x: Sequence[int], kernel: Sequence[int], attrs: dict[str, Any]) -> tuple[Windows, Windows]:
    return windows_2d(x[1:3], kernel[:2], attrs["stride"], attrs["dilation"], attrs["pad"])


def _columns(runs: Sequence[Sequence[Run]], images: int, channels: int, item_bytes: int) -> list[Columns]:
    return [Columns(images, down, across, channels, item_bytes) for down, across in product(*runs)]


def _cheapest(
    choices: Sequence[Sequence[Sequence[Run]]], images: int, channels: int, item_bytes: int, outs: int,
    is_sum: bool = False,
) -> list[Columns]:  # fmt: skip
    """The parts, all windows at once or in runs along either axis, that take the least time."""
    if channels < FEW_CHANNELS:
        choices = [runs[:1] for runs in choices]
    allowed = [runs for runs in product(*choices) if len(runs[0]) * len(runs[1]) <= MOST_PARTS]
    options = [_columns(runs, images, channels, item_bytes) for runs in allowed]
    return min(options, key=lambda parts: _cost_ns(parts, outs, is_sum))


def _cost_ns(parts: Sequence[Columns], outs: int, is_sum: bool = False) -> float:
    """How long the parts take together, besides what all ways have in common; `is_sum` if they are added up."""
    cost_ns = 0.0
    for part in parts:
        rows, weights = part.images * part.rows, part.width * outs
        cost_ns += weights * (rows + MORE_ROWS) * PRODUCT_NS + is_sum * weights * COPY_NS
        if len(parts) > 1:
            cost_ns += rows * outs * COPY_NS + PART_NS
    return cost_ns


def _is_all(part: Columns, counts: Sequence[int]) -> bool:
    """Whether the part gives the whole result."""
    return [part.down.count, part.across.count] == list(counts)


def _result_bytes(part: Columns, counts: Sequence[int], channels: int) -> int:
    return 0 if _is_all(part, counts) else aligned(part.block * part.rows * channels * part.item_bytes)


def _cheaper_pairs(
    than_ns: float, images: int, windows: tuple[Windows, Windows], channels: int, outs: int, item_bytes: int,
    groups: int,
) -> Pairs | None:  # fmt: skip
    """How to convolve by pairs of rows, where that takes less time than so many nanoseconds."""
    plan = pairs_of(images, windows, channels, outs, item_bytes)
    if plan is None or groups != 1 or min(channels, outs) < FEW_CHANNELS:
        return None
    rows, weights = images * plan.pairs * plan.across.count, plan.width * outs
    products_ns = 4 * weights * (rows + MORE_ROWS) * PRODUCT_NS
    mixing_ns = 2 * rows * (channels + outs) * PAIR_NS + 4 * weights * COPY_NS + PART_NS
    return plan if products_ns + mixing_ns < than_ns else None


def _turned(run: Kernel, kernel: Sequence[int], item_bytes: int) -> Kernel:
    """The kernel for a convolution that is turned around."""
    first = run.scratch_bytes  # type: ignore[attr-defined]

    def turned(g: Any, kernel: Any, out: Any, scratch: Any) -> None:
        run(g, _copied(kernel[::-1, ::-1].transpose(0, 1, 3, 2), scratch[first:]), out, scratch)

    turned.scratch_bytes = first + aligned(prod(kernel) * item_bytes)  # type: ignore[attr-defined]
    return turned


# ---- products ----------------------------------------------------------------------------------------------------


def _products(
    parts: Sequence[Columns], counts: Sequence[int], kernel: Sequence[int], item_bytes: int, groups: int,
    is_turned: bool = False,
) -> Kernel:  # fmt: skip
    """A kernel `k(x, kernel, out, scratch)`: each part of `out` is columns of x times the weights for this part.
    `is_turned` if `kernel` is that of the convolution which is turned around."""
    channels = kernel[2] if is_turned else kernel[3] // groups
    steps = [(p, _is_all(p, counts), p.images * p.rows < p.channels * p.across.window) for p in parts]
    columns_bytes = max([part.scratch_bytes for part in parts], default=0)
    result_bytes = max([_result_bytes(part, counts, channels) for part in parts], default=0)
    turned_bytes = aligned(prod(kernel) // groups * item_bytes) if is_turned else 0
    rest_bytes = max([
        _result_bytes(part, (), channels) if apart else part.width * channels * item_bytes
        for part, _, apart in steps if apart or part.taps < kernel[0] * kernel[1]
    ], default=0)  # fmt: skip
    _, first, second, third, end = accumulate((columns_bytes, result_bytes, turned_bytes, rest_bytes), initial=0)

    def run(x: Any, kernel: Any, out: Any, scratch: Any = b"") -> None:
        memory, turned, rest = scratch[first:second], scratch[second:third], scratch[third:]
        for x_part, kernel_part, out_part in _by_group(groups, x, kernel, out):
            if is_turned:
                kernel_part = _copied(kernel_part[::-1, ::-1].transpose(0, 1, 3, 2), turned)
            for part, is_all, apart in steps:
                target = out_part[:, part.down.places, part.across.places]
                if not part.taps:
                    target.fill(0)
                    continue
                pieces = _weights(kernel_part, part, apart, rest)
                for block, rows in unfolded(x_part, part, scratch):
                    place = target[block]
                    result = place if is_all else _memory(place.shape, memory, x.dtype)
                    _multiply(rows, pieces, matrix(result), rest)
                    if not is_all:
                        place[...] = result

    run.scratch_bytes = end  # type: ignore[attr-defined]
    return run


def _multiply(rows: Any, pieces: Sequence[Any], out: Any, scratch: Any) -> None:
    """The sum of the products of parts of the rows with pieces."""
    start = len(pieces[0])
    np.matmul(rows[:, :start], pieces[0], out=out)
    for piece in pieces[1:]:
        more = _memory(out.shape, scratch, out.dtype)
        np.matmul(rows[:, start : start + len(piece)], piece, out=more)
        np.add(out, more, out=out)
        start += len(piece)


def _weights(kernel: Any, part: Columns, apart: bool, scratch: Any) -> Sequence[Any]:
    """The weights of a part as matrices that stand on each other; `apart` if to add products is less than to copy."""
    piece = kernel[part.down.taps, part.across.taps]
    if part.taps == len(kernel) * kernel.shape[1] or piece.flags.c_contiguous:
        return [matrix(piece)]
    if not apart:
        return [matrix(_copied(piece, scratch))]
    rows = [row for row in piece]
    return [matrix(row) for row in rows] if rows[0].flags.c_contiguous else [each for row in rows for each in row]


def _folded(plan: Columns, windows: tuple[Windows, Windows], groups: int) -> Kernel:
    """A kernel for `conv2d_input_grad` that adds up columns: for few channels, and where parts would be small."""

    def run(g: Any, kernel: Any, out: Any, scratch: Any = b"") -> None:
        for g_part, kernel_part, out_part in _by_group(groups, g, matrix(kernel), out):
            if plan.is_plain:
                np.matmul(matrix(g_part), kernel_part.T, out=matrix(out_part))
                continue
            rows, columns = columns_in(scratch, plan, g.dtype)
            for block in plan.blocks():
                below = matrix(g_part[block])
                np.matmul(below, kernel_part.T, out=rows[: len(below)])
                fold(columns, out_part[block], *windows)

    run.scratch_bytes = plan.columns_bytes  # type: ignore[attr-defined]
    return run


def _by_group(count: int, *arrays: Any) -> Iterator[tuple[Any, ...]]:
    """The arrays' parts in each group, all being split along their last axis."""
    if count == 1:
        yield arrays
        return
    for i in range(count):
        yield tuple([a[..., i * (a.shape[-1] // count) : (i + 1) * (a.shape[-1] // count)] for a in arrays])


def _memory(shape: Sequence[int], scratch: Any, dtype: Any) -> Any:
    return np.ndarray(shape, dtype, scratch)


def _copied(array: Any, scratch: Any) -> Any:
    copy = _memory(array.shape, scratch, array.dtype)
    copy[...] = array
    return copy
