"""Oracles of the ops that move elements about, and of those that make tensors from numbers alone."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.elements import Index, at, filled, indices, stretched


def _elements(x: np.ndarray) -> list[Any]:
    return [at(x, index) for index in indices(x.shape)]


def _in_order(elements: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    rest = iter(elements)
    return filled(shape, lambda index: next(rest))


def _reshape(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    known = 1
    for n in shape:
        known *= n if n != -1 else 1
    return _in_order(_elements(x), tuple([len(_elements(x)) // known if n == -1 else n for n in shape]))


def _transpose(x: np.ndarray, axes: tuple[int, ...] | None) -> np.ndarray:
    order = [a % x.ndim for a in (axes if axes is not None else range(x.ndim)[::-1])]
    back = [order.index(a) for a in range(x.ndim)]
    return filled([x.shape[a] for a in order], lambda index: at(x, tuple([index[b] for b in back])))


def _flip(x: np.ndarray, axis: Any) -> np.ndarray:
    turned = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}

    def element(index: Index) -> Any:
        return at(x, tuple([x.shape[a] - 1 - i if a in turned else i for a, i in enumerate(index)]))

    return filled(x.shape, element)


def _slice(x: np.ndarray, index: tuple[Any, ...]) -> np.ndarray:
    """Each entry picks from a list of positions of its axis."""
    named = len([e for e in index if e not in ("new", "...")])
    rest: tuple[Any, ...] = (("slice", None, None, None),) * (x.ndim - named)
    if "..." in index:
        at_rest = index.index("...")
        index = (*index[:at_rest], *rest, *index[at_rest + 1 :])
    else:
        index = (*index, *rest)
    axes = iter(x.shape)
    picked: list[list[int] | int | None] = []
    for entry in index:
        if entry == "new":
            picked.append(None)
        elif isinstance(entry, tuple):
            picked.append(list(range(next(axes)))[slice(*entry[1:])])
        else:
            picked.append(range(next(axes))[entry])
    shape = [1 if p is None else len(p) for p in picked if not isinstance(p, int)]

    def element(place: Index) -> Any:
        steps, source = iter(place), []
        for p in picked:
            if isinstance(p, int):
                source.append(p)
            else:
                step = next(steps)
                source += [] if p is None else [p[step]]
        return at(x, tuple(source))

    return filled(shape, element)


def _addresses(shape: tuple[int, ...]) -> np.ndarray:
    """For each place its own index."""
    return filled(shape, lambda index: index)


def _scattered(shape: tuple[int, ...], targets: np.ndarray, updates: np.ndarray) -> np.ndarray:
    result = filled(shape, lambda index: 0)
    for index in indices(updates.shape):
        result[targets[index]] += at(updates, index)
    return result


def _scatter_slice(g: np.ndarray, shape: tuple[int, ...], index: tuple[Any, ...]) -> np.ndarray:
    return _scattered(shape, _slice(_addresses(shape), index), g)


def _pad(x: np.ndarray, widths: Any, value: float) -> np.ndarray:
    def element(index: Index) -> Any:
        source = [i - before for i, (before, _) in zip(index, widths)]
        inside = all(0 <= i < n for i, n in zip(source, x.shape))
        return at(x, tuple(source)) if inside else value

    return filled([n + before + after for n, (before, after) in zip(x.shape, widths)], element)


def _concat(*xs: np.ndarray, axis: int) -> np.ndarray:
    axis %= xs[0].ndim
    owners = [(x, k) for x in xs for k in range(x.shape[axis])]

    def element(index: Index) -> Any:
        owner, k = owners[index[axis]]
        return at(owner, (*index[:axis], k, *index[axis + 1 :]))

    return filled([len(owners) if a == axis else n for a, n in enumerate(xs[0].shape)], element)


def _stack(*xs: np.ndarray, axis: int) -> np.ndarray:
    axis %= xs[0].ndim + 1
    shape = (*xs[0].shape[:axis], len(xs), *xs[0].shape[axis:])
    return filled(shape, lambda index: at(xs[index[axis]], index[:axis] + index[axis + 1 :]))


def _split(x: np.ndarray, parts: Any, axis: int) -> tuple[np.ndarray, ...]:
    axis %= x.ndim
    lengths = parts if isinstance(parts, tuple) else (x.shape[axis] // parts,) * parts
    starts = [sum(lengths[:i]) for i in range(len(lengths))]

    def part(start: int, length: int) -> np.ndarray:
        shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
        return filled(shape, lambda index: at(x, (*index[:axis], start + index[axis], *index[axis + 1 :])))

    return tuple([part(start, length) for start, length in zip(starts, lengths)])


def _tile(x: np.ndarray, repeats: Any) -> np.ndarray:
    counts = list(repeats) if isinstance(repeats, tuple) else [repeats]
    rank = max(len(counts), x.ndim)
    counts = [1] * (rank - len(counts)) + counts
    sizes = [1] * (rank - x.ndim) + list(x.shape)
    shape = [c * n for c, n in zip(counts, sizes)]
    return filled(shape, lambda index: at(x, tuple([i % n for i, n in zip(index, sizes)][rank - x.ndim :])))


def _moveaxis(x: np.ndarray, source: Any, destination: Any) -> np.ndarray:
    sources = [a % x.ndim for a in (source if isinstance(source, tuple) else (source,))]
    places = [a % x.ndim for a in (destination if isinstance(destination, tuple) else (destination,))]
    order = [a for a in range(x.ndim) if a not in sources]
    for place, moved in sorted(zip(places, sources)):
        order.insert(place, moved)
    return _transpose(x, tuple(order))


def _swapaxes(x: np.ndarray, axis1: int, axis2: int) -> np.ndarray:
    order = list(range(x.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return _transpose(x, tuple(order))


def _expand(x: np.ndarray, axis: Any) -> np.ndarray:
    listed = axis if isinstance(axis, tuple) else (axis,)
    rank = x.ndim + len(listed)
    new, old = {a % rank for a in listed}, iter(x.shape)
    return _reshape(x, tuple([1 if a in new else next(old) for a in range(rank)]))


def _squeeze(x: np.ndarray, axis: Any) -> np.ndarray:
    listed = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {a % x.ndim for a in listed if x.shape[a] == 1}
    return _reshape(x, tuple([n for a, n in enumerate(x.shape) if a not in gone]))


def _flatten(x: np.ndarray) -> np.ndarray:
    width = 1
    for n in x.shape[1:]:
        width *= n
    return _in_order(_elements(x), (x.shape[0], width))


def _gather(x: np.ndarray, chosen: np.ndarray, axis: int) -> np.ndarray:
    axis %= x.ndim
    shape = (*x.shape[:axis], *chosen.shape, *x.shape[axis + 1 :])
    end = axis + chosen.ndim
    return filled(shape, lambda index: at(x, (*index[:axis], at(chosen, index[axis:end]), *index[end:])))


def _scatter_add(chosen: np.ndarray, updates: np.ndarray, size: int, axis: int) -> np.ndarray:
    axis %= updates.ndim - chosen.ndim + 1
    end = axis + chosen.ndim
    shape = (*updates.shape[:axis], size, *updates.shape[end:])
    targets = filled(updates.shape, lambda index: (*index[:axis], at(chosen, index[axis:end]), *index[end:]))
    return _scattered(shape, targets, updates)


def _take_along_axis(x: np.ndarray, chosen: np.ndarray, axis: int) -> np.ndarray:
    axis %= x.ndim
    return filled(chosen.shape, lambda index: at(x, (*index[:axis], at(chosen, index), *index[axis + 1 :])))


def _put_along_axis_add(chosen: np.ndarray, updates: np.ndarray, size: int, axis: int) -> np.ndarray:
    axis %= updates.ndim
    shape = (*updates.shape[:axis], size, *updates.shape[axis + 1 :])
    targets = filled(updates.shape, lambda index: (*index[:axis], at(chosen, index), *index[axis + 1 :]))
    return _scattered(shape, targets, updates)


def _one_hot(chosen: np.ndarray, depth: int, dtype: str) -> np.ndarray:
    return filled((*chosen.shape, depth), lambda index: int(at(chosen, index[:-1]) == index[-1]))


def _arange(start: int, stop: int | None, step: int, dtype: str) -> np.ndarray:
    numbers = list(range(start) if stop is None else range(start, stop, step))
    return _in_order(numbers, (len(numbers),))


def _eye(n: int, m: int | None, dtype: str) -> np.ndarray:
    return filled((n, n if m is None else m), lambda index: int(index[0] == index[1]))


def _rearrange(*xs: np.ndarray, pattern: str, sizes: dict[str, int] | None) -> Any:
    results = tuple([_rearranged(x, pattern, dict(sizes or {})) for x in xs])
    return results[0] if len(results) == 1 else results


def _rearranged(x: np.ndarray, pattern: str, size: dict[str, int]) -> np.ndarray:
    """Every element carries its named coordinates from the old place to the new one."""
    before, after = [_groups(side) for side in pattern.split("->")]
    extra = x.ndim - len([g for g in before if g != [_REST]])
    rest = [f"...{i}" for i in range(extra)]
    before = [g for group in before for g in ([[r] for r in rest] if group == [_REST] else [group])]
    after = [_spread(g, rest) for group in after for g in ([[r] for r in rest] if group == [_REST] else [group])]
    for group, n in zip(before, x.shape):
        unknown = [name for name in group if name not in size]
        for name in group:
            n //= size.get(name, 1)
        size.update({name: n for name in unknown})
    result = filled([_volume(group, size) for group in after], lambda index: None)
    names = sorted({name for group in before for name in group})
    for values in itertools.product(*[range(size[n]) for n in names]):
        where = dict(zip(names, values))
        result[tuple([_place(g, where, size) for g in after])] = at(x, tuple([_place(g, where, size) for g in before]))
    return result


_REST = "bare ..."


def _groups(side: str) -> list[list[str]]:
    special: dict[str, list[str]] = {"1": [], "...": [_REST]}
    found = re.findall(r"\(([^)]*)\)|(\S+)", side)
    return [special.get(word, [word]) if word else inside.split() for inside, word in found]


def _spread(group: list[str], rest: list[str]) -> list[str]:
    return [name for one in group for name in (rest if one == "..." else [one])]


def _volume(group: list[str], size: dict[str, int]) -> int:
    volume = 1
    for name in group:
        volume *= size[name]
    return volume


def _place(group: list[str], where: dict[str, int], size: dict[str, int]) -> int:
    place = 0
    for name in group:
        place = place * size[name] + where[name]
    return place


ARRANGEMENTS: dict[str, Callable[..., Any]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "flip": _flip,
    "broadcast_to": lambda x, shape: filled(shape, lambda index: stretched(x, index)),
    "slice": _slice,
    "scatter_slice": _scatter_slice,
    "pad": _pad,
    "concat": _concat,
    "stack": _stack,
    "split": _split,
    "tile": _tile,
    "moveaxis": _moveaxis,
    "swapaxes": _swapaxes,
    "expand": _expand,
    "squeeze": _squeeze,
    "flatten": _flatten,
    "rearrange": _rearrange,
    "gather": _gather,
    "scatter_add": _scatter_add,
    "take_along_axis": _take_along_axis,
    "put_along_axis_add": _put_along_axis_add,
    "one_hot": _one_hot,
    "full": lambda shape, value, dtype: filled(shape, lambda index: value),
    "arange": _arange,
    "eye": _eye,
}
