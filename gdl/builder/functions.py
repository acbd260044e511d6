"""What can be called on nodes: ops, functions and layers of the library, optimizers, initializers, and nets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from gdl.builder.node import Node
from gdl.graph import node as ir
from gdl.lang.bind import signature
from gdl.lang.builtins import SIGNATURES
from gdl.lang.values import Builtin, Instance, Partial
from gdl.lang.values import Function as Definition
from gdl.ops.table import Op

if TYPE_CHECKING:
    from gdl.builder.graph import Graph


class Function:
    """Something of GDL that takes nodes, arrays and numbers and gives nodes.

    Called without its tensors it waits for them: `Dense(10)`, `leaky_relu(slope=0.3)`, `Adam(1e-3)`.
    """

    __slots__ = ("value",)

    #: Installed by `gdl.builder.graph`: a new graph, and the one that calls without nodes belong to.
    new_graph: Callable[[], Graph]
    current_graph: Callable[[], Graph]

    def __init__(self, value: Op | Definition | Builtin | Partial):
        self.value = value

    @property
    def name(self) -> str:
        return self.value.name

    @property
    def doc(self) -> str:
        """The signature, and what the function does."""
        callee = self.value.callee if isinstance(self.value, Partial) else self.value
        if isinstance(callee, Builtin):
            shown, text = SIGNATURES.get(callee.name, ("(x)", f"x as {callee.name}"))
            return f"{callee.name}{shown}\n{text}"
        text = callee.doc if isinstance(callee, Op) else callee.definition.doc or ""
        return f"{signature(callee)}\n{text}".strip()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        given = [*_flat(args), *_flat(kwargs.values())]
        if any(isinstance(value, ir.Node) for value in given):  # in a gradient rule, which is written in plain graph
            return _plain(Function.new_graph().call(self.value, args, kwargs))
        graph = next((v.graph for v in given if isinstance(v, (Node, Net))), None) or Function.current_graph()
        return graph.call(self.value, args, kwargs)

    def __repr__(self) -> str:
        return f"<gdl {self.doc.partition(chr(10))[0]}>"


class Net:
    """An instance of a layer. It owns variables; called twice it shares them. What its body names is its attribute."""

    __slots__ = ("graph", "value")

    def __init__(self, graph: Graph, value: Instance):
        self.graph, self.value = graph, value

    @property
    def path(self) -> str:
        """Leads the names of its variables."""
        return self.value.path

    @property
    def variables(self) -> list[Node]:
        """Its trained variables, which it has from its first call on."""
        return [node for node in self.graph.variables(trainable=True) if node.name.startswith(f"{self.path}/")]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.graph.call(self.value, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name not in self.value.members:
            known = ", ".join(self.value.members) or "nothing before its first call"
            raise AttributeError(f"the net {self.path} has no {name!r}; it has {known}")
        return self.graph.wrapped(self.value.members[name])

    def __repr__(self) -> str:
        return f"<net {self.path} = {self.value.layer.name}>"


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple([_plain(v) for v in value])
    return value.ir if isinstance(value, Node) else value
