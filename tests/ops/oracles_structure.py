"""What the ops of structure should give: element by element in plain Python, or by a different road through NumPy.

Each takes the arrays and attributes of a sample and gives the expected array (a tuple, of an op with several results).
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tests.ops.windows import WINDOWS

NUMPY = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "bool": np.bool_}


def places(shape: Sequence[int]) -> Any:
    return itertools.product(*[range(n) for n in shape])


def filled(shape: Sequence[int], dtype: Any, element: Callable[[tuple[int, ...]], Any]) -> np.ndarray:
    """The array whose element at each place is given by a function of the place."""
    result = np.zeros(tuple(shape), dtype)
    for place in places(shape):
        result[place] = element(place)
    return result


def listed(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


# ---- shaping -----------------------------------------------------------------------------------------------------


def reshape(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    elements = [x[place] for place in places(x.shape)]
    known = int(np.prod([n for n in shape if n != -1]))
    shape = [len(elements) // known if n == -1 else n for n in shape]
    numbered = iter(elements)
    return filled(shape, x.dtype, lambda place: next(numbered))


def transpose(x: np.ndarray, axes: Sequence[int] | None) -> np.ndarray:
    order = [a % x.ndim for a in axes] if axes is not None else list(range(x.ndim))[::-1]
    result = np.zeros([x.shape[a] for a in order], x.dtype)
    for place in places(x.shape):
        result[tuple(place[a] for a in order)] = x[place]
    return result


def flip(x: np.ndarray, axis: Any) -> np.ndarray:
    axes = [a % x.ndim for a in listed(axis)]
    return filled(x.shape, x.dtype, lambda p: x[tuple(x.shape[i] - 1 - k if i in axes else k for i, k in enumerate(p))])


def broadcast_to(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    lead = len(shape) - x.ndim
    return filled(shape, x.dtype, lambda p: x[tuple(0 if n == 1 else k for n, k in zip(x.shape, p[lead:]))])


def chosen(shape: Sequence[int], index: Sequence[Any]) -> list[Any]:
    """For each entry of an index the positions it takes: a list, one number, or None for a new axis."""
    missing = len(shape) - sum(entry not in ("new", "...") for entry in index)
    full = [("slice", None, None, None)] * missing
    at = list(index).index("...") if "..." in index else len(index)
    entries = [*index[:at], *full, *index[at + 1 :]]
    axis, result = 0, []
    for entry in entries:
        if entry == "new":
            result.append(None)
            continue
        line = list(range(shape[axis]))
        result.append(line[entry] if isinstance(entry, int) else line[slice(*entry[1:])])
        axis += 1
    return result


def slice_(x: np.ndarray, index: Sequence[Any]) -> np.ndarray:
    picks = chosen(x.shape, index)
    shape = [1 if pick is None else len(pick) for pick in picks if not isinstance(pick, int)]

    def element(place: tuple[int, ...]) -> Any:
        left = iter(place)
        source = []
        for pick in picks:
            if isinstance(pick, int):
                source.append(pick)
            elif pick is None:
                next(left)
            else:
                source.append(pick[next(left)])
        return x[tuple(source)]

    return filled(shape, x.dtype, element)


def scatter_slice(g: np.ndarray, shape: Sequence[int], index: Sequence[Any]) -> np.ndarray:
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    targets = slice_(numbers, index)
    result = np.zeros(int(np.prod(shape)), g.dtype)
    for place in places(g.shape):
        result[targets[place]] += g[place]
    return result.reshape(shape)


def pad(x: np.ndarray, widths: Sequence[Sequence[int]], value: float) -> np.ndarray:
    def element(place: tuple[int, ...]) -> Any:
        source = tuple(k - before for k, (before, _) in zip(place, widths))
        inside = all(0 <= k < n for k, n in zip(source, x.shape))
        return x[source] if inside else value

    return filled([before + n + after for n, (before, after) in zip(x.shape, widths)], x.dtype, element)


def concat(*xs: np.ndarray, axis: int) -> np.ndarray:
    axis %= xs[0].ndim
    shape = list(xs[0].shape)
    shape[axis] = sum(x.shape[axis] for x in xs)
    owners = [(x, k) for x in xs for k in range(x.shape[axis])]
    return filled(shape, xs[0].dtype, lambda p: owners[p[axis]][0][(*p[:axis], owners[p[axis]][1], *p[axis + 1 :])])


# ---- indexing ----------------------------------------------------------------------------------------------------


def gather(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    axis %= x.ndim
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    end = axis + indices.ndim
    return filled(shape, x.dtype, lambda p: x[(*p[:axis], indices[p[axis:end]], *p[end:])])


def scatter_add(indices: np.ndarray, updates: np.ndarray, size: int, axis: int) -> np.ndarray:
    axis %= updates.ndim - indices.ndim + 1
    end = axis + indices.ndim
    result = np.zeros((*updates.shape[:axis], size, *updates.shape[end:]), updates.dtype)
    for p in places(updates.shape):
        result[(*p[:axis], indices[p[axis:end]], *p[end:])] += updates[p]
    return result


def take_along_axis(x: np.ndarray, indices: np.ndarray, axis: int) -> np.ndarray:
    axis %= x.ndim
    return filled(indices.shape, x.dtype, lambda p: x[(*p[:axis], indices[p], *p[axis + 1 :])])


def put_along_axis_add(indices: np.ndarray, updates: np.ndarray, size: int, axis: int) -> np.ndarray:
    axis %= updates.ndim
    shape = list(updates.shape)
    shape[axis] = size
    result = np.zeros(shape, updates.dtype)
    for p in places(updates.shape):
        result[(*p[:axis], indices[p], *p[axis + 1 :])] += updates[p]
    return result


def lines_of(x: np.ndarray, axis: int) -> Any:
    """Every line along an axis, with an index that says where it lies."""
    axis %= x.ndim
    for place in places([*x.shape[:axis], *x.shape[axis + 1 :]]):
        index = (*place[:axis], slice(None), *place[axis:])
        yield index, [x[index][k] for k in range(x.shape[axis])]


def argsort(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    result = np.zeros(x.shape, np.int64)
    for index, line in lines_of(x, axis):  # Python's sort is stable, in reverse too
        result[index] = sorted(range(len(line)), key=lambda k, line=line: line[k], reverse=descending)
    return result


def one_hot(indices: np.ndarray, depth: int, dtype: str) -> np.ndarray:
    return filled((*indices.shape, depth), NUMPY[dtype], lambda p: int(indices[p[:-1]] == p[-1]))


# ---- creation ----------------------------------------------------------------------------------------------------


def full(shape: Sequence[int], value: float, dtype: str) -> np.ndarray:
    return filled(shape, NUMPY[dtype], lambda p: value)


def arange(start: int, stop: int | None, step: int, dtype: str) -> np.ndarray:
    return np.array(list(range(start) if stop is None else range(start, stop, step)), NUMPY[dtype])


def eye(n: int, m: int | None, dtype: str) -> np.ndarray:
    return filled((n, n if m is None else m), NUMPY[dtype], lambda p: int(p[0] == p[1]))


# ---- composites --------------------------------------------------------------------------------------------------


def expand(x: np.ndarray, axis: Any) -> np.ndarray:
    return np.expand_dims(x, axis)


def squeeze(x: np.ndarray, axis: Any) -> np.ndarray:
    return np.squeeze(x, axis)


def flatten(x: np.ndarray) -> np.ndarray:
    return reshape(x, (x.shape[0], int(np.prod(x.shape[1:]))))


def tile(x: np.ndarray, repeats: Any) -> np.ndarray:
    return np.tile(x, repeats)


def stack(*xs: np.ndarray, axis: int) -> np.ndarray:
    return np.stack(xs, axis)


def split(x: np.ndarray, parts: Any, axis: int) -> tuple[np.ndarray, ...]:
    return tuple(np.split(x, parts if isinstance(parts, int) else np.cumsum(parts)[:-1], axis))


def sort(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    result = np.zeros_like(x)
    for index, line in lines_of(x, axis):
        result[index] = sorted(line, reverse=descending)
    return result


def topk(x: np.ndarray, k: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    order = argsort(x, axis, True).take(range(k), axis)
    return take_along_axis(x, order, axis), order


def einsum(*xs: np.ndarray, pattern: str) -> np.ndarray:
    return np.einsum(in_letters(pattern), *xs)


def in_letters(pattern: str) -> str:
    """A pattern of words as NumPy's einsum reads it: a letter for each word."""
    if " " not in pattern:
        return pattern
    words = pattern.replace("->", " -> ").replace(",", " , ").split()
    letters = dict(zip(dict.fromkeys(word for word in words if word.isidentifier()), string.ascii_letters))
    return "".join(letters.get(word, word) for word in words)


