"""What an expression can mean while a program is checked, besides a graph Node and plain static Python values
(int, float, bool, str, None, a symbolic size, and tuples of these for lists and shapes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gdl.graph.node import Node
from gdl.ops.table import Op, show_static
from gdl.record import Entity, Record, record
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.record import DataHeader, SourceCall
from gdl.types.sizes import Poly
from gdl.types.tensor import Dim

if TYPE_CHECKING:
    from gdl.lang.modules import Library


class _Poison:
    """The value of what was reported wrong already: whatever uses it stays silent."""

    def __repr__(self) -> str:
        return "POISON"


POISON = _Poison()


class Poisoned(Exception):
    """Raised after a mistake was reported, or when a poisoned value is used; caught by the statement around."""


@record
class Function(Entity):
    """A `def`, `layer` or `optimizer` with the module whose names it sees."""

    definition: ast.Definition
    module: Library

    @property
    def name(self) -> str:
        return self.definition.name


@record
class Builtin(Entity):
    """A function of the language itself: `grad`, `len`, `vars`, a cast such as `f32`."""

    name: str


Callee = Op | Function | Builtin


@record
class Partial(Entity):
    """A call that still waits for its tensors: `Dense(10)`, `leaky_relu(slope=0.3)`, `Adam(lr)`."""

    callee: Callee
    args: tuple[Argument, ...]
    span: Span | None = None

    @property
    def name(self) -> str:
        return self.callee.name


@record
class Argument(Record):
    """An evaluated argument with its place."""

    value: Any
    span: Span | None
    name: str | None = None
    name_span: Span | None = None
    items: tuple[Span, ...] = ()  # of a list, where each of its elements stands


@dataclass(eq=False, slots=True)
class Instance:
    """A `net`: a layer with its static arguments, its path, and what its last application made known by name."""

    path: str
    layer: Function
    args: tuple[Argument, ...]
    span: Span | None
    members: dict[str, Any] = field(default_factory=dict)
    applied: bool = False


@dataclass(eq=False, slots=True)
class InstanceList:
    """The instances of a stage labelled `block[i]`."""

    items: dict[int, Instance] = field(default_factory=dict)


@record
class Pack(Record):
    """The axes that `*s` stands for, and how many axes stood before them where they were bound."""

    dims: tuple[Dim, ...]
    start: int


@record
class DataValue(Record):
    """A `data` source, or one of its splits."""

    name: str
    header: DataHeader
    calls: tuple[SourceCall, ...]
    split: str | None = None
    span: Span | None = None


@record
class VariableSet(Record):
    """`vars(net)`: paths of variables, with the words they were asked for by."""

    paths: tuple[str, ...]
    text: str


@record
class ModuleValue(Record):
    """`import "file.gdl" as m`"""

    library: Library


Members = Mapping[str, Any]


class Undecided:
    """A comparison of sizes, or of lists of them, that can't be decided before data is fed."""

    def __init__(self, left: Any, right: Any, op: str):
        self.left, self.right, self.op = left, right, op

    def __str__(self) -> str:
        return f"{show_static(self.left)} {self.op} {show_static(self.right)}"


def is_static(value: Any) -> bool:
    """Whether a value is known before running: a number, string, list ... and no tensor or function."""
    if isinstance(value, tuple):
        return all(map(is_static, value))
    return value is None or isinstance(value, (int, float, bool, str, Poly))


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Node)


def describe(value: Any) -> str:
    """What a value is, in a few words for messages."""
    if isinstance(value, Node):
        return str(value.type)
    if isinstance(value, bool):
        return f"the bool {str(value).lower()}"
    if isinstance(value, int):
        return f"the int {value}"
    if isinstance(value, float):
        return f"the float {value}"
    if isinstance(value, str):
        return f'the string "{value}"'
    if isinstance(value, Poly):
        return f"the size {value}"
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return (
            "a list"
            if all(map(is_static, value))
            else "several values"
            if all(map(_is_tensor, value))
            else "a list with a tensor in it"
        )
    if isinstance(value, Op):
        return f"the function {value.name}"
    if isinstance(value, Function):
        return f"the {value.definition.what} {value.name}"
    if isinstance(value, Builtin):
        return f"the function {value.name}"
    if isinstance(value, Partial):
        return f"`{value.name}` without its tensors"
    if isinstance(value, Instance):
        return f"the net {value.path}"
    if isinstance(value, InstanceList):
        return "a list of nets"
    if isinstance(value, DataValue):
        return f"the data source {value.name}" + (f".{value.split}" if value.split else "")
    if isinstance(value, VariableSet):
        return "a set of variables"
    if isinstance(value, ModuleValue):
        return "a module"
    if isinstance(value, Pack):
        return "several axes"
    return type(value).__name__
