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
returns. `elementwise` promises that each element of the result depends only on the same elements of the (broadcast)
inputs, so it may be computed in place and in blocks. `ufunc` names the NumPy ufunc that is the whole kernel. A `view`
returns its input's memory in another shape. A `random` kernel takes a `numpy.random.Generator` first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gdl.graph.node import Node
from gdl.ops.samples import Sample
from gdl.source import Span
from gdl.syntax import ast
from gdl.syntax.parser import parse_signature
from gdl.types.match import Bindings, Guard, Mismatch, build, match
from gdl.types.sizes import Poly
from gdl.types.tensor import TensorType

#: Every op by name. The only global mutable state of GDL; it is filled by imports and by `op`.
TABLE: dict[str, Op] = {}


@dataclass(frozen=True, slots=True)
class Zero:
    """What a gradient rule returns for an input through which no gradient flows, with the reason."""

    reason: str


@dataclass(eq=False)
class Op:
    name: str
    kernel: Callable[..., Any]
    signature_text: str
    samples: Sequence[Sample] = ()
    elementwise: bool = False
    ufunc: str | None = None
    view: bool = False
    random: bool = False
    variadic: bool = False  # takes any number of tensors, all under the first parameter's name
    smooth: bool = True  # has derivatives of every order at its samples
    flat: str | None = None  # the reason why the gradient is zero everywhere: no rule needed
    doc: str = ""
    gradient: Callable[..., Any] | None = None
    shape_rule: Callable[..., TensorType] | None = None
    requirement: Callable[..., None] | None = None
    specialise: Callable[..., Callable[..., Any]] | None = None

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
    def takes_out(self) -> bool:
        return "out" in inspect.signature(self.kernel).parameters

    def grad(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: `rule(g, out, *inputs, **attrs)` gives one Node (or Zero) per input, as graph."""
        self.gradient = rule
        return rule

    def shape(self, rule: Callable[..., TensorType]) -> Callable[..., TensorType]:
        """Decorator: `rule(*types, **attrs) -> TensorType`, where the signature's algebra can't state the result."""
        self.shape_rule = rule
        return rule

    def require(self, rule: Callable[..., None]) -> Callable[..., None]:
        """Decorator: `rule(*types, **attrs)` raises `Mismatch("require", text=...)` for invalid attributes."""
        self.requirement = rule
        return rule

    def special(self, rule: Callable[..., Callable[..., Any]]) -> Callable[..., Callable[..., Any]]:
        """Decorator: `rule(out_type, *types, **attrs)`, shapes being integers, gives a kernel `k(*arrays, out)` made for them
        with its scratch memory, or None to use the plain kernel."""
        self.specialise = rule
        return rule

    def __call__(self, *inputs: Node, **attrs: Any) -> Node:
        """A node of this op: what gradient rules are written with."""
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


def infer(entry: Op, types: Sequence[TensorType], attrs: Mapping[str, Any]) -> tuple[TensorType, list[Guard]]:
    """The result's type, and what remains to be verified when sizes are bound. Raises Mismatch.

    `attrs` are complete (see `bind_attrs`).
    """
    bindings = Bindings(statics=attrs)
    if entry.variadic:
        (param,) = entry.tensor_params
        first = Bindings(statics=attrs)
        for i, actual in enumerate(types):
            each = Bindings(statics=attrs, dtypes=first.dtypes, bound_by=first.bound_by)
            match(param.type, actual, f"{param.name}[{i}]", each)  # type: ignore[arg-type]
        bindings = first
    else:
        if len(types) != len(entry.tensor_params):
            raise Mismatch("require", text=f"{entry.name} takes {len(entry.tensor_params)} tensors, got {len(types)}")
        for param, actual in zip(entry.tensor_params, types):
            match(param.type, actual, param.name, bindings)  # type: ignore[arg-type]
    if entry.requirement is not None:
        entry.requirement(*types, **attrs)
    if entry.shape_rule is not None:
        result = entry.shape_rule(*types, **attrs)
        if isinstance(result, tuple):  # with guards of its own
            result, guards = result
            bindings.guards += guards
    else:
        result = build(entry.signature.results[0], bindings)
    return result, bindings.guards


def bind_attrs(entry: Op, given: Mapping[str, Any]) -> dict[str, Any]:
    """All attributes of a call, defaults filled in. Raises Mismatch("attr", ...) for an unknown, missing or wrong one."""
    known = {p.name for p in entry.static_params}
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
        wanted = " or ".join(f'"{n}"' for n in kind.names)
        raise Mismatch("attr", param.name, value, (param.name,), f"`{param.name}` must be {wanted}, got {show_static(value)}")
    for name in kind.names:
        fits, stored = _fits(name, value)
        if fits:
            return stored
    wanted = " or ".join(kind.names)
    raise Mismatch("attr", param.name, value, (param.name,), f"`{param.name}` must be {wanted}, got {show_static(value)}")


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
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number, float(value) if number else None
    if kind == "bool":
        return isinstance(value, bool), value
    if kind == "string":
        return isinstance(value, str), value
    if kind == "none":
        return value is None, None
    if kind == "shape":
        return isinstance(value, (tuple, list)) and all(map(_is_size, value)), tuple(value) if isinstance(value, (tuple, list)) else None
    if kind == "ints":
        if isinstance(value, (tuple, list)):
            return all(map(_is_size, value)), tuple(value)
        return _is_size(value), value
    return True, value  # "any": a structured attribute that only the op itself understands


def apply(
    name: str, inputs: Sequence[Node], attrs: Mapping[str, Any] | None = None, *,
    origin: tuple[Span, ...] = (), scope: str = "",
) -> Node:  # fmt: skip
    """A node of a named op, its type inferred. Raises Mismatch. Guards are the caller's business: see `infer`."""
    entry = TABLE[name]
    full = bind_attrs(entry, attrs or {})
    type, _ = infer(entry, [i.type for i in inputs], full)
    return Node(name, inputs, full, type, origin, scope)


Node.build = staticmethod(apply)