def rearrange(*xs: np.ndarray, pattern: str, sizes: Mapping[str, int] | None) -> Any:
    results = tuple(rearranged(x, pattern, sizes or {}) for x in xs)
    return results if len(xs) > 1 else results[0]


def rearranged(x: np.ndarray, pattern: str, sizes: Mapping[str, int]) -> np.ndarray:
    """Element by element: the coordinates of the single axes on the left give the place on the right."""
    left, right = [groups_of(side, x.ndim, pattern) for side in pattern.split("->")]
    known = dict(sizes)
    for group, n in zip(left, x.shape):
        (*unknown,) = [name for name in group if name not in known]
        if unknown:
            known[unknown[0]] = n // int(np.prod([known[name] for name in group if name in known]))
    result = np.zeros([int(np.prod([known[name] for name in group])) for group in right], x.dtype)
    names = [name for group in left for name in group]
    for place in places([known[name] for name in names]):
        at = dict(zip(names, place))
        result[position(right, at, known)] = x[position(left, at, known)]
    return result


def position(groups: Sequence[Sequence[str]], at: Mapping[str, int], known: Mapping[str, int]) -> tuple[int, ...]:
    """The index on each axis: the coordinates of its names as digits of one number."""
    result = []
    for group in groups:
        number = 0
        for name in group:
            number = number * known[name] + at[name]
        result.append(number)
    return tuple(result)


