"""Convolutions two rows of the result at a time, with fewer multiplications: Winograd's F(2, 3) and F(2, 2).

Two neighbouring rows y of the result come from four rows d of the image and three rows g of the kernel, or from three
and two, by four products rather than six, or three rather than four:

    m0 = (d0 - d2) g0                           m0 = (d0 - d1) g0
    m1 = (d1 + d2) (g0 + g1 + g2) / 2           m1 = d1 (g0 + g1)
    m2 = (d2 - d1) (g0 - g1 + g2) / 2           m2 = (d2 - d1) g1
    m3 = (d3 - d1) g2
    y0 = m0 + m1 + m2                           y0 = m0 + m1
    y1 = m1 - m2 + m3                           y1 = m1 + m2

Each m is a convolution along the row only: rows of images, mixed, times a row of mixed weights (`rowwise.py`). Kernels
of any height are sums of such groups of rows. With a stride, rows of the kernel that see the same rows of the image,
every second one for example, make groups: 5 rows at stride 2 are one of three and one of two, 7 products for 10. The
same products, the other way around, give the gradient at the kernel. In f32 results are off by 0.5 to 1.5 times as much
as those of plain products. Both axes at once would take 4/9 of the multiplications for 3x3; measured with NumPy, 16
mixtures of short runs cost what that saves.

Reference: Winograd, 1980, chapter 5; Lavin and Gray, 2016, section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

from gdl.ops.lazy import np
from gdl.ops.rowwise import (
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
)
from gdl.ops.windows import Windows
from gdl.record import Record, record


class Mixed(NamedTuple):
    """Rows of the kernel, each with its sign, added up and scaled."""

    taps: tuple[tuple[int, int], ...]
    scale: float = 1.0


class Mixture(NamedTuple):
    """One product: source rows (`first` plus `sign` times `second`) times mixed weights; its signs in even rows of the
    result, in odd rows, and in a last row that has no other."""

    first: int
    second: int
    sign: int
    weights: Mixed
    signs: tuple[int, int, int]


#: For so many rows of the kernel the source rows of each product, the weights, and the signs.
_FORMS: dict[int, tuple[Mixture, ...]] = {
    1: (
        Mixture(0, 0, 0, Mixed(((0, 1),)), (1, 0, 0)), Mixture(1, 0, 0, Mixed(((0, 1),)), (0, 1, 0)),
    ),
    2: (
        Mixture(0, 1, -1, Mixed(((0, 1),)), (1, 0, 0)), Mixture(2, 1, -1, Mixed(((1, 1),)), (0, 1, 0)),
        Mixture(1, 0, 0, Mixed(((0, 1), (1, 1))), (1, 1, 0)),
    ),
    3: (
        Mixture(0, 2, -1, Mixed(((0, 1),)), (1, 0, 0)), Mixture(3, 1, -1, Mixed(((2, 1),)), (0, 1, 0)),
        Mixture(1, 2, 1, Mixed(((0, 1), (1, 1), (2, 1)), 0.5), (1, 1, 0)),
        Mixture(2, 1, -1, Mixed(((0, 1), (1, -1), (2, 1)), 0.5), (1, -1, 0)),
    ),
}  # fmt: skip


class Tap(NamedTuple):
    """What one row of the kernel sees: of the source's rows of one remainder those from `offset` on."""

    plane: int
    offset: int
    tap: int


