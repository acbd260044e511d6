"""Patterns that name axes: `b h t k, b h s k -> b h t s` and `b t (h k) -> b h t k`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gdl.ops.extents import refuse
from gdl.types.match import Mismatch
from gdl.types.tensor import TensorType

#: One axis of a tensor as a pattern writes it: a name, the names inside a parenthesis, or none for an axis of size 1.
Group = tuple[str, ...]
REST = "..."
_TOKEN = re.compile(r"\.\.\.|[()]|\w+|\S")


def wrong(pattern: str, text: str) -> Mismatch:
    return refuse(f'in "{pattern}" {text}')


def two_sides(pattern: str) -> tuple[str, str]:
    """What stands before and after the arrow."""
    sides = pattern.split("->")
    if len(sides) != 2:
        raise wrong(pattern, f"there must be one `->`, found {len(sides) - 1}")
    return sides[0].strip(), sides[1].strip()


def parse_groups(pattern: str, side: str, rest: int) -> tuple[Group, ...]:
    """The axes that one side of a pattern names, `...` being `rest` of them. Raises Mismatch where it is malformed."""
    groups: list[Group] = []
    inner: list[str] | None = None  # the names since an open parenthesis
    for token in _TOKEN.findall(side):
        if token == "(":
            if inner is not None:
                raise wrong(pattern, "parentheses can't stand in parentheses")
            inner = []
        elif token == ")":
            if inner is None:
                raise wrong(pattern, "a `)` closes nothing")
            groups.append(tuple(inner))
            inner = None
        else:
            names = _names_of(pattern, token, rest)
            if inner is not None:
                inner += names
            else:
                groups += [(name,) for name in names] if token != "1" else [()]
    if inner is not None:
        raise wrong(pattern, "a `(` is not closed")
    _verify_distinct(pattern, groups)
    return tuple(groups)


def _names_of(pattern: str, token: str, rest: int) -> tuple[str, ...]:
    if token == REST:
        return rest_names(rest)
    if token == "1":
        return ()
    if not token.isidentifier():
        raise wrong(pattern, f"`{token}` is no axis; an axis is a name, 1, or names in parentheses")
    return (token,)


def _verify_distinct(pattern: str, groups: Iterable[Group]) -> None:
    seen: set[str] = set()
    for name in (name for group in groups for name in group):
        if name in seen:
            raise wrong(pattern, f"`{plain(name)}` stands twice on one side")
        seen.add(name)


def rest_names(count: int) -> tuple[str, ...]:
    """Names for the axes that `...` stands for, the same for axes equally far from its end."""
    return tuple([f"{REST}{i}" for i in range(count, 0, -1)])


def plain(name: str) -> str:
    """The name as the pattern writes it."""
    return REST if name.startswith(REST) else name


def fill_rest(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The names with `...` replaced by `count` axes."""
    if REST not in names:
        return names
    at = names.index(REST)
    return names[:at] + rest_names(count) + names[at + 1 :]


def rest_size(pattern: str, part: str, named: int, has_rest: bool, who: str, x: TensorType) -> int:
    """How many axes `...` stands for. Raises Mismatch where the ranks do not fit."""
    if x.rank < named or (x.rank > named and not has_rest):
        axes = "1 axis" if named == 1 else f"{named} axes"
        raise wrong(pattern, f"`{part}` has {axes}{' or more' if has_rest else ''}, but {who} is {x}")
    return x.rank - named
