"""A plan: everything decided about how a graph runs for one binding of its sizes, before any array exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gdl.collection import uncollected
from gdl.graph.node import Graph, Node
from gdl.passes import PIPELINE, bind_sizes, run_passes
from gdl.runtime.chains import Blocking, close_ranks, mark_chains
from gdl.runtime.compiled.listing import compile_listing
from gdl.runtime.compiled.region import Compiled
from gdl.runtime.emit import Code, emit
from gdl.runtime.memory import assign_memory
from gdl.runtime.placing import place_parts
from gdl.runtime.schedule import schedule
from gdl.runtime.select import select
from gdl.runtime.statements import Storage, Value
from gdl.runtime.updates import settle_updates
from gdl.runtime.widen import widen


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """Straight-line Python over preallocated memory.

    `graph` is what is computed, after the passes; `order` its nodes as scheduled. `buffers` lie in the arena, each
    with its offset and the statements between which it is in use; `views` are the arrays made of other arrays once.
    """

    graph: Graph
    order: tuple[Node, ...]
    inputs: tuple[str, ...]
    code: Code
    views: tuple[Value, ...]
    buffers: tuple[Storage, ...]
    arena_bytes: int

    @property
    def source(self) -> str:
        """The generated code, with the program's line beside each statement; then what of it is compiled."""
        head = f"# {len(self.order)} nodes, {len(self.buffers)} buffers in {self.arena_bytes:,} bytes"
        compiled = [call.shown(name) for name, call in self.code.calls.items() if isinstance(call, Compiled)]
        return "\n".join([head, *[function.commented for function in self.code.functions], *compiled])

    @property
    def peak_bytes(self) -> int:
        """Memory that a run needs besides variables, constants and what is fed, kernels' own scratch apart."""
        return self.arena_bytes

    def __repr__(self) -> str:
        return f"<Plan of {len(self.order)} nodes, {self.peak_bytes:,} bytes>"


@uncollected
def plan(graph: Graph, sizes: Mapping[str, int], threads: int = 1, backend: str = "numpy") -> Plan:
    """The plan of a graph without open requests, its symbolic sizes bound, through all passes, for so many threads."""
    with np.errstate(all="ignore"):  # as in a run: infinities are values
        return plan_as_is(run_passes(bind_sizes(graph, sizes), PIPELINE), threads=threads, backend=backend)


def plan_as_is(
    graph: Graph, blocking: Blocking = Blocking(), threads: int = 1, backend: str = "numpy",  # noqa: B008
) -> Plan:  # fmt: skip
    """The plan of a graph whose sizes are bound, without any pass."""
    order = schedule(graph)
    listing = select(graph, order, threads, on_scalars=backend == "numpy")
    place_parts(listing)
    if backend == "numpy":
        widen(listing)
    settle_updates(listing)
    if backend == "numpy":
        listing.statements = close_ranks(listing.statements, blocking)
        mark_chains(listing.statements, blocking, threads)
        arena_bytes, buffers = assign_memory(listing)
    else:
        arena_bytes, buffers = compile_listing(listing)
    return Plan(
        graph, tuple(order), tuple(listing.fed), emit(listing), tuple(listing.views), tuple(buffers), arena_bytes
    )
