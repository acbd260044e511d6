"""`einsum`: sums of products over named axes, as transpositions, matrix products and sums."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gdl.graph.node import Node
from gdl.ops.extents import agree
from gdl.ops.patterns import REST, fill_rest, rest_size, wrong
from gdl.ops.samples import normal, sample
from gdl.ops.shaping import pad, reshape, slice_, transpose
from gdl.ops.slicing import whole
from gdl.ops.table import apply, composite
from gdl.record import Record, record
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.sizes import Size
from gdl.types.tensor import Dim, TensorType

Names = tuple[str, ...]


@record
class _Operand(Record):
    node: Node
    names: Names

    def sizes(self, names: Sequence[str]) -> list[Size]:
        """Sizes of the named axes; 1 for those that it does not have."""
        return [self.node.type.shape[self.names.index(n)] if n in self.names else 1 for n in names]

    def ordered(self, names: Sequence[str]) -> Node:
        """With its axes in the given order, which names each once."""
        order = tuple([self.names.index(n) for n in names])
        return self.node if order == tuple(range(len(order))) else transpose(self.node, axes=order)


@composite("(pattern: string, xs: n[...]) -> n[...]", variadic=True, samples=[
    sample(normal(2, 3), normal(3, 4), pattern="ij,jk->ik"),
    sample(normal(2, 3, 2), normal(2, 4, 2), pattern="b t k, b s k -> b t s"),
    sample(normal(3, 3), pattern="i i ->"), sample(normal(3, 3), pattern="ii->i"),
    sample(normal(2, 3), pattern="i j -> j"),
    sample(normal(2), normal(3), pattern="i,j->ij"),
    sample(normal(2, 2), normal(2, 3), normal(3), pattern="ij,jk,k->i"),
    sample(normal(2, 1, 2, 3), normal(4, 3, 2), pattern="...ij,...jk->...ik"),
    sample(normal(0, 2), normal(2, 3), pattern="ij,jk->ik"),
])  # fmt: skip
def einsum(*xs, pattern):
    """The sum of products over named axes: "b h t k, b h s k -> b h t s", or with a letter for each axis, "ij,jk->ik".

    An axis that the result does not name is summed; one that an operand names twice is its diagonal; `...` is any
    number of axes, which broadcast. Of three or more operands, the next to be multiplied is one that shares an axis.

    Shapes: an axis of the result for each name behind the arrow.
    Errors: the pattern does not fit the tensors: their number, their ranks, or an axis that has two sizes.
    Example: einsum("i j, j k -> i k", 2 * eye(2), 3 * eye(2)) == 6 * eye(2)
    Example: einsum("i i -> i", eye(2)) == [1.0, 1.0]
    """
    terms, output = _equation(pattern, [x.type for x in xs])
    operands = [_prepared(_Operand(x, names), terms, output) for x, names in zip(xs, terms)]
    result = operands.pop(0)
    while operands:
        other = operands.pop(_next(result, operands))
        result = _product(result, other, {n for o in operands for n in o.names}.union(output))
    return result.ordered(output)


@einsum.require
def _(*xs, pattern):
    terms, _ = _equation(pattern, xs)
    first: dict[str, tuple[Dim, str]] = {}
    guards: list[Guard] = []
    for i, (x, names) in enumerate(zip(xs, terms)):
        for name, dim in zip(names, x.dims):
            if name.startswith(REST) and dim.size == 1:
                continue
            known, who = first.setdefault(name, (dim, f"xs[{i}]"))
            text = f'in "{pattern}" the axis `{name}` has size {known.size} in {who} and {dim.size} in xs[{i}]'
            guards += agree(known, dim, (who, f"xs[{i}]"), text)
    return guards


# ---- the pattern -------------------------------------------------------------------------------------------------


def _equation(pattern: str, types: Sequence[TensorType]) -> tuple[list[Names], Names]:
    """The axes of each operand and of the result. Raises Mismatch for a malformed pattern or ranks that don't fit."""
    left, arrow, right = pattern.partition("->")
    parts = [part.strip() for part in left.split(",")]
    spelled = any(" " in part for part in [*parts, right.strip()])
    if "->" in right or (spelled and not arrow):
        raise wrong(pattern, f"there must be one `->`, found {pattern.count('->')}")
    if len(parts) != len(types):
        raise wrong(pattern, f"there are {len(parts)} operands before `->`, but einsum got {len(types)} tensors")
    terms = [_names(pattern, part, spelled) for part in parts]
    output = _names(pattern, right.strip(), spelled) if arrow else _implied(terms)
    _verify_output(pattern, terms, output)
    rests = [_rest(pattern, names, f"xs[{i}]", x) for i, (names, x) in enumerate(zip(terms, types))]
    return [fill_rest(names, rest) for names, rest in zip(terms, rests)], fill_rest(output, max(rests))


