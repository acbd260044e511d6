"""A `Mismatch` between tensors and a signature, told as a diagnostic: the operands, both origins, and a way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gdl.diagnostics import Diagnostic, Edit
from gdl.errors import calls as call_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.context import is_library
from gdl.lang.values import Argument
from gdl.ops.table import Op, show_static
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.match import Mismatch
from gdl.types.match import show_type as written_type
from gdl.types.tensor import Dim, TensorType

Tensors = dict[str, tuple[Span, TensorType]]


def explain(
    entry: Op, shown: str, m: Mismatch, nodes: Sequence[Node], args: Sequence[Argument], span: Span
) -> Diagnostic:
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
            found = type_errors.inner_sizes(span, shown, m.left, m.right, operands, _product_help(m, tensors))
        else:
            message = (f"{op} cannot broadcast {m.left.size} and {m.right.size}" if m.kind == "broadcast"
                       else f"{op}: {m.text}" if m.text
                       else f"{op} needs equal sizes, got {m.left.size} and {m.right.size}")  # fmt: skip
            help = _join_help(tensors) if shown == "concat" else _size_help(m)
            found = type_errors.sizes_differ(span, message, operands, m.left, m.right, help)
        return replace(found, fix=_size_fix(m))
    if m.kind == "dtypes" and len(involved) == 2:
        left, right = involved
        return type_errors.mixed_dtypes(op, left, right, _cast_help(shown, left, right, infix))
    if m.kind == "dtype" and involved:
        where, type = involved[0]
        what = f"`{m.args_named[0]}` of {op}" if not infix else f"an operand of {op}"
        target = _integer_beside(tensors) if shown in _OF_INTEGERS and type.dtype == "u8" else ""
        return type_errors.wrong_dtype(where, what, m.left, type, target=target)  # type: ignore[arg-type]
    if m.kind == "rank" and involved:
        where, type = involved[0]
        return type_errors.wrong_rank(
            where, f"`{m.args_named[0]}` of {op}", _legible(str(m.left)), type, _rank_help(m, where), m.text
        )
    if m.kind == "axis":
        shown_type = next(iter(tensors.values()))[1] if tensors else None
        return type_errors.no_axis(span, m.left, str(shown_type), int(m.right))  # type: ignore[call-overload]
    if m.kind == "attr":
        return _attribute(m, shown, span, signature)
    if shown == "[...]":
        return type_errors.index_error(
            span, m.text, operands, "write fewer" if "too many" in m.text else type_errors.COUNTING
        )
    because = type_errors.size_origins(m.left) if m.kind == "require" and isinstance(m.left, Dim) else ()
    help = m.right if m.kind == "require" and isinstance(m.right, str) else ""
    names_it = m.text.startswith(f"{shown} ")
    text = m.text if names_it else f"{op}: {m.text}" if m.text else str(m)
    return call_errors.requirement(span, text, operands, None, because, help)


def _attribute(m: Mismatch, shown: str, span: Span, signature: str) -> Diagnostic:
    (name,) = m.args_named
    if m.right is None and "no parameter" in m.text:
        return call_errors.unknown_parameter(span, shown, name, (), signature)
    if m.right is None and "needs" in m.text:
        return call_errors.missing_argument(span, shown, name, "a static value", signature)
    if " must be " not in m.text:
        return call_errors.requirement(span, m.text)
    return call_errors.wrong_kind(span, shown, name, kind_words(m), show_static(m.right), signature)


#: Kinds of static parameters as messages call them.
KIND_WORDS = {
    "int": "an int", "float": "a number", "bool": "true or false", "string": "a string", "none": "none",
    "shape": "a shape such as [2, 3]", "ints": "an int or a list of ints", "fn": "a function such as relu",
}  # fmt: skip


def kind_words(m: Mismatch) -> str:
    """What a parameter wants, from the mismatch of its kind."""
    wanted = m.text.partition(" must be ")[2].partition(", got ")[0]
    return " or ".join([KIND_WORDS.get(kind, kind) for kind in wanted.split(" or ")])


_OF_INTEGERS = ("%", "//", "remainder", "floor_divide")


def _integer_beside(tensors: Tensors) -> str:
    """The dtype in which u8 is divided without a rest: that of the other operand, "" where that is a float."""
    others = [type.dtype for _, type in tensors.values() if type.dtype != "u8"]
    return "" if any(dtype in ("f32", "f64", "bool") for dtype in others) else (*others, "i64")[0]


def _operands(tensors: Tensors) -> str:
    return ", ".join(f"{_short(span, name)} is {type}" for name, (span, type) in tensors.items())


def _short(span: Span, fallback: str) -> str:
    text = " ".join(span.text.split())
    return text if 0 < len(text) <= 30 else fallback


def _product_help(m: Mismatch, tensors: Tensors) -> str:
    """How to make a product fit: the other way round, one number changed, or a column of ones."""
    left, right = m.left, m.right
    assert isinstance(left, Dim) and isinstance(right, Dim)
    (_, (span, type)) = list(tensors.items())[-1]
    if type.rank == 2 and type.shape[1] == left.size:
        return f"are the axes of `{_short(span, 'y')}` the other way round? write transpose({_short(span, 'y')})"
    help = _size_help(m)
    if help and abs(left.size - right.size) == 1:  # type: ignore[operator]
        bigger, other = (right, left) if right.size > left.size else (left, right)  # type: ignore[operator]
        owner = next(
            (_short(s, n) for n, (s, t) in tensors.items() if any(d.size == other.size for d in t.dims)), "the other"
        )
        help += f", or if {bigger.size} includes a bias column, append ones to `{owner}`"
    return help


def _size_help(m: Mismatch) -> str:
    """The declaration of the second size with the first in its place, where both are numbers that someone wrote."""
    left, right = m.left, m.right
    assert isinstance(left, Dim) and isinstance(right, Dim)
    declared = _declaration(right.origin, str(left.size)) if isinstance(left.size, int) and _is_written(right) else ""
    return f"change line {right.origin.line} to {declared}" if declared and right.origin else ""


def _is_written(dim: Dim) -> bool:
    """Whether the size is a number that stands in the user's text."""
    origin = dim.origin
    return origin is not None and not is_library(origin) and origin.text.rpartition(":")[2].strip() == str(dim.size)


