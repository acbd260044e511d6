"""Which statements are contractions: products of matrices here, convolutions in `convolution`."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np

from gdl.runtime.compiled.contraction import Contraction, Packing, Round, Segment, Target
from gdl.runtime.compiled.convolution import convolution
from gdl.runtime.compiled.layouts import Layouts
from gdl.runtime.compiled.nest import Access
from gdl.runtime.sharing import Shared
from gdl.runtime.statements import Owner, Statement, Storage, Value

#: Below so large a part of the tiles in use, or so few sums at a time, NumPy's products are faster.
LEAST_USED, LEAST_SUMS = 0.5, 6
#: Larger first operands, which are read once for each panel, leave the cache: NumPy's.
MOST_BYTES = 2**23
#: So much of the second operand is packed at a time, but not fewer lines.
BLOCK_BYTES, LEAST_LINES = 2**19, 64
#: For so few rows columns are not packed: to read them in a better order takes as long as to read them.
FEW_ROWS = 128
#: The second cache: bytes of a line, sets of lines, and lines of a set that a tile's rows may take. What comes from
#: there keeps a tile waiting for nothing. Measured, microseconds, gathered and as it lies: [1024, 128]' [1024, 384]
#: 1013, 961; [1024, 512]' [1024, 128], whose rows lie 2 KB apart, 1321, 1576.
LINE_BYTES, SETS, WAYS = 64, 2048, 6


def find_contractions(statements: Sequence[Statement], layouts: Layouts) -> dict[Statement, Contraction]:
    """The contractions among the statements, which get the scratch memory that they need."""
    found: dict[Statement, Contraction] = {}
    for statement in statements:
        contraction = _contraction(statement, layouts)
        if contraction is not None and _pays(contraction):
            found[statement] = contraction
            memory = Storage(Owner.ARENA, contraction.scratch_bytes)
            statement.scratch = Value("packed", "u8", (memory.nbytes,), memory)
    return found


def _pays(contraction: Contraction) -> bool:
    tile = contraction.tile
    return contraction.used >= LEAST_USED and tile.rows * tile.vectors >= LEAST_SUMS


def _contraction(statement: Statement, layouts: Layouts) -> Contraction | None:
    node, result = statement.node, statement.result
    if node is None or not statement.writes_memory or 0 in result.shape:
        return None
    if result.dtype not in ("f32", "f64") or isinstance(statement.function, Shared):
        return None
    lying = [layouts.of(value) for value in (*statement.operands, result)]
    if any(each is None for each in lying):
        return None
    accesses = [
        Access(base, base.storage, result.dtype, array.ctypes.data - start, ())  # type: ignore[arg-type]
        for base, array, start in lying  # type: ignore[misc]
    ]
    arrays = [array for _, array, _ in lying]  # type: ignore[misc]
    if node.op == "matmul":
        return _product(accesses, arrays)
    return convolution(node, accesses, arrays) if result.fills_storage else None


def _product(accesses: Sequence[Access], arrays: Sequence[np.ndarray]) -> Contraction | None:
    """[*batch, m, k] times [*batch, k, n]. A batch against one matrix is so many more rows."""
    x, y, out = arrays
    if min(x.ndim, y.ndim) < 2 or x.shape[-1] == 0:
        return None
    if out.strides[-1] != out.itemsize:
        return None
    if y.ndim == 2 < x.ndim and out.flags.c_contiguous and np.may_share_memory(x, flat := x.reshape(-1, x.shape[-1])):
        x, out = flat, out.reshape(-1, out.shape[-1])
    (rows, columns), depth, batch = out.shape[-2:], x.shape[-1], out.shape[:-2]
    if rows * depth * x.itemsize > MOST_BYTES:
        return None
    item = x.itemsize
    x, y = np.broadcast_to(x, (*batch, rows, depth)), np.broadcast_to(y, (*batch, depth, columns))
    x_steps, y_steps, out_steps = [[step // item for step in array.strides] for array in (x, y, out)]
    (row, step), line = x_steps[-2:], y_steps[-2]
    block = _even(depth, max(BLOCK_BYTES // (columns * item), LEAST_LINES))
    targets = (Target(0, block, (Segment(0, 0),)),)
    rounds: list[Round] = []
    for place in np.ndindex(batch):
        a, b, c = [sum(i * step for i, step in zip(place, steps)) for steps in (x_steps, y_steps, out_steps)]
        rounds += [Round(a + at * step, b + at * line, c, 1, targets, at > 0) for at in range(0, depth, block)]
    gathered = row == 1 != step and not _stays_near(block, step * item)
    return Contraction(
        *accesses, rows, columns, row, 1 if gathered else step, out_steps[-2],
        Packing(block, 0, line, y_steps[-1]), tuple(rounds), block if gathered else 0, step,
        y_steps[-1] == 1 and rows <= FEW_ROWS and _stays_near(block, line * item),
    )  # fmt: skip


def _stays_near(count: int, step_bytes: int) -> bool:
    """Whether so many pieces of memory, so far apart, stay in the second cache together."""
    return count <= WAYS * SETS // gcd(max(step_bytes // LINE_BYTES, 1), SETS)


def _even(length: int, most: int) -> int:
    """The largest divisor of the length that is not more than so many; the length where that is much less."""
    divisor = next(n for n in range(min(length, most), 0, -1) if length % n == 0)
    return divisor if 4 * divisor >= most else length
