"""A second, independent way to compute every op: Python's own numbers and `math`, one element at a time."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops import oracles_structure
from tests.ops.elements import along, at, broadcast_shape, filled, pointwise, reduced


def _limit(function: Callable[..., float]) -> Callable[..., float]:
    """Python raises where floats have an infinity."""

    def total(*numbers: float) -> float:
        try:
            return function(*numbers)
        except OverflowError:
            return math.inf

    return total


def _divide(x: float, y: float) -> float:
    return x / y


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def _sign(x: float) -> int:
    return (x > 0) - (x < 0)


def _cast(x: np.ndarray, dtype: str) -> np.ndarray:
    convert: Any = {"f": float, "i": int, "u": int, "b": bool}[dtype[0]]
    return pointwise(convert)(x)


def _cumsum(x: np.ndarray, axis: int, reverse: bool) -> np.ndarray:
    def sums(line: list[Any]) -> list[Any]:
        return [_sum(line[k:] if reverse else line[: k + 1]) for k in range(len(line))]

    return along(x, axis, sums)


def _sum(numbers: list[Any]) -> Any:
    return math.fsum(numbers) if any(isinstance(n, float) for n in numbers) else sum(numbers)


def _linear_recurrence(a: np.ndarray, b: np.ndarray, axis: int, reverse: bool, initial: float) -> np.ndarray:
    """In closed form: initial a0 .. a(k-1) + sum over j < k of bj a(j+1) .. a(k-1)."""
    pairs = filled(a.shape, lambda index: (at(a, index), at(b, index)))

    def states(line: list[tuple[float, float]]) -> list[float]:
        line = line[::-1] if reverse else line
        factors, terms = [p[0] for p in line], [p[1] for p in line]
        found = [
            initial * math.prod(factors[:k]) + math.fsum([terms[j] * math.prod(factors[j + 1 : k]) for j in range(k)])
            for k in range(len(line))
        ]
        return found[::-1] if reverse else found

    return along(pairs, axis, states)


def _first(best: Callable[[list[Any]], Any]) -> Callable[[list[Any]], int]:
    return lambda line: line.index(best(line))


def _matmul(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    left = x.reshape((1, *x.shape)) if x.ndim == 1 else x
    right = y.reshape((*y.shape, 1)) if y.ndim == 1 else y
    batch = broadcast_shape(left.shape[:-2], right.shape[:-2]) if max(left.ndim, right.ndim) > 2 else ()

    def element(index: tuple[int, ...]) -> Any:
        *where, i, j = index
        terms = []
        for k in range(left.shape[-1]):
            terms.append(_matrix(left, where, i, k) * _matrix(right, where, k, j))
        return _sum(terms)

    full = filled((*batch, left.shape[-2], right.shape[-1]), element)
    rows = () if x.ndim == 1 else full.shape[-2:-1]
    return full.reshape((*batch, *rows, *(() if y.ndim == 1 else full.shape[-1:])))


def _matrix(x: np.ndarray, where: list[int], i: int, j: int) -> Any:
    """An element of the matrix at a place of the broadcast batch."""
    own = where[len(where) - (x.ndim - 2) :]
    return at(x, (*[0 if n == 1 else w for w, n in zip(own, x.shape)], i, j))


#: Op -> oracle: takes the sample's arrays and all attributes, gives an array (of Python numbers: exact), or several.
ORACLES: dict[str, Callable[..., Any]] = {
    "add": pointwise(operator.add),
    "subtract": pointwise(operator.sub),
    "multiply": pointwise(operator.mul),
    "divide": pointwise(_divide),
    "floor_divide": pointwise(operator.floordiv),
    "remainder": pointwise(operator.mod),
    "power": pointwise(operator.pow),
    "negative": pointwise(operator.neg),
    "abs": pointwise(abs),
    "sign": pointwise(_sign),
    "exp": pointwise(_limit(math.exp)),
    "log": pointwise(math.log),
    "log1p": pointwise(math.log1p),
    "expm1": pointwise(math.expm1),
    "sqrt": pointwise(math.sqrt),
    "rsqrt": pointwise(lambda x: 1 / math.sqrt(x)),
    "sin": pointwise(math.sin),
    "cos": pointwise(math.cos),
    "tanh": pointwise(math.tanh),
    "sigmoid": pointwise(_sigmoid),
    "relu": pointwise(lambda x: x if x > 0 else 0.0),
    "erf": pointwise(math.erf),
    "maximum": pointwise(max),
    "minimum": pointwise(min),
    "logaddexp": pointwise(lambda x, y: math.log(math.exp(x) + math.exp(y))),
    "floor": pointwise(math.floor),
    "ceil": pointwise(math.ceil),
    "round": pointwise(round),
    "less": pointwise(operator.lt),
    "less_equal": pointwise(operator.le),
    "greater": pointwise(operator.gt),
    "greater_equal": pointwise(operator.ge),
    "equal": pointwise(operator.eq),
    "not_equal": pointwise(operator.ne),
    "logical_and": pointwise(lambda x, y: x and y),
    "logical_or": pointwise(lambda x, y: x or y),
    "logical_not": pointwise(operator.not_),
    "where": pointwise(lambda condition, x, y: x if condition else y),
    "is_finite": pointwise(math.isfinite),
    "cast": _cast,
    "stop_gradient": pointwise(lambda x: x),
    "sum": reduced(_sum),
    "prod": reduced(math.prod),
    "max": reduced(max),
    "min": reduced(min),
    "any": reduced(any),
    "all": reduced(all),
    "argmax": reduced(_first(max)),
    "argmin": reduced(_first(min)),
    "cumsum": _cumsum,
    "linear_recurrence": _linear_recurrence,
    "matmul": _matmul,
    **oracles_structure.ORACLES,
}

