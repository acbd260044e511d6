"""`rearrange`: reshapes and transpositions, told by naming the axes before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gdl.graph.node import Node
from gdl.ops.extents import agree, divides, is_size, refuse
from gdl.ops.patterns import REST, Group, parse_groups, plain, rest_size, two_sides, wrong
from gdl.ops.samples import normal, sample
from gdl.ops.shaping import reshape, transpose
from gdl.ops.table import composite
from gdl.record import Record, record
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.sizes import Size
from gdl.types.tensor import Dim, TensorType


@record
class _Arrangement(Record):
    """The single axes of a tensor before and after, and how they are grouped after."""

    before: tuple[str, ...]
    after: tuple[Group, ...]
    sizes: Mapping[str, Size]
    guards: tuple[Guard, ...]


@composite("(xs: t[...], pattern: string, sizes: any = none) -> t[...]", variadic=True, rest="sizes", samples=[
    sample(normal(2, 3, 8), pattern="b t (h k) -> b h t k", h=2),
    sample(normal(2, 2, 3, 4), pattern="b h t k -> b t (h k)"),
    sample(normal(2, 3), normal(4, 3), pattern="a b -> b 1 a"), sample(normal(4, 3, 2), pattern="... c -> c (...)"),
    sample(normal(1, 4, 6, 3), pattern="1 (h p) (w q) c -> (h w) (p q c)", p=2, q=3), sample(normal(), pattern="-> 1"),
])  # fmt: skip
def rearrange(*xs, pattern, sizes):
    """x with its axes reordered, split and merged as the pattern says: "b t (h k) -> b h t k" with h=4.

    Parentheses hold axes that make up one, slowest first; `1` is an axis of size 1, `...` all axes not named.
    Of several tensors each is rearranged by itself.

    Shapes: an axis of the result for each name or pair of parentheses behind the arrow.
    Errors: the pattern does not fit the tensors; an axis in parentheses has no size, or sizes that do not make up
    the axis.
    Example: rearrange(eye(2), "h w -> (h w)") == [1.0, 0.0, 0.0, 1.0]
    Example: rearrange(expand([1, 2, 3, 4], axis=0), "b (h k) -> h b k", h=2) == [[[1, 2]], [[3, 4]]]
    """
    results = tuple([_arranged(x, pattern, sizes or {}, i) for i, x in enumerate(xs)])
    return results[0] if len(results) == 1 else results


@rearrange.require
def _(*xs, pattern, sizes):
    if not xs:
        raise refuse("rearrange needs at least one tensor")
    return [guard for i, x in enumerate(xs) for guard in _arrangement(x, pattern, sizes or {}, i).guards]


def _arranged(x: Node, pattern: str, given: Mapping[str, Any], position: int) -> Node:
    plan = _arrangement(x.type, pattern, given, position)
    single = [plan.sizes[name] for name in plan.before]
    order = [plan.before.index(name) for group in plan.after for name in group]
    if tuple(single) != x.type.shape:
        x = reshape(x, shape=tuple(single))
    if order != sorted(order):
        x = transpose(x, axes=tuple(order))
    shape = tuple([sizes.product([plan.sizes[name] for name in group]) for group in plan.after])
    return x if shape == x.type.shape else reshape(x, shape=shape)


def _arrangement(x: TensorType, pattern: str, given: Mapping[str, Any], position: int) -> _Arrangement:
    left, right = two_sides(pattern)
    named = _verified(pattern, left, right, given)
    count = rest_size(pattern, left, named, REST in left, f"xs[{position}]", x)
    before, after = parse_groups(pattern, left, count), parse_groups(pattern, right, count)
    known, guards = _known_sizes(pattern, before, x, given)
    return _Arrangement(tuple([name for group in before for name in group]), after, known, tuple(guards))


def _verified(pattern: str, left: str, right: str, given: Mapping[str, Any]) -> int:
    """How many axes the left side has beside `...`. Raises Mismatch where the two sides or the sizes can't be."""
    before, after = parse_groups(pattern, left, 1), parse_groups(pattern, right, 1)
    old, new = ({plain(name) for group in side for name in group} for side in (before, after))
    if any(len(group) > 1 and any(plain(name) == REST for name in group) for group in before) or "(...)" in left:
        raise wrong(pattern, "the `...` on the left can't stand in parentheses: its axes could not be told apart")
    for name in sorted(new - old):
        text = f"`{name}` is only on the right; a new axis is written 1, and broadcast_to or tile repeats it"
        raise wrong(pattern, text)
    for name in sorted(old - new):
        raise wrong(pattern, f"`{name}` is only on the left; sum or slice an axis to drop it")
    for name, size in given.items():
        if name not in old:
            raise wrong(pattern, f"there is no axis `{name}`; its axes are {', '.join(sorted(old))}")
        if not is_size(size) or sizes.at_most(1, size) is False:
            raise wrong(pattern, f"the size of `{name}` must be positive, got {size}")
    return len(before) - (REST in old)


def _known_sizes(
    pattern: str, groups: tuple[Group, ...], x: TensorType, given: Mapping[str, Size]
) -> tuple[dict[str, Size], list[Guard]]:
    """The size of every single axis on the left: given, or what the others leave of its group."""
    known: dict[str, Size] = dict(given)
    guards: list[Guard] = []
    for axis, (group, dim) in enumerate(zip(groups, x.dims)):
        unknown = [name for name in group if name not in given]
        covered = sizes.product([given[name] for name in group if name in given])
        written = f"({' '.join(group)})" if len(group) > 1 else "".join(group) or "1"
        if len(unknown) > 1:
            text = f"give the size of `{unknown[0]}` or `{unknown[1]}`, as in {unknown[0]}=2, to split `{written}`"
            raise wrong(pattern, text)
        with_sizes = ", ".join(f"{name}={given[name]}" for name in group if name in given)
        text = f'in "{pattern}" axis {axis} of {x} has size {dim.size}, which does not fit `{written}`'
        text += f" with {with_sizes}" if with_sizes else ""
        if unknown:
            guards += divides(covered, dim, text) if covered != 1 else []
            known[unknown[0]] = dim.size // covered
        elif sizes.equal(covered, dim.size) is False:
            raise refuse(text)
        else:
            guards += agree(Dim(covered), dim, ("pattern", "xs"))
    return known, guards
