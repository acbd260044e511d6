"""A plan's statements with the nests among them compiled: a statement for each run of nests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby

from gdl.graph.node import Node
from gdl.runtime.compiled.contraction import Contraction
from gdl.runtime.compiled.fuse import Item, fuse
from gdl.runtime.compiled.layouts import Layouts
from gdl.runtime.compiled.memory import assign_memory
from gdl.runtime.compiled.nest import Nest
from gdl.runtime.compiled.products import find_contractions
from gdl.runtime.compiled.region import Region
from gdl.runtime.compiled.write import Kernel, write
from gdl.runtime.statements import Form, Listing, Owner, Statement, Storage, Value


def compile_listing(listing: Listing) -> tuple[int, list[Storage]]:
    """Replaces the statements, with memory assigned. Returns the arena's size in bytes and the storages in it."""
    layouts = Layouts(listing)
    statements = layouts.hoisted()
    contractions = find_contractions(statements, layouts)
    items = fuse(statements, layouts)
    arena_bytes, buffers = assign_memory(items, listing)
    listing.statements = _with_regions(items, contractions, listing)
    listing.views[:] = [view for view in listing.views if _has_memory(view)]
    return arena_bytes, buffers


def _with_regions(
    items: Iterable[Item], contractions: Mapping[Statement, Contraction], listing: Listing
) -> list[Statement]:
    statements: list[Statement] = []
    for compiled, run in groupby(items, lambda item: item in contractions or isinstance(item, Nest)):
        if not compiled:
            statements += run  # type: ignore[arg-type]
            continue
        together = list(run)
        region = Region([_kernel(item, contractions) for item in together])
        nothing = Value("", "u8", ())
        name = listing.names.take("fused")
        statements.append(Statement(Form.REGION, nothing, region.fed, _node(together[0]), name, region))
    return statements


def _kernel(item: Item, contractions: Mapping[Statement, Contraction]) -> Kernel:
    if isinstance(item, Nest):
        return write(item)
    return contractions[item].kernel(item.scratch)  # type: ignore[arg-type]


def _node(item: Item) -> Node | None:
    return item.placed[0].work.statement.node if isinstance(item, Nest) else item.node


def _has_memory(view: Value) -> bool:
    root = view.storage.root()  # type: ignore[union-attr]
    return root.owner is not Owner.ARENA or root.offset >= 0
