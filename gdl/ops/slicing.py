"""Basic indexing: what `x[i, a:b:c, new, ...]` makes of a shape.

An index is a tuple of entries: an int or size, ("slice", start, stop, step) with None for what was left out, "new" for
a new axis of size 1, and "..." for all axes not named. Where all sizes are numbers the meaning is NumPy's, also that
slices stop at the end of the axis. Where a size is symbolic, bounds are taken to lie within the axis: guards say so.
"""

from __future__ import annotations

from typing import Any

from gdl.ops.extents import fit, is_size, refuse, resized, shown, whole_number
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.sizes import Size
from gdl.types.tensor import Dim


def sliced(dims: tuple[Dim, ...], index: Any) -> tuple[tuple[Dim, ...], list[Guard]]:
    """The axes of x[index] for an x with axes `dims`. Raises Mismatch."""
    left: list[Dim] = []
    guards: list[Guard] = []
    axis = 0
    for entry in _filled(index, dims):
        if entry == "new":
            left.append(Dim(1))
            continue
        dim = dims[axis]
        if is_size(entry):
            guards += _inside(entry, dim, axis)
        elif isinstance(entry, tuple) and len(entry) == 4 and entry[0] == "slice":
            size, more = _slice_size(entry[1], entry[2], entry[3], dim, axis)
            left.append(resized(dim, size))
            guards += more
        else:
            raise refuse(f"an index is a whole number, a slice, a new axis or `...`, got {entry}")
        axis += 1
    return tuple(left), list(dict.fromkeys(guards))


def numpy_index(index: Any) -> tuple[Any, ...]:
    """The index as NumPy takes it, all sizes being numbers."""
    named = {"new": None, "...": Ellipsis}
    entries = [named[i] if isinstance(i, str) else slice(*i[1:]) if isinstance(i, tuple) else i for i in index]
    return (*entries,) if "..." in index else (*entries, Ellipsis)  # with `...` even a single element is a view


def whole(rank: int) -> list[Any]:
    """An index that takes everything, to be changed in places."""
    return [("slice", None, None, None)] * rank


def span(start: Size, stop: Size) -> tuple[Any, ...]:
    """The entry for `start:stop`."""
    return ("slice", start, stop, None)


def _filled(index: Any, dims: tuple[Dim, ...]) -> list[Any]:
    """The index with `...`, or its end, replaced by whole slices."""
    if not isinstance(index, tuple):
        raise refuse(f"an index is a list of whole numbers, slices, new axes and `...`, got {index}")
    entries = list(index)
    missing = len(dims) - sum(entry not in ("new", "...") for entry in entries)
    if missing < 0:
        raise refuse(f"{len(dims) - missing} indices are too many for {shown(dims)}, which has {_axes(len(dims))}")
    rests = [i for i, entry in enumerate(entries) if entry == "..."]
    if len(rests) > 1:
        raise refuse("an index can have one `...`, not several")
    at = rests[0] if rests else len(entries)
    return entries[:at] + whole(missing) + entries[at + 1 :]


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def _inside(position: Size, dim: Dim, axis: int) -> list[Guard]:
    text = f"index {position} is outside axis {axis}, which has size {dim.size}"
    if _from_back(position):
        return fit(1, Dim(-position), text) + fit(-position, dim, text)
    return fit(0, Dim(position), text) + fit(position + 1, dim, text)


def _from_back(position: Size) -> bool:
    """Negative bounds count from the end; a symbolic one does where no term of it is positive."""
    return position != 0 and sizes.at_most(position, 0) is True


def _slice_size(start: Any, stop: Any, step: Any, dim: Dim, axis: int) -> tuple[Size, list[Guard]]:
    step = 1 if step is None else whole_number("step", step)
    if step == 0:
        raise refuse("the step of a slice must not be 0")
    for bound in (start, stop):
        if bound is not None and not is_size(bound):
            raise refuse(f"the bound of a slice is a whole number, got {bound}")
    if all(bound is None or isinstance(bound, int) for bound in (start, stop, dim.size)):
        first, last, step = slice(start, stop, step).indices(dim.size)  # type: ignore[arg-type]
        return max(0, -((first - last) // step)), []  # no `len(range(...))`, which takes no size beyond 2**63 - 1
    guards: list[Guard] = []
    if step > 0:
        first = 0 if start is None else _position(start, dim, axis, guards)
        last = dim.size if stop is None else _position(stop, dim, axis, guards)
        low, high = first, last
    else:  # runs down from `first` to just above `last`; one more of each gives positions between elements
        high = dim.size if start is None else _position(start, dim, axis, guards) + 1
        low = 0 if stop is None else _position(stop, dim, axis, guards) + 1
        guards += fit(high, dim, f"the slice starts at {start}, but axis {axis} has size {dim.size}")
    text = f"the slice {_text(start, stop, step)} of an axis of size {dim.size} ends before it starts"
    if low != 0:
        guards += fit(low, Dim(high), text)
    return sizes.ceil_div(high - low, abs(step)), guards


def _position(bound: Size, dim: Dim, axis: int, guards: list[Guard]) -> Size:
    text = f"the bound {bound} of the slice is outside axis {axis}, which has size {dim.size}"
    if _from_back(bound):
        guards += fit(1, Dim(-bound), text) + fit(-bound, dim, text)
        return dim.size + bound
    guards += fit(0, Dim(bound), text) + fit(bound, dim, text)
    return bound


def _text(start: Any, stop: Any, step: int) -> str:
    parts = ["" if b is None else str(b) for b in (start, stop)] + ([str(step)] if step != 1 else [])
    return ":".join(parts)
