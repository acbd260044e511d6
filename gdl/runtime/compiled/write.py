"""A nest of loops as the source of a kernel: a function of the address of its arguments.

The arguments are the size of the first loop and the addresses of all memory; everything else stands in the text. So
nests that differ in nothing else share a kernel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gdl.runtime.compiled.nest import Access, Level, Nest, Placed, crosses
from gdl.runtime.statements import Storage

HEAD = """\
from math import cos, inf as infinity, sin
from numba import cfunc, float32 as f32, float64 as f64, int32 as i32, int64 as i64, uint8 as u8
from gdl.runtime.compiled.functions import *
from gdl.runtime.compiled.intrinsics import (
    ceil, floor, greater, lesser, loader, pick, rint, root, size_of, stack, storer, total,
)
"""
#: First loops up to this size are part of the text: LLVM unrolls what it knows to be short.
SHORT = 512
#: A row shorter than this is taken together with others, up to so many elements: LLVM unrolls a short loop before it
#: could be run in vectors. Measured, column sums of [25088, 32], microseconds: 315, and 36 with 16 rows together.
SHORT_ROW, TOGETHER = 128, 512
#: Rows up to so long take turns, so many of them, where each waits for its reductions. Measured, microseconds, softmax
#: of 4096 rows of 64 with 1, 2 and 4: 305, 253, 256; a layer norm of 1024 rows of 128: 54, 48, 53.
ABREAST, LONG_ROW = 2, 256
_LEAST = {"sum": "0", "max": "-infinity", "min": "infinity"}
_COMBINED = {
    "sum": "total({0}, {1})", "max": "greater({0}, {1})", "min": "lesser({0}, {1})",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kernel:
    """The source, the size of the first loop, and the memory whose addresses are the arguments."""

    source: str
    size: int
    memory: tuple[Access, ...]


def write(nest: Nest) -> Kernel:
    return _Writer(nest).kernel()


class _Writer:
    def __init__(self, nest: Nest) -> None:
        self.nest = nest
        self.produced = nest.produced
        self.pointers: dict[tuple[Storage, str, int], int] = {}
        self.memory: list[Access] = []
        self.uses: dict[tuple[str, str, Storage | str], str] = {}  # (load or stor, dtype, memory) -> name
        self.registers: dict[Storage, str] = {}
        self.loaded: dict[tuple[object, ...], str] = {}  # in the loops around and at hand
        self.count = 0
        self.together = _rows_together(nest)
        self.tiles: dict[object, str] = {}  # columns repeated for all the rows that are taken together
        if self.together > 1:
            self.nest = _with_long_rows(nest, self.together)
            self.produced = self.nest.produced

    def kernel(self) -> Kernel:
        sizes = self.nest.sizes
        lines: list[str] = []
        self._once(lines)
        outer, indent = sizes[:-1], 0
        for placed in self.nest.placed:
            if placed.adds_up:
                lines += self._cleared(placed)
        if self.together > 1:
            lines += self._repeated()
        abreast = _rows_abreast(self.nest)
        for loop in range(len(outer)):
            size = self._size(loop)
            if abreast > 1 and loop == len(outer) - 1:
                size += f" // {abreast}"
            lines.append(f"{'    ' * indent}for i{loop} in range({size}):")
            indent += 1
        body: list[str] = self._rows(abreast) if sizes else []
        lines += [f"{'    ' * indent}{line}" for line in body]
        if self.together > 1:
            lines += self._gathered()
        return self._finished(lines, sizes)

    def _rows(self, abreast: int) -> list[str]:
        """The phases, each of so many rows before the next: while one row waits for its reduction, others go on."""
        last = len(self.nest.sizes) - 2
        body = [f"row{k} = i{last} * {abreast} + {k}" for k in range(abreast)] if abreast > 1 else []
        known = [(dict(self.registers), dict(self.loaded)) for _ in range(abreast)]
        for phase in range(1 + max(p.phase + p.over_inner for p in self.nest.placed)):
            for k, (self.registers, self.loaded) in enumerate(known):
                lines: list[str] = []
                self._row(phase, lines)
                self._inner(phase, lines)
                known[k] = self.registers, self.loaded
                body += [re.sub(rf"\bi{last}\b", f"row{k}", line) for line in lines] if abreast > 1 else lines
        return body

    # ---- short rows taken together

    def _repeated(self) -> list[str]:
        """Each column that is read, and each sum of columns, as many times as rows are taken together."""
        lines: list[str] = []
        row = self.nest.sizes[1] // self.together
        for placed in self.nest.placed:
            for read in placed.reads:
                if read.strides == _COLUMN and read.place not in self.tiles:
                    tile = self._tile(read.place)
                    value = f"{self._use('load', read)}({self._pointer(read)}, k)"
                    store = self._at_tile("stor", tile, read.dtype)
                    lines += self._each(row, f"{store}({tile}, i * {row} + k, {value})")
            if placed.adds_up:
                tile, dtype = self._tile(placed), placed.write.dtype
                store, least = self._at_tile("stor", tile, dtype), _LEAST[placed.work.reduces]
                lines += self._each(row, f"{store}({tile}, i * {row} + k, {dtype}({least}))")
        sizes = [f"{tile} = stack({self.nest.sizes[1] * 8})" for tile in self.tiles.values()]
        return sizes + lines

    def _gathered(self) -> list[str]:
        """The sums of columns from their parts."""
        lines: list[str] = []
        row = self.nest.sizes[1] // self.together
        for placed in self.nest.placed:
            if placed.adds_up:
                tile, write = self.tiles[placed], placed.write
                part = f"{self._at_tile('load', tile, write.dtype)}({tile}, i * {row} + k)"
                before = f"{self._use('load', write)}({self._pointer(write)}, k)"
                whole = _COMBINED[placed.work.reduces].format(before, part)
                lines += self._each(row, f"{self._use('stor', write)}({self._pointer(write)}, k, {whole})")
        return lines

    def _each(self, row: int, line: str) -> list[str]:
        return [f"for i in range({self.together}):", f"    for k in range({row}):", f"        {line}"]

    def _tile(self, key: object) -> str:
        return self.tiles.setdefault(key, f"tile{len(self.tiles)}")

    def _at_tile(self, kind: str, tile: str, dtype: str) -> str:
        return self.uses.setdefault((kind, dtype, tile), f"{kind}{len(self.uses)}")

    # ---- the whole

    def _finished(self, body: list[str], sizes: Sequence[int]) -> Kernel:
        roots = list(dict.fromkeys(storage for _, _, storage in self.uses))
        made = [
            f'{name} = {kind}er("{dtype}", {roots.index(storage)}, {len(roots)})'
            for (kind, dtype, storage), name in self.uses.items()
        ]
        head = [f"p{i} = argument(arguments, {i + 1})" for i in range(len(self.memory))]
        head.insert(0, "n = argument(arguments, 0)")
        text = [
            HEAD, 'argument = loader("i64", 0, 1)', *made, "",
            '@cfunc("void(int64)", cache=CACHED, error_model="numpy")',
            "def kernel(arguments):", *[f"    {line}" for line in head + body],
        ]  # fmt: skip
        return Kernel("\n".join(text) + "\n", sizes[0] if sizes else 1, tuple(self.memory))

    def _size(self, loop: int) -> str:
        size = self.nest.sizes[loop]
        return "n" if loop == 0 and size > SHORT else str(size)

    # ---- what runs where

    def _once(self, lines: list[str]) -> None:
        stores: list[str] = []
        for placed in self.nest.placed:
            if placed.level is Level.ONCE:
                self._compute(placed, lines, stores)
            elif self.nest.sizes:
                for read in placed.reads:
                    if read.storage not in self.produced and not any(read.strides):
                        self._value(read, lines)
        lines += stores

    def _row(self, phase: int, body: list[str]) -> None:
        """The reductions that the repetition before has finished, then what is computed once for each row."""
        for placed in self.nest.placed:
            if placed.over_inner and placed.phase == phase - 1:
                name = self.registers[placed.write.storage]
                if placed.adds_up:
                    body.append(self._combined(placed, name))
                elif placed.write.storage in self.nest.stored:
                    body.append(self._store(placed.write, name))
        stores: list[str] = []
        for placed in self.nest.placed:
            if placed.level is Level.ROW and placed.phase == phase:
                self._compute(placed, body, stores)
            elif placed.level is Level.INNER and placed.phase == phase:
                for read in placed.reads:
                    if not read.strides[-1] and read.storage not in self.produced:
                        self._value(read, body)
        body += stores

    def _inner(self, phase: int, body: list[str]) -> None:
        inner = [p for p in self.nest.placed if p.level is Level.INNER and p.phase == phase]
        if not inner:
            return
        for placed in inner:
            if placed.over_inner:
                name = self._register(placed)
                body.append(f"{name} = {placed.write.dtype}({_LEAST[placed.work.reduces]})")
        outside = dict(self.loaded)
        lines: list[str] = []
        stores: list[str] = []
        for placed in inner:
            if placed.work.reduces and (placed.over_inner or placed.adds_up):
                value = self._value(placed.reads[0], lines, placed)
                if placed.over_inner:
                    name = self.registers[placed.write.storage]
                    lines.append(f"{name} = {_COMBINED[placed.work.reduces].format(name, value)}")
                else:
                    stores.append(self._combined(placed, value))
            else:
                self._compute(placed, lines, stores)
        loop = len(self.nest.sizes) - 1
        body.append(f"for i{loop} in range({self._size(loop)}):")
        body += [f"    {line}" for line in lines + stores]
        self.loaded = outside

    def _compute(self, placed: Placed, lines: list[str], stores: list[str]) -> None:
        operands = [self._value(read, lines, placed) for read in placed.reads]
        name = self._register(placed)
        lines.append(f"{name} = {placed.work.formula.format(*operands)}")
        if placed.write.storage in self.nest.stored:
            stores.append(self._store(placed.write, name))

    # ---- values

    def _register(self, placed: Placed) -> str:
        name = self.registers[placed.write.storage] = f"r{self.count}"
        self.count += 1
        return name

    def _value(self, read: Access, lines: list[str], reader: Placed | None = None) -> str:
        """The name of a register that holds the element; loads it where none does."""
        maker = self.produced.get(read.storage)
        if maker is not None and reader is not None and not crosses(maker, reader):
            return self.registers[read.storage]
        key = (*read.place, read.strides)
        if key not in self.loaded:
            self.loaded[key] = f"x{self.count}"
            self.count += 1
            if read.strides == _COLUMN and read.place in self.tiles:
                tile = self.tiles[read.place]
                lines.append(f"{self.loaded[key]} = {self._at_tile('load', tile, read.dtype)}({tile}, i1)")
                return self.loaded[key]
            pointer, load = self._pointer(read), self._use("load", read)
            lines.append(f"{self.loaded[key]} = {load}({pointer}, {_index(read.strides)})")
        return self.loaded[key]

    def _store(self, write: Access, value: str) -> str:
        return f"{self._use('stor', write)}({self._pointer(write)}, {_index(write.strides)}, {value})"

    def _combined(self, placed: Placed, value: str) -> str:
        """A part of a reduction added to what is in memory."""
        write = placed.write
        if placed in self.tiles:
            tile = self.tiles[placed]
            before = f"{self._at_tile('load', tile, write.dtype)}({tile}, i1)"
            whole = _COMBINED[placed.work.reduces].format(before, value)
            return f"{self._at_tile('stor', tile, write.dtype)}({tile}, i1, {whole})"
        before = f"{self._use('load', write)}({self._pointer(write)}, {_index(write.strides)})"
        return self._store(write, _COMBINED[placed.work.reduces].format(before, value))

    def _cleared(self, placed: Placed) -> list[str]:
        """The reduction of nothing, where a reduction over rows will be."""
        write = placed.write
        count = placed.work.statement.result.nbytes // _ITEM[write.dtype]
        value = f"{write.dtype}({_LEAST[placed.work.reduces]})"
        store = self._use("stor", write)
        return [f"for k in range({count}):", f"    {store}({self._pointer(write)}, k, {value})"]

    def _pointer(self, access: Access) -> str:
        root = access.storage.root()
        key = root, access.dtype, access.offset_bytes
        if key not in self.pointers:
            self.pointers[key] = len(self.memory)
            self.memory.append(access)
        return f"p{self.pointers[key]}"

    def _use(self, kind: str, access: Access) -> str:
        key = kind, access.dtype, access.storage.root()
        return self.uses.setdefault(key, f"{kind}{len(self.uses)}")


_ITEM = {"f32": 4, "f64": 8, "i32": 4, "i64": 8, "u8": 1, "bool": 1}


def _index(strides: Sequence[int]) -> str:
    terms = [f"i{loop} * {stride}" if stride != 1 else f"i{loop}" for loop, stride in enumerate(strides) if stride]
    return " + ".join(terms) or "0"


def _rows_abreast(nest: Nest) -> int:
    """How many rows go through a phase before the next one: several where elements of a row wait for its reduction."""
    waits = any(placed.phase for placed in nest.placed)
    if not waits or len(nest.sizes) < 2 or nest.sizes[-1] > LONG_ROW:
        return 1
    return next(count for count in (ABREAST, 1) if nest.sizes[-2] % count == 0)


_COLUMN = (0, 1)


def _rows_together(nest: Nest) -> int:
    """How many rows can be taken as one: all that is read and written must go on from row to row, or be a column."""
    if len(nest.sizes) != 2 or not 1 < nest.sizes[1] < SHORT_ROW or nest.sizes[0] < 2:
        return 1
    rows, row = nest.sizes
    for placed in nest.placed:
        if placed.over_inner or placed.phase or placed.level is Level.ROW:
            return 1
        if placed.level is Level.INNER:
            allowed = {(row, 1), _COLUMN, (0, 0)}
            if any(read.strides not in allowed for read in placed.reads):
                return 1
            if placed.write.strides != (_COLUMN if placed.adds_up else (row, 1)):
                return 1
    return max(count for count in range(1, min(rows, TOGETHER // row) + 1) if rows % count == 0)


def _with_long_rows(nest: Nest, together: int) -> Nest:
    rows, row = nest.sizes
    longer = {(row, 1): (row * together, 1)}

    def moved(access: Access) -> Access:
        return access.moved(longer.get(access.strides, access.strides))

    placed = [
        replace(p, reads=tuple([moved(read) for read in p.reads]), write=moved(p.write))
        if p.level is Level.INNER else p
        for p in nest.placed
    ]  # fmt: skip
    return Nest((rows // together, row * together), placed, nest.stored)
