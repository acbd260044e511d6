"""The op table: one entry per op, holding all that anything needs to know of it.

    @op("(x: f[*a], y: f[*b]) -> f[broadcast(a, b)]", samples=[sample(normal(2, 3), normal(3))], elementwise=True)
    def logaddexp(x, y):
        \"\"\"log(e^x + e^y), without overflow.\"\"\"
        return np.logaddexp(x, y)

    @logaddexp.grad
    def _(g, out, x, y):
        return g * exp(x - out), g * exp(y - out)

The kernel takes arrays, then attributes by keyword; where it also has a parameter `out`, the runtime hands it a
preallocated array of the result's shape and dtype (never overlapping an input unless `elementwise`) and ignores what it
returns. It never changes its inputs, and a scalar result may come as a NumPy scalar. Where the numbers themselves are a
mistake (an index out of range, an integer divided by zero) it raises IndexError, ZeroDivisionError or ValueError with a
sentence for the user; the runtime adds the place.

Kernels do not touch NumPy's error state: `log(0)` is -inf, and whether that is worth a warning is decided where the
plan runs (which silences NumPy and looks for nan and infinities itself). But where the result is a number, no step on
the way to it overflows or is invalid.

Where operations are counted, an `elementwise` op is one for each element of its result, and every other op what its
rule `flops` says: nothing without one, for it moves memory only.

`elementwise` promises that each element of the result depends only on the same elements of the (broadcast) inputs, so
it may be computed in blocks, and in place: `out` may then be an input of the result's own type. `ufunc` names the NumPy
ufunc that is the whole kernel, and takes `out` too. A kernel that writes `anywhere` is no slower where rows of `out`
lie apart, and is handed parts of larger arrays. A `view` returns its input's memory in another shape. A `random` kernel
takes a `numpy.random.Generator` first.

A composite has no kernel: its function builds the graph of other ops that it stands for, where that graph depends on
static arguments in ways that GDL's own text can't say (any number of inputs, patterns). It disappears when a node of it
is built.

    @composite("(xs: t[...], axis: int = 0) -> t[...]", samples=[...], variadic=True)
    def stack(*xs, axis):
        \"\"\"The tensors along a new axis.\"\"\"
        return concat(*[expand(x, axis=axis) for x in xs], axis=axis)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from gdl.graph.node import Node, topological
from gdl.ops.samples import Sample
from gdl.record import Record, record
from gdl.source import Span
from gdl.syntax import ast
from gdl.syntax.parser import parse_signature
from gdl.types.match import Bindings, Guard, Mismatch, build, match
from gdl.types.sizes import Poly
from gdl.types.tensor import DTYPE_CLASSES, DTYPES, Dim, TensorType, beyond_limits

#: Every op by name. The only global mutable state of GDL; it is filled by imports and by `op`.
TABLE: dict[str, Op] = {}


@record
class Zero(Record):
    """What a gradient rule returns for an input through which no gradient flows, with the reason."""

    reason: str


@record
class Cut(Record):
    """How the work of a node comes apart: the axis along which the result and each operand is cut, None for an operand
    that every part needs. Where the result has none, the parts' results are added."""

    result: int | None
    operands: tuple[int | None, ...]

    def length(self, result: TensorType, operands: Sequence[TensorType]) -> int:
        """Into how many parts it comes apart at most."""
        pairs = zip((result, *operands), (self.result, *self.operands))
        return next(type.shape[axis] for type, axis in pairs if axis is not None)  # type: ignore[return-value]