def _rest(pattern: str, names: Names, who: str, x: TensorType) -> int:
    has_rest = REST in names
    return rest_size(pattern, " ".join(names), len(names) - has_rest, has_rest, who, x)


def _names(pattern: str, part: str, spelled: bool) -> Names:
    words = part.replace(REST, f" {REST} ").split()
    names = [name for word in words for name in ([word] if spelled or word == REST else word)]
    for name in names:
        if name != REST and not name.isidentifier():
            raise wrong(pattern, f"`{name}` is no name of an axis")
    if names.count(REST) > 1:
        raise wrong(pattern, f"`{part}` has several `...`")
    return tuple(names)


def _implied(terms: Sequence[Names]) -> Names:
    """NumPy's result where none is written: `...`, then the letters that occur once, in order of the alphabet."""
    letters = [name for names in terms for name in names if name != REST]
    rest = (REST,) if any(REST in names for names in terms) else ()
    return (*rest, *sorted([name for name in letters if letters.count(name) == 1]))


def _verify_output(pattern: str, terms: Sequence[Names], output: Names) -> None:
    known = {name for names in terms for name in names}
    for name in output:
        if name not in known:
            raise wrong(pattern, f"`{name}` is in the result but in no operand")
        if output.count(name) > 1:
            raise wrong(pattern, f"`{name}` stands twice in the result")
    if REST in known and REST not in output:
        raise wrong(pattern, "the result must have `...` where an operand has it")


# ---- the graph ---------------------------------------------------------------------------------------------------


def _prepared(operand: _Operand, terms: Sequence[Names], output: Names) -> _Operand:
    """Each axis once, and none that nothing else needs."""
    for name in dict.fromkeys(operand.names):
        while operand.names.count(name) > 1:
            operand = _diagonal(operand, name)
    shared = {name for name in operand.names if sum(name in names for names in terms) > 1}
    return _summed(operand, shared.union(output))


def _diagonal(operand: _Operand, name: str) -> _Operand:
    """The elements whose two indices called `name` are equal. In a row-major n by n block they lie n + 1 apart."""
    i = operand.names.index(name)
    j = operand.names.index(name, i + 1)
    others = [k for k in range(len(operand.names)) if k not in (i, j)]
    x = transpose(operand.node, axes=(*others, i, j))
    *batch, n, _ = x.type.shape
    flat = reshape(x, shape=(*batch, n * n))
    padded = pad(flat, widths=(*[(0, 0)] * len(batch), (0, n)))
    index = [*whole(len(batch) + 1), 0]
    diagonal = slice_(reshape(padded, shape=(*batch, n, n + 1)), index=tuple(index))
    return _Operand(diagonal, (*[operand.names[k] for k in others], name))


def _summed(operand: _Operand, kept: Collection[str]) -> _Operand:
    gone = tuple([i for i, name in enumerate(operand.names) if name not in kept])
    if not gone:
        return operand
    node = apply("sum", [operand.node], {"axis": gone})
    return _Operand(node, tuple([name for name in operand.names if name in kept]))


def _next(result: _Operand, operands: Sequence[_Operand]) -> int:
    return next((i for i, other in enumerate(operands) if not set(result.names).isdisjoint(other.names)), 0)


def _product(a: _Operand, b: _Operand, kept: Collection[str]) -> _Operand:
    """The product of two operands, summed over the axes that only they share."""
    shared = [name for name in a.names if name in b.names]
    inner = [name for name in shared if name not in kept]
    if not inner:
        names = (*a.names, *[name for name in b.names if name not in a.names])
        return _Operand(_aligned(a, names) * _aligned(b, names), names)
    batch = [name for name in shared if name in kept]
    rows = [name for name in a.names if name not in shared]
    columns = [name for name in b.names if name not in shared]
    left = _merged(a, batch, rows, inner)
    right = _merged(b, batch, inner, columns)
    product = left @ right
    shape = (*product.type.shape[: len(batch)], *a.sizes(rows), *b.sizes(columns))
    node = product if len(rows) == len(columns) == 1 else reshape(product, shape=shape)
    return _Operand(node, (*batch, *rows, *columns))


def _merged(operand: _Operand, batch: list[str], rows: list[str], columns: list[str]) -> Node:
    """[*batch, rows, columns], the rows being one axis, and the columns too."""
    x = operand.ordered([*batch, *rows, *columns])
    if len(rows) == len(columns) == 1:
        return x
    merged = [sizes.product(operand.sizes(part)) for part in (rows, columns)]
    return reshape(x, shape=(*operand.sizes(batch), *merged))


def _aligned(operand: _Operand, names: Names) -> Node:
    """With its axes in the order of `names`, and axes of size 1 for those it does not have, so that it broadcasts."""
    own = [name for name in names if name in operand.names]
    x = operand.ordered(own)
    first = names.index(own[0]) if own else len(names)
    if len(own) == len(names) - first:  # all that is missing comes before: broadcasting adds it
        return x
    return reshape(x, shape=tuple(operand.sizes(names[first:])))
