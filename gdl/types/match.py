"""Matching types against signatures: binds size symbols, axis packs and dtype variables, and builds result types.

Ops, `def` and `layer` all go through here, so that a mismatch is described the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gdl.record import Record, record
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.sizes import Size
from gdl.types.tensor import DTYPE_CLASSES, DTYPES, Dim, TensorType, broadcast_dims, undecided_pairs


@record
class Guard(Record):
    """Two sizes that must turn out equal once the symbols are bound."""

    left: Dim
    right: Dim


class Mismatch(Exception):
    """A tensor does not fit a signature. `kind` says how; `left` and `right` are what disagree.

    kinds: "rank" (expected pattern text, actual type), "size" (Dim, Dim), "broadcast" (Dim, Dim), "dtype" (allowed
    dtypes, actual type), "dtypes" (type, type), "axis" (axis, rank), "require" (text).
    `args` name the parameters concerned, in the order of left and right.
    """

    def __init__(
        self, kind: str, left: object = None, right: object = None, args: tuple[str, ...] = (), text: str = ""
    ):
        self.kind, self.left, self.right, self.args_named, self.text = kind, left, right, args, text
        super().__init__(text or f"{kind}: {left} / {right} {args}")


@dataclass(slots=True)
class Bindings:
    """What a signature's symbols stand for so far."""

    sizes: dict[str, Dim] = field(default_factory=dict)
    packs: dict[str, tuple[Dim, ...]] = field(default_factory=dict)
    dtypes: dict[str, TensorType] = field(default_factory=dict)
    statics: Mapping[str, object] = field(default_factory=dict)
    bound_by: dict[str, str] = field(default_factory=dict)  # symbol or dtype variable -> parameter that bound it
    guards: list[Guard] = field(default_factory=list)


def match(pattern: ast.TypeExpr, actual: TensorType, param: str, b: Bindings) -> None:
    """Bind what `pattern` leaves open to `actual`, and check the rest. Raises Mismatch."""
    _match_dtype(pattern.dtype or "f32", actual, param, b)
    axes, dims = pattern.axes, actual.dims
    at = 0
    for axis in axes:
        if axis.size.__class__ in _RESTS:
            break
        at += 1
    else:
        if at != len(dims):
            raise Mismatch("rank", show_type(pattern), actual, (param,))
        for axis, dim in zip(axes, dims):
            _match_axis(axis, dim, param, b)
        return
    end = len(dims) - (len(axes) - at - 1)
    if end < at:
        raise Mismatch("rank", show_type(pattern), actual, (param,))
    for axis, dim in zip(axes[:at], dims):
        _match_axis(axis, dim, param, b)
    if axes[at].size.__class__ is ast.Splice:
        _match_pack(pattern, axes[at].size.name, dims[at:end], actual, param, b)
    for axis, dim in zip(axes[at + 1 :], dims[end:]):
        _match_axis(axis, dim, param, b)


_RESTS = frozenset({ast.Splice, ast.Ellipsis_})


def build(pattern: ast.TypeExpr, b: Bindings) -> TensorType:
    """The type that `pattern` describes, everything in it being bound. Raises Mismatch, or KeyError for what is not."""
    dtype, origin = pattern.dtype or "f32", None
    if dtype not in DTYPES:
        dtype, origin = b.dtypes[dtype].dtype, b.dtypes[dtype].origin
    dims: list[Dim] = []
    for axis in pattern.axes:
        if isinstance(axis.size, ast.Splice):
            dims += b.packs[axis.size.name]
        elif isinstance(axis.size, ast.Call):
            value = evaluate_size(axis.size, b)
            dims += value if isinstance(value, tuple) else [Dim(value)]
        else:
            dims.append(build_dim(axis, b))
    return TensorType(dtype, tuple(dims), origin)


def build_dim(axis: ast.Axis, b: Bindings) -> Dim:
    """One axis of a declared type: a bare symbol labels its own axis."""
    if isinstance(axis.size, ast.Name) and axis.size.name in b.sizes:
        bound = b.sizes[axis.size.name]
        return Dim(bound.size, axis.label or bound.label, bound.origin or axis.span)
    size = evaluate_size(axis.size, b)
    if isinstance(size, tuple):
        raise Mismatch("require", text="an axis is one size, not several")
    return Dim(size, axis.label or (axis.size.name if isinstance(axis.size, ast.Name) else None), axis.span)


def evaluate_size(expr: ast.Expr, b: Bindings) -> Size | tuple[Dim, ...]:
    """Integer arithmetic over sizes, symbols and static parameters."""
    if isinstance(expr, ast.Call) and isinstance(expr.callee, ast.Name):
        return _size_call(expr.callee.name, [a.value for a in expr.args], b)
    if isinstance(expr, ast.Number) and isinstance(expr.value, int):
        return expr.value
    if isinstance(expr, ast.Name):
        if expr.name in b.sizes:
            return b.sizes[expr.name].size
        value = b.statics[expr.name]
        if isinstance(value, bool) or not isinstance(value, (int, sizes.Poly)):
            raise Mismatch("require", text=f"`{expr.name}` is no size")
        return value
    if isinstance(expr, ast.Unary) and expr.op == "-":
        return -_one(expr.operand, b)
    if isinstance(expr, ast.Chain):
        value = _one(expr.first, b)
        for term in expr.rest:
            value = _arithmetic(term.op, value, _one(term.operand, b))
        return value
    raise Mismatch("require", text="a size is integer arithmetic over dims")


def _one(expr: ast.Expr, b: Bindings) -> Size:
    value = evaluate_size(expr, b)
    if isinstance(value, tuple):
        raise Mismatch("require", text="a size is integer arithmetic over dims")
    return value


