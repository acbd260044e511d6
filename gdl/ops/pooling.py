"""Pooling: the greatest, the sum and the mean under windows that slide over images [batch, height, width, channels].

What lies in the border takes no part: it is never the greatest, and a mean counts only elements of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from gdl.graph.node import Node
from gdl.ops.creation import full
from gdl.ops.extents import agree, axes_of, fit, refuse, resized, shown
from gdl.ops.indexing import put_along_axis_add
from gdl.ops.lazy import np
from gdl.ops.samples import distinct, normal, sample, values
from gdl.ops.shaping import reshape
from gdl.ops.table import composite, op
from gdl.ops.windows import borders, pair, reach_of, windows_2d, windows_along
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.tensor import Dim, TensorType

_STATIC = 'size: ints, stride: ints | none = none, dilation: ints = 1, pad: any = "valid"'
_UNEVEN = ((1, 0), (0, 1))
_SAMPLES = [
    {"size": 2}, {"size": (2, 3), "stride": 1}, {"size": 3, "stride": 2, "pad": "same"},
    {"size": 2, "stride": (1, 2), "dilation": 2, "pad": _UNEVEN},
]  # fmt: skip


def _pooled(x: Sequence[Dim], size: Any, stride: Any, dilation: Any, pad: Any) -> tuple[tuple[Dim, Dim], list[Guard]]:
    """The two axes of the result. Raises Mismatch."""
    window, dilations, sides = pair("size", size), pair("dilation", dilation), borders(pad)
    strides = window if stride is None else pair("stride", stride)
    axes, guards = [], []
    for i in (0, 1):
        guards += _sees_something(x[1 + i], window[i], dilations[i], sides[i])
        count, more = windows_along(x[1 + i], window[i], strides[i], dilations[i], sides[i], "the window")
        axes.append(resized(x[1 + i], count))
        guards += more
    return (axes[0], axes[1]), guards


def _sees_something(dim: Dim, window: int, dilation: int, pad: Any) -> list[Guard]:
    """Every window must have an element that is not in the border. Raises Mismatch."""
    if pad == "valid" or (pad == "same" and 1 in (window, dilation)):
        return []
    text = f"with dilation {dilation} on an axis of size {dim.size} some windows would see nothing but the border"
    guards = fit(dilation, dim, text)
    if pad != "same":
        reach = reach_of(window, dilation)
        text = f"a border of {max(pad)} is as large as the window ({reach}): some windows would see nothing else"
        guards += fit(max(pad) + 1, Dim(reach), text)
    return guards


def _windows(shape: Sequence[int], size: Any, stride: Any, dilation: Any, pad: Any) -> Any:
    window = pair("size", size)
    return windows_2d(shape[1:3], window, window if stride is None else stride, dilation, pad)


def _parts(windows: Any) -> Any:
    """For every element of a window: its place there, the results that see it, and where it lies in the image."""
    down, across = windows
    for i in range(down.window):
        for j in range(across.window):
            (rows, y), (places, x) = down.under(i), across.under(j)
            yield (i, j), (slice(None), rows, places), (slice(None), y, x)


def _result(x: Any, windows: Any, dtype: Any, out: Any) -> Any:
    shape = (len(x), windows[0].count, windows[1].count, x.shape[3])
    return np.empty(shape, dtype) if out is None else out


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


# ---- the greatest ------------------------------------------------------------------------------------------------


@op(f"(x: n[b, h, w, c], {_STATIC}) -> n[...]", samples=[
    *[sample(distinct(2, 4, 5, 2), **attrs) for attrs in _SAMPLES], sample(normal(0, 2, 2, 1), size=2),
    sample(values([[[[1.0], [1.0]], [[1.0], [0.0]]]]), size=2, smooth=False,
           gradients=([[[[1.0], [0.0]], [[0.0], [0.0]]]],)),
])  # fmt: skip
def max_pool(x, size, stride=None, dilation=1, pad="valid", out=None):
    """The greatest element under each window, channel by channel. The stride is the window's size, unless given.

    The gradient goes to the greatest element; of equal ones to the first, row by row.

    Shapes: [b, i, j, c]; i is (h - dilation * (size - 1) - 1) // stride + 1, with "same" ceil_div(h, stride).
    Errors: `size`, `stride` or `dilation` is not positive; the window is larger than the image with its border, or
    would see nothing but border.
    Example: max_pool([[[[1.0], [2.0]], [[4.0], [3.0]]]], 2) == [[[[4.0]]]]
    Example: shape(max_pool(zeros([8, 7, 7, 3]), 3, stride=2, pad="same")) == [8, 4, 4, 3]
    """
    windows = _windows(x.shape, size, stride, dilation, pad)
    out = _result(x, windows, x.dtype, out)
    out.fill(_lowest(x.dtype))
    for _, seen, below in _parts(windows):
        target = out[seen]
        np.maximum(target, x[below], out=target)
    return out


@max_pool.flops
def _(out, x, size, **attrs):
    return prod(out.shape) * prod(pair("size", size))


@max_pool.shape
def _(x, **attrs):
    axes, guards = _pooled(x.dims, **attrs)
    return TensorType(x.dtype, (x.dims[0], *axes, x.dims[3]), x.origin), guards


@max_pool.grad
def _(g, out, x, **attrs):
    places = argmax_pool(x, **attrs)
    batch, height, width, channels = x.type.shape
    put = put_along_axis_add(_in_lines(places), _in_lines(g), size=height * width, axis=1)
    return reshape(put, shape=(batch, height, width, channels))


def _in_lines(x: Node) -> Node:
    """[b, h, w, c] as [b, h * w, c]"""
    batch, height, width, channels = x.type.shape
    return reshape(x, shape=(batch, height * width, channels))


@op(f"(x: n[b, h, w, c], {_STATIC}) -> i64[...]", samples=[
    *[sample(distinct(2, 4, 5, 2), **attrs) for attrs in _SAMPLES], sample(normal(0, 2, 2, 1), size=2),
    sample(values([[[[1.0], [1.0]], [[1.0], [0.0]]]]), size=2),
], flat="a place is a whole number")  # fmt: skip
def argmax_pool(x, size, stride=None, dilation=1, pad="valid", out=None):
    """Where the greatest element under each window lies: row * width + column. Of equal ones the first, row by row.

    Shapes: [b, i, j, c]; i is (h - dilation * (size - 1) - 1) // stride + 1, with "same" ceil_div(h, stride).
    Example: argmax_pool([[[[1.0], [2.0]], [[4.0], [3.0]]]], 2) == [[[[2]]]]
    """
    windows = _windows(x.shape, size, stride, dilation, pad)
    best = max_pool.kernel(x, size, stride, dilation, pad)
    count = windows[0].window * windows[1].window
    rank = np.zeros(best.shape, np.min_scalar_type(count))  # count for the first element of a window, 1 for the last
    for (i, j), seen, below in _parts(windows):
        here, target = x[below], rank[seen]
        hit = here == best[seen]
        if here.dtype.kind == "f":
            np.logical_or(hit, here != here, out=hit)  # nan is the greatest, as for `max`
        np.maximum(target, hit * rank.dtype.type(count - i * windows[1].window - j), out=target)
    starts, steps = _places(windows, x.shape[2])
    out = np.take(steps, rank, out=_result(x, windows, np.int64, out), mode="clip")
    np.add(out, starts, out=out)
    return out


def _places(windows: Any, width: int) -> tuple[Any, Any]:
    """Where each window starts, and how far from there its element of each rank lies."""
    down, across = [np.arange(w.count) * w.stride - w.before for w in windows]
    rows, columns = [np.arange(w.window) * w.dilation for w in windows]
    steps = (rows[:, None] * width + columns).reshape(-1)
    return (down[:, None] * width + across)[None, :, :, None], np.append(steps, 0)[::-1].copy()


@argmax_pool.flops
def _(out, x, size, **attrs):
    return prod(out.shape) * prod(pair("size", size))


@argmax_pool.shape
def _(x, **attrs):
    axes, guards = _pooled(x.dims, **attrs)
    return TensorType("i64", (x.dims[0], *axes, x.dims[3])), guards


# ---- the sum and the mean ----------------------------------------------------------------------------------------


@op(f"(x: f[b, h, w, c], {_STATIC}) -> f[...]", samples=[
    *[sample(normal(2, 4, 5, 2), **attrs) for attrs in _SAMPLES], sample(normal(0, 2, 2, 1), size=2),
])  # fmt: skip
def sum_pool(x, size, stride=None, dilation=1, pad="valid", out=None):
    """The sum of the elements under each window, channel by channel. The stride is the window's size, unless given.

    Shapes: [b, i, j, c]; i is (h - dilation * (size - 1) - 1) // stride + 1, with "same" ceil_div(h, stride).
    Errors: as of max_pool.
    Example: sum_pool([[[[1.0], [2.0]], [[4.0], [3.0]]]], 2) == [[[[10.0]]]]
    """
    windows = _windows(x.shape, size, stride, dilation, pad)
    out = _result(x, windows, x.dtype, out)
    out.fill(0)
    for _, seen, below in _parts(windows):
        target = out[seen]
        np.add(target, x[below], out=target)
    return out


@sum_pool.flops
def _(out, x, size, **attrs):
    return prod(out.shape) * prod(pair("size", size))


@sum_pool.shape
def _(x, **attrs):
    axes, guards = _pooled(x.dims, **attrs)
    return TensorType(x.dtype, (x.dims[0], *axes, x.dims[3]), x.origin), guards


@sum_pool.grad
def _(g, out, x, **attrs):
    return sum_pool_input_grad(g, shape=x.type.shape[1:3], **attrs)


@op(f"(g: f[b, i, j, c], shape: shape, {_STATIC}) -> f[...]", samples=[
    sample(normal(2, 2, 2, 2), shape=(4, 5), **_SAMPLES[0]), sample(normal(2, 3, 3, 2), shape=(4, 5), **_SAMPLES[1]),
    sample(normal(2, 2, 3, 2), shape=(4, 5), **_SAMPLES[2]), sample(normal(2, 3, 2, 2), shape=(4, 5), **_SAMPLES[3]),
])  # fmt: skip
def sum_pool_input_grad(g, shape, size, stride=None, dilation=1, pad="valid", out=None):
    """The gradient of `sum_pool` at images of the given height and width: each element of g at all its window saw.

    Shapes: [b, *shape, c].
    Example: sum_pool_input_grad([[[[5.0]]]], [1, 3], [1, 2]) == [[[[5.0], [5.0], [0.0]]]]
    """
    images = (len(g), *shape, g.shape[3])
    windows = _windows(images, size, stride, dilation, pad)
    out = np.empty(images, g.dtype) if out is None else out
    out.fill(0)
    for _, seen, below in _parts(windows):
        target = out[below]
        np.add(target, g[seen], out=target)
    return out


@sum_pool_input_grad.flops
def _(out, g, size, **attrs):
    return prod(g.shape) * prod(pair("size", size))


@sum_pool_input_grad.shape
def _(g, shape, **attrs):
    if len(shape) != 2:
        raise refuse(f"`shape` must be a height and a width, got {shown(shape)}")
    dims = (g.dims[0], *axes_of(shape), g.dims[3])
    axes, guards = _pooled(dims, **attrs)
    for expected, dim in zip(axes, g.dims[1:3]):
        guards += agree(expected, dim, ("shape", "g"))
    return TensorType(g.dtype, dims, g.origin), guards


@sum_pool_input_grad.grad
def _(upstream, out, g, shape, **attrs):
    return sum_pool(upstream, **attrs)


@composite(f"(x: f[b, h, w, c], {_STATIC}) -> f[...]", samples=[
    *[sample(normal(2, 4, 5, 2), **attrs) for attrs in _SAMPLES],
])  # fmt: skip
def avg_pool(x, size, stride, dilation, pad):
    """The mean of the elements under each window, channel by channel. The stride is the window's size, unless given.

    Shapes: [b, i, j, c]; i is (h - dilation * (size - 1) - 1) // stride + 1, with "same" ceil_div(h, stride).
    Errors: as of max_pool.
    Example: avg_pool([[[[1.0], [2.0]], [[4.0], [3.0]]]], 2) == [[[[2.5]]]]
    Example: avg_pool([[[[1.0], [5.0]]]], 2, stride=1, pad="same") == [[[[3.0], [5.0]]]]
    """
    attrs = {"size": size, "stride": stride, "dilation": dilation, "pad": pad}
    if pad == "valid":
        return sum_pool(x, **attrs) / float(sizes.product(pair("size", size)))  # type: ignore[arg-type]
    ones = full(shape=(1, *x.type.shape[1:3], 1), value=1.0, dtype=x.type.dtype)
    return sum_pool(x, **attrs) / sum_pool(ones, **attrs)