def _declaration(origin: Span | None, size: str) -> str:
    """The type around the place of a size, with another size in that place."""
    if origin is None:
        return ""
    text = origin.source.text
    start = max(text.rfind("[", 0, origin.start), 0)
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    end = text.find("]", origin.end) + 1
    label = "".join(origin.text.rpartition(":")[:2])
    written = text[start : origin.start] + (f"{label} " if label else "") + size + text[origin.end : end]
    return written if end and "\n" not in written else ""


def _join_help(tensors: Tensors) -> str:
    """The axis along which two tensors differ, if it is one: then that is where they can be joined."""
    types = [type for _, type in tensors.values()]
    if len({type.rank for type in types}) > 1:
        return ""
    differ = [axis for axis in range(types[0].rank) if len({type.shape[axis] for type in types}) > 1]
    return f"tensors can be joined along the axis in which they differ: axis={differ[0]}" if len(differ) == 1 else ""


def _rank_help(m: Mismatch, span: Span) -> str:
    pattern, type = str(m.left), m.right
    wanted = pattern.count(",") + 1
    if "*" in pattern or "..." in pattern or not isinstance(type, TensorType):
        return ""
    if type.rank + 1 == wanted:
        return f"expand({_short(span, 'x')}, axis=-1) adds an axis of size 1"
    return f"flatten({_short(span, 'x')}) makes one axis of all but the first" if type.rank > wanted == 2 else ""


def _size_fix(m: Mismatch) -> tuple[Edit, ...]:
    """The size of a variable, where it meets that of a placeholder: data are as they are.

    One that is larger by one may be meant so (a column of ones), and one that fits the other way round is right.
    """
    left, right = m.left, m.right
    if not (isinstance(left, Dim) and isinstance(right, Dim) and _is_written(left) and _is_written(right)):
        return ()
    declared = {_first_word(dim): dim for dim in (left, right)}
    if declared.keys() != {"placeholder", "variable"} or abs(left.size - right.size) == 1:  # type: ignore[operator]
        return ()
    size, origin = str(declared["placeholder"].size), declared["variable"].origin
    if origin is None or re.search(rf"\b{size}\b", origin.source.line(origin.line)):
        return ()
    start = origin.end - len(str(declared["variable"].size))
    return (Edit(Span(origin.source, start, origin.end), size),)


def _first_word(dim: Dim) -> str:
    """The keyword of the line that a size is written on."""
    return dim.origin.source.line(dim.origin.line).split()[0] if dim.origin is not None else ""


def _cast_help(shown: str, left: tuple[Span, TensorType], right: tuple[Span, TensorType], infix: bool) -> str:
    order = ("bool", "u8", "i32", "i64", "f32", "f64")
    (left_span, left_type), (right_span, right_type) = left, right
    a, b = left_span.text, right_span.text
    right_adapts = order.index(left_type.dtype) >= order.index(right_type.dtype)
    if right_adapts:
        b = f"{left_type.dtype}({b})"
    else:
        a = f"{right_type.dtype}({a})"
    return "convert explicitly: " + (f"{a} {shown} {b}" if infix else b if right_adapts else a)


def op_signature(entry: Op) -> str:
    """`matmul(x: f[*b, m, k], ...)` as a note shows it."""
    return f"{entry.name}{_legible(entry.signature_text)}"


#: Dtype variables of signatures as messages show them: the default dtype they stand for, or a word.
_DTYPE_WORDS = {"f": "f32", "i": "i64", "n": "number", "t": "tensor"}


def _legible(signature: str) -> str:
    return re.sub(r"\b([fint])\[", lambda m: _DTYPE_WORDS[m.group(1)] + "[", signature)


def show_type(pattern: ast.TypeExpr) -> str:
    """A parameter's type as messages show it."""
    return _legible(written_type(pattern))


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
