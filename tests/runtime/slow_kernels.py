"""Kernels run as the Python that they are, an element at a time: so fusing and memory are tested without numba, and
without waiting for it to compile."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from gdl.ops.table import TABLE
from gdl.runtime.arrays import DTYPES
from gdl.runtime.compiled import contraction, write

LIBRARY = "gdl.runtime.compiled.library"
_kernels: dict[str, tuple[int, Callable[[int], None]]] = {}


@contextmanager
def slow_kernels() -> Iterator[None]:
    """In here, plans of the backend numba run without numba."""
    library = ModuleType(LIBRARY)
    library.kernel_at = _kernel_at  # type: ignore[attr-defined]
    library.runner = lambda fed: _run  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, LIBRARY, library)
        patch.setattr("gdl.runtime.compiled.library", library, raising=False)
        yield


def _kernel_at(source: str) -> int:
    if source not in _kernels:
        body = source.removeprefix(write.HEAD).removeprefix(contraction.HEAD).replace("CACHED", "False")
        names = dict(_NAMES)
        exec(body, names)
        _kernels[source] = len(_kernels), names["kernel"]
    return _kernels[source][0]


def _run(table: int, *arrays: int) -> None:
    """What `library` has compiled, in Python."""
    load, store = _loader("i64", 0, 1), _storer("i64", 0, 1)
    moves = load(table, 0)
    for i in range(moves):
        data = load(arrays[load(table, 2 + 3 * i)], object.__basicsize__ // 8)
        store(load(table, 1 + 3 * i), 0, data + load(table, 3 + 3 * i))
    first = 2 + 3 * moves
    by_number = [kernel for _, kernel in _kernels.values()]
    for i in range(load(table, first - 1)):
        by_number[load(table, first + 2 * i)](load(table, first + 2 * i + 1))


_C_TYPES = {
    "f32": ctypes.c_float, "f64": ctypes.c_double, "i32": ctypes.c_int32, "i64": ctypes.c_int64, "u8": ctypes.c_uint8,
    "bool": ctypes.c_bool,
}  # fmt: skip


def _loader(dtype: str, slot: int, slots: int) -> Callable[[int, int], Any]:
    kind, convert = _C_TYPES[dtype], (int if dtype == "i64" else DTYPES[dtype].type)
    size = ctypes.sizeof(kind)
    assert 0 <= slot < slots
    return lambda address, index: convert(kind.from_address(address + size * int(index)).value)


def _storer(dtype: str, slot: int, slots: int) -> Callable[[int, int, Any], None]:
    kind = _C_TYPES[dtype]
    size = ctypes.sizeof(kind)
    assert 0 <= slot < slots

    def store(address: int, index: int, value: Any) -> None:
        assert isinstance(value, (int, DTYPES[dtype].type)), (dtype, type(value))
        kind.from_address(address + size * int(index)).value = value.item() if hasattr(value, "item") else value

    return store


def _at(dtype: str, address: int, shape: tuple[int, int], *steps: int) -> np.ndarray:
    """The memory at an address as a matrix, its steps in elements."""
    first = np.ctypeslib.as_array((_C_TYPES[dtype] * 1).from_address(int(address)))
    return np.lib.stride_tricks.as_strided(first, shape, [step * first.itemsize for step in steps])


def _tiler(dtype: str, rows: int, vectors: int, lanes: int) -> Callable[..., None]:
    line, item = vectors * lanes, DTYPES[dtype].itemsize

    def tile(a, row, step, b, b_row, segments, count, depth, c, c_row, adds):  # type: ignore[no-untyped-def]
        total = np.zeros((rows, line), DTYPES[dtype])
        for at_a, at_b in _at("i64", segments, (count, 2), 2, 1) if count else ():
            left = _at(dtype, a + at_a * item, (rows, depth), row, step)
            total += left @ _at(dtype, b + at_b * b_row * item, (depth, line), b_row, 1)
        place = _at(dtype, c, (rows, line), c_row, 1)
        place[...] = place + total if adds else total

    return tile


def _copier(dtype: str, count: int) -> Callable[..., None]:
    def copy(source: int, target: int) -> None:
        _at(dtype, target, (count,), 1)[...] = _at(dtype, source, (count,), 1)

    return copy


def _turner(dtype: str, lanes: int) -> Callable[..., None]:
    def turn(source: int, source_line: int, target: int, target_line: int) -> None:
        square = (lanes, lanes)
        _at(dtype, target, square, target_line, 1)[...] = _at(dtype, source, square, source_line, 1).T

    return turn


def _of_ops() -> dict[str, Callable[..., Any]]:
    names = ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf")
    return {f"{name}_{dtype}": _on_one(name, DTYPES[dtype]) for name in names for dtype in ("f32", "f64")}


def _on_one(name: str, dtype: np.dtype) -> Callable[[Any], Any]:
    kernel, out = TABLE[name].kernel, np.empty(1, dtype)

    def function(x: Any) -> Any:
        if not TABLE[name].takes_out:
            return kernel(x)  # type: ignore[misc]
        kernel(np.array([x], dtype), out=out)  # type: ignore[misc]
        return out[0]

    return function


_memory: list[np.ndarray] = []


def _kept(memory: np.ndarray) -> int:
    """The address of memory that is not let go."""
    _memory.append(memory)
    return memory.ctypes.data


def _undecorated(*how: Any, **more: Any) -> Callable[..., Any]:
    return lambda function: function


_NAMES: dict[str, Any] = {
    "cfunc": _undecorated, "njit": _undecorated, "tiler": _tiler, "copier": _copier,
    "turner": _turner, "loader": _loader,
    "storer": _storer, "infinity": np.inf,
    "stack": lambda count: _kept(np.empty(count, np.uint8)), "total": lambda x, y: x + y,
    "pick": lambda condition, x, y: x if condition else y, "greater": np.maximum, "lesser": np.minimum,
    "sin": np.sin, "cos": np.cos, "root": np.sqrt, "size_of": np.abs, "floor": np.floor, "ceil": np.ceil,
    "rint": np.rint, "f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64, "u8": np.uint8,
    **_of_ops(),
}  # fmt: skip
