"""The gradient of a convolution at its images: a matrix product, whose rows are then added where they came from.

The adding is a kernel. NumPy goes over all images once for each element of a window; here each row of the product is
read once, while it is in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gdl.ops.windows import windows_2d
from gdl.runtime.arrays import nbytes_of, round_up
from gdl.runtime.compiled.region import Compiled
from gdl.runtime.state import State
from gdl.runtime.statements import Owner, Statement, Storage, Value

#: Rows of the product of about so many bytes are made at a time, but not fewer than so many.
BLOCK_BYTES, BLOCK_ROWS = 2**19, 256
#: With fewer channels than this, windows are too short to be added one by one.
FEW_CHANNELS = 4


class InputGradient(Compiled):
    """`conv2d_input_grad` for one set of shapes. Calls take g, the kernel, the result and scratch memory."""

    def __init__(self, statement: Statement):
        node, result = statement.node, statement.result
        attrs = node.attrs  # type: ignore[union-attr]
        self.images, height, width, channels = result.shape
        kernel = node.inputs[1].type.shape  # type: ignore[union-attr]
        windows = windows_2d((height, width), kernel[:2], attrs["stride"], attrs["dilation"], attrs["pad"])
        self.down, self.across = windows
        self.channels, self.dtype = channels, result.dtype
        self.width = kernel[0] * kernel[1] * channels
        self.rows = self.down.count * self.across.count
        item = nbytes_of(result.dtype, ())
        self.image_bytes, self.block_bytes = height * width * channels * item, self.rows * self.width * item
        fits = max(BLOCK_BYTES // max(self.block_bytes, 1), -(-BLOCK_ROWS // max(self.rows, 1)))
        self.block = max(1, min(self.images, fits))

    @property
    def scratch_bytes(self) -> int:
        return round_up(self.block * self.block_bytes)

    def shown(self, name: str) -> str:
        source = self.source()
        return f"# {name}: adds the rows of a matrix product to the images\n{source[source.index('def run') :]}"

    def bind(self, state: State, block: np.ndarray) -> Callable[..., None]:
        from gdl.runtime.compiled.library import function

        fold = function(self.source())
        images, most, rows, width, image_bytes = self.images, self.block, self.rows, self.width, self.image_bytes
        matmul = np.matmul

        def run(g: Any, kernel: Any, out: Any, scratch: Any) -> None:
            columns = scratch[: most * rows * width * out.itemsize].view(out.dtype).reshape(most * rows, width)
            turned = kernel.reshape(-1, kernel.shape[-1]).T
            source, target = scratch.ctypes.data, out.ctypes.data
            for start in range(0, images, most):
                part = g[start : start + most]
                matmul(part.reshape(-1, g.shape[-1]), turned, out=columns[: len(part) * rows])
                fold(len(part), source, target + start * image_bytes)

        return run

    def source(self) -> str:
        """The kernel: so many images, the rows of the product, the images' memory."""
        down, across, channels, dtype = self.down, self.across, self.channels, self.dtype
        line = across.window * channels
        if across.dilation == 1:
            inside = f"""\
                    if x >= 0 and x + {across.window} <= {across.size}:
                        to = (y * {across.size} + x) * {channels}
                        for k in range({line}):
                            store(image, to + k, load(image, to + k) + read(rows, at + k))
                        continue
"""
        else:
            inside = ""
        return f"""\
from numba import float32 as f32, float64 as f64, njit
from gdl.runtime.compiled.intrinsics import loader, storer
load, store, read = loader("{dtype}", 0, 2), storer("{dtype}", 0, 2), loader("{dtype}", 1, 2)

@njit("void(int64, int64, int64)", cache=CACHED, error_model="numpy", nogil=True)
def run(images, columns, out):
    for n in range(images):
        image, rows = out + n * {self.image_bytes}, columns + n * {self.block_bytes}
        for k in range({down.size * across.size * channels}):
            store(image, k, {dtype}(0))
        for row in range({down.count}):
            for column in range({across.count}):
                for i in range({down.window}):
                    y = row * {down.stride} + i * {down.dilation} - {down.before}
                    if y < 0 or y >= {down.size}:
                        continue
                    x = column * {across.stride} - {across.before}
                    at = (row * {across.count} + column) * {self.width} + i * {line}
{inside}                    for j in range({across.window}):
                        z = x + j * {across.dilation}
                        if z >= 0 and z < {across.size}:
                            to = (y * {across.size} + z) * {channels}
                            for k in range({channels}):
                                store(image, to + k, load(image, to + k) + read(rows, at + j * {channels} + k))
"""


def with_compiled_convolutions(statements: list[Statement]) -> None:
    """Gives the statements that convolve backwards their kernels."""
    for statement in statements:
        if _fits(statement):
            compiled = InputGradient(statement)
            statement.function = compiled  # type: ignore[assignment]
            memory = Storage(Owner.ARENA, compiled.scratch_bytes)
            statement.scratch = Value(statement.scratch.name, "u8", (memory.nbytes,), memory)  # type: ignore[union-attr]


def _fits(statement: Statement) -> bool:
    node, result = statement.node, statement.result
    if node is None or node.op != "conv2d_input_grad" or statement.scratch is None or 0 in result.shape:
        return False
    if node.attrs["groups"] != 1 or result.shape[-1] < FEW_CHANNELS or not result.fills_storage:
        return False
    return all(o.layout is None or o.layout.flags.c_contiguous for o in statement.operands)
