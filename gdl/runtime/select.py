"""Graph to statements: how each node is computed.

Rank-0 values are NumPy scalars held by local variables wherever Python's operators or a ufunc can compute them: `a *
b` on two `numpy.float32` rounds exactly as arrays of f32 do and costs a tenth of a call. They go into memory (STORE)
where a kernel wants an array, and come out of it (LOAD) where arithmetic on scalars wants them.

Views of memory that is known before the run are made once. A view that its operand's memory can't give (a reshape of a
transposed array) becomes a copy and then a view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gdl.graph.node import LOOP, Graph, Node
from gdl.ops.table import TABLE, Op
from gdl.runtime.arrays import DTYPES, aligned_block, check_affordable, nbytes_of
from gdl.runtime.loop import Loop
from gdl.runtime.sharing import Shared, shared
from gdl.runtime.statements import COPY, Form, Listing, Names, Owner, Statement, Storage, Value

#: Python operators that give, on two NumPy scalars of one dtype, the same bits as the ufunc on arrays.
OPERATORS: Mapping[str, str] = {
    "add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "negative": "-{}", "equal": "{} == {}",
    "not_equal": "{} != {}", "less": "{} < {}", "less_equal": "{} <= {}", "greater": "{} > {}",
    "greater_equal": "{} >= {}",
}  # fmt: skip
FLOAT_OPERATORS: Mapping[str, str] = {"divide": "{} / {}"}
#: Views by a method of the array, which costs a fifth of what the kernel's call does.
METHODS: Mapping[str, str] = {"reshape": "{{}}.reshape({shape})", "transpose": "{{}}.transpose({axes})"}
#: Ufuncs that want `out` by name; the others take it in its place, which costs less.
OUT_BY_NAME = frozenset({"maximum", "minimum"})
#: Larger ones are computed in every run, into memory that serves others too.
LARGEST_CONSTANT_BYTES = 2**18


def select(graph: Graph, order: Sequence[Node], threads: int = 1, on_scalars: bool = True) -> Listing:
    """The statements of a graph whose sizes are all bound, in the given order of its nodes; without `on_scalars` values
    of rank 0 are arrays too."""
    selection = _Selection(threads, on_scalars)
    for node in order:
        selection.add(node)
    updates = [(selection.variable(variable), selection.either(new)) for variable, new in graph.updates]
    outputs = [selection.array(n) if n.type.rank else selection.scalar(n) for n in graph.outputs]
    return Listing(selection.fed, selection.statements, outputs, updates, selection.views, selection.names)


class _Selection:
    """The statements so far, and where each node's value is: as an array, as a scalar, or both."""

    def __init__(self, threads: int, on_scalars: bool) -> None:
        self.threads, self._computes_scalars = threads, on_scalars
        self.statements: list[Statement] = []
        self.fed: dict[str, Value] = {}
        self.views: list[Value] = []
        self._arrays: dict[Node, Value] = {}
        self._scalars: dict[Node, Value] = {}
        self._states: dict[str, Value] = {}
        self._copies: dict[Value, Value] = {}
        self.names = Names()
        self._functions: dict[Any, str] = {np.copyto: self.names.take(COPY)}
        self._count = 0
        self._unused = np.empty(0, np.uint8)  # lends layouts an address; never touched

    # ---- where a node's value is ---------------------------------------------------------------------------------

    def array(self, node: Node) -> Value:
        """The node's value as an array."""
        value = self._arrays.get(node)
        if value is None:
            value = self._arrays[node] = self._memory(node)
            self._emit(Form.STORE, value, (self._scalars[node],), node)
        return value

    def scalar(self, node: Node) -> Value:
        """A rank-0 node's value as a NumPy scalar."""
        value = self._scalars.get(node)
        if value is None:
            array = self._arrays[node]
            if array.literal is not None:
                value = Value(self._name("c"), array.dtype, (), Storage(Owner.CONSTANT), literal=array.literal[()])
            else:
                value = Value(self._name("s"), array.dtype, ())
                self._emit(Form.LOAD, value, (array,), node)
            self._scalars[node] = value
        return value

    def either(self, node: Node) -> Value:
        return self._arrays.get(node) or self._scalars[node]

    # ---- nodes ---------------------------------------------------------------------------------------------------

    def add(self, node: Node) -> None:
        leaf = _LEAVES.get(node.op)
        if leaf is not None:
            leaf(self, node)
            return
        check_affordable(node.type.dtype, _shape(node), node.origin)  # even a view: nothing could read it to its end
        if node.op == LOOP:
            self._loop(node)
            return
        entry = TABLE[node.op]
        if entry.view:
            self._view(node, entry)
        elif entry.random:
            self._draw(node, entry)
        elif not node.inputs and nbytes_of(node.type.dtype, _shape(node)) <= LARGEST_CONSTANT_BYTES:
            self._fixed(node, entry)
        elif not self._on_scalars(node, entry):
            self._on_arrays(node, entry)

    def _input(self, node: Node) -> None:
        name = node.attrs["name"]
        value = self.fed.get(name)
        if value is None:
            storage = Storage(Owner.RUN)
            value = self.fed[name] = Value(self.names.take(name), node.type.dtype, _shape(node), storage)
        self._arrays[node] = value

    def _variable(self, node: Node) -> None:
        self._arrays[node] = self.variable(node)

    def variable(self, node: Node) -> Value:
        """The array of a persistent tensor."""
        path = node.attrs["path"]
        value = self._states.get(path)
        if value is None:
            nbytes = nbytes_of(node.type.dtype, _shape(node))
            storage = Storage(Owner.STATE, nbytes, path=path)
            value = self._states[path] = Value(self.names.take(path), node.type.dtype, _shape(node), storage)
        return value

    def _constant(self, node: Node) -> None:
        literal = np.array(node.attrs["value" if node.op == "constant" else "size"], DTYPES[node.type.dtype])
        literal = literal.reshape(_shape(node))
        storage = Storage(Owner.CONSTANT, literal.nbytes)
        self._arrays[node] = Value(self._name("c"), node.type.dtype, _shape(node), storage, literal=literal)

    def _fixed(self, node: Node, entry: Op) -> None:
        """What is the same in every run (a `full`, an `arange`) is computed now."""
        literal = np.asarray(entry.kernel(**node.attrs))  # type: ignore[misc]
        storage = Storage(Owner.CONSTANT, literal.nbytes)
        self._arrays[node] = Value(self._name("c"), node.type.dtype, _shape(node), storage, literal=literal)

    def _clock(self, node: Node) -> None:
        value = self._scalars[node] = Value(self._name("s"), node.type.dtype, ())
        ticking = Value(node.attrs["name"], node.type.dtype, ())
        convert = DTYPES[node.type.dtype].type
        self._emit(Form.LOCAL, value, (ticking,), node, self._function(convert, convert.__name__), convert)

    def _view(self, node: Node, entry: Op) -> None:
        source = node.inputs[0]
        if node.type.rank == source.type.rank == 0:  # nothing to see differently
            for held in (self._arrays, self._scalars):
                if source in held:
                    held[node] = held[source]
            return
        of = self.array(source)
        if of.in_run:
            value = Value(self._name("t"), node.type.dtype, _shape(node), of.storage)
            if node.op in METHODS:
                self._emit(Form.OPERATOR, value, (of,), node, METHODS[node.op].format(**node.attrs))
            else:
                self._call(Form.LOCAL, value, (of,), node, entry.kernel)
        else:
            value = self._static_view(of, node, entry)
        self._arrays[node] = value

    def _static_view(self, of: Value, node: Node, entry: Op) -> Value:
        base = self._layout(of)
        seen = entry.kernel(base, **node.attrs)  # type: ignore[misc]
        if seen.size and not np.may_share_memory(seen, base):
            of = self._contiguous(of, node)
            base = self._layout(of)
            seen = entry.kernel(base, **node.attrs)  # type: ignore[misc]
        if seen.shape == base.shape and seen.strides == base.strides and seen.ctypes.data == base.ctypes.data:
            return of
        value = Value(
            self._name("v"), node.type.dtype, _shape(node), of.storage, layout=seen, view=(of, entry.kernel, node.attrs)
        )
        self.views.append(value)
        return value

    def _contiguous(self, of: Value, node: Node) -> Value:
        """A copy in C order, one for all views that the value's own memory can't give."""
        if of not in self._copies:
            flat = self._copies[of] = Value(self._name("t"), of.dtype, of.shape, Storage(Owner.ARENA, of.nbytes))
            self._emit(Form.COPY, flat, (of,), node, COPY, np.copyto)
        return self._copies[of]

    def _layout(self, value: Value) -> np.ndarray:
        if value.layout is None:
            if self._unused.nbytes < value.nbytes:
                self._unused = aligned_block(value.nbytes)
            value.layout = np.ndarray(value.shape, DTYPES[value.dtype], buffer=self._unused)
        return value.layout

    def _draw(self, node: Node, entry: Op) -> None:
        value = self._arrays[node] = self._memory(node)
        form = Form.KERNEL if entry.takes_out else Form.FILL
        self._call(form, value, (), node, entry.kernel).draws = node.attrs["key"]

    def _on_scalars(self, node: Node, entry: Op) -> bool:
        """A rank-0 node computed on scalars, where that gives the same bits as on arrays."""
        dtypes = {i.type.dtype for i in node.inputs}
        is_scalar = not node.type.rank and not any(i.type.rank for i in node.inputs)
        if not self._computes_scalars or not is_scalar or entry.ufunc is None or len(dtypes) != 1:
            return False
        dtype = next(iter(dtypes))
        if node.type.dtype not in (dtype, "bool") or dtype in ("bool", "u8"):
            return False
        operator = OPERATORS.get(entry.ufunc) or (FLOAT_OPERATORS.get(entry.ufunc) if node.type.is_float else None)
        operands = tuple([self.scalar(i) for i in node.inputs])
        value = self._scalars[node] = Value(self._name("s"), node.type.dtype, ())
        if operator:
            self._emit(Form.OPERATOR, value, operands, node, operator)
        else:
            self._call(Form.LOCAL, value, operands, node, getattr(np, entry.ufunc), attrs={})
        return True

    def _on_arrays(self, node: Node, entry: Op) -> None:
        operands = tuple([self.array(i) for i in node.inputs])
        special: Any = shared(node, entry, self.threads)
        if special is None and entry.specialise is not None:
            special = entry.specialise(node.type, *[i.type for i in node.inputs], **node.attrs)
        if special is None and entry.ufunc is None and not entry.takes_out and node.type.rank:
            value = Value(self._name("t"), node.type.dtype, _shape(node), Storage(Owner.RUN))
            self._call(Form.LOCAL, value, operands, node, entry.kernel)
        else:
            value = self._memory(node)
            self._into(value, operands, node, entry, special)
        self._arrays[node] = value

    def _loop(self, node: Node) -> None:
        operands = tuple([self.array(i) for i in node.inputs])
        value = self._arrays[node] = self._memory(node)
        self._call(Form.UFUNC, value, operands, node, Loop(node), attrs={})

    def _into(self, value: Value, operands: tuple[Value, ...], node: Node, entry: Op, special: Any) -> None:
        """A statement that writes into memory given to it."""
        if special is not None:
            statement = self._call(Form.UFUNC, value, operands, node, special, attrs={})
            scratch_bytes = getattr(special, "scratch_bytes", 0)
            if scratch_bytes:
                statement.scratch = Value(self._name("t"), "u8", (scratch_bytes,), Storage(Owner.ARENA, scratch_bytes))
        elif entry.ufunc is not None:
            form = Form.KERNEL if entry.ufunc in OUT_BY_NAME else Form.UFUNC
            statement = self._call(form, value, operands, node, getattr(np, entry.ufunc), attrs={})
        else:
            form = Form.KERNEL if entry.takes_out else Form.FILL
            statement = self._call(form, value, operands, node, entry.kernel)
        statement.elementwise = entry.elementwise and statement.form is not Form.FILL
        statement.in_blocks = statement.elementwise and special is None and bool(value.shape)

    # ---- statements ----------------------------------------------------------------------------------------------

    def _call(
        self, form: Form, value: Value, operands: tuple[Value, ...], node: Node, function: Any, **given: Any
    ) -> Statement:
        """A statement that calls a function by the op's name (numbered, where the op's functions differ)."""
        attrs = given.get("attrs", node.attrs)
        return self._emit(form, value, operands, node, self._function(function, node.op), function, attrs)

    def _function(self, function: Any, wanted: str) -> str:
        name = self._functions.get(function)
        if name is None:
            wanted = f"{wanted}_shared" if isinstance(function, Shared) else wanted
            name = self._functions[function] = self.names.take(wanted)
        return name

    def _emit(
        self, form: Form, value: Value, operands: tuple[Value, ...], node: Node, call: str = "", function: Any = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> Statement:  # fmt: skip
        statement = Statement(form, value, operands, node, call, function, attrs or {})
        self.statements.append(statement)
        return statement

    def _memory(self, node: Node) -> Value:
        dtype, shape = node.type.dtype, _shape(node)
        return Value(self._name("t"), dtype, shape, Storage(Owner.ARENA, nbytes_of(dtype, shape)))

    def _name(self, letter: str) -> str:
        self._count += 1
        return self.names.take_numbered(letter, self._count)


_LEAVES = {
    "input": _Selection._input,
    "variable": _Selection._variable,
    "constant": _Selection._constant,
    "size": _Selection._constant,
    "clock": _Selection._clock,
}


def _shape(node: Node) -> tuple[int, ...]:
    return node.type.shape  # type: ignore[return-value]
