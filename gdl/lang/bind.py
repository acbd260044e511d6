"""Arguments bound to parameters: the same way for ops, definitions, layers and optimizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gdl.diagnostics import Diagnostic, Edit
from gdl.errors import calls as errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.context import Context, Frame
from gdl.lang.mismatch import KIND_WORDS, definition_signature, kind_words, op_signature, show_type
from gdl.lang.values import Argument, Builtin, Function, Instance, Pack, Partial, Poisoned, describe, is_static
from gdl.ops.table import Op, check_kind
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.match import Mismatch

Bound = dict[str, Argument]


def is_tensor_param(param: ast.Param) -> bool:
    return isinstance(param.type, ast.TypeExpr)


def evaluate_arguments(cx: Context, frame: Frame, args: Sequence[ast.Argument]) -> list[Argument]:
    """Every argument's value; `over=` stays unevaluated, for its names are labels. Reports mistakes in all of them."""
    values, failed = [], False
    for arg in args:
        try:
            value = arg.value if arg.name == "over" else _argument_value(cx, frame, arg.value)
            values.append(Argument(value, arg.value.span, arg.name, arg.name_span, _item_spans(arg.value)))
        except Poisoned:
            failed = True
    if failed:
        raise Poisoned
    return values


def _item_spans(expr: ast.Expr) -> tuple[Span, ...]:
    if isinstance(expr, (ast.Array, ast.Tuple)) and not any(isinstance(item, ast.Splice) for item in expr.items):
        return tuple([item.span for item in expr.items])
    return ()


def _argument_value(cx: Context, frame: Frame, expr: ast.Expr) -> Any:
    if isinstance(expr, ast.Splice):
        value = frame.names.get(expr.name)
        if isinstance(value, Pack):
            return tuple(range(value.start, value.start + len(value.dims)))
    return cx.evaluate(frame, expr)


def bind(cx: Context, frame: Frame, callee: Op | Function, args: Sequence[Argument], span: Span) -> Bound:
    """Parameter name -> argument, for what was given. Positional arguments fill the parameters in order."""
    params = parameters(callee)
    bound: Bound = {}
    positional = [a for a in args if a.name is None]
    for param, argument in zip(params, positional):
        bound[param.name] = argument
    if len(positional) > len(params):
        extra = positional[len(params)]
        cx.fail(
            errors.too_many_arguments(extra.span or span, callee.name, len(positional), len(params), signature(callee)),
            frame,
        )
    return add_keywords(cx, frame, callee, bound, args, span)


def bind_statics(cx: Context, frame: Frame, callee: Op | Function, args: Sequence[Argument], span: Span) -> Bound:
    """As `bind`, for a call without its tensors: positional arguments fill the static parameters."""
    params = [p for p in parameters(callee) if not is_tensor_param(p)]
    positional = [a for a in args if a.name is None]
    if len(positional) > len(params):
        extra = positional[len(params)]
        cx.fail(
            errors.too_many_arguments(extra.span or span, callee.name, len(positional), len(params), signature(callee)),
            frame,
        )
    bound = {param.name: argument for param, argument in zip(params, positional)}
    return add_keywords(cx, frame, callee, bound, args, span)


def add_keywords(
    cx: Context, frame: Frame, callee: Op | Function, bound: Bound, args: Sequence[Argument], span: Span
) -> Bound:
    """Keyword arguments added; `over=` becomes `axis=` by the labels of the first tensor."""
    names = [p.name for p in parameters(callee)]
    for argument in args:
        name = argument.name
        if name is None:
            continue
        if name == "over" and "over" not in names and "axis" in names:
            name, argument = "axis", _over(cx, frame, argument, bound, callee)
        elif name == "over" and "over" not in names:
            cx.fail(
                errors.unknown_parameter(argument.name_span or span, callee.name, name, (), signature(callee)), frame
            )
        if name == "training" and name not in names:
            continue
        if name not in names and not takes_any_keyword(callee):
            free = [n for n in names if n not in bound]
            cx.fail(
                errors.unknown_parameter(argument.name_span or span, callee.name, name, free, signature(callee)), frame
            )
        if name in bound:
            cx.fail(errors.given_twice(argument.name_span or span, callee.name, name), frame)
        bound[name] = argument
    return bound


def takes_any_keyword(callee: Op | Function) -> bool:
    return isinstance(callee, Op) and callee.rest is not None


def parameters(callee: Op | Function) -> tuple[ast.Param, ...]:
    return callee.definition.params if isinstance(callee, Function) else callee.signature.params


def is_initializer(callee: Any) -> bool:
    """Whether it makes a tensor of a shape that it is told: no tensor among its parameters, and one called `shape`."""
    if not isinstance(callee, (Op, Function)):
        return False
    params = parameters(callee)
    return any(p.name == "shape" for p in params) and not any(is_tensor_param(p) for p in params)


