"""Products of matrices, and all that is one, as tiles of the result: what a kernel goes through as tables of numbers.

Columns of the second operand are packed, so many as a tile has, one row behind the other. The first operand is read
where it lies: a row of it is known by how far rows are apart, a sum by the places where pieces of it begin. So a
convolution needs no matrix of windows, and nothing outside an image is multiplied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gdl.ops.small_products import cpu_features
from gdl.runtime.arrays import DTYPES
from gdl.runtime.compiled.nest import Access
from gdl.runtime.compiled.write import Kernel
from gdl.runtime.statements import Owner, Storage, Value

HEAD = """\
from numba import cfunc, float32 as f32, float64 as f64
from gdl.runtime.compiled.intrinsics import loader, stack, storer
from gdl.runtime.compiled.tile import copier, tiler, turner
"""


#: Columns are packed together up to so many bytes.
PACKED_BYTES = 2**19
#: Rows of several tiles are gathered together up to so many bytes.
GATHERED_BYTES = 2**17
#: Of vectors up to so many bytes, processors multiply two at a time.
LONGEST_OF_TWO = 32


class Segment(NamedTuple):
    """A piece of a sum: where it begins in the first operand (of one that is gathered, at which element of the rows),
    and the row of packed columns where it does."""

    a: int
    b: int


class Target(NamedTuple):
    """A part of the result that all rows and columns have once: where it begins, and its sum's pieces of one depth."""

    c: int
    depth: int
    segments: tuple[Segment, ...]


class Round(NamedTuple):
    """What is done with one packing: where the operands and the result begin, and how many groups of rows of columns
    are packed. `adds` where the result holds a part of the sums already."""

    a: int
    b: int
    c: int
    outer: int
    targets: tuple[Target, ...]
    adds: bool = False


@dataclass(frozen=True, slots=True)
class Packing:
    """How columns are packed: row `outer * inner + i` of them lies at `outer * outer_step + i * inner_step` of the
    second operand. All steps are in elements."""

    inner: int
    outer_step: int
    inner_step: int
    column_step: int


@dataclass(frozen=True, slots=True)
class Tile:
    """The form of a tile: rows, vectors in a row, elements of a vector; and elements of the one vector in a row of the
    last tiles, where columns are left for no more. 0: all are alike."""

    rows: int
    vectors: int
    lanes: int
    last: int = 0

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    def made(self, columns: int) -> int:
        """How many columns are computed where so many are wanted."""
        whole, rest = divmod(columns, self.columns)
        return whole * self.columns + ((self.last or self.columns) if rest else 0)


