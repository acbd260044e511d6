"""The three convolutions as matrix products, made for given shapes, in the way that takes least time.

Three ways lead to a convolution and to its gradients: products over columns of windows, which are copied
(`columns.py`), for few channels and few rows; products of whole rows (`rowwise.py`); and these over pairs of rows
(`winograd.py`), where the multiplications that they save are more than what comes with it. Measured, one core with
AVX-512, f32, milliseconds in each way, convolution, gradient at the images, gradient at the kernel: 50 images of 14x14,
3x3, 32 to 64 channels 4.5, 6.2, 4.7; 3.9, 3.8, 3.9; 3.1, 3.2, 3.4. 64 images of 14x14, 5x5, stride 2, 64 to 128 15, 18,
14; 12, 12, 12; 9.8, 11, 9.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

from gdl.ops.columns import BLOCK_ROWS, Columns, aligned, columns_in, columns_of, fold, matrix, unfolded
from gdl.ops.lazy import np
from gdl.ops.rowwise import (
    Rowwise,
    Term,
    add_rows,
    backward,
    blocking,
    forward,
    multiply_rows,
    turned_taps,
)
from gdl.ops.small_products import small_product
from gdl.ops.windows import Windows, windows_2d
from gdl.ops.winograd import Pairs, convolve_pairs, correlate_pairs, pairs_of

#: What things take, measured on one core, in nanoseconds: to multiply and add two numbers in a product, ...
PRODUCT_NS = 0.019
#: ... to write a number of its result, ...
WRITE_NS = 0.05
#: ... to copy a number into columns, ...
COPY_NS = 0.6
#: ... to add a run of columns to an image, and each number of it, ...
RUN_NS, FOLD_NS = 15.0, 0.6
#: ... to sort or add a number in long runs, ...
ADD_NS = 0.2
#: ... or to mix it with others, which also takes memory that fast caches lack, ...
MIX_NS = 0.3
#: ... to call for something, and to have BLAS called once more by it.
CALL_NS, PRODUCT_CALL_NS = 2000.0, 200.0
#: A product takes as long as one with so many columns ...
LEAST_OUTS = 8
#: ... and so many more rows, if it is small (`small_products.py`) or not.
FEW_ROWS, MORE_ROWS = 4, 16

#: So many rows of weights are turned together: their lines stay in the fastest cache.
TURNED_TOGETHER = 32

Kernel = Callable[..., None]


class Way(NamedTuple):
    """One way to compute something: its name, how long it takes, and what makes the kernel for it."""

    name: str
    cost_ns: float
    make: Callable[[], Kernel]


def convolve(x: Sequence[int], kernel: Sequence[int], item_bytes: int, groups: int, **attrs: Any) -> Kernel:
    """A kernel `k(x, kernel, out, scratch)` for `conv2d`."""
    windows = _windows(x, kernel, attrs)
    sizes = x[0], windows, kernel[2], kernel[3] // groups, item_bytes
    columns, rows = columns_of(*sizes), forward(*sizes)
    pairs = pairs_of(rows, windows)
    ways = [
        Way("columns", _columns_ns(columns), lambda: _products(columns)),
        Way("rows", _rows_ns(rows), lambda: _by_rows(multiply_rows(rows))),
    ]
    if pairs is not None:
        ways.append(Way("pairs", _pairs_ns(pairs), lambda: _by_rows(convolve_pairs(pairs))))
    run = _by_group(groups, _fastest(ways))
    run.counts = windows[0].count, windows[1].count  # type: ignore[attr-defined]
    return run


def convolve_back(x: Sequence[int], kernel: Sequence[int], item_bytes: int, groups: int, **attrs: Any) -> Kernel:
    """A kernel `k(g, kernel, out, scratch)` for `conv2d_input_grad`."""
    _, across = windows = _windows(x, kernel, attrs)
    channels, outs, weights_bytes = kernel[2], kernel[3] // groups, prod(kernel) // groups * item_bytes
    sizes = x[0], windows, channels, outs, item_bytes
    columns, rows = columns_of(*sizes, is_folded=True), backward(*sizes)
    pairs = pairs_of(rows, windows, is_back=True)
    ways = [
        Way("columns", _folded_ns(columns), lambda: _folded(columns, windows)),
        Way("rows", _rows_ns(rows), lambda: _turned(multiply_rows(rows), across, weights_bytes)),
    ]
    if pairs is not None:
        ways.append(Way("pairs", _pairs_ns(pairs), lambda: _turned(convolve_pairs(pairs), across, weights_bytes)))
    return _by_group(groups, _fastest(ways))


def correlate(x: Sequence[int], kernel: Sequence[int], item_bytes: int, groups: int, **attrs: Any) -> Kernel:
    """A kernel `k(x, g, out, scratch)` for `conv2d_kernel_grad`."""
    windows = _windows(x, kernel, attrs)
    sizes = x[0], windows, kernel[2], kernel[3] // groups, item_bytes
    columns, rows = columns_of(*sizes), forward(*sizes)
    pairs = pairs_of(rows, windows)
    ways = [
        Way("columns", _columns_ns(columns), lambda: _sums(columns)),
        Way("rows", _rows_ns(rows, is_sum=True), lambda: add_rows(rows)),
    ]
    if pairs is not None:
        ways.append(Way("pairs", _pairs_ns(pairs, is_sum=True), lambda: correlate_pairs(pairs)))
    return _by_group(groups, _fastest(ways))


def _windows(x: Sequence[int], kernel: Sequence[int], attrs: dict[str, Any]) -> tuple[Windows, Windows]:
    return windows_2d(x[1:3], kernel[:2], attrs["stride"], attrs["dilation"], attrs["pad"])


def _fastest(ways: Sequence[Way]) -> Kernel:
    return min(ways, key=lambda way: way.cost_ns).make()


def _by_group(count: int, run: Kernel) -> Kernel:
    """The kernel for each group of channels, all arrays being split along their last axis."""
    if count == 1:
        return run

    def grouped(a: Any, b: Any, out: Any, scratch: Any = b"") -> None:
        for i in range(count):
            run(*[x[..., i * (x.shape[-1] // count) : (i + 1) * (x.shape[-1] // count)] for x in (a, b, out)], scratch)

    grouped.scratch_bytes = run.scratch_bytes  # type: ignore[attr-defined]
    return grouped


# ---- what they take ----------------------------------------------------------------------------------------------


def _products_ns(rows: float, depth: float, outs: float) -> float:
    return rows * max(outs, LEAST_OUTS) * (depth * PRODUCT_NS + WRITE_NS)


def _columns_ns(plan: Columns) -> float:
    rows = plan.images * plan.rows
    copies_ns = 0.0 if plan.is_plain else rows * plan.width * COPY_NS
    return _products_ns(rows + MORE_ROWS, plan.width, plan.outs) + copies_ns


def _folded_ns(plan: Columns) -> float:
    rows = plan.images * plan.rows
    if plan.is_plain:
        return _products_ns(rows + MORE_ROWS, plan.outs, plan.width)
    runs = rows * plan.taps / (max(plan.across.count, 1) if plan.channels == 1 else 1)
    return _products_ns(rows, plan.outs, plan.width) + runs * RUN_NS + rows * plan.width * FOLD_NS


def _rows_ns(plan: Rowwise, is_sum: bool = False) -> float:
    cost_ns = ADD_NS * plan.images * (prod(plan.source.shape(1)) + prod(plan.result.shape(1)))
    for terms in plan.terms:
        cost_ns += sum([_term_ns(plan, term, is_sum) for term in terms])
        cost_ns += 0.0 if is_sum else plan.images * sum([t.rows for t in terms[1:]]) * plan.result.width * ADD_NS
    return cost_ns


def _term_ns(plan: Rowwise, term: Term, is_sum: bool) -> float:
    """The products of one row of the kernel."""
    block, pieces = blocking(plan, is_sum)
    blocks, outs = -(-plan.images // max(block, 1)), plan.result.channels
    cost_ns = CALL_NS * blocks
    for stripe in plan.stripes:
        depth = stripe.window * plan.source.channels
        is_small = block * term.rows * depth * outs // pieces <= small_product()
        rows = plan.images * term.rows + (FEW_ROWS if is_small else MORE_ROWS) * blocks
        products_ns = _products_ns(rows, depth, outs) + blocks * pieces * PRODUCT_CALL_NS
        added_ns = blocks * depth * outs * ADD_NS if is_sum else 0.0
        cost_ns += stripe.count * (products_ns + added_ns) + CALL_NS * blocks
    return cost_ns


def _pairs_ns(plan: Pairs, is_sum: bool = False) -> float:
    base = plan.base
    blocks = -(-base.images // max(blocking(base, is_sum)[0], 1))
    sorted_ns = base.images * (plan.source.width * plan.sources[0] + plan.result.width * plan.result.rows.size) * ADD_NS
    cost_ns = sorted_ns + len(plan.weights) * plan.width * base.result.channels * ADD_NS
    for plane, mixtures in enumerate(plan.planes):
        pairs = plan.result.rows.counts[plane] // 2
        for mixture in mixtures:
            term = Term(0, 0, 0, 1 if mixture.signs[2] else pairs)
            uses = 1 if is_sum else sum(map(abs, mixture.signs))
            numbers = abs(mixture.sign) * base.source.width + uses * base.result.width
            mixed_ns = base.images * term.rows * numbers * MIX_NS + CALL_NS * blocks
            cost_ns += _term_ns(base, term, is_sum) + mixed_ns
    return cost_ns


# ---- products of rows --------------------------------------------------------------------------------------------


def _by_rows(run: Kernel) -> Kernel:
    """The kernel for kernels [taps down, taps across, channels, outs]."""

    def by_rows(x: Any, kernel: Any, out: Any, scratch: Any = b"") -> None:
        run(x, kernel.reshape(len(kernel), -1, kernel.shape[3]), out, scratch)

    by_rows.scratch_bytes = run.scratch_bytes  # type: ignore[attr-defined]
    return by_rows


def _turned(run: Kernel, across: Windows, weights_bytes: int) -> Kernel:
    """The kernel for a convolution that is turned around."""
    first, taps = run.scratch_bytes, turned_taps(across)  # type: ignore[attr-defined]
    order = [taps.at(across.window - 1 - tap) for tap in range(across.window)]

    def turned(g: Any, kernel: Any, out: Any, scratch: Any) -> None:
        height, width, channels, outs = kernel.shape
        weights = np.ndarray((height, width, outs, channels), kernel.dtype, scratch, first)
        for tap, place in enumerate(order):
            for start in range(0, channels, TURNED_TOGETHER):
                some = slice(start, start + TURNED_TOGETHER)
                weights[:, place, :, some] = kernel[:, tap, some].transpose(0, 2, 1)
        run(g, weights.reshape(height, -1, channels), out, scratch)

    turned.scratch_bytes = first + aligned(weights_bytes)  # type: ignore[attr-defined]
    return turned


# ---- products of columns -----------------------------------------------------------------------------------------


def _products(plan: Columns) -> Kernel:
    def run(x: Any, kernel: Any, out: Any, scratch: Any = b"") -> None:
        for block, rows in unfolded(x, plan, scratch):
            np.matmul(rows, matrix(kernel), out=matrix(out[block]))

    run.scratch_bytes = plan.scratch_bytes  # type: ignore[attr-defined]
    return run


def _folded(plan: Columns, windows: tuple[Windows, Windows]) -> Kernel:
    """A kernel for `conv2d_input_grad` that adds up columns."""
    first, few = plan.columns_bytes, small_product() // max(plan.outs * plan.width, 1)
    is_small = few >= BLOCK_ROWS  # then weights are copied, for small products want them as they are read

    def run(g: Any, kernel: Any, out: Any, scratch: Any = b"") -> None:
        weights = matrix(kernel).T
        if plan.is_plain:
            np.matmul(matrix(g), weights, out=matrix(out))
            return
        rows, columns = columns_in(scratch, plan, g.dtype)
        if is_small:
            weights = _copied(weights, scratch[first:])
        for block in plan.blocks():
            below = matrix(g[block])
            step = few if is_small else max(len(below), 1)
            for start in range(0, len(below), step):
                some = below[start : start + step]
                np.matmul(some, weights, out=rows[start : start + len(some)])
            fold(columns, out[block], *windows)

    weights_bytes = plan.outs * plan.width * plan.item_bytes if is_small and not plan.is_plain else 0
    run.scratch_bytes = first + weights_bytes  # type: ignore[attr-defined]
    return run


def _copied(array: Any, scratch: Any) -> Any:
    copy = np.ndarray(array.shape, array.dtype, scratch)
    copy[...] = array
    return copy


def _sums(plan: Columns) -> Kernel:
    """A kernel for `conv2d_kernel_grad`."""
    first, piece_bytes = plan.scratch_bytes, plan.width * plan.outs * plan.item_bytes

    def run(x: Any, g: Any, out: Any, scratch: Any = b"") -> None:
        if plan.is_plain:
            np.matmul(matrix(x).T, matrix(g), out=matrix(out))
            return
        piece = np.ndarray((plan.width, plan.outs), x.dtype, scratch, first)
        out.fill(0)
        for block, rows in unfolded(x, plan, scratch):
            np.matmul(rows.T, matrix(g[block]), out=piece)
            np.add(matrix(out), piece, out=matrix(out))

    run.scratch_bytes = 0 if plan.is_plain else first + piece_bytes  # type: ignore[attr-defined]
    return run
