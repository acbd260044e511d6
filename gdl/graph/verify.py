"""What a legal graph is, stated once. Tests check it after every pass; it is for finding bugs, not users' mistakes.

- Every node is a leaf, a request or an op of the table; leaves take no inputs and have their attributes.
- Attributes are values that never change: numbers, strings, sizes, None, tuples of these, and the body of a scan.
- A node's type is what its op makes of its inputs' types, up to sizes that can't be compared before they are bound.
- A `grad` has the type of its `wrt`, a `jvp` that of its `of`; the third input has the type of its counterpart.
- Leaves of one path or name have one type. An update gives a variable a value of the variable's type, and only once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gdl.graph.node import LOOP, REQUESTS, Graph, Node, topological
from gdl.graph.scan import Body
from gdl.types import sizes
from gdl.types.sizes import Poly
from gdl.types.tensor import DTYPES, TensorType

Retype = Callable[[Node], TensorType]

_LEAF_ATTRS = {"input": "name", "variable": "path", "constant": "value", "size": "size", "clock": "name"}


class IllegalGraph(AssertionError):
    """A stage built what no graph may be: a bug in GDL."""


def verify(graph: Graph, retype: Retype | None = None) -> Graph:
    """The graph itself, if it is legal. `retype` says what the op table makes of an op's inputs.

    Errors: IllegalGraph, with every complaint.
    """
    order = topological((*graph.roots, *[variable for variable, _ in graph.updates]))
    complaints = [f"{node!r}: {text}" for node in order for text in _complaints(node, retype)]
    complaints += [*_leaf_complaints(order), *_update_complaints(graph)]
    if complaints:
        raise IllegalGraph("\n".join(complaints))
    return graph


def fits(a: TensorType, b: TensorType) -> bool:
    """Whether two types may be the same: equal dtypes and ranks, and no axis known to differ."""
    if a.dtype != b.dtype or a.rank != b.rank:
        return False
    return all(sizes.equal(m, n) is not False for m, n in zip(a.shape, b.shape))


def _complaints(node: Node, retype: Retype | None) -> Iterator[str]:
    if node.type.dtype not in DTYPES:
        yield f"no dtype: {node.type.dtype}"
    if any(isinstance(s, int) and s < 0 for s in node.type.shape):
        yield "a negative size"
    for name, value in node.attrs.items():
        if not _is_lasting(value):
            yield f"attribute {name} is a {type(value).__name__}"
    if node.is_leaf:
        yield from _complaints_of_leaf(node)
    elif node.op in REQUESTS:
        yield from _complaints_of_request(node)
    elif node.op == LOOP:
        yield from (text for inner in topological(node.attrs["body"].roots) for text in _complaints(inner, retype))
    elif retype is not None:
        try:
            expected = retype(node)
        except Exception as error:
            yield f"its op refuses its inputs {[i.type for i in node.inputs]}: {error}"
        else:
            if not fits(expected, node.type):
                yield f"its op gives {expected}"


def _complaints_of_leaf(node: Node) -> Iterator[str]:
    if node.inputs:
        yield "a leaf with inputs"
    wanted = _LEAF_ATTRS[node.op]
    if wanted not in node.attrs:
        yield f"no attribute {wanted}"
    elif node.op == "constant" and not _has_shape(node.attrs["value"], node.type.shape):
        yield "its value has another shape"
    elif node.op in ("size", "clock") and node.type.rank:
        yield "not a scalar"


def _complaints_of_request(node: Node) -> Iterator[str]:
    if len(node.inputs) not in ((3,) if node.op == "jvp" else (2, 3)):
        yield f"{len(node.inputs)} inputs"
        return
    of, wrt, *weight = [i.type for i in node.inputs]
    own, weighted = (wrt, of) if node.op == "grad" else (of, wrt)
    if not fits(node.type, own):
        yield f"its type should be {own}"
    if weight and not fits(weight[0], weighted):
        yield f"a weight of type {weight[0]} for {weighted}"


def _leaf_complaints(order: list[Node]) -> Iterator[str]:
    seen: dict[tuple[str, Any], TensorType] = {}
    for node in order:
        if node.op in ("input", "variable", "clock"):
            known = seen.setdefault((node.op, node.attrs.get(_LEAF_ATTRS[node.op])), node.type)
            if known != node.type:
                yield f"{node!r}: elsewhere it is {known}"


def _update_complaints(graph: Graph) -> Iterator[str]:
    seen: set[str] = set()
    for variable, value in graph.updates:
        if variable.op != "variable":
            yield f"{variable!r}: updated, but no variable"
            continue
        path = variable.attrs["path"]
        if path in seen:
            yield f"{variable!r}: updated twice"
        seen.add(path)
        if not fits(variable.type, value.type):
            yield f"{variable!r}: updated with {value.type}"


def _is_lasting(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_lasting, value))
    return value is None or isinstance(value, (bool, int, float, str, Poly, Body))


def _has_shape(value: Any, shape: tuple[Any, ...]) -> bool:
    if not shape:
        return isinstance(value, (bool, int, float))
    return isinstance(value, tuple) and len(value) == shape[0] and all(_has_shape(v, shape[1:]) for v in value)
