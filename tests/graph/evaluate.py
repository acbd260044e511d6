"""The plainest way to run a graph: one kernel after the other. What passes and plans are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from gdl.graph.node import Node, topological
from gdl.graph.substitute import substitute_attrs
from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.table import TABLE
from gdl.types import sizes as size_arithmetic


def evaluate(roots: Sequence[Node], feeds: Mapping[str, Any] = {}, sizes: Mapping[str, int] = {}) -> list[np.ndarray]:
    """Values of the roots. `feeds` are arrays by the name of an input, clock or the path of a variable."""
    values: dict[Node, np.ndarray] = {}
    with np.errstate(all="ignore"):
        for node in topological(roots):
            value = np.asarray(_value(node, [values[i] for i in node.inputs], feeds, sizes))
            shape = tuple([size_arithmetic.substitute(s, sizes) for s in node.type.shape])
            promised = (NUMPY_NAME[node.type.dtype], shape)
            assert (value.dtype.name, value.shape) == promised, f"{node!r} came as {value.dtype} {value.shape}"
            values[node] = value
    return [values[r] for r in roots]


def _value(node: Node, inputs: Sequence[np.ndarray], feeds: Mapping[str, Any], sizes: Mapping[str, int]) -> Any:
    dtype = NUMPY_NAME[node.type.dtype]
    if node.op == "constant":
        return np.array(node.attrs["value"], dtype).reshape(node.type.shape)
    if node.op == "size":
        return np.array(sizes[str(node.attrs["size"])], dtype)
    if node.is_leaf:
        return np.asarray(feeds[node.attrs.get("path") or node.attrs["name"]], dtype)
    entry = TABLE[node.op]
    assert entry.kernel is not None
    if entry.random:
        inputs = (np.random.default_rng(crc32(node.attrs["key"].encode())), *inputs)
    return entry.kernel(*inputs, **substitute_attrs(node.attrs, sizes))
