"""Convolution, and its two gradients, which are ops themselves: each one's gradients are the other two.

Images are [batch, height, width, channels], kernels [height, width, channels in a group, channels out]. As everywhere
in the field, kernels are not turned around. All three are bilinear, and matrix products over columns of windows.
"same" puts the odd element of a border at the end, as TensorFlow does.

Reference: Dumoulin and Visin, 2016, for the arithmetic of sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from gdl.ops.extents import agree, axes_of, divides, refuse, resized, shown, whole_number
from gdl.ops.gemm_convolution import convolve, convolve_back, correlate
from gdl.ops.lazy import np
from gdl.ops.samples import normal, sample
from gdl.ops.shaping import reshape
from gdl.ops.table import Cut, composite, op, show_static
from gdl.ops.windows import borders, pair, reach_of, windows_along
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.sizes import Size
from gdl.types.tensor import Dim, TensorType

_STATIC = 'stride: ints = 1, dilation: ints = 1, groups: int = 1, pad: any = "same"'
_UNEVEN = ((1, 0), (0, 2))

# ---- what all three have in common -------------------------------------------------------------------------------


def _verify(
    x: Sequence[Dim], kernel: Sequence[Dim], out: Sequence[Dim] | None, args: tuple[str, str, str], stride: Any,
    dilation: Any, groups: Any, pad: Any,
) -> tuple[tuple[Dim, Dim], list[Guard]]:  # fmt: skip
    """The two axes of the output, given the axes of all; `out`, where it is known, must have them. Raises Mismatch."""
    strides, dilations, sides = pair("stride", stride), pair("dilation", dilation), borders(pad)
    groups = whole_number("groups", groups, at_least=1)
    if 0 in (x[3].size, kernel[2].size, kernel[3].size):
        raise refuse(f"a convolution needs channels: x has {x[3].size}, the result would have {kernel[3].size}")
    taken = Dim(kernel[2].size * groups, kernel[2].label, kernel[2].origin)
    text = f"x has {x[3].size} channels, but a kernel of {kernel[2].size} in each of {groups} groups takes {taken.size}"
    guards = agree(x[3], taken, args[:2], text)
    text = f"`groups` must divide the {kernel[3].size} channels of the result, got {groups}"
    guards += divides(groups, kernel[3], text)
    axes = []
    for i in (0, 1):
        count, more = windows_along(x[1 + i], kernel[i].size, strides[i], dilations[i], sides[i])
        axes.append(resized(x[1 + i], count))
        guards += more
    if out is not None:
        guards += agree(x[0], out[0], (args[0], args[2]))
        for expected, dim in zip((*axes, kernel[3]), out[1:]):
            guards += agree(expected, dim, (args[0], args[2]))
    return (axes[0], axes[1]), guards


def _run(kernel: Callable[..., Any], shape: Sequence[int], out: Any, *arrays: Any) -> Any:
    """A kernel made for these shapes, with memory of its own."""
    out = np.empty(shape, arrays[0].dtype) if out is None else out
    kernel(*arrays, out, np.empty(kernel.scratch_bytes, np.uint8))  # type: ignore[attr-defined]
    return out


def _item_bytes(type: TensorType) -> int:
    return 8 if type.dtype == "f64" else 4


# ---- convolution -------------------------------------------------------------------------------------------------


@op(f"(x: f[b, h, w, c], kernel: f[kh, kw, d, k], {_STATIC}) -> f[...]", samples=[
    sample(normal(2, 4, 5, 2), normal(3, 3, 2, 3)), sample(normal(2, 5, 6, 1), normal(3, 2, 1, 2), stride=2),
    sample(normal(1, 6, 7, 2), normal(2, 3, 2, 2), pad="valid", dilation=(1, 2)),
    sample(normal(1, 4, 4, 4), normal(3, 3, 2, 2), groups=2, stride=(1, 2), pad=_UNEVEN),
    sample(normal(2, 3, 3, 3), normal(1, 1, 3, 2)), sample(normal(0, 4, 4, 1), normal(2, 2, 1, 1)),
    sample(normal(1, 5, 5, 5), normal(2, 2, 5, 3), stride=3),
])  # fmt: skip
def conv2d(x, kernel, stride=1, dilation=1, groups=1, pad="same", out=None):
    """At every place the sum of the products of the kernel with the part of x that lies under it.

    `pad` is "same" (the result has ceil_div(h, stride) rows), "valid" (no border), or [[top, bottom], [left, right]].
    The channels may be split into groups that do not see each other.

    Shapes: [b, ceil_div(h, stride), ceil_div(w, stride), k] for "same"; else rows are (h + top + bottom - dilation *
    (kh - 1) - 1) // stride + 1, and columns likewise.
    Errors: the channels of x are not `groups` times those of the kernel; `groups` does not divide the channels of
    the result; `stride`, `dilation` or `groups` is not positive; the kernel is larger than the image with its
    border.
    Example: conv2d(ones([1, 2, 2, 1]), ones([3, 3, 1, 1]))[0, :, :, 0] == [[4.0, 4.0], [4.0, 4.0]]
    Example: conv2d([[[[1.0], [2.0], [4.0]]]], ones([1, 2, 1, 1]), pad="valid") == [[[[3.0], [6.0]]]]
    Example: shape(conv2d(zeros([8, 28, 28, 3]), zeros([5, 5, 3, 16]), stride=2)) == [8, 14, 14, 16]
    """
    run = convolve(x.shape, kernel.shape, x.itemsize, groups, stride=stride, dilation=dilation, pad=pad)
    return _run(run, (len(x), *run.counts, kernel.shape[3]), out, x, kernel)


@conv2d.shape
def _(x, kernel, **attrs):
    axes, guards = _verify(x.dims, kernel.dims, None, ("x", "kernel", ""), **attrs)
    return TensorType(x.dtype, (x.dims[0], *axes, kernel.dims[3]), x.origin), guards


@conv2d.flops
def _(out, x, kernel, **attrs):
    return 2 * prod(out.shape) * prod(kernel.shape[:3])


@conv2d.special
def _(out_type, x, kernel, groups, **attrs):
    return convolve(x.shape, kernel.shape, _item_bytes(x), groups, **attrs)


@conv2d.parts
def _(out_type, x, kernel, **attrs):
    return Cut(0, (0, None))


@conv2d.grad
def _(g, out, x, kernel, **attrs):
    at_x = conv2d_input_grad(g, kernel, size=x.type.shape[1:3], **attrs)
    return at_x, conv2d_kernel_grad(x, g, size=kernel.type.shape[:2], **attrs)


# ---- its gradient at the images ----------------------------------------------------------------------------------


@op(f"(g: f[b, i, j, k], kernel: f[kh, kw, d, k], size: shape, {_STATIC}) -> f[...]", samples=[
    sample(normal(2, 4, 5, 3), normal(3, 3, 2, 3), size=(4, 5)),
    sample(normal(2, 3, 3, 2), normal(3, 2, 1, 2), size=(5, 6), stride=2),
    sample(normal(1, 5, 3, 2), normal(2, 3, 2, 2), size=(6, 7), pad="valid", dilation=(1, 2)),
    sample(normal(1, 3, 2, 2), normal(3, 3, 2, 2), size=(4, 4), groups=2, stride=(1, 2), pad=_UNEVEN),
    sample(normal(2, 3, 3, 2), normal(1, 1, 3, 2), size=(3, 3)),
    sample(normal(1, 2, 2, 3), normal(2, 2, 5, 3), size=(5, 5), stride=3),
])  # fmt: skip
def conv2d_input_grad(g, kernel, size, stride=1, dilation=1, groups=1, pad="same", out=None):
    """The gradient of `conv2d` at images of the given height and width, g being that at its result.

    Shapes: [b, *size, d * groups].
    Example: conv2d_input_grad(ones([1, 1, 2, 1]), ones([1, 2, 1, 1]), [1, 3], pad="valid") == [[[[1.0], [2.0], [1.0]]]]
    """
    shape = (len(g), *size, kernel.shape[2] * groups)
    run = convolve_back(shape, kernel.shape, g.itemsize, groups, stride=stride, dilation=dilation, pad=pad)
    return _run(run, shape, out, g, kernel)


@conv2d_input_grad.shape
def _(g, kernel, size, **attrs):
    dims = _images(g.dims[0], size, Dim(kernel.dims[2].size * whole_number("groups", attrs["groups"], 1)))
    _, guards = _verify(dims, kernel.dims, g.dims, ("size", "kernel", "g"), **attrs)
    return TensorType(g.dtype, dims, g.origin), guards


def _images(batch: Dim, size: Any, channels: Dim) -> tuple[Dim, ...]:
    if len(size) != 2:
        raise refuse(f"`size` must be a height and a width, got {shown(size)}")
    return (batch, *axes_of(size, "size"), channels)


@conv2d_input_grad.flops
def _(out, g, kernel, **attrs):
    return 2 * prod(g.shape) * prod(kernel.shape[:3])


@conv2d_input_grad.special
def _(out_type, g, kernel, size, groups, **attrs):
    return convolve_back(out_type.shape, kernel.shape, _item_bytes(g), groups, **attrs)


@conv2d_input_grad.parts
def _(out_type, g, kernel, **attrs):
    return Cut(0, (0, None))


@conv2d_input_grad.grad
def _(upstream, out, g, kernel, size, **attrs):
    at_kernel = conv2d_kernel_grad(upstream, g, size=kernel.type.shape[:2], **attrs)
    return conv2d(upstream, kernel, **attrs), at_kernel


# ---- its gradient at the kernel ----------------------------------------------------------------------------------


@op(f"(x: f[b, h, w, c], g: f[b, i, j, k], size: shape, {_STATIC}) -> f[...]", samples=[
    sample(normal(2, 4, 5, 2), normal(2, 4, 5, 3), size=(3, 3)),
    sample(normal(2, 5, 6, 1), normal(2, 3, 3, 2), size=(3, 2), stride=2),
    sample(normal(1, 6, 7, 2), normal(1, 5, 3, 2), size=(2, 3), pad="valid", dilation=(1, 2)),
    sample(normal(1, 4, 4, 4), normal(1, 3, 2, 2), size=(3, 3), groups=2, stride=(1, 2), pad=_UNEVEN),
    sample(normal(2, 3, 3, 3), normal(2, 3, 3, 2), size=(1, 1)),
    sample(normal(0, 4, 4, 1), normal(0, 4, 4, 1), size=(2, 2)),
])  # fmt: skip
def conv2d_kernel_grad(x, g, size, stride=1, dilation=1, groups=1, pad="same", out=None):
    """The gradient of `conv2d` at a kernel of the given height and width, g being that at its result.

    Shapes: [*size, c // groups, k].
    Example: conv2d_kernel_grad(ones([1, 3, 3, 1]), ones([1, 2, 2, 1]), [2, 2], pad="valid") == 4 * ones([2, 2, 1, 1])
    """
    shape = (*size, x.shape[3] // groups, g.shape[3])
    run = correlate(x.shape, shape, x.itemsize, groups, stride=stride, dilation=dilation, pad=pad)
    return _run(run, shape, out, x, g)


@conv2d_kernel_grad.shape
def _(x, g, size, groups, **attrs):
    text = f"`groups` must divide the {x.dims[3].size} channels of x, got {groups}"
    guards = divides(whole_number("groups", groups, 1), x.dims[3], text)
    if len(size) != 2:
        raise refuse(f"`size` must be a height and a width, got {shown(size)}")
    dims = (*axes_of(size, "size"), resized(x.dims[3], x.dims[3].size // groups), g.dims[3])
    _, more = _verify(x.dims, dims, g.dims, ("x", "size", "g"), groups=groups, **attrs)
    return TensorType(x.dtype, dims, x.origin), guards + more


@conv2d_kernel_grad.flops
def _(out, x, g, **attrs):
    return 2 * prod(g.shape) * prod(out.shape[:3])


@conv2d_kernel_grad.special
def _(out_type, x, g, size, groups, **attrs):
    return correlate(x.shape, out_type.shape, _item_bytes(x), groups, **attrs)


@conv2d_kernel_grad.parts
def _(out_type, x, g, **attrs):
    return Cut(None, (0, 0))


@conv2d_kernel_grad.grad
def _(upstream, out, x, g, size, **attrs):
    at_x = conv2d_input_grad(g, upstream, size=x.type.shape[1:3], **attrs)
    return at_x, conv2d(x, upstream, **attrs)


# ---- what is made of them ----------------------------------------------------------------------------------------


@composite(f"(x: f[b, h, w, c], kernel: f[kh, kw, d, c], {_STATIC}) -> f[...]", samples=[
    sample(normal(2, 3, 4, 2), normal(3, 3, 3, 2), stride=2), sample(normal(1, 2, 2, 3), normal(3, 3, 1, 3)),
    sample(normal(1, 3, 3, 2), normal(4, 2, 3, 2), pad="valid", stride=2),
    sample(normal(1, 3, 3, 2), normal(1, 2, 1, 2), pad="valid", stride=3),
    sample(normal(1, 3, 3, 4), normal(3, 3, 2, 4), groups=2, dilation=2, pad=_UNEVEN),
])  # fmt: skip
def conv2d_transpose(x, kernel, stride, dilation, groups, pad):
    """The convolution turned around, from its result's size to its images': "same" gives h * stride rows.

    "valid" gives the fewest that hold every window, and a border is cut off. The kernel is
    [height, width, channels of the result in a group, channels of x]: that of the convolution it turns around.

    Shapes: [b, h * stride, w * stride, d * groups] for "same"; for "valid" rows are h * stride + max(reach - stride, 0)
    with reach = dilation * (kh - 1) + 1; else (h - 1) * stride + reach - top - bottom. Columns likewise.
    Errors: as of conv2d.
    Example: conv2d_transpose([[[[1.0], [2.0]]]], ones([1, 2, 1, 1]), pad="valid") == [[[[1.0], [3.0], [2.0]]]]
    Example: shape(conv2d_transpose(zeros([8, 7, 7, 16]), zeros([5, 5, 3, 16]), stride=2)) == [8, 14, 14, 3]
    """
    size = [_stretched(*each) for each in zip(x.type.shape[1:3], kernel.type.shape, pair("stride", stride),
                                              pair("dilation", dilation), borders(pad))]  # fmt: skip
    return conv2d_input_grad(x, kernel, size=tuple(size), stride=stride, dilation=dilation, groups=groups, pad=pad)


def _stretched(n: Size, window: Size, stride: int, dilation: int, pad: Any) -> Size:
    reach = reach_of(window, dilation)
    if pad == "same":
        return n * stride
    if pad == "valid":
        return n * stride + reach - sizes.minimum(reach, stride)
    return (n - 1) * stride + reach - pad[0] - pad[1]


_STATIC_1D = 'stride: int = 1, dilation: int = 1, groups: int = 1, pad: any = "same"'


@composite(f"(x: f[b, t, c], kernel: f[size, d, k], {_STATIC_1D}) -> f[...]", samples=[
    sample(normal(2, 6, 3), normal(3, 3, 2)), sample(normal(2, 7, 2), normal(2, 1, 4), stride=2, groups=2, pad="valid"),
    sample(normal(1, 5, 2), normal(3, 2, 2), dilation=2, pad=(3, 0)),
])  # fmt: skip
def conv1d(x, kernel, stride, dilation, groups, pad):
    """`conv2d` along one axis: x is [batch, time, channels], the kernel [size, channels in a group, channels out].

    `pad` is "same", "valid", or [before, after]; [dilation * (size - 1), 0] looks into the past only.

    Shapes: [b, ceil_div(t, stride), k] for "same", else (t + before + after - dilation * (size - 1) - 1) // stride + 1
    places in time.
    Errors: as of conv2d.
    Example: conv1d([[[1.0], [2.0], [4.0]]], ones([2, 1, 1]), pad="valid") == [[[3.0], [6.0]]]
    Example: conv1d([[[1.0], [2.0], [4.0]]], ones([2, 1, 1]), pad=[1, 0]) == [[[1.0], [3.0], [6.0]]]
    """
    batch, time, channels = x.type.shape
    image = reshape(x, shape=(batch, 1, time, channels))
    flat = reshape(kernel, shape=(1, *kernel.type.shape))
    sides = pad if isinstance(pad, str) else ((0, 0), pad)
    wide = conv2d(image, flat, stride=(1, stride), dilation=(1, dilation), groups=groups, pad=sides)
    return reshape(wide, shape=(batch, *wide.type.shape[2:]))


@conv1d.require
def _(x, kernel, stride, dilation, groups, pad):
    for name, value in (("stride", stride), ("dilation", dilation)):
        whole_number(name, value, at_least=1)
    if pad in ("same", "valid"):
        return
    if not isinstance(pad, tuple) or len(pad) != 2 or any(isinstance(side, (tuple, str)) for side in pad):
        raise refuse(f'`pad` must be "same", "valid" or [before, after], got {show_static(pad)}')
    for name, width in zip(("before", "after"), pad):
        whole_number(name, width, at_least=0)
