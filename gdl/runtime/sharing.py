"""Statements whose parts several threads compute at the same time.

An op's `cut` says along which axes its operands and its result come apart. A large statement of such an op gets a
kernel for each part, made for the part's shape; they write into parts of one result, or into results of their own that
are added in the end. The parts depend on the sizes and the number of threads only, and so do the bits. Chains deal out
their blocks, which changes no bit at all.

Measured as the CPU time of the longest way through a step, what two threads leave of one thread's: W3 0.64, W4 0.69,
W5 0.57, W6 0.69; W1 and W2 have no statement that is large enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from gdl.graph.node import Node
from gdl.ops.extents import resized
from gdl.ops.table import Op, flops
from gdl.runtime.arrays import nbytes_of, round_up
from gdl.runtime.pool import Pool
from gdl.types.tensor import TensorType

#: What takes long enough, some 0.1 ms, to be worth the hand-over.
LEAST_FLOPS = 2**23

Kernel = Callable[..., Any]
Where = tuple[slice, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A kernel and which parts of the operands, of the result and of the scratch memory it is called with. `own` is
    where a result to be added lies in the scratch memory."""

    kernel: Kernel
    operands: tuple[Where, ...]
    result: Where
    scratch: slice | None
    own: slice | None


@dataclass(frozen=True, eq=False, slots=True)
class Shared:
    """A statement in parts."""

    parts: tuple[Part, ...]
    scratch_bytes: int

    def bound_to(self, pool: Pool) -> Kernel:
        """The kernel that the generated code calls, with its operands, its result and its scratch memory."""
        parts, run, adds = self.parts, pool.run, any(part.own for part in self.parts)

        def kernel(*arrays: Any) -> None:
            *operands, out, scratch = arrays if self.scratch_bytes else (*arrays, None)
            results = [_result(part, out, scratch) for part in parts]
            run([(part.kernel, _arguments(part, operands, result, scratch)) for part, result in zip(parts, results)])
            if adds:
                reduce(partial(np.add, out=out), results)

        return kernel


@dataclass(frozen=True, slots=True)
class Share:
    """Calls the function of a chain once for each thread's blocks, with the other arguments that it takes."""

    def bound_to(self, pool: Pool) -> Kernel:
        run = pool.run
        return lambda chain, blocks, *arguments: run([(chain, (part, *arguments)) for part in blocks])


def _result(part: Part, out: Any, scratch: Any) -> Any:
    return out[part.result] if part.own is None else scratch[part.own].view(out.dtype).reshape(out.shape)


def _arguments(part: Part, operands: Sequence[Any], result: Any, scratch: Any) -> list[Any]:
    arrays = [array[where] for array, where in zip(operands, part.operands)]
    return [*arrays, result] if part.scratch is None else [*arrays, result, scratch[part.scratch]]


def shared(node: Node, entry: Op, threads: int) -> Shared | None:
    """A kernel in parts for the node, whose sizes are bound; None where it has none, or parts would not pay."""
    types = [i.type for i in node.inputs]
    cut = entry.cut(node.type, *types, **node.attrs) if threads > 1 and entry.cut is not None else None
    if cut is None or flops(entry, node.type, types, node.attrs) < LEAST_FLOPS:
        return None
    length = cut.length(node.type, types)
    bounds = [length * i // threads for i in range(threads + 1)]
    parts: list[Part] = []
    used = 0
    for start, stop in zip(bounds, bounds[1:]):
        if start == stop:
            continue
        out_type = _cut(node.type, cut.result, stop - start)
        part_types = [_cut(t, axis, stop - start) for t, axis in zip(types, cut.operands)]
        kernel = _kernel(entry, node, out_type, part_types, in_one_piece=cut.result in (0, None))
        scratch, used = _taken(used, getattr(kernel, "scratch_bytes", 0))
        adds = cut.result is None and parts
        own, used = _taken(used, nbytes_of(out_type.dtype, out_type.shape) if adds else 0)  # type: ignore[arg-type]
        operands = tuple([_where(axis, start, stop) for axis in cut.operands])
        parts.append(Part(kernel, operands, _where(cut.result, start, stop), scratch, own))
    return Shared(tuple(parts), used) if len(parts) > 1 else None


def _kernel(
    entry: Op, node: Node, out_type: TensorType, types: Sequence[TensorType], in_one_piece: bool
) -> Kernel:
    """Kernels made for given shapes count on a result that lies in one piece of memory."""
    special = entry.specialise(out_type, *types, **node.attrs) if in_one_piece and entry.specialise else None
    if special is not None:
        return special

    def plain(*arrays: Any) -> None:
        *operands, out = arrays
        entry.kernel(*operands, out=out, **node.attrs)  # type: ignore[misc]

    return plain


def _cut(type: TensorType, axis: int | None, size: int) -> TensorType:
    if axis is None:
        return type
    dims = [resized(dim, size) if i == axis else dim for i, dim in enumerate(type.dims)]
    return TensorType(type.dtype, tuple(dims), type.origin)


def _where(axis: int | None, start: int, stop: int) -> Where:
    return () if axis is None else (*[slice(None)] * axis, slice(start, stop))


def _taken(used: int, nbytes: int) -> tuple[slice | None, int]:
    """The next so many bytes of scratch memory, and how much is used then."""
    return (slice(used, used + nbytes), used + round_up(nbytes)) if nbytes else (None, used)