def tile_for(rows: int, columns: int, item_bytes: int) -> Tile:
    """The form that leaves the fewest of its elements unused, of those that keep the processor's registers full."""
    vector_bytes, most = _registers()
    lanes = vector_bytes // item_bytes
    height = min(range(min(rows, most), min(rows, most // 2), -1), key=lambda m: -(-rows // m) * m, default=1)
    least = lanes // 2 if vector_bytes > LONGEST_OF_TWO else lanes  # two short ones take no longer than a long one
    if columns <= lanes:
        return Tile(height, 1, least if least // 2 < columns <= least else lanes)
    one, two = [Tile(height, n, lanes, _last(columns % (lanes * n), n, lanes, least)) for n in (1, 2)]
    return one if one.made(columns) * 1.05 < two.made(columns) else two


def _last(rest: int, vectors: int, lanes: int, least: int) -> int:
    """The shortest vector that takes the columns that are left, where that is less than a whole tile."""
    short = next((n for n in (least, lanes) if rest <= n), 0)
    return short if rest and short < vectors * lanes else 0


def _registers() -> tuple[int, int]:
    """Bytes of a vector register, and rows of a tile of two vectors such that all of it fits into registers."""
    features = cpu_features()
    if features.get("AVX512F"):
        return 64, 14
    return (32, 6) if features.get("AVX2") else (16, 8 if features.get("NEON") else 6)


@dataclass(frozen=True, eq=False, slots=True)
class Contraction:
    """A statement as tiles of its result. `row` and `step` say how far apart rows of the first operand are, and the
    elements of a row that are summed over; `c_row` how far rows of the result are.

    Where elements of a row are far apart and rows are neighbours, `gathered` elements of each row, `gather_step` apart,
    are brought together first, a tile's rows side by side; `step` then counts these. `in_place`: whole tiles' columns
    are not packed, but read where they lie.
    """

    a: Access
    b: Access
    c: Access
    rows: int
    columns: int
    row: int
    step: int
    c_row: int
    packing: Packing
    rounds: tuple[Round, ...]
    gathered: int = 0
    gather_step: int = 0
    in_place: bool = False

    @property
    def dtype(self) -> str:
        return self.c.dtype

    @property
    def tile(self) -> Tile:
        return tile_for(self.rows, self.columns, DTYPES[self.dtype].itemsize)

    @property
    def used(self) -> float:
        """The part of all tiles' elements that are results."""
        tile = self.tile
        made = -(-self.rows // tile.rows) * tile.rows * tile.made(self.columns)
        return self.rows * self.columns / made

    @property
    def scratch_bytes(self) -> int:
        """The columns that are packed together, and what is gathered."""
        gathered = self._near * self.tile.rows * self.gathered
        return (self._lines * self._together + gathered) * DTYPES[self.dtype].itemsize

    @property
    def _near(self) -> int:
        """Tiles whose rows are gathered together: as many as whole lines of the cache have where these stay in the
        cache, else all, in the order of memory."""
        tile, tiles = self.tile, -(-self.rows // self.tile.rows)
        few = -(-2 * tile.lanes // tile.rows)
        small = few * tile.rows * self.gathered * DTYPES[self.dtype].itemsize <= GATHERED_BYTES
        return min(few, tiles) if self.gathered and small else tiles

    @property
    def _lines(self) -> int:
        return max(each.outer for each in self.rounds) * self.packing.inner

    @property
    def _together(self) -> int:
        """All columns, packed as they lie, where that leaves them in the cache; else those of a tile."""
        panel = self.tile.columns
        whole = -(-self.columns // panel) * panel
        return whole if whole * self._lines * DTYPES[self.dtype].itemsize <= PACKED_BYTES else panel

    def kernel(self, scratch: Value) -> Kernel:
        packed = Access(scratch, scratch.storage, self.dtype, 0, ())  # type: ignore[arg-type]
        table = self._table()
        numbers = Value("", "i64", table.shape, Storage(Owner.CONSTANT, table.nbytes), literal=table)
        steps = Access(numbers, numbers.storage, "i64", 0, ())  # type: ignore[arg-type]
        return Kernel(_source(self.dtype, self.tile), 1, (self.a, self.b, self.c, packed, steps))

    def _table(self) -> np.ndarray:
        """The sizes, the rounds, their targets, and the targets' segments."""
        p, element = self.packing, self.tile.rows if self.gathered else 1
        head = [self.rows, self.columns, self.row, self.step * element, self.c_row, p.inner, p.outer_step]
        head += [p.inner_step, p.column_step, self._together, self.gathered, self.gather_step]
        head += [self._near, self.in_place, len(self.rounds)]
        rounds: list[int] = []
        targets: list[int] = []
        segments: list[int] = []
        places: dict[int, tuple[int, int]] = {}  # by the tuple's identity: rounds share it
        for each in self.rounds:
            if id(each.targets) not in places:
                first = len(targets) // 4
                for target in each.targets:
                    targets += [target.c, target.depth, len(segments) // 2, len(target.segments)]
                    segments += [number for segment in target.segments for number in segment]
                places[id(each.targets)] = first, len(targets) // 4
            rounds += [each.a, each.b, each.c, each.outer, *places[id(each.targets)], each.adds]
        after = 8 * (len(head) + 2 + len(rounds))
        pieces = np.array(segments, np.int64).reshape(-1, 2) * [element, 1]
        return np.concatenate([[*head, after, after + 8 * len(targets), *rounds, *targets], pieces.ravel()])


def _source(dtype: str, tile: Tile) -> str:
    """The kernel of all contractions of one dtype whose tiles have this form."""
    item, line, lanes, last = DTYPES[dtype].itemsize, tile.columns, tile.lanes, tile.last
    values = "(tile_a, row, step, tile_b, b_row, pieces, count, depth, into, into_row, adds)"
    computed = f"last{values} if known < {line} else tile{values}" if last else f"tile{values}"
    pitch = f"{last} if known < {line} else {line}" if last else str(line)
    made = [f'last = tiler("{dtype}", {tile.rows}, 1, {last})'] if last else []
    return f"""\
{HEAD}
argument, number = loader("i64", 0, 1), loader("i64", 0, 1)
turn, tile = turner("{dtype}", {lanes}), tiler("{dtype}", {tile.rows}, {tile.vectors}, {lanes})
{"".join(made)}
gather, pack = copier("{dtype}", {tile.rows}), copier("{dtype}", {line})
load, keep = loader("{dtype}", 0, 2), storer("{dtype}", 1, 2)
part, before, store = loader("{dtype}", 0, 2), loader("{dtype}", 1, 2), storer("{dtype}", 1, 2)

@cfunc("void(int64)", cache=CACHED, error_model="numpy")
def kernel(arguments):  # one function: numba takes as long for each further one as for this
    table = argument(arguments, 5)
    rows, columns, row, step = number(table, 0), number(table, 1), number(table, 2), number(table, 3)
    c_row, inner, outer_step, inner_step = number(table, 4), number(table, 5), number(table, 6), number(table, 7)
    apart, together = number(table, 8), number(table, 9)
    gathered, gather_step, near = number(table, 10), number(table, 11), number(table, 12)
    in_place, rounds = number(table, 13), number(table, 14)
    targets, segments = number(table, 15) + table, number(table, 16) + table
    tiles, edge = (rows + {tile.rows - 1}) // {tile.rows}, stack({tile.rows * line * item})
    packed_a = argument(arguments, 4)
    packed_b = packed_a + near * gathered * {tile.rows * item}
    for n in range(rounds):
        this = table + (17 + 7 * n) * 8
        a = argument(arguments, 1) + number(this, 0) * {item}
        b = argument(arguments, 2) + number(this, 1) * {item}
        c = argument(arguments, 3) + number(this, 2) * {item}
        panel = number(this, 3) * inner * {line}
        for first in range(0, columns, together):
            # columns are packed: whole panels of neighbours line by line, else panel by panel
            width = min(together, columns - first)
            aligned = width // {line} * {line} if apart == 1 else 0
            for group in range(number(this, 3)):
                from_b = b + (group * outer_step + first * apart) * {item}
                for i in range(0 if in_place else inner):
                    for left in range(0, aligned, {line}):
                        pack(from_b + (i * inner_step + left) * {item},
                             packed_b + (left // {line} * panel + (group * inner + i) * {line}) * {item})
                for left in range(aligned, width, {line}):
                    known = min({line}, width - left)
                    pitch = {pitch}
                    pack_to = packed_b + (left // {line} * panel + group * inner * pitch) * {item}
                    squares = known // {lanes} if inner_step == 1 else 0
                    turned = inner // {lanes} * {lanes} if squares else 0
                    for j in range(squares):
                        for i in range(0, turned, {lanes}):
                            turn(from_b + ((left + j * {lanes}) * apart + i) * {item}, apart,
                                 pack_to + (i * pitch + j * {lanes}) * {item}, pitch)
                    for i in range(inner):
                        for j in range(squares * {lanes} if i < turned else 0, known):
                            keep(pack_to, i * pitch + j, load(from_b, i * inner_step + (left + j) * apart))
                        for j in range(known, pitch):
                            keep(pack_to, i * pitch + j, {dtype}(0))
            for begin in range(0, tiles, near):
                end = min(begin + near, tiles)
                for i in range(gathered):  # elements of some rows, as they lie
                    for m in range(begin, end):
                        top = min(m * {tile.rows}, rows - {tile.rows})
                        gather(a + (i * gather_step + top) * {item},
                               packed_a + ((m - begin) * gathered + i) * {tile.rows * item})
                for left in range(first, first + width, {line}):
                    tile_b, known = packed_b + (left - first) // {line} * panel * {item}, min({line}, columns - left)
                    pitch = {pitch}
                    b_row = pitch
                    if in_place and known == {line}:
                        tile_b, b_row = b + left * {item}, inner_step
                    for m in range(begin, end):
                        top = min(m * {tile.rows}, rows - {tile.rows})
                        done = m * {tile.rows} - top  # rows that the tile before has
                        near_a = packed_a + (m - begin) * gathered * {tile.rows * item}
                        tile_a = near_a if gathered else a + top * row * {item}
                        for k in range(number(this, 4), number(this, 5)):
                            target = targets + 32 * k
                            to = c + (number(target, 0) + top * c_row + left) * {item}
                            depth, count = number(target, 1), number(target, 3)
                            pieces = segments + 16 * number(target, 2)
                            whole = done == 0 and known == pitch
                            into, into_row, adds = (to, c_row, number(this, 6)) if whole else (edge, pitch, 0)
                            {computed}
                            if whole:
                                continue
                            for i in range(done, {tile.rows}):
                                for j in range(known):
                                    value = part(edge, i * pitch + j)
                                    if number(this, 6):
                                        value += before(to, i * c_row + j)
                                    store(to, i * c_row + j, value)
"""
