"""How values lie in memory, before any memory exists."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gdl.ops.table import TABLE
from gdl.runtime.arrays import DTYPES
from gdl.runtime.statements import Form, Listing, Owner, Statement, Value


@dataclass(slots=True)
class Layouts:
    """How values lie in memory, those too that are only known in the run."""

    listing: Listing
    _views: dict[Value, tuple[Value, np.ndarray, int]]

    def __init__(self, listing: Listing) -> None:
        self.listing, self._views = listing, {}

    def hoisted(self) -> list[Statement]:
        """The statements, views of what is fed first: nothing is computed for them."""
        fed = set(self.listing.fed.values())
        first: list[Statement] = []
        rest: list[Statement] = []
        for statement in self.listing.statements:
            operands, node = statement.operands, statement.node
            is_simple = statement.form in (Form.LOCAL, Form.OPERATOR) and len(operands) == 1
            seen_of = operands[0] if is_simple and (operands[0] in fed or operands[0] in self._views) else None
            if node is not None and seen_of is not None and TABLE[node.op].view:
                base, array, start = self.of(seen_of)  # type: ignore[misc]
                seen = TABLE[node.op].kernel(array, **node.attrs)  # type: ignore[misc]
                if np.may_share_memory(seen, array) or not seen.size:
                    self._views[statement.result] = base, seen, start
                    first.append(statement)
                    continue
            rest.append(statement)
        return first + rest

    def of(self, value: Value) -> tuple[Value, np.ndarray, int] | None:
        """The value at the start of its memory, an array that lies like the value, and that memory's address in it."""
        if value in self._views:
            return self._views[value]
        if value.storage is None:
            return None
        if value.storage.owner is Owner.RUN:
            if value.name not in {v.name for v in self.listing.fed.values()}:
                return None
            array = _flat(value)
            self._views[value] = value, array, array.ctypes.data
            return self._views[value]
        base = value
        while base.view is not None:
            base = base.view[0]
        if value.layout is None:
            array = _flat(value)
            return base, array, array.ctypes.data
        return base, value.layout, base.layout.ctypes.data  # type: ignore[union-attr]


def _flat(value: Value) -> np.ndarray:
    """An array that lies like a value without gaps, and has next to no memory."""
    dtype = DTYPES[value.dtype]
    strides, item = [], dtype.itemsize
    for size in reversed(value.shape):
        strides.append(item)
        item *= max(size, 1)
    return np.lib.stride_tricks.as_strided(np.empty(1, dtype), value.shape, strides[::-1])
