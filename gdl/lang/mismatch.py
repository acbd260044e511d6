"""A `Mismatch` between tensors and a signature, told as a diagnostic: with the operands, both origins, and a way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gdl.diagnostics import Diagnostic, Edit
from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.context import is_library
from gdl.lang.values import Argument
from gdl.ops.table import Op, show_static
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.match import Mismatch, show_type
from gdl.types.tensor import Dim, TensorType

Tensors = dict[str, tuple[Span, TensorType]]


def explain(entry: Op, shown: str, m: Mismatch, nodes: Sequence[Node], args: Sequence[Argument], span: Span) -> Diagnostic:
    """Why an op does not take these arguments. `shown` is how the program writes the op."""
    if entry.variadic:
        names = [f"{entry.tensor_params[0].name}[{i}]" for i in range(len(nodes))]
    else:
        names = [p.name for p in entry.tensor_params]
    tensors = {n: (a.span or span, node.type) for n, a, node in zip(names, args, nodes)}
    return describe_mismatch(m, shown, tensors, span, op_signature(entry), infix=shown != entry.name)


def describe_mismatch(
    m: Mismatch, shown: str, tensors: Tensors, span: Span, signature: str = "", infix: bool = False
) -> Diagnostic:
    """The diagnostic of a mismatch, given the tensors concerned by parameter name."""
    operands = _operands(tensors)
    involved = [tensors[a] for a in m.args_named if a in tensors]
    op = f"`{shown}`"
    if m.kind in ("size", "broadcast"):
        assert isinstance(m.left, Dim) and isinstance(m.right, Dim)
        if shown == "@" or shown == "matmul":
            found = type_errors.inner_sizes(span, shown, m.left, m.right, operands, _size_help(m, tensors))
        else:
            message = (f"{op} cannot broadcast {m.left.size} and {m.right.size}" if m.kind == "broadcast"
                       else f"{op} needs equal sizes, got {m.left.size} and {m.right.size}")  # fmt: skip
            found = type_errors.sizes_differ(span, message, operands, m.left, m.right, _size_help(m, tensors))
        return replace(found, fix=_size_fix(m))
    if m.kind == "dtypes" and len(involved) == 2:
        left, right = involved
        return type_errors.mixed_dtypes(op, left, right, _cast_help(shown, left, right, infix))
    if m.kind == "dtype" and involved:
        where, type = involved[0]
        return type_errors.wrong_dtype(where, f"`{m.args_named[0]}` of {op}" if not infix else f"an operand of {op}", m.left, type)  # type: ignore[arg-type]
    if m.kind == "rank" and involved:
        where, type = involved[0]
        return type_errors.wrong_rank(where, f"`{m.args_named[0]}` of {op}", str(m.left), type)
    if m.kind == "axis":
        shown_type = next(iter(tensors.values()))[1] if tensors else None
        return type_errors.no_axis(span, m.left, str(shown_type), int(m.right))  # type: ignore[call-overload]
    if m.kind == "attr":
        return _attribute(m, shown, span, signature)
    return call_errors.requirement(span, f"{op}: {m.text}" if m.text else str(m), operands)


def _attribute(m: Mismatch, shown: str, span: Span, signature: str) -> Diagnostic:
    (name,) = m.args_named
    if m.right is None and "no parameter" in m.text:
        return call_errors.unknown_parameter(span, shown, name, None, signature)
    if m.right is None and "needs" in m.text:
        return call_errors.missing_argument(span, shown, name, "a static value", signature)
    wanted = m.text.partition(" must be ")[2].partition(", got ")[0]
    return call_errors.wrong_kind(span, shown, name, wanted, show_static(m.right), signature)


def _operands(tensors: Tensors) -> str:
    return ", ".join(f"{_short(span, name)} is {type}" for name, (span, type) in tensors.items())


def _short(span: Span, fallback: str) -> str:
    text = " ".join(span.text.split())
    return text if 0 < len(text) <= 30 else fallback


def _size_help(m: Mismatch, tensors: Tensors) -> str:
    left, right = m.left, m.right
    assert isinstance(left, Dim) and isinstance(right, Dim)
    if not (isinstance(left.size, int) and isinstance(right.size, int)) or right.origin is None or is_library(right.origin):
        return ""
    help = f"change line {right.origin.line} to {_declared(right, left.size, tensors)}"
    if abs(left.size - right.size) == 1 and len(tensors) == 2:
        bigger, other = (right, left) if right.size > left.size else (left, right)
        owner = next((_short(s, n) for n, (s, t) in tensors.items() if any(d.size == other.size for d in t.dims)), "the other")
        help += f", or if {bigger.size} includes a bias column, append ones to `{owner}`"
    return help


def _declared(dim: Dim, size: int, tensors: Tensors) -> str:
    """The type around a size's origin, with the size replaced."""
    for _, type in tensors.values():
        for at, other in enumerate(type.dims):
            if other.origin == dim.origin and other.origin is not None:
                dims = list(type.dims)
                dims[at] = Dim(size, other.label)
                return str(TensorType(type.dtype, tuple(dims)))
    return str(size)


def _size_fix(m: Mismatch) -> tuple[Edit, ...]:
    left, right = m.left, m.right
    if isinstance(left, Dim) and isinstance(right, Dim) and right.origin is not None and right.origin.text == str(right.size):
        return (Edit(right.origin, str(left.size)),)
    return ()


def _cast_help(shown: str, left: tuple[Span, TensorType], right: tuple[Span, TensorType], infix: bool) -> str:
    order = ("bool", "u8", "i32", "i64", "f32", "f64")
    (left_span, left_type), (right_span, right_type) = left, right
    a, b = left_span.text, right_span.text
    if order.index(left_type.dtype) >= order.index(right_type.dtype):
        b = f"{left_type.dtype}({b})"
    else:
        a = f"{right_type.dtype}({a})"
    return "convert explicitly: " + (f"{a} {shown} {b}" if infix else f"{shown}({a}, {b})")


def op_signature(entry: Op) -> str:
    """`matmul(x: f[*b, m, k], ...)` as a note shows it."""
    return f"{entry.name}{entry.signature_text}"


_SIGNATURE_COLUMNS = 90


def definition_signature(d: ast.Definition) -> str:
    """`Conv(x: f32[b, h, w, c], out: int, ...)  nn.gdl:12`, with `...` for optional parameters that find no room."""
    parts = []
    for p in d.params:
        text = p.name
        if isinstance(p.type, ast.TypeExpr):
            text += f": {show_type(p.type)}"
        elif p.type is not None:
            text += ": " + " | ".join(f'"{n}"' if p.type.is_choice else n for n in p.type.names)
        if p.default is not None and p.default.span is not None:
            text += f" = {p.default.span.text}"
        if p.default is not None and len(", ".join([*parts, text])) > _SIGNATURE_COLUMNS:
            parts.append("...")
            break
        parts.append(text)
    line = d.name_span.line if d.name_span else 0
    return f"{d.name}({', '.join(parts)})  {d.name_span.source.name if d.name_span else ''}:{line}"


def similar_parameter(name: str, known: Sequence[str]) -> str | None:
    return name_errors.closest(name, known)
