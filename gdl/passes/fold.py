"""What depends on no input is computed once, before the run."""

from __future__ import annotations

from typing import Any

from gdl.graph.node import Graph, Node, constant, rewrite_graph
from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.table import TABLE, apply

LIMIT = 4096  # elements of the largest constant that a graph should carry


def fold(graph: Graph) -> Graph:
    """The graph in which ops on constants only are constants, up to `LIMIT` elements."""
    return rewrite_graph(graph, folded)


def folded(node: Node) -> Node:
    """The node as a constant, where all its inputs are constants and it is no draw; else the node.

    What repeats one number is `full` of it, which says more with less. What stops a run (an index out of range) stays,
    to stop it in its place.
    """
    if node.is_leaf or node.op not in TABLE or any(i.op not in ("constant", "full") for i in node.inputs):
        return node
    entry, count = TABLE[node.op], _elements(node)
    repeats = node.op == "full" or (entry.view and count > sum(map(_elements, node.inputs)))
    if entry.random or entry.kernel is None or repeats or not _is_small(node, *node.inputs):
        return node
    try:
        result = evaluate(node)
    except (IndexError, ValueError, ZeroDivisionError, MemoryError):
        return node
    where: dict[str, Any] = {"origin": node.origin, "scope": node.scope}
    if node.type.rank and result.tobytes() == result.reshape(-1)[:1].tobytes() * count:
        value = result.flat[0].item()
        if float(value) == value or value != value:
            attrs = {"shape": node.type.shape, "value": float(value), "dtype": node.type.dtype}
            return apply("full", (), attrs, **where)
    return constant(_as_tuples(result.tolist()), node.type.dtype, node.type.shape, name=node.name, **where)  # type: ignore[arg-type]


def evaluate(node: Node) -> Any:
    """What the op's kernel makes of its constant inputs: an array."""
    import numpy as np

    arrays = [_array(i) for i in node.inputs]
    with np.errstate(all="ignore"):
        result = np.asarray(TABLE[node.op].kernel(*arrays, **node.attrs))  # type: ignore[misc]
    if result.dtype != NUMPY_NAME[node.type.dtype] or result.shape != node.type.shape:
        raise TypeError(f"{node!r}: its kernel gave {result.dtype}{list(result.shape)}")
    return result


def _array(node: Node) -> Any:
    import numpy as np

    array = np.array(node.attrs["value"], NUMPY_NAME[node.type.dtype])
    return np.broadcast_to(array, node.type.shape) if node.op == "full" else array.reshape(node.type.shape)  # type: ignore[arg-type]


def _is_small(*nodes: Node) -> bool:
    return all(0 < _elements(n) <= LIMIT for n in nodes)


def _as_tuples(value: Any) -> Any:
    return tuple([_as_tuples(v) for v in value]) if isinstance(value, list) else value


def _elements(node: Node) -> int:
    """How many elements the result has; -1 before its sizes are bound."""
    count = 1
    for size in node.type.shape:
        if not isinstance(size, int):
            return -1
        count *= size
    return count