@record
class Pairs(Record):
    """How to convolve by pairs of rows: the mixtures for each remainder of the result's rows, single ones first.

    Source rows lie in memory sorted by their remainder, then the even before the odd ones, `height` of each, counted
    from `lowest` on; what lies outside of the image is zero. Mixtures tell rows by where they lie.
    """

    base: Rowwise  # what one row of the kernel does to one row of each pair
    source: Side
    result: Side
    lowest: int
    height: int
    planes: tuple[tuple[Mixture, ...], ...]
    width: int  # of a row of weights, outputs apart

    @property
    def weights(self) -> list[Mixed]:
        return list(dict.fromkeys([mixture.weights for plane in self.planes for mixture in plane]))

    @property
    def sources(self) -> tuple[int, ...]:
        """Rows that lie in memory."""
        return (2 * self.source.rows.step * self.height,)

    def results(self, plane: int) -> tuple[slice, slice, slice]:
        """The result's rows of one remainder: even ones, odd ones, and a last one that has no other."""
        count, step = self.result.rows.counts[plane], self.result.rows.step
        end = plane + count // 2 * 2 * step
        return slice(plane, end, 2 * step), slice(plane + step, end, 2 * step), slice(end, end + count % 2)

    def places(self) -> Iterator[tuple[slice, slice, slice]]:
        """For the even and the odd ones of each remainder of the source's rows: where they lie, which part of that lies
        in the image, and which of the image's rows that is."""
        for i in range(2 * self.source.rows.step):
            plane, odd = divmod(i, 2)
            start = max(0, -((self.lowest + odd) // 2))
            first = self.lowest + odd + 2 * start
            stop = min(self.height, start + max(0, -((first - self.source.rows.counts[plane]) // 2)))
            step = self.source.rows.step
            rows = slice(plane + first * step, plane + (first + 2 * (stop - start)) * step, 2 * step)
            lies = i * self.height
            yield slice(lies, lies + self.height), slice(lies + start, lies + stop), rows


def pairs_of(plan: Rowwise, windows: tuple[Windows, Windows], is_back: bool = False) -> Pairs | None:
    """How to do what a plan says by pairs of rows; None where no rows of the kernel belong together."""
    (down, across), counts = windows, plan.result.rows.counts
    groups = [_groups(taps) for taps in (_taps_back(down) if is_back else [_taps(down)])]
    if max(counts, default=0) < 2 or max([len(group) for each in groups for group in each], default=0) < 2:
        return None
    offsets = [tap.offset for each in groups for group in each for tap in group]
    lowest = min(offsets)
    height = (max(offsets) - lowest + max(counts) - 1) // 2 + 1
    planes = []
    for each, count in zip(groups, counts):
        mixtures = [mixture for group in each for mixture in _mixtures(group, count, lowest, height, plan.source.rows)]
        planes.append(tuple(sorted(mixtures, key=lambda mixture: sum(map(abs, mixture.signs)))))
    pairs = Sorted(max(counts) // 2)
    source = Side(pairs, plan.source.columns, plan.source.channels)
    result = Side(pairs, plan.result.columns, plan.result.channels)
    base = Rowwise(plan.images, source, result, ((Term(0, 0, 0, pairs.size),),), plan.stripes, plan.item_bytes)
    width = across.window * plan.source.channels
    return Pairs(base, plan.source, plan.result, lowest, height, tuple(planes), width)


def _taps(down: Windows) -> list[Tap]:
    places = [divmod(tap * down.dilation - down.before, down.stride) for tap in range(down.window)]
    return [Tap(plane, offset, tap) for tap, (offset, plane) in enumerate(places)]


def _taps_back(down: Windows) -> list[list[Tap]]:
    """For each remainder of the images' rows."""
    planes: list[list[Tap]] = [[] for _ in range(down.stride)]
    for tap in range(down.window):
        at = tap * down.dilation - down.before
        plane = at % down.stride
        planes[plane].append(Tap(0, (plane - at) // down.stride, tap))
    return planes


def _groups(taps: Sequence[Tap]) -> list[list[Tap]]:
    """Rows of the kernel in groups of one to three that see neighbouring rows."""
    groups = []
    neighbours = groupby(enumerate(sorted(taps)), lambda each: (each[1].plane, each[1].offset - each[0]))
    for _, found in neighbours:
        run = [tap for _, tap in found]
        while run:
            size = 2 if len(run) in (2, 4) else 3
            groups.append(run[:size])
            run = run[size:]
    return groups


def _mixtures(group: Sequence[Tap], count: int, lowest: int, height: int, rows: Sorted) -> Iterator[Mixture]:
    """What a group of the kernel's rows asks for, for so many rows of the result."""

    def lies(offset: int) -> int:
        return (2 * group[0].plane + (offset - lowest) % 2) * height + (offset - lowest) // 2

    first = group[0].offset
    for form in _FORMS[len(group)] if count > 1 else ():
        weights = Mixed(tuple([(group[j].tap, sign) for j, sign in form.weights.taps]), form.weights.scale)
        yield Mixture(lies(first + form.first), lies(first + form.second), form.sign, weights, form.signs)
    for tap in group if count % 2 else ():
        row = tap.offset + count - 1
        if 0 <= row < rows.counts[tap.plane]:
            yield Mixture(lies(row), 0, 0, Mixed(((tap.tap, 1),)), (0, 0, 1))


# ---- kernels -------------------------------------------------------------------------------------------------------


def convolve_pairs(plan: Pairs) -> Callable[..., None]:
    """A kernel `k(x, weights, out, scratch)`; weights are [taps down, taps across * channels, outs]."""
    base, mixed_weights = plan.base, [weights for weights in plan.weights if len(weights.taps) > 1]
    block, pieces = blocking(base, sources=plan.sources[0] // base.rows + 2, results=3)
    source, result = base.source.shape(block), base.result.shape(block)
    weights_shape = (len(mixed_weights), plan.width, base.result.channels)
    shapes = (plan.sources + source[1:], source, result, result, result, (1, *result[1:]), weights_shape)
    products = cache(lambda rows, images: products_of(base, Term(0, 0, 0, rows), 0, images, pieces))
    steps = [(_steps(mixtures), plan.results(plane)) for plane, mixtures in enumerate(plan.planes)]
    fill = _filling(plan)

    def run(x: Any, kernel: Any, out: Any, scratch: Any) -> None:
        *memory, mixed_rows = arrays(shapes, scratch, x.dtype)
        weights = {Mixed(((tap, 1),)): row for tap, row in enumerate(kernel)}
        weights.update({mixed: _mix(mixed, kernel, rows) for mixed, rows in zip(mixed_weights, mixed_rows)})
        for images in blocks(base.images, block):
            count = images.stop - images.start
            rows, mixed, product, *sums = [fewer(array, count) for array in memory]
            fill(rows, x[images])
            for plane, parts in steps:
                targets = [out[images, part].transpose(1, 0, 2, 3) for part in parts]
                for which in {0, 1, 2}.difference([goal.which for _, goals in plane for goal in goals]):
                    targets[which].fill(0)  # these rows see nothing but border
                for mixture, goals in plane:
                    height = len(targets[goals[0].which])
                    made = (sums[goals[0].which] if goals[0].is_first else product)[:height]
                    here = _mixture(mixture, rows, mixed, height)
                    multiply(products(height, count), here, weights[mixture.weights], made)
                    for goal in goals:
                        _add(goal, made, sums[goal.which][:height], targets[goal.which])

    run.scratch_bytes = bytes_of(shapes, base.item_bytes)  # type: ignore[attr-defined]
    return run


class Goal(NamedTuple):
    """Which sum a product is added to, with which sign, and whether it is the first or the last there."""

    which: int
    sign: int
    is_first: bool
    is_last: bool


def _steps(mixtures: Sequence[Mixture]) -> list[tuple[Mixture, list[Goal]]]:
    """The mixtures, each with the sums that it goes to; one that is the first in a sum goes to no other."""
    steps: list[tuple[Mixture, list[Goal]]] = []
    for i, mixture in enumerate(mixtures):
        goals = []
        for which, sign in enumerate(mixture.signs):
            if sign:
                is_first = not any(before.signs[which] for before in mixtures[:i])
                goals.append(Goal(which, sign, is_first, not any(after.signs[which] for after in mixtures[i + 1 :])))
        steps.append((mixture, goals))
    return steps


def _add(goal: Goal, product: Any, sums: Any, target: Any) -> None:
    """Adds a product to a sum; the first one is there already, the last one makes the result."""
    if goal.is_first and goal.is_last:
        target[...] = product
    elif not goal.is_first:
        (np.add if goal.sign > 0 else np.subtract)(sums, product, out=target if goal.is_last else sums)


def correlate_pairs(plan: Pairs) -> Callable[..., None]:
    """A kernel `k(x, g, out, scratch)` for the gradient at the kernel, by the plan of the convolution."""
    base, [mixtures], mixed_weights = plan.base, plan.planes, plan.weights
    block, pieces = blocking(base, is_sum=True, sources=plan.sources[0] // base.rows + 2, results=1)
    source, result = base.source.shape(block), base.result.shape(block)
    sums_shape = (len(mixed_weights), plan.width, base.result.channels)
    shapes = (plan.sources + source[1:], source, result, sums_shape, pieces_shape(base))
    products = cache(lambda rows, images: products_of(base, Term(0, 0, 0, rows), 0, images, pieces))
    fill, results = _filling(plan), plan.results(0)
    by_signs = [(signs, list(each)) for signs, each in groupby(sorted(mixtures, key=_signs), _signs)]

    def run(x: Any, g: Any, out: Any, scratch: Any) -> None:
        *memory, sums, made = arrays(shapes, scratch, x.dtype)
        sums.fill(0)
        totals = dict(zip(mixed_weights, sums))
        for images in blocks(base.images, block):
            count = images.stop - images.start
            rows, mixed, below = [fewer(array, count) for array in memory]
            fill(rows, x[images])
            parts = [g[images, part].transpose(1, 0, 2, 3) for part in results]
            for signs, each in by_signs:
                gradient = _mixed_gradient(signs, parts, below)
                for mixture in each:
                    here = _mixture(mixture, rows, mixed, len(gradient))
                    add_products(products(len(gradient), count), here, gradient, totals[mixture.weights], made)
        _unmix(totals, out)

    run.scratch_bytes = bytes_of(shapes, base.item_bytes)  # type: ignore[attr-defined]
    return run


def _signs(mixture: Mixture) -> tuple[int, int, int]:
    return mixture.signs


def _mixed_gradient(signs: tuple[int, int, int], parts: Sequence[Any], memory: Any) -> Any:
    """The sum or difference of even and odd rows, or one kind of rows."""
    which = [i for i, sign in enumerate(signs) if sign]
    mixed = memory[: len(parts[which[0]])]
    if len(which) == 1:
        mixed[...] = parts[which[0]]
        return mixed
    return (np.add if signs[1] > 0 else np.subtract)(parts[0], parts[1], out=mixed)


def _filling(plan: Pairs) -> Callable[[Any, Any], None]:
    """What sorts rows of images into memory, with zeros where they have borders."""
    places, columns = list(plan.places()), plan.source.columns.parts()

    def fill(memory: Any, images: Any) -> None:
        turned = images.transpose(1, 0, 2, 3)
        for lies, inside, rows in places:
            memory[lies.start : inside.start], memory[inside.stop : lies.stop] = 0, 0
            for here, there in columns:
                memory[inside, :, here] = turned[rows, :, there]

    return fill


def _mixture(mixture: Mixture, rows: Any, memory: Any, height: int) -> Any:
    first = rows[mixture.first : mixture.first + height]
    if not mixture.sign:
        return first
    combine = np.add if mixture.sign > 0 else np.subtract
    return combine(first, rows[mixture.second : mixture.second + height], out=memory[:height])


def _mix(mixed: Mixed, kernel: Any, out: Any) -> Any:
    """Rows of the kernel, mixed."""
    (first, _), *others = mixed.taps
    before = kernel[first]
    for tap, sign in others:
        before = (np.add if sign > 0 else np.subtract)(before, kernel[tap], out=out)
    return np.multiply(out, mixed.scale, out=out) if mixed.scale != 1 else out


def _unmix(sums: dict[Mixed, Any], out: Any) -> None:
    """The gradient at the kernel, from that at the mixtures of its rows."""
    out.fill(0)
    for mixed, total in sums.items():
        if mixed.scale != 1:
            np.multiply(total, mixed.scale, out=total)
        for tap, sign in mixed.taps:
            target = out[tap]
            (np.add if sign > 0 else np.subtract)(target, total.reshape(target.shape), out=target)
