"""Types as a program declares them: sizes are what the names around them mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.graph.node import Node
from gdl.lang.context import Context, Frame
from gdl.lang.imports import line_after_imports
from gdl.lang.values import POISON, Instance, Pack, Poisoned, describe
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.match import Bindings, Mismatch, build
from gdl.types.sizes import Poly
from gdl.types.tensor import Dim, TensorType, beyond_limits


def declared_type(cx: Context, frame: Frame, expr: ast.TypeExpr) -> TensorType:
    """A type as declared, its symbols being what the names around it mean."""
    b = Bindings(statics=_Statics(cx, frame))  # type: ignore[arg-type]
    if expr.dtype in frame.dtypes:
        b.dtypes[expr.dtype] = TensorType(frame.dtypes[expr.dtype])
    elif expr.dtype in ("f", "n", "i", "t"):
        several = f"`{expr.dtype}` stands for several dtypes; a tensor has one"
        cx.fail(errors.bad_static(expr.span, several, "write f32"), frame)
    for axis in expr.axes:
        if isinstance(axis.size, ast.Splice):
            b.packs[axis.size.name] = _several(cx, frame, axis.size)
    try:
        type = build(expr, b)
    except Mismatch:
        _fail_size(cx, frame, expr, b)
    if why := beyond_limits(type):
        cx.fail(errors.bad_static(expr.span, why), frame)
    for axis, dim in zip(expr.axes, type.dims):
        if isinstance(dim.size, int) and dim.size < 0:
            help = "for a size that the data decide, declare a dim: dim batch"
            cx.fail(errors.bad_static(axis.span, f"a size can't be negative, got {dim.size}", help), frame)
    dims = type.dims
    if frame.what != "program" and len(expr.axes) == len(dims):  # a parameter that is a number names no axis
        named = [bool(axis.label) or not isinstance(dim.size, int) for axis, dim in zip(expr.axes, dims)]
        dims = tuple([dim if is_named else replace(dim, label=None) for dim, is_named in zip(dims, named)])
    return TensorType(type.dtype, dims, expr.dtype_span or expr.span)


def _fail_size(cx: Context, frame: Frame, expr: ast.TypeExpr, b: Bindings) -> NoReturn:
    """E0211 at the axis whose size is none."""
    for axis in expr.axes:
        try:
            build(ast.TypeExpr("f32", (axis,), span=expr.span), b)
        except Mismatch as m:
            help = "sizes are whole numbers and dims, joined by + - * // % and ceil_div(a, b)"
            cx.fail(errors.bad_static(axis.span, m.text or "this is no size", help), frame)
    raise AssertionError("one of the axes does not fit")


def _several(cx: Context, frame: Frame, splice: ast.Splice) -> tuple[Dim, ...]:
    """What `*s` stands for: axes of a signature, or a list of sizes."""
    value = frame.names.get(splice.name)
    if value is POISON:
        raise Poisoned
    if isinstance(value, Pack):
        return value.dims
    if isinstance(value, tuple) and all(isinstance(v, (int, Poly)) and not isinstance(v, bool) for v in value):
        return tuple([Dim(size) for size in value])
    what = describe(value) if splice.name in frame.names else "nothing of that name"
    cx.fail(errors.wrong_value(splice.span, "several axes (`*s` of a signature) or a list of sizes", what), frame)


class _Statics:
    """Sizes by name, looked up in a frame: what a declared type's symbols mean."""

    def __init__(self, cx: Context, frame: Frame):
        self.cx, self.frame = cx, frame

    def __getitem__(self, name: str) -> Any:
        from_frame = self.frame.names.get(name, ABSENT)
        if from_frame is ABSENT and name in self.frame.pending:
            from_frame = ABSENT
        if from_frame is ABSENT and self.frame.what in ("def", "layer", "optimizer"):
            from_frame = self.cx.top.names.get(name, ABSENT) if self.frame.library is self.cx.main else ABSENT
        if from_frame is POISON:
            raise Poisoned
        if from_frame is ABSENT or isinstance(from_frame, (bool, Node, str, float)) or from_frame is None:
            raise _UnknownSize(name)
        return from_frame


class _UnknownSize(KeyError):
    pass


ABSENT = object()


def typed(cx: Context, frame: Frame, expr: ast.TypeExpr) -> TensorType:
    """`declared_type`, with unknown sizes told."""
    try:
        return declared_type(cx, frame, expr)
    except _UnknownSize as unknown:
        name = unknown.args[0]
        if name in cx.broken and frame.library is cx.main:
            raise Poisoned from None
        no_sizes = (Node, Instance, bool, str)
        known = [n for n, v in {**cx.top.names, **frame.names}.items() if not isinstance(v, no_sizes)]
        source = expr.span.source
        is_fed = source is cx.main.source and source.line(expr.span.line).split()[:1] == ["placeholder"]
        declaration = line_after_imports(source, f"dim {name}") if is_fed else None  # other tensors need numbers
        cx.fail(name_errors.unknown_size(_place_of(expr, name), name, known, declaration), frame)


def _place_of(expr: ast.TypeExpr, name: str) -> Span:
    todo: list[Any] = [axis.size for axis in expr.axes]
    while todo:
        node = todo.pop(0)
        if isinstance(node, ast.Name) and node.name == name:
            return node.span
        if isinstance(node, ast.Chain):
            todo += [node.first, *[t.operand for t in node.rest]]
        elif isinstance(node, ast.Call):
            todo += [a.value for a in node.args]
        elif isinstance(node, ast.Unary):
            todo.append(node.operand)
    return expr.span
