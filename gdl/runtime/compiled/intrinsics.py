"""What kernels are written with and Python has no word for: memory by address, and single machine instructions.

A kernel's arrays are addresses. What it reads and writes through different `slot`s is told to be different memory, so
that LLVM runs loops over many arrays in vectors without asking at run time whether they overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_INT32, _INT64 = ir.IntType(32), ir.IntType(64)
_LLVM = {
    types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.int32: _INT32, types.int64: _INT64,
    types.uint8: ir.IntType(8), types.boolean: ir.IntType(8),
}  # fmt: skip
TYPES = {
    "f32": types.float32, "f64": types.float64, "i32": types.int32, "i64": types.int64, "u8": types.uint8,
    "bool": types.boolean,
}  # fmt: skip


def loader(dtype: str, slot: int, slots: int) -> Callable[..., Any]:
    """`load(address, index)`: one element."""
    type = TYPES[dtype]

    @intrinsic
    def load(typing, address, index):
        def codegen(context, builder, signature, arguments):
            value = builder.load(_pointer(builder, type, *arguments))
            _mark(builder.module, value, slot, slots)
            return builder.icmp_unsigned("!=", value, value.type(0)) if type is types.boolean else value

        return type(types.int64, types.int64), codegen

    return load


def storer(dtype: str, slot: int, slots: int) -> Callable[..., Any]:
    """`store(address, index, value)`."""
    type = TYPES[dtype]

    @intrinsic
    def store(typing, address, index, value):
        def codegen(context, builder, signature, arguments):
            value = arguments[2]
            if type is types.boolean:
                value = builder.zext(value, _LLVM[type])
            _mark(builder.module, builder.store(value, _pointer(builder, type, *arguments[:2])), slot, slots)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, type), codegen

    return store


def _pointer(builder: Any, type: Any, address: Any, index: Any) -> Any:
    return builder.gep(builder.inttoptr(address, _LLVM[type].as_pointer()), [index], inbounds=True)


def _mark(module: Any, instruction: Any, slot: int, slots: int) -> None:
    """Tells LLVM that this slot's memory is none of the others'."""
    domain = module.add_metadata(["gdl kernel"])
    scopes = [module.add_metadata([f"slot {i}", domain]) for i in range(slots)]
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[slot]]))
    if slots > 1:
        instruction.set_metadata("noalias", module.add_metadata([s for i, s in enumerate(scopes) if i != slot]))


@intrinsic(prefer_literal=True)
def stack(typing, count):
    """The address of so many bytes, aligned for vectors, that the kernel has for itself."""
    size = count.literal_value

    def codegen(context, builder, signature, arguments):
        with builder.goto_entry_block():
            memory = builder.alloca(ir.ArrayType(ir.IntType(8), size))
        memory.align = 64
        return builder.ptrtoint(memory, _INT64)

    return types.int64(count), codegen


def _instruction(name: str) -> Callable[..., Any]:
    """An LLVM intrinsic of floats, by name."""

    @intrinsic
    def call(typing, x):
        def codegen(context, builder, signature, arguments):
            function = builder.module.declare_intrinsic(f"llvm.{name}", [arguments[0].type])
            return builder.call(function, arguments)

        return x(x), codegen

    return call


root = _instruction("sqrt")
size_of = _instruction("fabs")
floor = _instruction("floor")
ceil = _instruction("ceil")
rint = _instruction("rint")


@intrinsic
def fma(typing, x, y, z):
    """x * y + z, rounded once where the processor can."""

    def codegen(context, builder, signature, arguments):
        type = arguments[0].type
        function = builder.module.declare_intrinsic("llvm.fmuladd", [type], ir.FunctionType(type, [type] * 3))
        return builder.call(function, arguments)

    return x(x, x, x), codegen


def _of_two(name: str) -> Callable[..., Any]:
    """An LLVM intrinsic of two floats, by name."""

    @intrinsic
    def call(typing, x, y):
        def codegen(context, builder, signature, arguments):
            type = ir.FunctionType(arguments[0].type, [arguments[0].type] * 2)
            function = builder.module.declare_intrinsic(f"llvm.{name}", [arguments[0].type], type)
            return builder.call(function, arguments)

        return x(x, x), codegen

    return call


#: nan where one of the two is; a loop's reduction by these runs in vectors, which one by comparisons does not.
greater = _of_two("maximum")
lesser = _of_two("minimum")
#: The size of the first with the sign of the second.
signed = _of_two("copysign")


@intrinsic
def pick(typing, condition, x, y):
    """x where the condition holds, else y; both are computed."""

    def codegen(context, builder, signature, arguments):
        return builder.select(*arguments)

    return x(types.boolean, x, x), codegen


@intrinsic
def total(typing, x, y):
    """x + y as part of a sum whose order does not matter."""

    def codegen(context, builder, signature, arguments):
        return builder.fadd(*arguments, flags=("reassoc", "nsz"))

    return x(x, x), codegen


#: Of f32 and f64: the integer of its width, 1.5 * 2^digits (adding it rounds to whole numbers, which are then the last
#: bits), these bits as an integer, the bias and the place of the exponent, the bits of sqrt(1/2).
_FORMATS = {
    types.float32: (_INT32, 0x4B400000, 127, 23, 0x3F3504F3),
    types.float64: (_INT64, 0x4338000000000000, 1023, 52, 0x3FE6A09E667F3BCD),
}


@intrinsic
def scaled(typing, x, shifted):
    """x * 2^n, where `shifted` is n + 1.5 * 2^digits. In two factors: n may be beyond what one float can be."""
    integer, offset, bias, digits, _ = _FORMATS[x]

    def codegen(context, builder, signature, arguments):
        def power(n):
            bits = builder.shl(builder.add(n, integer(bias)), integer(digits))
            return builder.bitcast(bits, arguments[0].type)

        n = builder.sub(builder.bitcast(arguments[1], integer), integer(offset))
        half = builder.ashr(n, integer(1))
        return builder.fmul(builder.fmul(arguments[0], power(half)), power(builder.sub(n, half)))

    return x(x, x), codegen


@intrinsic
def exponent(typing, x):
    """n of x = m * 2^n with m in [sqrt(1/2), sqrt(2)), for a positive normal x."""

    def codegen(context, builder, signature, arguments):
        return builder.sitofp(_exponent_bits(builder, x, arguments[0])[1], arguments[0].type)

    return x(x), codegen


@intrinsic
def mantissa(typing, x):
    """m of x = m * 2^n with m in [sqrt(1/2), sqrt(2)), for a positive normal x."""

    def codegen(context, builder, signature, arguments):
        integer, _, _, digits, _ = _FORMATS[x]
        bits, n = _exponent_bits(builder, x, arguments[0])
        return builder.bitcast(builder.sub(bits, builder.shl(n, integer(digits))), arguments[0].type)

    return x(x), codegen


def _exponent_bits(builder: Any, type: Any, value: Any) -> tuple[Any, Any]:
    integer, _, _, digits, least = _FORMATS[type]
    bits = builder.bitcast(value, integer)
    return bits, builder.ashr(builder.sub(bits, integer(least)), integer(digits))


@intrinsic
def call_at(typing, function, arguments):
    """Calls the kernel at an address with the address of its arguments."""

    def codegen(context, builder, signature, values):
        type = ir.FunctionType(ir.VoidType(), [_INT64])
        builder.call(builder.inttoptr(values[0], type.as_pointer()), [values[1]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), codegen
