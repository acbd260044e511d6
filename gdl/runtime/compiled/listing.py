"""A plan's statements with the nests among them compiled: a statement for each run of nests."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from gdl.runtime.compiled.convolution import with_compiled_convolutions
from gdl.runtime.compiled.fuse import Item, fuse
from gdl.runtime.compiled.memory import assign_memory
from gdl.runtime.compiled.nest import Nest
from gdl.runtime.compiled.region import Region
from gdl.runtime.compiled.write import write
from gdl.runtime.statements import Form, Listing, Owner, Statement, Storage, Value


def compile_listing(listing: Listing) -> tuple[int, list[Storage]]:
    """Replaces the statements, with memory assigned. Returns the arena's size in bytes and the storages in it."""
    with_compiled_convolutions(listing.statements)
    items = fuse(listing)
    arena_bytes, buffers = assign_memory(items, listing)
    listing.statements = _with_regions(items, listing)
    listing.views[:] = [view for view in listing.views if _has_memory(view)]
    return arena_bytes, buffers


def _with_regions(items: Iterable[Item], listing: Listing) -> list[Statement]:
    statements: list[Statement] = []
    for compiled, run in groupby(items, lambda item: isinstance(item, Nest)):
        if not compiled:
            statements += run  # type: ignore[arg-type]
            continue
        nests: list[Nest] = list(run)  # type: ignore[arg-type]
        region = Region([write(nest) for nest in nests])
        nothing = Value("", "u8", ())
        node = nests[0].placed[0].work.statement.node
        statements.append(Statement(Form.REGION, nothing, region.fed, node, listing.names.take("fused"), region))
    return statements


def _has_memory(view: Value) -> bool:
    root = view.storage.root()  # type: ignore[union-attr]
    return root.owner is not Owner.ARENA or root.offset >= 0
