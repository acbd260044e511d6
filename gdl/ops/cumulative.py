"""Running sums along an axis, and the linear recurrence that gives products their gradients."""

from __future__ import annotations

from math import prod

from gdl.ops.lazy import np
from gdl.ops.samples import normal, sample, values
from gdl.ops.table import Op, each_element, op
from gdl.types.match import normal_axis
from gdl.types.tensor import TensorType


def _one_axis(entry: Op) -> None:
    @entry.require
    def _(*types: TensorType, axis: int, **rest: object) -> None:
        normal_axis(axis, types[0].rank)


@op("(x: n[*a], axis: int, reverse: bool = false) -> n[*a]", samples=[
        sample(normal(2, 3), axis=1),
        sample(normal(2, 3), axis=0, reverse=True),
        sample(normal(2, 3, 2), axis=-2),
        sample(normal(2, 0), axis=1),
        sample(normal(2, 1), axis=1),
    ])  # fmt: skip
def cumsum(x, axis, reverse=False, out=None):
    """Sums of everything up to and including each place along an axis; `reverse` sums from the end.

    Example: cumsum([1, 2, 3], axis=0) == [1, 3, 6]
    """
    if out is None:
        out = np.empty(x.shape, x.dtype)
    source, target = (np.flip(x, axis), np.flip(out, axis)) if reverse else (x, out)
    np.add.accumulate(source, axis=axis, out=target)
    return out


_one_axis(cumsum)
cumsum.flops(each_element)


@cumsum.grad
def _(g, out, x, axis, reverse):
    return cumsum(g, axis=axis, reverse=not reverse)


@op("(a: f[*s], b: f[*s], axis: int, reverse: bool = false, initial: float = 0) -> f[*s]", samples=[
        sample(normal(2, 4), normal(2, 4), axis=1),
        sample(normal(4, 2), normal(4, 2), axis=0, reverse=True, initial=1.5),
        sample(normal(2, 3, 2), normal(2, 3, 2), axis=-2, initial=-1.0),
        sample(values([0.0, 2.0, 0.0, 3.0]), values([1.0, 0.0, 1.0, 0.0]), axis=0, initial=1.0),
        sample(normal(2, 0), normal(2, 0), axis=1, initial=1.0),
        sample(normal(1), normal(1), axis=0, initial=2.0),
    ])  # fmt: skip
def linear_recurrence(a, b, axis, reverse=False, initial=0.0, out=None):
    """The values h of h[0] = initial, h[k + 1] = a[k] * h[k] + b[k] along an axis: what each step starts from.

    `reverse` runs from the end. The gradient is the same recurrence, run the other way.

    Example: linear_recurrence([2.0, 2.0, 2.0], [1.0, 1.0, 1.0], axis=0) == [0.0, 1.0, 3.0]
    """
    if out is None:
        out = np.empty(a.shape, a.dtype)
    a, b, h = [np.moveaxis(np.flip(each, axis) if reverse else each, axis, 0) for each in (a, b, out)]
    if len(h):
        h[0] = initial
    for k in range(len(h) - 1):
        following = h[k + 1 : k + 2]
        np.multiply(a[k : k + 1], h[k : k + 1], out=following)
        np.add(following, b[k : k + 1], out=following)
    return out


_one_axis(linear_recurrence)


@linear_recurrence.flops
def _(out, a, b, **attrs):
    return 2 * prod(out.shape)


@linear_recurrence.grad
def _(g, out, a, b, axis, reverse, initial):
    back = linear_recurrence(a, g, axis=axis, reverse=not reverse)
    return back * out, back
