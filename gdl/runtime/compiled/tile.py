"""The heart of every product: some rows and columns of a result, summed up in the processor's registers.

Each step of the inner loop loads a row of packed columns once for all rows of the tile, and multiplies it by one
element of each row. numba's Python has no vectors, so the loop is written in LLVM's language. Measured on a Zen 4 core,
GFLOP/s: 114, where OpenBLAS's sgemm gives 75 to 100.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_INT64 = ir.IntType(64)
_WIDEST = 4  # 2^4 elements of a vector: LLVM takes it apart where the processor's are shorter
_FLOATS = {"f32": (ir.FloatType(), "f32"), "f64": (ir.DoubleType(), "f64")}


def tiler(dtype: str, rows: int, vectors: int, lanes: int) -> Callable[..., Any]:
    """`tile(a, row, step, b, b_row, segments, count, depth, c, c_row, adds)`: rows by `vectors * lanes` columns.

    The product is a sum over `count` segments, in each of which `depth` elements, one every `step`, of each of the
    rows, one every `row`, meet as many rows of columns, one every `b_row`. A segment is two numbers: where it
    begins in a, and in which row of columns. `adds` is 1 where the sum is added to what c holds.
    """
    element, name = _FLOATS[dtype]
    vector = ir.VectorType(element, lanes)
    fma_type = ir.FunctionType(vector, [vector] * 3)

    @intrinsic
    def tile(typing, a, row, step, b, b_row, segments, count, depth, c, c_row, adds):
        def codegen(context, builder, signature, arguments):
            fma = cgutils.get_or_insert_function(builder.module, fma_type, f"llvm.fmuladd.v{lanes}{name}")
            _write(builder, fma, vector, rows, vectors, *arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 11), codegen

    return tile


def copier(dtype: str, count: int) -> Callable[..., Any]:
    """`copy(source, target)`: so many neighbours, in vectors. A loop over them LLVM would write out one by one."""
    element = _FLOATS[dtype][0]

    @intrinsic
    def copy(typing, source, target):
        def codegen(context, builder, signature, arguments):
            done = 0
            while done < count:
                width = 1 << min(_WIDEST, (count - done).bit_length() - 1)
                places = [_line(builder, each, _INT64(1), done, ir.VectorType(element, width)) for each in arguments]
                builder.store(builder.load(places[0], align=4), places[1], align=4)
                done += width
            return context.get_dummy_value()

        return types.void(*[types.int64] * 2), codegen

    return copy


def turner(dtype: str, lanes: int) -> Callable[..., Any]:
    """`turn(source, source_line, target, target_line)`: a square of so many rows and columns, transposed. By shuffles
    in registers: LLVM would scatter the elements one by one, which takes twice as long in all."""
    vector = ir.VectorType(_FLOATS[dtype][0], lanes)
    halves = [range(0, lanes // 2), range(lanes // 2, lanes)]
    low, high = [
        ir.Constant(ir.VectorType(ir.IntType(32), lanes), [i + lanes * second for i in half for second in (0, 1)])
        for half in halves
    ]

    @intrinsic
    def turn(typing, source, source_line, target, target_line):
        def codegen(context, builder, signature, arguments):
            rows = [_line(builder, *arguments[:2], i, vector) for i in range(lanes)]
            rows = [builder.load(row, align=4) for row in rows]
            for _ in range(lanes.bit_length() - 1):  # each time the places' numbers turn by one bit
                pairs = [*zip(rows[: lanes // 2], rows[lanes // 2 :])]
                rows = [builder.shuffle_vector(*pair, order) for pair in pairs for order in (low, high)]
            for i, row in enumerate(rows):
                builder.store(row, _line(builder, *arguments[2:], i, vector), align=4)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4), codegen

    return turn


def _line(builder: Any, start: Any, step: Any, number: int, vector: Any) -> Any:
    """The address of a vector at the beginning of a line, all lines `step` elements long."""
    first = builder.inttoptr(start, vector.element.as_pointer())
    return builder.bitcast(builder.gep(first, [builder.mul(step, _INT64(number))]), vector.as_pointer())


def _write(
    builder: Any, fma: Any, vector: Any, rows: int, vectors: int, a: Any, row: Any, step: Any, b: Any, b_row: Any,
    segments: Any, count: Any, depth: Any, c: Any, c_row: Any, adds: Any,
) -> None:  # fmt: skip
    a, b, c = [builder.inttoptr(each, vector.element.as_pointer()) for each in (a, b, c)]
    segments = builder.inttoptr(segments, _INT64.as_pointer())
    zeros = [ir.Constant(vector, None)] * (rows * vectors)
    with _Loop(builder, count, zeros) as outer:
        entry = builder.shl(outer.index, _INT64(1))
        first = builder.gep(a, [builder.load(builder.gep(segments, [entry]))])
        line = builder.load(builder.gep(segments, [builder.add(entry, _INT64(1))]))
        along = builder.gep(b, [builder.mul(line, b_row)])
        starts = [builder.gep(first, [builder.mul(row, _INT64(m))]) for m in range(rows)]
        with _Loop(builder, depth, outer.values) as inner:
            place = builder.mul(inner.index, step)
            line = builder.gep(along, [builder.mul(inner.index, b_row)])
            columns = [builder.load(_at(builder, line, v, vector), align=4) for v in range(vectors)]
            sums = []
            for m in range(rows):
                x = _everywhere(builder, builder.load(builder.gep(starts[m], [place])), vector)
                sums += [builder.call(fma, [x, columns[v], inner.values[m * vectors + v]]) for v in range(vectors)]
            inner.give(sums)
        outer.give(inner.values)
    targets = [
        _at(builder, builder.gep(c, [builder.mul(c_row, _INT64(m))]), v, vector)
        for m in range(rows) for v in range(vectors)
    ]  # fmt: skip
    with builder.if_else(builder.trunc(adds, ir.IntType(1))) as (then, otherwise):
        with then:
            for target, value in zip(targets, outer.values):
                builder.store(builder.fadd(builder.load(target, align=4), value), target, align=4)
        with otherwise:
            for target, value in zip(targets, outer.values):
                builder.store(value, target, align=4)


def _at(builder: Any, line: Any, number: int, vector: Any) -> Any:
    """The address of a vector in a line of them."""
    return builder.bitcast(builder.gep(line, [_INT64(number * vector.count)]), vector.as_pointer())


def _everywhere(builder: Any, x: Any, vector: Any) -> Any:
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), x, ir.IntType(32)(0))
    order = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), order)


class _Loop:
    """A loop over 0..count that carries values: in its body `values` are those so far and `give` says what they become;
    behind it they are the last."""

    def __init__(self, builder: Any, count: Any, values: Any):
        self.builder, self.count, self.first = builder, count, values

    def __enter__(self) -> _Loop:
        builder, before = self.builder, self.builder.block
        self.head, body, self.end = [builder.append_basic_block(name) for name in ("head", "body", "end")]
        builder.branch(self.head)
        builder.position_at_end(self.head)
        self.index = builder.phi(_INT64)
        self.index.add_incoming(_INT64(0), before)
        self.values = [builder.phi(value.type) for value in self.first]
        for phi, value in zip(self.values, self.first):
            phi.add_incoming(value, before)
        self.phis = self.values
        builder.cbranch(builder.icmp_signed("<", self.index, self.count), body, self.end)
        builder.position_at_end(body)
        return self

    def give(self, values: Any) -> None:
        builder = self.builder
        self.index.add_incoming(builder.add(self.index, _INT64(1)), builder.block)
        for phi, value in zip(self.phis, values):
            phi.add_incoming(value, builder.block)
        builder.branch(self.head)

    def __exit__(self, *fault: object) -> None:
        self.builder.position_at_end(self.end)
