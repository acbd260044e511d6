"""Oracles of convolution and pooling: every element of every window in turn, floats in f64."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np


def two(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)  # type: ignore[return-value]


def axis_plan(n: int, window: int, stride: int, dilation: int, pad: Any) -> tuple[int, int]:
    """The number of windows and how far the first starts before the axis, by laying windows until none fits."""
    reach = (window - 1) * dilation + 1
    if pad == "same":
        count = (n + stride - 1) // stride
        missing = 0
        while n + missing < (count - 1) * stride + reach:
            missing += 1
        return count, missing // 2
    before, after = (0, 0) if pad == "valid" else pad
    count = 0
    while count * stride + reach <= before + n + after:
        count += 1
    return count, before


def plans(size: Sequence[int], window: Any, stride: Any, dilation: Any, pad: Any) -> list[tuple[int, int]]:
    sides = (pad, pad) if isinstance(pad, str) else pad
    return [axis_plan(*each) for each in zip(size, two(window), two(stride), two(dilation), sides)]


def touches(size: Sequence[int], window: Any, stride: Any, dilation: Any, pad: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Every (place in the result, place in the window, place in the image) that lies in the image."""
    window, stride, dilation_ = two(window), two(stride), two(dilation)
    (rows, top), (columns, left) = plans(size, window, stride, dilation, pad)
    for oy, ox, i, j in itertools.product(range(rows), range(columns), range(window[0]), range(window[1])):
        y, x = oy * stride[0] - top + i * dilation_[0], ox * stride[1] - left + j * dilation_[1]
        if 0 <= y < size[0] and 0 <= x < size[1]:
            yield (oy, ox), (i, j), (y, x)


def group_of(channel: int, channels: int, groups: int) -> int:
    return channel // (channels // groups)


def conv2d(x: Any, kernel: Any, stride: Any, dilation: Any, groups: int, pad: Any) -> np.ndarray:
    kh, kw, inner, out_channels = kernel.shape
    counts = [count for count, _ in plans(x.shape[1:3], (kh, kw), stride, dilation, pad)]
    result = np.zeros((len(x), *counts, out_channels), x.dtype)
    for (oy, ox), (i, j), (y, z) in touches(x.shape[1:3], (kh, kw), stride, dilation, pad):
        for o in range(out_channels):
            first = group_of(o, out_channels, groups) * inner
            for d in range(inner):
                result[:, oy, ox, o] += x[:, y, z, first + d] * kernel[i, j, d, o]
    return result


def conv2d_input_grad(
    g: Any, kernel: Any, size: Sequence[int], stride: Any, dilation: Any, groups: int, pad: Any
) -> np.ndarray:
    kh, kw, inner, out_channels = kernel.shape
    result = np.zeros((len(g), *size, inner * groups), g.dtype)
    for (oy, ox), (i, j), (y, z) in touches(size, (kh, kw), stride, dilation, pad):
        for o in range(out_channels):
            first = group_of(o, out_channels, groups) * inner
            for d in range(inner):
                result[:, y, z, first + d] += g[:, oy, ox, o] * kernel[i, j, d, o]
    return result


def conv2d_kernel_grad(
    x: Any, g: Any, size: Sequence[int], stride: Any, dilation: Any, groups: int, pad: Any
) -> np.ndarray:
    inner, out_channels = x.shape[3] // groups, g.shape[3]
    result = np.zeros((*size, inner, out_channels), x.dtype)
    for (oy, ox), (i, j), (y, z) in touches(x.shape[1:3], size, stride, dilation, pad):
        for o in range(out_channels):
            first = group_of(o, out_channels, groups) * inner
            for d in range(inner):
                result[i, j, d, o] += (x[:, y, z, first + d] * g[:, oy, ox, o]).sum()
    return result