def _arithmetic(op: str, left: Size, right: Size) -> Size:
    if op in ("//", "%") and right == 0:
        raise Mismatch("require", text="a size is divided by zero")
    if op == "+":
        return left + right
    if op == "-":
        return left - right
    if op == "*":
        return left * right
    if op == "//":
        return left // right
    if op == "%":
        return left % right
    raise Mismatch("require", text=f"`{op}` is no arithmetic of sizes; + - * // % are")


def _size_call(name: str, args: list[ast.Expr], b: Bindings) -> Size | tuple[Dim, ...]:
    if name == "ceil_div" and len(args) == 2:
        left, right = _one(args[0], b), _one(args[1], b)
        if right == 0:
            raise Mismatch("require", text="a size is divided by zero")
        return sizes.ceil_div(left, right)
    if name == "broadcast":
        names = _names_of_packs(name, args, b)
        packs = [b.packs[n] for n in names]
        dims = broadcast_dims(packs)
        if len(dims) == 3 and isinstance(dims[0], int):
            back, i, j = dims
            raise Mismatch("broadcast", packs[i][-back], packs[j][-back], (b.bound_by[names[i]], b.bound_by[names[j]]))
        b.guards += [Guard(*pair) for pair in undecided_pairs(packs)]
        return dims  # type: ignore[return-value]
    if name == "reduce" and len(args) == 3 and isinstance(args[1], ast.Name) and isinstance(args[2], ast.Name):
        (pack,) = _names_of_packs(name, args[:1], b)
        return reduce_dims(b.packs[pack], b.statics[args[1].name], bool(b.statics[args[2].name]))
    raise Mismatch("require", text=f"`{name}` is no function of sizes")


def _names_of_packs(function: str, args: list[ast.Expr], b: Bindings) -> list[str]:
    names = [a.name for a in args if isinstance(a, ast.Name) and a.name in b.packs]
    if len(names) < len(args) or not names:
        raise Mismatch("require", text=f"`{function}` takes names that a `*` of the signature binds")
    return names


def reduce_dims(dims: tuple[Dim, ...], axis: object, keepdims: bool) -> tuple[Dim, ...]:
    """Axes left after a reduction over `axis` (None: all, an int, or several)."""
    gone = set(normal_axes(axis, len(dims)))
    if keepdims:
        return tuple([Dim(1, d.label, d.origin) if i in gone else d for i, d in enumerate(dims)])
    return tuple([d for i, d in enumerate(dims) if i not in gone])


def normal_axes(axis: object, rank: int) -> tuple[int, ...]:
    """Non-negative, sorted, distinct axes; None is all of them. Raises Mismatch("axis")."""
    if axis is None:
        return tuple(range(rank))
    listed = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    found = [normal_axis(a, rank) for a in listed]
    if len(set(found)) != len(found):
        raise Mismatch("require", text=f"an axis is named twice in {list(listed)}")
    return tuple(sorted(found))


def normal_axis(axis: object, rank: int) -> int:
    if not isinstance(axis, int):
        raise Mismatch("require", text=f"an axis is a whole number, got {axis}")
    if not -rank <= axis < rank:
        raise Mismatch("axis", axis, rank)
    return axis % rank


def show_type(pattern: ast.TypeExpr) -> str:
    """A type expression as it is written, from its text where it has a place."""
    if pattern.span is not None:
        return pattern.span.text
    return f"{pattern.dtype or 'f32'}[...]"


def _match_dtype(expected: str, actual: TensorType, param: str, b: Bindings) -> None:
    if expected in DTYPES:
        if actual.dtype != expected:
            raise Mismatch("dtype", (expected,), actual, (param,))
        return
    bound = b.dtypes.get(expected)
    if bound is not None:
        if bound.dtype != actual.dtype:
            raise Mismatch("dtypes", bound, actual, (b.bound_by[expected], param))
        return
    if actual.dtype not in DTYPE_CLASSES[expected]:
        raise Mismatch("dtype", DTYPE_CLASSES[expected], actual, (param,))
    b.dtypes[expected] = actual
    b.bound_by[expected] = param


def _match_axis(axis: ast.Axis, dim: Dim, param: str, b: Bindings) -> None:
    if isinstance(axis.size, ast.Name):
        name = axis.size.name
        if name not in b.sizes and name not in b.statics:
            b.sizes[name] = Dim(dim.size, axis.label or dim.label or name, dim.origin)
            b.bound_by[name] = param
            return
        known = b.sizes.get(name) or Dim(b.statics[name], name, axis.span)  # type: ignore[arg-type]
        who = b.bound_by.get(name, name)
    else:
        size = evaluate_size(axis.size, b)
        assert not isinstance(size, tuple)
        known, who = Dim(size, axis.label, axis.span), ""
    _same(known, dim, (who, param), b)


def _match_pack(
    pattern: ast.TypeExpr, name: str, dims: tuple[Dim, ...], actual: TensorType, param: str, b: Bindings
) -> None:
    bound = b.packs.get(name)
    if bound is None:
        b.packs[name], b.bound_by[name] = dims, param
        return
    if len(bound) != len(dims):
        raise Mismatch("rank", show_type(pattern), actual, (param,))
    for known, dim in zip(bound, dims):
        _same(known, dim, (b.bound_by[name], param), b)


def _same(known: Dim, dim: Dim, args: tuple[str, str], b: Bindings) -> None:
    if known.size is dim.size:
        return
    verdict = sizes.equal(known.size, dim.size)
    if verdict is False:
        raise Mismatch("size", known, dim, args)
    if verdict is None:
        b.guards.append(Guard(known, dim))
