"""Definitions that nothing calls, evaluated once with made-up arguments, so that a mistake in them shows as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gdl.errors import names as errors
from gdl.graph.node import Node
from gdl.lang.bind import is_tensor_param
from gdl.lang.calls import run_function
from gdl.lang.context import Context, Frame
from gdl.lang.names import check_names
from gdl.lang.statements import RESERVED
from gdl.lang.values import Argument, Function, Poisoned
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.match import Bindings, Mismatch, build
from gdl.types.tensor import DTYPES, Dim, TensorType

#: What is wrong whatever the arguments are. Anything else may be due to the arguments made up here.
_CERTAIN = ("E01", "E0202", "E0203", "E0204", "E0207", "E0209", "E0210", "E03", "E04")
_DTYPES = {"f": "f32", "n": "f32", "i": "i64"}
_SCOPE = "uncalled"


def check_uncalled(cx: Context) -> None:
    """Mistakes in definitions of the program itself: of those that nothing calls, where that is certain."""
    for function in list(cx.main.parsed.values()):
        if function.module is not cx.main:
            continue
        definition = function.definition
        for param in definition.params:
            if param.name in RESERVED:
                cx.report(errors.reserved(param.name_span, param.name))
        if function not in cx.called and definition.what != "optimizer":
            _try(cx, function)
        check_names(cx, definition)


def _try(cx: Context, function: Function) -> None:
    """The body evaluated in both modes; what it declares is forgotten, and only what is certain is said."""
    said, cx.diagnostics, cx.is_trial = cx.diagnostics, [], True
    try:
        bound = _arguments(function.definition)
        for training in (True, False) if bound is not None else ():
            cx.start_mode(training)
            body = Frame(function.definition.what, cx.main, {}, _SCOPE, training, members={})
            try:
                run_function(cx, cx.top, function, bound, body, function.definition.name_span)
            except Poisoned:
                continue
    finally:
        said += [d for d in cx.diagnostics if d.is_error and d.code.startswith(_CERTAIN) and d.code != "E0116"]
        cx.diagnostics, cx.is_trial = said, False
        for path in [p for p in cx.variables if p.startswith(_SCOPE + "/")]:
            del cx.variables[path], cx.leaves[path]


def _arguments(definition: ast.Definition) -> dict[str, Argument] | None:
    """An argument for every parameter without default; None where one can't be made up."""
    statics: dict[str, Any] = {}
    for param in definition.params:
        if not is_tensor_param(param) and param.default is None:
            value = _static(param)
            if value is None:
                return None
            statics[param.name] = value
    names = [n for p in definition.params if isinstance(p.type, ast.TypeExpr) for n in _symbols(p.type)]
    symbols = {n: Dim(sizes.symbol(n), n) for n in names if n not in statics}
    bound = {name: Argument(value, definition.name_span) for name, value in statics.items()}
    for param in definition.params:
        if isinstance(param.type, ast.TypeExpr):
            node = _tensor(param, Bindings(sizes=symbols, statics=statics))
            if node is None:
                return None
            bound[param.name] = Argument(node, param.name_span)
    return bound


def _static(param: ast.Param) -> Any:
    """A size that stands for any int, an ordinary float; None for a kind whose values differ too much."""
    kinds = param.type.names if isinstance(param.type, ast.Kind) and not param.type.is_choice else ()
    return sizes.symbol(param.name) if "int" in kinds else 0.5 if "float" in kinds else None


def _tensor(param: ast.Param, bindings: Bindings) -> Node | None:
    """An input of the parameter's type with each symbol as a size of its own; None where the type leaves axes open."""
    assert isinstance(param.type, ast.TypeExpr)
    if any(isinstance(axis.size, (ast.Splice, ast.Ellipsis_)) for axis in param.type.axes):
        return None
    dtype = param.type.dtype or "f32"
    dtype = dtype if dtype in DTYPES else _DTYPES.get(dtype, "")
    if not dtype:
        return None
    try:
        dims = build(ast.TypeExpr(dtype, param.type.axes, span=param.type.span), bindings).dims
    except (Mismatch, KeyError):
        return None
    type = TensorType(dtype, dims, param.type.dtype_span or param.type.span)
    return Node("input", (), {"name": param.name}, type, (param.name_span,), "", param.name)


def _symbols(type: ast.TypeExpr) -> Iterator[str]:
    for axis in type.axes:
        todo: list[Any] = [axis.size]
        while todo:
            size = todo.pop()
            if isinstance(size, ast.Name):
                yield size.name
            elif isinstance(size, ast.Chain):
                todo += [size.first, *[term.operand for term in size.rest]]
            elif isinstance(size, ast.Unary):
                todo.append(size.operand)
            elif isinstance(size, ast.Call):
                todo += [argument.value for argument in size.args]