def conv2d_transpose(x: Any, kernel: Any, stride: Any, dilation: Any, groups: int, pad: Any) -> np.ndarray:
    """By its size: the smallest image (for "same", that of stride times the size) whose convolution is that of x."""
    sides = (pad, pad) if isinstance(pad, str) else pad
    size = []
    for n, window, step, spread, side in zip(x.shape[1:3], kernel.shape, two(stride), two(dilation), sides):
        image = n * step if side == "same" else 1
        while side != "same" and axis_plan(image, window, step, spread, side)[0] < n:
            image += 1
        reach = (window - 1) * spread + 1
        size.append(max(image, n * step) if side == "valid" and reach < step else image)
    return conv2d_input_grad(x, kernel, size, stride, dilation, groups, pad)


def conv1d(x: Any, kernel: Any, stride: int, dilation: int, groups: int, pad: Any) -> np.ndarray:
    size, inner, out_channels = kernel.shape
    count, before = axis_plan(x.shape[1], size, stride, dilation, pad)
    result = np.zeros((len(x), count, out_channels), x.dtype)
    for t, i, o in itertools.product(range(count), range(size), range(out_channels)):
        at = t * stride - before + i * dilation
        first = group_of(o, out_channels, groups) * inner
        if 0 <= at < x.shape[1]:
            result[:, t, o] += x[:, at, first : first + inner] @ kernel[i, :, o]
    return result


def seen_by(x: Any, size: Any, stride: Any, dilation: Any, pad: Any) -> tuple[Any, dict[Any, list[Any]]]:
    """The shape of the result, and for each of its places the places in the image, row by row."""
    stride = size if stride is None else stride
    counts = [count for count, _ in plans(x.shape[1:3], size, stride, dilation, pad)]
    seen: dict[Any, list[Any]] = {place: [] for place in itertools.product(*[range(count) for count in counts])}
    for place, _, source in touches(x.shape[1:3], size, stride, dilation, pad):
        seen[place].append(source)
    return (len(x), *counts, x.shape[3]), seen


def pooled(x: Any, dtype: Any, choose: Callable[[Any, list[Any]], Any], **attrs: Any) -> np.ndarray:
    shape, seen = seen_by(x, **attrs)
    result = np.zeros(shape, dtype)
    for (b, c), (place, sources) in itertools.product(
        itertools.product(range(shape[0]), range(shape[3])), seen.items()
    ):
        result[(b, *place, c)] = choose([x[(b, *source, c)] for source in sources], sources)
    return result


def max_pool(x: Any, **attrs: Any) -> np.ndarray:
    return pooled(x, x.dtype, lambda elements, _: max(elements), **attrs)


def argmax_pool(x: Any, **attrs: Any) -> np.ndarray:
    def first_greatest(elements: list[Any], sources: list[Any]) -> int:
        y, z = sources[elements.index(max(elements))]
        return y * x.shape[2] + z

    return pooled(x, np.int64, first_greatest, **attrs)


def sum_pool(x: Any, **attrs: Any) -> np.ndarray:
    return pooled(x, x.dtype, lambda elements, _: sum(elements, x.dtype.type(0)), **attrs)


def avg_pool(x: Any, **attrs: Any) -> np.ndarray:
    return pooled(x, x.dtype, lambda elements, _: sum(elements, x.dtype.type(0)) / x.dtype.type(len(elements)), **attrs)


def sum_pool_input_grad(g: Any, shape: Sequence[int], **attrs: Any) -> np.ndarray:
    result = np.zeros((len(g), *shape, g.shape[3]), g.dtype)
    _, seen = seen_by(result, **attrs)
    for place, sources in seen.items():
        for source in sources:
            result[(slice(None), *source)] += g[(slice(None), *place)]
    return result


def exact(oracle: Callable[..., Any]) -> Callable[..., Any]:
    """The oracle on arrays of the widest dtypes."""
    wide = {"f": np.float64, "i": np.int64}

    def oracle_in_wide(*arrays: np.ndarray, **attrs: Any) -> Any:
        return oracle(*[a.astype(wide[a.dtype.kind]) for a in arrays], **attrs)

    return oracle_in_wide


WINDOWS: Mapping[str, Callable[..., Any]] = {
    oracle.__name__: exact(oracle)
    for oracle in (
        conv2d, conv2d_input_grad, conv2d_kernel_grad, conv2d_transpose, conv1d,
        max_pool, argmax_pool, sum_pool, sum_pool_input_grad, avg_pool,
    )
}  # fmt: skip
