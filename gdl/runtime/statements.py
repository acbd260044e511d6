"""What a plan is made of: statements over values, before and after the values have their memory.

A statement computes one value from others. `select` writes the list, `updates` orders how variables change, `chains`
marks runs of elementwise statements that go through in blocks, `memory` gives each value its storage, and `emit` words
the list as Python.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import numpy as np

from gdl.graph.node import Node
from gdl.runtime.arrays import nbytes_of

#: What the generated code calls `numpy.copyto`, and the arguments that every run has.
COPY = "copyto"
CLOCK = ("step", "epoch", "tick")
#: In a chain's loop, the slice that a block is; and what the names of blocks end with.
ROWS = "rows"
#: What calls a chain in several threads.
SHARE = "share"


class Owner(Enum):
    """Whose memory a value lies in."""

    ARENA = auto()  # the plan's, reused by lifetime
    STATE = auto()  # a persistent tensor's
    CONSTANT = auto()
    RUN = auto()  # not known before the run: what is fed, what a kernel allocates, and views of these


@dataclass(eq=False, slots=True)
class Storage:
    """A piece of memory, and the statements between which it is in use: from `first` to `last`, both included."""

    owner: Owner
    nbytes: int = 0
    first: int = -1
    last: int = -1
    offset: int = -1  # in the arena
    path: str = ""  # of the persistent tensor
    block_rows: int = 0  # not 0: only this many rows of its values exist at a time
    lands: int = -1  # the statement that writes the tensor's new value straight into it; -1: none does
    inside: Storage | None = None  # the storage that this one was merged into

    def root(self) -> Storage:
        """The storage that this one shares its memory with, in the end."""
        top = self
        while top.inside is not None:
            top = top.inside
        if self is not top:
            self.inside = top
        return top


@dataclass(eq=False, slots=True)
class Value:
    """An array, or a NumPy scalar, with the name it has in the generated code.

    `layout` is an array like it will be (shape and strides are true, the memory is not); None: contiguous from the
    start of its storage. `view` says how the array is made, once, from another value's.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    storage: Storage | None = None  # None: a scalar
    literal: Any = None  # of a constant
    layout: np.ndarray | None = None
    view: tuple[Value, Callable[..., Any], Mapping[str, Any]] | None = None

    @property
    def is_scalar(self) -> bool:
        return self.storage is None

    @property
    def in_run(self) -> bool:
        """Known only while the plan runs, so that a local variable holds it."""
        return self.storage is None or self.storage.owner is Owner.RUN

    @property
    def nbytes(self) -> int:
        return nbytes_of(self.dtype, self.shape)

    @property
    def fills_storage(self) -> bool:
        """Whether it is all of its storage, in C order: then another value of its type may take its place."""
        if self.layout is None:
            return True
        flags = self.layout.flags
        return flags.c_contiguous and flags.writeable and self.layout.nbytes == self.storage.nbytes  # type: ignore[union-attr]

    def lies_like(self, other: Value) -> bool:
        """Whether writing `other`, element by element in order, may overwrite this one as it is read."""
        return self.fills_storage and self.dtype == other.dtype and self.shape == other.shape


@dataclass(frozen=True, eq=False, slots=True)
class Chain:
    """Statements, from `first` to `last`, that run in blocks of `rows` of all the `length` rows of a result. The blocks
    are dealt out to so many threads."""

    first: int
    last: int
    rows: int
    length: int
    threads: int = 1


class Form(Enum):
    """How a statement is worded. `into` is where the result goes."""

    UFUNC = "{call}({operands}, {into})"  # also kernels made for their shapes
    COPY = "{call}({into}, {operands})"
    KERNEL = "{call}({operands}, out={into})"
    LOCAL = "{into} = {call}({operands})"  # a scalar, or an array that the kernel allocates or makes of what is fed
    FILL = "{into}[...] = {call}({operands})"  # a kernel without `out` that returns a rank-0 result
    OPERATOR = "{into} = {operands}"
    LOAD = "{into} = {operands}[()]"
    STORE = "{into}[()] = {operands}"
    REGION = "{call}({operands})"  # many statements at once, compiled; the operands are given by their ids


@dataclass(eq=False, slots=True)
class Statement:
    """One line of the plan. `call` names the function that `function` is; `node` is the place in the program."""

    form: Form
    result: Value
    operands: tuple[Value, ...]
    node: Node | None = None
    call: str = ""
    function: Callable[..., Any] | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    elementwise: bool = False  # may write over an operand of its result's type
    in_blocks: bool = False  # may run on some rows at a time
    chain: Chain | None = None
    draws: str | None = None  # the key of a random node
    scratch: Value | None = None  # memory that the kernel needs while it runs

    @property
    def writes_memory(self) -> bool:
        """Whether the result goes where it is told to."""
        return not self.result.in_run


class Names:
    """Identifiers, each given once."""

    def __init__(self) -> None:
        self._taken = {name: 0 for name in (*keyword.kwlist, *CLOCK, ROWS, SHARE, "run", "id")}

    def take(self, wanted: str) -> str:
        name = re.sub(r"\W", "_", wanted, flags=re.ASCII)
        name = name if name and not name[0].isdigit() else f"_{name}"
        count = self._taken.get(name)
        if count is None:
            self._taken[name] = 0
            return name
        self._taken[name] = count + 1
        return self.take(f"{name}_{count + 1}")

    def take_numbered(self, letter: str, number: int) -> str:
        name = f"{letter}{number}"
        if name in self._taken:
            return self.take(name)
        self._taken[name] = 0
        return name


@dataclass(slots=True)
class Listing:
    """A whole run: statements in their order, what is fed, what is given back, and how the variables end."""

    fed: dict[str, Value]  # by the input's name
    statements: list[Statement]
    outputs: list[Value]
    updates: list[tuple[Value, Value]]  # (the variable, its new value)
    views: list[Value]  # every view that is made once, after what it is a view of
    names: Names