def signature(callee: Op | Function) -> str:
    return definition_signature(callee.definition) if isinstance(callee, Function) else op_signature(callee)


def _over(cx: Context, frame: Frame, argument: Argument, bound: Bound, callee: Op | Function) -> Argument:
    """`over=(row, col)`: the axes of the first tensor that carry these labels."""
    first = next((bound[p.name].value for p in parameters(callee) if is_tensor_param(p) and p.name in bound), None)
    if not isinstance(first, Node):
        cx.fail(errors.wrong_value(argument.span, "a tensor before `over`", describe(first)), frame)  # type: ignore[arg-type]
    expr = argument.value
    if isinstance(expr, ast.Splice) or (isinstance(expr, ast.Name) and isinstance(frame.names.get(expr.name), Pack)):
        return Argument(_argument_value(cx, frame, ast.Splice(expr.name, span=expr.span)), expr.span)
    items = expr.items if isinstance(expr, (ast.Tuple, ast.Array)) else (expr,)
    axes = []
    for item in items:
        if not isinstance(item, ast.Name):
            cx.fail(_not_a_label(item, items, argument), frame)
        labels = [d.label for d in first.type.dims]
        if labels.count(item.name) != 1:
            cx.fail(type_errors.no_label(item.span, item.name, first.type, frame.what in ("def", "layer")), frame)
        axes.append(labels.index(item.name))
    value = axes[0] if isinstance(expr, ast.Name) else tuple(axes)
    return Argument(value, argument.span, "axis", argument.name_span)


def _not_a_label(item: ast.Expr, items: Sequence[ast.Expr], argument: Argument) -> Diagnostic:
    if isinstance(item, ast.String):
        got, help = "a string", f"without quotes: over={item.value}"
    else:
        got = "a number" if isinstance(item, ast.Number) else "an expression"
        help = "numbers are given by axis=..., labels by over=..."
    are_numbers = all(isinstance(each, ast.Number) for each in items)
    fix = (Edit(argument.name_span, "axis"),) if are_numbers and argument.name_span else ()
    return errors.wrong_value(item.span, "the label of an axis", got, help, fix)


def static_value(cx: Context, frame: Frame, callee: Op | Function, param: ast.Param, argument: Argument) -> Any:
    """An argument of a static parameter, of the parameter's kind."""
    value, span = argument.value, argument.span
    kind = param.type
    if isinstance(kind, ast.Kind) and kind.names == ("fn",):
        if isinstance(value, (Op, Function, Partial, Builtin, Instance)):
            return value
        meant = value if isinstance(value, str) and cx.is_known(frame, value) else ""
        help = f"write {meant}, without quotes" if meant else ""
        cx.fail(
            errors.wrong_kind(
                span, callee.name, param.name, KIND_WORDS["fn"], describe(value), signature(callee), help, meant
            ),
            frame,
        )
    if isinstance(callee, Function) and callee.definition.what == "optimizer" and isinstance(value, Node):
        if value.type.rank == 0:
            return value  # a schedule: a hyperparameter that depends on the step
    if not is_static(value) and not (isinstance(kind, ast.Kind) and "any" in kind.names):
        what = f"`{param.name}` of {callee.name}"
        cx.fail(
            errors.not_static(span, what, describe(value), "it is a static parameter: a number, hyper or size"), frame
        )
    try:
        return check_kind(param, value, callee.name)
    except Mismatch as m:
        meant = _meant(kind, value)
        help = f"write {meant}" if meant else ""
        found = errors.wrong_kind(
            span, callee.name, param.name, kind_words(m), describe(value), signature(callee), help, meant
        )
        cx.fail(found, frame)


def _meant(kind: Any, value: Any) -> str:
    """What is written for a value of another kind, if only one can be meant: false for 0, "same" for "SAME"."""
    if not isinstance(kind, ast.Kind):
        return ""
    if kind.is_choice and isinstance(value, str):
        return next((f'"{name}"' for name in kind.names if name.lower() == value.lower()), "")
    if kind.names == ("bool",) and value in (0, 1):
        return "true" if value else "false"
    return str(int(value)) if kind.names == ("int",) and isinstance(value, float) and value.is_integer() else ""


def missing(cx: Context, frame: Frame, callee: Op | Function, param: ast.Param, span: Span) -> None:
    """E0202 for a parameter that has neither argument nor default."""
    kind = param.type
    if isinstance(kind, ast.TypeExpr):
        shown = "a tensor" + (f" {show_type(kind)}" if kind.dtype not in ("n", "t") else "")
    elif isinstance(kind, ast.Kind):
        shown = " or ".join([f'"{n}"' if kind.is_choice else KIND_WORDS.get(n, n) for n in kind.names])
    else:
        shown = "a value"
    cx.fail(errors.missing_argument(span, callee.name, param.name, shown, signature(callee)), frame)
