"""The graph: nodes that know their op's name, inputs, static attributes and type. Nothing here knows any op.

Leaves, which are no ops:
  input     name             fed per run: a placeholder or a record's field
  variable  path             a trained or kept tensor, by its path
  constant  value            a Python number, or nested tuples of numbers
  size      size             a symbolic size as a scalar
  clock     name             "step", "epoch" or "tick" as a scalar
One form holds a graph of its own, so that recurrence neither grows the graph nor needs a tape:
  scan      sequences, carries, captured   see `gdl.graph.scan`
Requests, which `gdl.autodiff.expand` replaces by gradients:
  grad      of, wrt [, seed]  the gradient of `of` at `wrt`, or its product with the upstream `seed`; its type is wrt's.
                              The attribute minimize=True says that it was asked for by a `minimize`: errors then speak
                              of the loss and the variable
  jvp       of, wrt, tangent  the directional derivative; its type is of's
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from gdl.record import Record, record
from gdl.source import Span
from gdl.types.match import Guard
from gdl.types.sizes import symbols
from gdl.types.tensor import TensorType, tensor

LOOP = "scan"
LEAVES = frozenset({"input", "variable", "constant", "size", "clock"})
REQUESTS = frozenset({"grad", "jvp"})
_NO_ATTRS: Mapping[str, Any] = {}


class Node:
    """One value of the graph. Immutable; compared by identity.

    `scope` is the path of the instance it belongs to; `origin` the places of the calls that led here, innermost first
    (its own place first).
    """

    __slots__ = ("op", "inputs", "attrs", "type", "origin", "scope", "name", "__weakref__")

    #: Installed by the op table: (op name, inputs, attrs) -> Node, with the type inferred.
    build: Callable[..., Node]

    def __init__(
        self,
        op: str,
        inputs: Sequence[Node],
        attrs: Mapping[str, Any] | None,
        type: TensorType,
        origin: tuple[Span, ...] = (),
        scope: str = "",
        name: str = "",
    ):
        self.op = op
        self.inputs = tuple(inputs)
        self.attrs = attrs or _NO_ATTRS
        self.type = type
        self.origin = origin
        self.scope = scope
        self.name = name

    @property
    def span(self) -> Span | None:
        return self.origin[0] if self.origin else None

    @property
    def is_leaf(self) -> bool:
        return self.op in LEAVES

    def __repr__(self) -> str:
        return f"<{self.name + ' = ' if self.name else ''}{self.op} {self.type}>"

    # Arithmetic builds graph: what gradient rules are written in.
    def __add__(self, other: Node | float) -> Node:
        return Node.build("add", (self, like(other, self)))

    def __radd__(self, other: Node | float) -> Node:
        return Node.build("add", (like(other, self), self))

    def __sub__(self, other: Node | float) -> Node:
        return Node.build("subtract", (self, like(other, self)))

    def __rsub__(self, other: Node | float) -> Node:
        return Node.build("subtract", (like(other, self), self))

    def __mul__(self, other: Node | float) -> Node:
        return Node.build("multiply", (self, like(other, self)))

    def __rmul__(self, other: Node | float) -> Node:
        return Node.build("multiply", (like(other, self), self))

    def __truediv__(self, other: Node | float) -> Node:
        return Node.build("divide", (self, like(other, self)))

    def __rtruediv__(self, other: Node | float) -> Node:
        return Node.build("divide", (like(other, self), self))

    def __floordiv__(self, other: Node | float) -> Node:
        return Node.build("floor_divide", (self, like(other, self)))

    def __mod__(self, other: Node | float) -> Node:
        return Node.build("remainder", (self, like(other, self)))

    def __matmul__(self, other: Node) -> Node:
        return Node.build("matmul", (self, other))

    def __pow__(self, other: Node | float) -> Node:
        return Node.build("power", (self, like(other, self)))

    def __rpow__(self, other: Node | float) -> Node:
        return Node.build("power", (like(other, self), self))

    def __neg__(self) -> Node:
        return Node.build("negative", (self,))

    def __lt__(self, other: Node | float) -> Node:
        return Node.build("less", (self, like(other, self)))

    def __le__(self, other: Node | float) -> Node:
        return Node.build("less_equal", (self, like(other, self)))

    def __gt__(self, other: Node | float) -> Node:
        return Node.build("greater", (self, like(other, self)))

    def __ge__(self, other: Node | float) -> Node:
        return Node.build("greater_equal", (self, like(other, self)))


def like(value: Node | float, neighbour: Node) -> Node:
    """A Python number as a scalar constant of its neighbour's dtype; a node as it is."""
    return value if isinstance(value, Node) else constant(value, neighbour.type.dtype)


def constant(value: Any, dtype: str, shape: tuple[int, ...] = (), **where: Any) -> Node:
    """A literal: a Python number, or nested tuples of numbers of the given shape."""
    return Node("constant", (), {"value": value}, tensor(dtype, *shape), **where)


@record
class Graph(Record):
    """What one run computes: outputs, and updates of variables that take effect together when the run ends."""

    outputs: tuple[Node, ...]
    updates: tuple[tuple[Node, Node], ...] = ()  # (variable leaf, new value)
    guards: tuple[tuple[Guard, tuple[Span, ...]], ...] = field(default=())

    @property
    def roots(self) -> tuple[Node, ...]:
        return self.outputs + tuple([value for _, value in self.updates])


