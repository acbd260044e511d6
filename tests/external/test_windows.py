"""Convolution and pooling against PyTorch's: forward and both gradients, over kernels, strides, dilations, groups and
borders. PyTorch pads by cells given per side; what "same" comes to is worked out here once more."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.external.comparing import agree, torch

F = torch.nn.functional
RNG = np.random.default_rng(3)


def two(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def sides(n: int, window: int, stride: int, dilation: int, pad: Any) -> tuple[int, int]:
    """Cells before and after an axis of size n."""
    if pad == "same":
        missing = max(0, (-(-n // stride) - 1) * stride + dilation * (window - 1) + 1 - n)
        return missing // 2, missing - missing // 2
    return (0, 0) if pad == "valid" else pad


def borders(x: Any, window: Any, stride: Any, dilation: Any, pad: Any) -> list[int]:
    """What F.pad takes for the two axes of [n, c, h, w]."""
    pads = pad if isinstance(pad, tuple) else (pad, pad)
    (top, bottom), (left, right) = [
        sides(*each) for each in zip(x.shape[2:], two(window), two(stride), two(dilation), pads)
    ]
    return [left, right, top, bottom]


def first(x: Any) -> Any:
    """Channels in the second place, as PyTorch has them."""
    return x.permute(0, 3, 1, 2)


def last(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


def written(**attrs: Any) -> str:
    """Static arguments as GDL text."""

    def text(value: Any) -> str:
        if isinstance(value, tuple):
            return f"[{', '.join(map(text, value))}]"
        return f'"{value}"' if isinstance(value, str) else str(value)

    return "".join(f", {name}={text(value)}" for name, value in attrs.items())


def combinations(*axes: Any, count: int) -> list[tuple[Any, ...]]:
    """`count` of all combinations, spread evenly, the first and the last among them."""
    every = list(itertools.product(*axes))
    return [every[round(i * (len(every) - 1) / (count - 1))] for i in range(count)]


UNEVEN = ((1, 0), (2, 1))
CONVOLUTIONS = combinations(
    [(3, 3), (2, 3), (1, 1), (5, 4)], [1, 2, (2, 3)], [1, 2, (1, 2)], [1, 2], ["same", "valid", UNEVEN], count=48
)


# ---- convolution -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "stride", "dilation", "groups", "pad"), CONVOLUTIONS)
def test_conv2d(window: Any, stride: Any, dilation: Any, groups: int, pad: Any) -> None:
    def expected(x: Any, kernel: Any) -> Any:
        padded = F.pad(first(x), borders(first(x), window, stride, dilation, pad))
        weight = kernel.permute(3, 2, 0, 1)
        return last(F.conv2d(padded, weight, stride=stride, dilation=dilation, groups=groups))

    arrays = {"x": RNG.standard_normal((2, 11, 12, 4)), "kernel": RNG.standard_normal((*window, 4 // groups, 6))}
    attrs = written(stride=stride, dilation=dilation, groups=groups, pad=pad)
    agree(f"conv2d(x, kernel{attrs})", expected, arrays)


@pytest.mark.parametrize(("window", "stride", "dilation", "groups", "pad"), CONVOLUTIONS)
def test_conv2d_transpose(window: Any, stride: Any, dilation: Any, groups: int, pad: Any) -> None:
    def expected(x: Any, kernel: Any) -> Any:
        weight = kernel.permute(3, 2, 0, 1)
        whole = F.conv_transpose2d(first(x), weight, stride=stride, dilation=dilation, groups=groups)
        pads = pad if isinstance(pad, tuple) else (pad, pad)
        for axis, (n, w, s, d, p) in enumerate(zip(x.shape[1:3], two(window), two(stride), two(dilation), pads), 2):
            reach = d * (w - 1) + 1
            size = n * s + max(reach - s, 0) if p == "valid" else n * s if p == "same" else whole.shape[axis] - sum(p)
            before = sides(size, w, s, d, p)[0]
            whole = grown(whole, axis, before + size).narrow(axis, before, size)
        return last(whole)

    arrays = {"x": RNG.standard_normal((2, 5, 4, 4)), "kernel": RNG.standard_normal((*window, 3, 4))}
    attrs = written(stride=stride, dilation=dilation, groups=groups, pad=pad)
    agree(f"conv2d_transpose(x, kernel{attrs})", expected, arrays)


def grown(x: Any, axis: int, size: int) -> Any:
    """x with zeros at the end of an axis, where it is shorter than `size`."""
    missing = max(0, size - x.shape[axis])
    return F.pad(x, [0, missing, 0, 0] if axis == 3 else [0, 0, 0, missing])


CONVOLUTIONS_1D = combinations([1, 2, 3, 5], [1, 2, 3], [1, 2], [1, 2], ["same", "valid", (3, 0)], count=30)


@pytest.mark.parametrize(("window", "stride", "dilation", "groups", "pad"), CONVOLUTIONS_1D)
def test_conv1d(window: int, stride: int, dilation: int, groups: int, pad: Any) -> None:
    def expected(x: Any, kernel: Any) -> Any:
        padded = F.pad(x.permute(0, 2, 1), sides(x.shape[1], window, stride, dilation, pad))
        made = F.conv1d(padded, kernel.permute(2, 1, 0), stride=stride, dilation=dilation, groups=groups)
        return made.permute(0, 2, 1)

    arrays = {"x": RNG.standard_normal((3, 13, 4)), "kernel": RNG.standard_normal((window, 4 // groups, 6))}
    attrs = written(stride=stride, dilation=dilation, groups=groups, pad=pad)
    agree(f"conv1d(x, kernel{attrs})", expected, arrays)


@pytest.mark.parametrize("pad", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2])
def test_conv2d_in_single_precision(stride: int, pad: str) -> None:
    def expected(x: Any, kernel: Any) -> Any:
        padded = F.pad(first(x), borders(first(x), 5, stride, 1, pad))
        return last(F.conv2d(padded, kernel.permute(3, 2, 0, 1), stride=stride))

    arrays = {"x": RNG.standard_normal((8, 28, 28, 3)), "kernel": RNG.standard_normal((5, 5, 3, 16))}
    agree(
        f"conv2d(x, kernel{written(stride=stride, pad=pad)})", expected,
        {name: array.astype("f") for name, array in arrays.items()}, rtol=1e-5,
    )  # fmt: skip


# ---- pooling ---------------------------------------------------------------------------------------------------------

POOLS = combinations([2, (3, 2), 3], [1, 2, (2, 3)], [1, 2], ["same", "valid", ((1, 0), (0, 1))], count=30)


@pytest.mark.parametrize(("window", "stride", "dilation", "pad"), POOLS)
def test_max_pool(window: Any, stride: Any, dilation: Any, pad: Any) -> None:
    def expected(x: Any) -> Any:
        padded = F.pad(first(x), borders(first(x), window, stride, dilation, pad), value=-torch.inf)
        return last(F.max_pool2d(padded, window, stride, dilation=dilation))

    attrs = written(stride=stride, dilation=dilation, pad=pad)
    agree(f"max_pool(x, {written(size=window)[7:]}{attrs})", expected, {"x": RNG.standard_normal((2, 9, 10, 3))})


@pytest.mark.parametrize(("window", "stride", "dilation", "pad"), POOLS)
def test_avg_pool(window: Any, stride: Any, dilation: Any, pad: Any) -> None:
    """By F.unfold, whose windows may be dilated; cells of the border count neither as elements nor in their number."""

    def windows(x: Any, border: list[int]) -> Any:
        padded = F.pad(first(x), border)
        parts = F.unfold(padded, window, dilation=dilation, stride=stride)
        return parts.reshape(len(x), x.shape[3], -1, parts.shape[-1])

    def expected(x: Any) -> Any:
        border = borders(first(x), window, stride, dilation, pad)
        means = windows(x, border).sum(2) / windows(torch.ones_like(x), border).sum(2)
        height = x.shape[1] + border[2] + border[3]
        rows = (height - two(dilation)[0] * (two(window)[0] - 1) - 1) // two(stride)[0] + 1
        return last(means.reshape(len(x), x.shape[3], rows, -1))

    attrs = written(stride=stride, dilation=dilation, pad=pad)
    agree(f"avg_pool(x, {written(size=window)[7:]}{attrs})", expected, {"x": RNG.standard_normal((2, 9, 10, 3))})


@pytest.mark.parametrize(("window", "stride", "border"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (4, 3, 2), (2, 1, 0)])
def test_avg_pool_by_its_namesake(window: int, stride: int, border: int) -> None:
    def expected(x: Any) -> Any:
        return last(F.avg_pool2d(first(x), window, stride, border, count_include_pad=False))

    attrs = written(size=window, stride=stride, pad=((border, border),) * 2)
    agree(f"avg_pool(x{attrs})", expected, {"x": RNG.standard_normal((2, 9, 10, 3))})
