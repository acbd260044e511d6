"""Elementwise arithmetic."""

from __future__ import annotations

from gdl.ops.lazy import np
from gdl.ops.samples import distinct, normal, positive, sample
from gdl.ops.table import op

_BINARY = "(x: n[*a], y: n[*b]) -> n[broadcast(a, b)]"


@op(_BINARY, samples=[sample(normal(2, 3), normal(3)), sample(normal(2, 1), normal(1, 3)), sample(normal(), normal(0, 3))],
    elementwise=True, ufunc="add")  # fmt: skip
def add(x, y):
    """x + y"""
    return np.add(x, y)


@add.grad
def _(g, out, x, y):
    return g, g


@op(_BINARY, samples=[sample(normal(2, 3), normal(3)), sample(normal(4), normal())], elementwise=True, ufunc="multiply")
def multiply(x, y):
    """x * y"""
    return np.multiply(x, y)


@multiply.grad
def _(g, out, x, y):
    return g * y, g * x


@op("(x: f[*a]) -> f[*a]", samples=[sample(normal(2, 3))], elementwise=True, ufunc="exp")
def exp(x):
    """e^x"""
    return np.exp(x)


@exp.grad
def _(g, out, x):
    return g * out