Guards = tuple[tuple[Guard, tuple[Span, ...]], ...]


def guards_where(guards: Iterable[tuple[Guard, tuple[Span, ...]]], nodes: Iterable[Node]) -> Guards:
    """Those guards that arose where these nodes were made."""
    guards = tuple(guards)
    if not guards:
        return ()
    places = {node.origin[i:] for node in nodes for i in range(len(node.origin))}
    return tuple([g for g in guards if g[1] in places])


def guards_of_run(guards: Iterable[tuple[Guard, tuple[Span, ...]]], nodes: Iterable[Node]) -> Guards:
    """Those guards that arose where these nodes were made, and that their inputs decide."""
    nodes = tuple(nodes)
    told = {name for node in nodes if node.op == "input" for dim in node.type.dims for name in symbols(dim.size)}
    return tuple(
        [g for g in guards_where(guards, nodes) if symbols(g[0].left.size) | symbols(g[0].right.size) <= told]
    )


def topological(roots: Iterable[Node], without: Iterable[Node] = ()) -> list[Node]:
    """Every node that the roots need, each once, inputs before users, in a deterministic order. Does not recurse.

    Nodes in `without`, and what only they need, are left out.
    """
    order: list[Node] = []
    done: set[Node] = set(without)
    opened: set[Node] = set()  # their inputs lie above them on the stack
    stack = [*roots][::-1]
    while stack:
        node = stack.pop()
        if node in done:
            continue
        if node in opened or not node.inputs:
            done.add(node)
            order.append(node)
        else:
            opened.add(node)
            stack.append(node)
            stack += node.inputs[::-1]
    return order


def needed(roots: Iterable[Node]) -> set[Node]:
    """The nodes of `topological`, in no order and sooner."""
    found: set[Node] = set()
    stack = [*roots]
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            stack += node.inputs
    return found


def place(roots: Iterable[Node], known: set[Node], origin: tuple[Span, ...], scope: str) -> None:
    """Give the nodes just built, which are those that `known` lacks, their place in the text; `known` then has them.

    Rules build nodes by plain arithmetic and know no places. This is the one time that a node changes, before anyone
    but its builder has seen it.
    """
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in known:
            known.add(node)
            node.origin, node.scope = origin, scope
            stack += node.inputs


def replace_inputs(node: Node, inputs: Sequence[Node]) -> Node:
    """The same node over other inputs (of the same types)."""
    return Node(node.op, inputs, node.attrs, node.type, node.origin, node.scope, node.name)


def rewrite(roots: Iterable[Node], change: Callable[[Node], Node]) -> dict[Node, Node]:
    """Old node -> new node for everything the roots need; `change` sees each node with its inputs already changed."""
    return rewrite_in_order(topological(roots), change)


def rewrite_in_order(order: Iterable[Node], change: Callable[[Node], Node]) -> dict[Node, Node]:
    """As `rewrite`, of nodes that stand in order already."""
    new: dict[Node, Node] = {}
    for node in order:
        inputs = tuple(map(new.__getitem__, node.inputs))
        new[node] = change(node if inputs == node.inputs else replace_inputs(node, inputs))
    return new


def rewrite_graph(graph: Graph, change: Callable[[Node], Node]) -> Graph:
    """`rewrite` over a whole graph, the variables that updates name included."""
    return rewrite_beside(graph, lambda old, node, new: change(node))


def rewrite_beside(graph: Graph, change: Callable[[Node, Node, dict[Node, Node]], Node]) -> Graph:
    """As `rewrite_graph`, where `change` sees each old node, the same over changed inputs, and all that was changed."""
    new: dict[Node, Node] = {}
    for old in topological((*graph.roots, *[variable for variable, _ in graph.updates])):
        inputs = tuple(map(new.__getitem__, old.inputs))
        new[old] = change(old, old if inputs == old.inputs else replace_inputs(old, inputs), new)
    updates = tuple([(new[variable], new[value]) for variable, value in graph.updates])
    return Graph(tuple([new[n] for n in graph.outputs]), updates, graph.guards)


def readers_of(graph: Graph) -> dict[Node, list[Node | None]]:
    """What reads each node, as often as it does; None stands for the graph's outputs and updates."""
    order = topological((*graph.roots, *[variable for variable, _ in graph.updates]))
    readers: dict[Node, list[Node | None]] = {node: [] for node in order}
    for node in order:
        for each in node.inputs:
            readers[each].append(node)
    for root in graph.roots:
        readers[root].append(None)
    return readers


def show(graph: Graph) -> str:
    """The graph as text, one node a line: `%3 = add(%1, %2) f32[2]`. For goldens and for people."""
    order = topological(graph.roots)
    number = {node: i for i, node in enumerate(order)}
    lines = []
    for node in order:
        parts = [f"%{number[i]}" for i in node.inputs] + [f"{k}={v}" for k, v in node.attrs.items()]
        lines.append(f"%{number[node]} = {node.op}({', '.join(parts)}) {node.type}")
    lines += [f"output %{number[n]}" for n in graph.outputs]
    lines += [f"update {v.attrs['path']} = %{number[n]}" for v, n in graph.updates]
    return "\n".join(lines)