def groups_of(side: str, rank: int, pattern: str) -> list[list[str]]:
    left = pattern.split("->")[0]
    plain = left[: left.index("...")] + left[left.index("...") + 3 :] if "..." in left else left
    count = rank - len(groups_of(plain, 0, plain)) if "..." in left else 0
    groups: list[list[str]] = []
    inside = False
    for token in side.replace("(", " ( ").replace(")", " ) ").split():
        names = [f"rest{i}" for i in range(count)] if token == "..." else [] if token == "1" else [token]
        if token in "()":
            inside = token == "("
            if inside:
                groups.append([])
        elif inside:
            groups[-1] += names
        else:
            groups += [[name] for name in names] if token != "1" else [[]]
    return groups


ORACLES: Mapping[str, Callable[..., Any]] = {
    "reshape": reshape, "transpose": transpose, "flip": flip, "broadcast_to": broadcast_to, "slice": slice_,
    "scatter_slice": scatter_slice, "pad": pad, "concat": concat, "gather": gather, "scatter_add": scatter_add,
    "take_along_axis": take_along_axis, "put_along_axis_add": put_along_axis_add, "argsort": argsort,
    "one_hot": one_hot, "full": full, "arange": arange, "eye": eye, "expand": expand, "squeeze": squeeze,
    "flatten": flatten, "swapaxes": lambda x, axis1, axis2: np.swapaxes(x, axis1, axis2),
    "moveaxis": lambda x, source, destination: np.moveaxis(x, source, destination), "stack": stack, "split": split,
    "tile": tile, "sort": sort, "topk": topk, "einsum": einsum, "rearrange": rearrange, **WINDOWS,
}  # fmt: skip
