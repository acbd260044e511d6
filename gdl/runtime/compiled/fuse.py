"""Statements to nests of loops: which of a plan's statements are compiled, and which of them together.

Statements keep their order but for this: between two that stay NumPy's, a compiled one may move to others that it
shares values with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from gdl.runtime.compiled.formulas import formula
from gdl.runtime.compiled.layouts import Layouts
from gdl.runtime.compiled.nest import Nest, Work, access_of, nest_of, squeezed
from gdl.runtime.statements import Form, Statement, Storage
from gdl.types.match import normal_axes

Item = Statement | Nest
#: Larger nests hold more values than a processor has registers.
MOST_WORKS = 48
#: Nests that may meet for the sake of what both read lie at most so far apart.
NEAR = 8


def fuse(statements: Sequence[Statement], layouts: Layouts) -> list[Item]:
    """The statements in their new order, those to be compiled as nests."""
    items: list[Item] = []
    found = [_work(number, each, layouts) or each for number, each in enumerate(statements)]
    for compiled, run in groupby(found, lambda each: isinstance(each, Work)):
        items += _nests(run) if compiled else run  # type: ignore[arg-type]  # noqa: B031  # one of the two
    return items


# ---- works -------------------------------------------------------------------------------------------------------


def _work(number: int, statement: Statement, layouts: Layouts) -> Work | None:
    """The statement as a nest takes it; None where it stays NumPy's."""
    result, operands = statement.result, statement.operands
    if not statement.writes_memory or statement.draws is not None or not result.fills_storage:
        return None
    found = [layouts.of(operand) for operand in operands]
    if not found or any(layout is None for layout in found):
        return None
    into = layouts.of(result)
    if statement.node is not None and statement.node.op in ("sum", "max", "min") and statement.form is not Form.COPY:
        return _reduction(number, statement, found, into)
    text = formula(statement)
    if text is None or any(len(operand.shape) > len(result.shape) for operand in operands):
        return None
    space, rank = result.shape, len(result.shape)
    reads = [
        access_of(operand, layout, space, range(rank - len(operand.shape), rank))
        for operand, layout in zip(operands, found)
    ]
    write = access_of(result, into, space, range(rank))
    return Work(number, statement, text, squeezed(space), tuple(reads), write)


def _reduction(number: int, statement: Statement, found: Sequence[Any], into: Any) -> Work | None:
    operand, result, node = statement.operands[0], statement.result, statement.node
    space, rank = operand.shape, len(operand.shape)
    if operand.dtype not in ("f32", "f64") or not operand.nbytes:
        return None
    gone = normal_axes(node.attrs["axis"], rank)  # type: ignore[union-attr]
    kept = [axis for axis in range(rank) if axis not in gone]
    axes = range(rank) if len(result.shape) == rank else kept
    reduced = tuple([axis in gone for axis, size in enumerate(space) if size != 1])
    read = access_of(operand, found[0], space, range(rank))
    write = access_of(result, into, space, axes)
    return Work(number, statement, "{0}", squeezed(space), (read,), write, node.op, reduced)  # type: ignore[union-attr]


# ---- nests -------------------------------------------------------------------------------------------------------


def _nests(works: Iterable[Work]) -> list[Nest]:
    """Works in a row as nests in an order that respects what they read of each other."""
    nests: list[Nest] = []
    for work in works:
        nest = nest_of([work])
        assert nest is not None
        nests.append(nest)
        for read in work.reads:
            at, maker = len(nests) - 1, _maker(nests, read.storage)
            if 0 <= maker < at:
                _join(nests, maker, at)
    _join_readers(nests)
    return nests


def _maker(nests: Sequence[Nest], storage: Storage) -> int:
    for at in range(len(nests) - 1, -1, -1):
        if storage in nests[at].produced:
            return at
    return -1


def _join_readers(nests: list[Nest]) -> None:
    """Joins nests over one space that read the same memory from beginning to end."""
    at = 1
    while at < len(nests):
        for before in range(at - 1, max(-1, at - NEAR), -1):
            if _large(nests[before]) & _large(nests[at]) and _join(nests, before, at):
                at -= 1
                break
        at += 1


def _large(nest: Nest) -> set[tuple[Any, ...]]:
    return {access.place for _, access in nest.loads() if all(access.strides) and nest.sizes}


def _join(nests: list[Nest], first: int, second: int) -> bool:
    """Joins two nests where either may move to the other and their loops go together."""
    a, b = nests[first], nests[second]
    if len(a.placed) + len(b.placed) > MOST_WORKS:
        return False
    between = nests[first + 1 : second]
    if not any(_reads(nest, a) for nest in between):
        target = second
    elif not any(_reads(b, nest) for nest in between):
        target = first
    else:
        return False
    joined = nest_of(sorted([*a.works, *b.works], key=lambda work: work.number))
    if joined is None:
        return False
    nests[target] = joined
    del nests[first if target == second else second]
    return True


def _reads(reader: Nest, maker: Nest) -> bool:
    made = set(maker.produced)
    return any(read.storage in made for placed in reader.placed for read in placed.reads)