@dataclass(eq=False)
class Op:
    name: str
    kernel: Callable[..., Any] | None  # None: a composite
    signature_text: str
    samples: Sequence[Sample] = ()
    elementwise: bool = False
    anywhere: bool = False  # the kernel writes no slower where rows of `out` lie apart
    commutative: bool = False  # the order of its two inputs makes no difference, to the last bit
    ufunc: str | None = None
    view: bool = False
    keeps: bool = False  # the result has every element of its one input, in other places, and no others
    random: bool = False
    variadic: bool = False  # takes any number of tensors, all under the first parameter's name
    smooth: bool = True  # has derivatives of every order at its samples
    flat: str | None = None  # the reason why the gradient is zero everywhere: no rule needed
    doc: str = ""
    gradient: Callable[..., Any] | None = None
    shape_rule: Callable[..., TensorType] | None = None
    dtype_rule: Callable[..., str] | None = None
    requirement: Callable[..., Sequence[Guard] | None] | None = None
    specialise: Callable[..., Callable[..., Any]] | None = None
    count: Callable[..., int] | None = None
    cut: Callable[..., Cut | None] | None = None
    expand: Callable[..., Node | tuple[Node, ...]] | None = None  # a composite's graph
    points_into: Callable[..., tuple[int, Dim]] | None = None
    holds: Callable[..., tuple[int, int] | None] | None = None
    rest: str | None = None  # the attribute that gathers all keywords which are no parameters, as a dict

    @cached_property
    def signature(self) -> ast.Signature:
        return parse_signature(self.signature_text)

    @cached_property
    def tensor_params(self) -> tuple[ast.Param, ...]:
        return tuple([p for p in self.signature.params if isinstance(p.type, ast.TypeExpr)])

    @cached_property
    def static_params(self) -> tuple[ast.Param, ...]:
        return tuple([p for p in self.signature.params if not isinstance(p.type, ast.TypeExpr)])

    @cached_property
    def broadcasts(self) -> str:
        """The one dtype variable of a signature that says no more than that its tensors broadcast; else nothing."""
        rules = (self.shape_rule, self.dtype_rule, self.requirement, self.expand)
        (result, *more), patterns = self.signature.results, [p.type for p in self.tensor_params]
        names = [_pack_of(pattern) for pattern in patterns]
        size = result.axes[0].size if len(result.axes) == 1 else None
        given = [a.value for a in size.args] if isinstance(size, ast.Call) else [size]
        said = isinstance(size, ast.Splice) or (isinstance(size, ast.Call) and size.callee.name == "broadcast")
        dtypes = {result.dtype or "f32", *[pattern.dtype or "f32" for pattern in patterns]}
        if any(rules) or self.variadic or more or not said or len(dtypes) != 1 or None in names:
            return ""
        in_order = [each.name for each in given] == names and len(set(names)) == len(names)
        return dtypes.pop() if in_order and dtypes <= DTYPE_CLASSES.keys() else ""

    @cached_property
    def takes_out(self) -> bool:
        return self.kernel is not None and "out" in inspect.signature(self.kernel).parameters

    def grad(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: `rule(g, out, *inputs, **attrs)` gives one Node (or Zero) per input, as graph."""
        self.gradient = rule
        return rule

    def shape(self, rule: Callable[..., TensorType]) -> Callable[..., TensorType]:
        """Decorator: `rule(*types, **attrs) -> TensorType`, where the signature's algebra can't state the result."""
        self.shape_rule = rule
        return rule

    def dtype(self, rule: Callable[..., str]) -> Callable[..., str]:
        """Decorator: `rule(*types, **attrs) -> dtype`, where the result's dtype variable occurs in no parameter."""
        self.dtype_rule = rule
        return rule

    def require(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: `rule(*types, **attrs)` raises `Mismatch("require", text=...)` for invalid attributes; it may
        return guards for what can't be decided yet."""
        self.requirement = rule
        return rule

    def flops(self, rule: Callable[..., int]) -> Callable[..., int]:
        """Decorator: `rule(out_type, *types, **attrs)` counts the operations on numbers, shapes being integers; a
        multiplication and the addition of its result are two."""
        self.count = rule
        return rule

    def special(self, rule: Callable[..., Callable[..., Any]]) -> Callable[..., Callable[..., Any]]:
        """Decorator: `rule(out_type, *types, **attrs)`, shapes being integers, gives a kernel `k(*arrays, out)` made
        for them, or None to use the plain kernel. A kernel with an attribute `scratch_bytes` is handed so many bytes
        as its last argument: memory that others use at other times."""
        self.specialise = rule
        return rule

    def indexed(self, rule: Callable[..., tuple[int, Dim]]) -> Callable[..., tuple[int, Dim]]:
        """Decorator: `rule(*types, **attrs)` gives which input holds indices, and the axis whose places these are."""
        self.points_into = rule
        return rule

    def values(self, rule: Callable[..., tuple[int, int] | None]) -> Callable[..., tuple[int, int] | None]:
        """Decorator: `rule(*types, **attrs)` gives the least and the greatest of the whole numbers that the result may
        hold, None where that is not known before the run."""
        self.holds = rule
        return rule

    def parts(self, rule: Callable[..., Cut | None]) -> Callable[..., Cut | None]:
        """Decorator: `rule(out_type, *types, **attrs)`, shapes being integers, says how threads may share the work, or
        None."""
        self.cut = rule
        return rule

    def __call__(self, *inputs: Node, **attrs: Any) -> Any:
        """A node of this op (of some composites a tuple of nodes): what gradient rules are written with."""
        return apply(self.name, inputs, attrs)


def op(signature: str, **traits: Any) -> Callable[[Callable[..., Any]], Op]:
    """Decorator that enters a kernel into the table under its own name (a trailing underscore is dropped)."""

    def enter(kernel: Callable[..., Any]) -> Op:
        name = kernel.__name__.rstrip("_")
        if name in TABLE:
            raise ValueError(f"there is an op {name} already")
        entry = Op(name, kernel, signature, doc=inspect.getdoc(kernel) or "", **traits)
        TABLE[name] = entry
        return entry

    return enter


def composite(signature: str, **traits: Any) -> Callable[[Callable[..., Any]], Op]:
    """Decorator that enters a composite: a function from nodes to the Node, or tuple of Nodes, that it stands for."""

    def enter(expand: Callable[..., Any]) -> Op:
        entry = op(signature, **traits)(expand)
        entry.kernel, entry.expand = None, expand
        return entry

    return enter


def infer(
    entry: Op, types: Sequence[TensorType], attrs: Mapping[str, Any]
) -> tuple[TensorType | tuple[TensorType, ...], list[Guard]]:
    """The result's type (types, of a composite with several), and what remains to be verified when sizes are bound.

    `attrs` are complete (see `bind_attrs`). Raises Mismatch.
    """
    if entry.broadcasts and len(types) == len(entry.tensor_params):
        plain = _broadcast(entry.broadcasts, types)
        if plain is not None:
            return plain, []
    bindings = _match_inputs(entry, types, attrs)
    if entry.requirement is not None:
        bindings.guards += entry.requirement(*types, **attrs) or ()
    result: Any
    if entry.expand is not None:
        expansion = _expansion(entry, types, attrs)
        for node in topological(expansion.results):
            if not node.is_leaf:
                bindings.guards += infer(TABLE[node.op], [i.type for i in node.inputs], node.attrs)[1]
        result = expansion.unpacked([r.type for r in expansion.results])
    elif entry.shape_rule is not None:
        result = entry.shape_rule(*types, **attrs)
        if isinstance(result, tuple):  # with guards of its own
            result, guards = result
            bindings.guards += guards
    else:
        _bind_result_dtype(entry, types, attrs, bindings)
        result = build(entry.signature.results[0], bindings)
    for type in result if isinstance(result, tuple) else (result,):
        if why := beyond_limits(type):
            raise Mismatch("require", text=why)
    return result, list(dict.fromkeys(bindings.guards))


def _pack_of(pattern: ast.TypeExpr) -> str | None:
    """The name in `f[*s]`."""
    size = pattern.axes[0].size if len(pattern.axes) == 1 else None
    return size.name if isinstance(size, ast.Splice) else None


def _broadcast(variable: str, types: Sequence[TensorType]) -> TensorType | None:
    """What `infer` finds for an op that `broadcasts`, where that is plain to see: equal axes, and scalars."""
    first, widest = types[0], max([t.dims for t in types], key=len)
    if first.dtype not in DTYPE_CLASSES[variable] or beyond_limits(first):
        return None
    for type in types:
        if type.dtype != first.dtype or (type.dims and type.dims is not widest):
            return None
    return first if first.dims is widest else TensorType(first.dtype, widest, first.origin)


def flops(entry: Op, out: TensorType, types: Sequence[TensorType], attrs: Mapping[str, Any]) -> int:
    """The operations on numbers that a node of these types takes, its sizes being bound."""
    if entry.count is not None:
        return entry.count(out, *types, **attrs)
    return prod(out.shape) if entry.elementwise else 0  # type: ignore[arg-type]


def each_element(out: TensorType, x: TensorType, *rest: TensorType, **attrs: Any) -> int:
    """A `flops` rule: one for every element of the first input."""
    return prod(x.shape)  # type: ignore[arg-type]


def _bind_result_dtype(entry: Op, types: Sequence[TensorType], attrs: Mapping[str, Any], bindings: Bindings) -> None:
    """A result `f[...]` may leave its dtype to a rule, and `dtype[...]` to the string parameter of that name."""
    variable = entry.signature.results[0].dtype
    if entry.dtype_rule is not None:
        bindings.dtypes[variable] = TensorType(entry.dtype_rule(*types, **attrs))  # type: ignore[index]
    elif variable in attrs:
        if attrs[variable] not in DTYPES:
            text = f"there is no dtype {show_static(attrs[variable])}; the dtypes are {', '.join(DTYPES)}"
            raise Mismatch("attr", variable, attrs[variable], (variable,), text)
        bindings.dtypes[variable] = TensorType(attrs[variable])


def _match_inputs(entry: Op, types: Sequence[TensorType], attrs: Mapping[str, Any]) -> Bindings:
    bindings = Bindings(statics=attrs)
    if entry.variadic:
        (param,) = entry.tensor_params
        for i, actual in enumerate(types):
            each = Bindings(statics=attrs, dtypes=bindings.dtypes, bound_by=bindings.bound_by)
            match(param.type, actual, f"{param.name}[{i}]", each)  # type: ignore[arg-type]
    else:
        if len(types) != len(entry.tensor_params):
            raise Mismatch("require", text=f"{entry.name} takes {len(entry.tensor_params)} tensors, got {len(types)}")
        for param, actual in zip(entry.tensor_params, types):
            match(param.type, actual, param.name, bindings)  # type: ignore[arg-type]
    return bindings


@record
class _Expansion(Record):
    """A composite's graph over stand-ins for its inputs."""

    stand_ins: tuple[Node, ...]
    results: tuple[Node, ...]
    several: bool  # the composite gives a tuple

    def unpacked(self, results: Sequence[Any]) -> Any:
        return tuple(results) if self.several else results[0]


def _expansion(entry: Op, types: Sequence[TensorType], attrs: Mapping[str, Any]) -> _Expansion:
    assert entry.expand is not None
    stand_ins = tuple([Node("input", (), {"name": str(i)}, t) for i, t in enumerate(types)])
    results = entry.expand(*stand_ins, **attrs)
    several = isinstance(results, tuple)
    return _Expansion(stand_ins, results if several else (results,), several)


def _graft(expansion: _Expansion, inputs: Sequence[Node], origin: tuple[Span, ...], scope: str) -> Any:
    """The composite's graph over its real inputs, every node of it having the place of the call."""
    new = dict(zip(expansion.stand_ins, inputs))
    for node in topological(expansion.results):
        if node not in new:
            new[node] = Node(node.op, [new[i] for i in node.inputs], node.attrs, node.type, origin, scope)
    return expansion.unpacked([new[r] for r in expansion.results])


def bind_attrs(entry: Op, given: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes of a call, defaults filled in. Raises Mismatch("attr") for an unknown, missing or wrong one."""
    if not given and not entry.static_params:
        return {}
    known = {p.name for p in entry.static_params}
    if entry.rest is not None:
        loose = {name: value for name, value in given.items() if name not in known}
        given = {k: v for k, v in given.items() if k not in loose}
        named = given.get(entry.rest) or {}
        if not isinstance(named, Mapping):
            text = f"`{entry.rest}` must be names with values, got {show_static(named)}"
            raise Mismatch("attr", entry.rest, named, (entry.rest,), text)
        given[entry.rest] = {**named, **loose}
    for name in given:
        if name not in known:
            raise Mismatch("attr", name, None, (name,), f"{entry.name} has no parameter `{name}`")
    attrs: dict[str, Any] = {}
    for param in entry.static_params:
        if param.name in given:
            attrs[param.name] = check_kind(param, given[param.name], entry.name)
        elif param.default is None:
            raise Mismatch("attr", param.name, None, (param.name,), f"{entry.name} needs `{param.name}`")
        else:
            attrs[param.name] = literal(param.default)
    return attrs


def literal(expr: ast.Expr) -> Any:
    """The Python value of a literal default: numbers, strings, true, false, none, and lists of them."""
    if isinstance(expr, (ast.Number, ast.String, ast.Bool)):
        return expr.value
    if isinstance(expr, ast.Unary):
        return -literal(expr.operand)
    if isinstance(expr, ast.Array):
        return tuple([literal(i) for i in expr.items])
    if isinstance(expr, ast.Name) and expr.name == "none":
        return None
    raise ValueError(f"no literal: {expr}")


def check_kind(param: ast.Param, value: Any, owner: str) -> Any:
    """The value as its kind stores it: ints for an `int`, a tuple of sizes for a `shape`. Raises Mismatch("attr")."""
    kind = param.type
    if not isinstance(kind, ast.Kind):
        return value
    if kind.is_choice:
        if value in kind.names:
            return value
        wanted = " or ".join([f'"{n}"' for n in kind.names])
    else:
        for name in kind.names:
            fits, stored = _fits(name, value)
            if fits:
                return stored
        wanted = " or ".join(kind.names)
    text = f"`{param.name}` must be {wanted}, got {show_static(value)}"
    raise Mismatch("attr", param.name, value, (param.name,), text)


def show_static(value: Any) -> str:
    """A static value as it would be written in a program."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(show_static(v) for v in value)}]"
    return str(value)


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, Poly)) and not isinstance(value, bool)


def _fits(kind: str, value: Any) -> tuple[bool, Any]:
    if kind == "int":
        return _is_size(value), value
    if kind == "float":
        number = isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 1024)
        number = number and not isinstance(value, bool)
        return number, float(value) if number else None
    if kind == "bool":
        return isinstance(value, bool), value
    if kind == "string":
        return isinstance(value, str), value
    if kind == "none":
        return value is None, None
    if kind == "shape":
        listed = isinstance(value, (tuple, list)) and all(map(_is_size, value))
        return listed, tuple(value) if listed else None
    if kind == "ints":
        if isinstance(value, (tuple, list)):
            return all(map(_is_size, value)), tuple(value)
        return _is_size(value), value
    return True, _frozen(value)  # "any": a structured attribute that only the op itself understands


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down."""
    return tuple([_frozen(v) for v in value]) if isinstance(value, (tuple, list)) else value


def apply(
    name: str, inputs: Sequence[Node], attrs: Mapping[str, Any] | None = None, *,
    origin: tuple[Span, ...] = (), scope: str = "",
) -> Any:  # fmt: skip
    """A node of a named op, its type inferred; for a composite, the node or tuple of nodes that it stands for.

    Raises Mismatch. Guards are the caller's business: see `infer`.
    """
    entry = TABLE[name]
    full = bind_attrs(entry, attrs or {})
    types = [i.type for i in inputs]
    if entry.expand is None:
        type, _ = infer(entry, types, full)
        return Node(name, inputs, full, type, origin, scope)  # type: ignore[arg-type]
    _match_inputs(entry, types, full)
    if entry.requirement is not None:
        entry.requirement(*types, **full)
    return _graft(_expansion(entry, types, full), inputs, origin, scope)


Node.build = staticmethod(apply)
