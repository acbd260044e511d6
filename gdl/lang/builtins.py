"""Functions of the language itself: gradients, casts, sets of variables, and arithmetic that is done at check time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gdl.errors import calls as errors
from gdl.errors import gradients as gradient_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.apply import apply_op, as_node
from gdl.lang.context import Context, Frame
from gdl.lang.values import Argument, Instance, InstanceList, VariableSet, describe, is_static
from gdl.ops.table import TABLE, show_static
from gdl.source import Span
from gdl.types import sizes
from gdl.types.match import Mismatch, normal_axes
from gdl.types.sizes import Poly
from gdl.types.tensor import DTYPES

#: name -> (parameters, what it does): what `call_builtin` accepts, and what `gdl doc` says.
SIGNATURES = {
    "grad": ("(y, x)", "the gradient of the scalar y at x: a node like any other, of x's shape"),
    "vjp": ("(y, x, v)", "the gradient of y at x with the upstream gradient v of y's shape"),
    "jvp": ("(y, x, v)", "the directional derivative of y at x along v of x's shape"),
    "vars": ("(net)", "the trained variables of a net, for `minimize ... over`"),
    "len": ("(list)", "the number of elements of a list"),
    "rank": ("(x)", "the number of axes of a tensor"),
    "size": ("(x)", "the number of elements of a tensor"),
    "shape": ("(x)", "the sizes of a tensor's axes, as a list"),
    "count": ("(x, axis)", "the number of elements that a reduction over `axis` combines"),
    "dtype": ("(x)", "a tensor's dtype as a string"),
    "ceil_div": ("(a, b)", "a / b rounded up, for sizes"),
}


_MEANING = {
    "y": "what is differentiated",
    "x": "a tensor",
    "v": "a weight for each element",
    "net": "a net",
    "list": "a list",
}


def _text(argument: Argument, fallback: str) -> str:
    return " ".join(argument.span.text.split()) if argument.span else fallback


def call_builtin(cx: Context, frame: Frame, name: str, args: list[Argument], span: Span) -> Any:
    """A builtin on evaluated arguments."""
    if name in DTYPES:
        return _cast(cx, frame, name, args, span)
    shown, _ = SIGNATURES[name]
    names = shown.strip("()").split(", ")
    named = {a.name: a for a in args if a.name is not None}
    bound = dict(zip(names, [a for a in args if a.name is None])) | named  # type: ignore[arg-type]
    unknown = [a for a in named.values() if a.name not in names]
    if unknown:
        cx.fail(
            errors.unknown_parameter(unknown[0].name_span or span, name, str(unknown[0].name), names, name + shown),
            frame,
        )
    optional = 1 if name == "count" else 0
    if len(args) > len(names) or len(bound) < len(args):
        extra = args[min(len(args) - 1, len(names))]
        cx.fail(errors.too_many_arguments(extra.span or span, name, len(args), len(names), name + shown), frame)
    for needed in names[: len(names) - optional]:
        if needed not in bound:
            cx.fail(errors.missing_argument(span, name, needed, _MEANING.get(needed, "a value"), name + shown), frame)
    return _BUILTINS[name](cx, frame, [bound[n] for n in names if n in bound], span)


def _cast(cx: Context, frame: Frame, dtype: str, args: list[Argument], span: Span) -> Any:
    if len(args) != 1 or args[0].name is not None:
        cx.fail(errors.too_many_arguments(span, dtype, len(args), 1, f"{dtype}(x)"), frame)
    value = args[0].value
    if is_static(value) and isinstance(value, (int, float, Poly)) and dtype != "bool" and not isinstance(value, bool):
        if isinstance(value, float) and dtype in ("i32", "i64", "u8"):
            value = int(value)
        return as_node(cx, frame, Argument(value, span), dtype)
    node = as_node(cx, frame, args[0], dtype if is_static(value) and dtype in ("f32", "f64") else None)
    return (
        node
        if node.type.dtype == dtype
        else apply_op(cx, frame, TABLE["cast"], [Argument(node, args[0].span)], {"dtype": dtype}, span, dtype)
    )


def _request(cx: Context, frame: Frame, op: str, args: list[Argument], span: Span) -> Any:
    """grad, vjp, jvp as requests: `gdl.autodiff.expand` turns them into gradients."""
    y = as_node(cx, frame, args[0])
    targets = _targets(cx, frame, args[1])
    requests = []
    for target in targets:
        inputs = [y, target]
        if len(args) == 3:
            like = y if op == "grad" else target
            seed = as_node(cx, frame, args[2], like.type.dtype)
            if seed.type != like.type:
                cx.fail(
                    gradient_errors.weight_does_not_fit(
                        "jvp" if op == "jvp" else "vjp",
                        str(seed.type),
                        _text(args[0 if like is y else 1], "y"),
                        str(like.type),
                        args[2].span or span,
                    ),
                    frame,
                )
            inputs.append(seed)
        if not target.type.is_float:
            at = args[1].span or span
            cx.fail(gradient_errors.not_float(_text(args[1], "x"), str(target.type), at, target.span), frame)
        if not y.type.is_float:
            cx.fail(
                type_errors.wrong_dtype(args[0].span or span, "what is differentiated", ("f32", "f64"), y.type), frame
            )
        type = y.type if op == "jvp" else target.type
        requests.append(Node(op, inputs, None, type, (span, *frame.calls), frame.scope))
    return requests[0] if not isinstance(args[1].value, (tuple, VariableSet)) else tuple(requests)


def _targets(cx: Context, frame: Frame, argument: Argument) -> list[Node]:
    value = argument.value
    if isinstance(value, VariableSet):
        return [cx.leaves[path] for path in value.paths]
    if isinstance(value, tuple) and any(isinstance(v, Node) for v in value):
        return [as_node(cx, frame, Argument(v, argument.span)) for v in value]
    if not isinstance(value, Node):
        help = (
            f"name one of its variables, or all of them: vars({value.path})"
            if isinstance(value, Instance)
            else "name the node to differentiate by"
        )
        is_number = is_static(value) and not isinstance(value, Poly)
        if is_number and argument.span is not None and argument.span.text.isidentifier():
            typed = f"{argument.span.text}: f32[{', '.join(map(str, _extents(value)))}] = {show_static(value)}"
            help = f"a plain number takes no part in the graph; with a type it is a tensor: {typed}"
        cx.fail(errors.wrong_value(argument.span, "a tensor of the graph", describe(value), help), frame)  # type: ignore[arg-type]
    return [value]


def _extents(value: Any) -> tuple[int, ...]:
    """The sizes of a list as it would be as a tensor."""
    return (len(value), *_extents(value[0])) if isinstance(value, tuple) and value else ()


def variables_of(cx: Context, frame: Frame, value: Any, span: Span) -> tuple[str, ...]:
    """Paths of the trained variables that a net, a list of nets or a variable stands for."""
    cx.steered += 1
    if isinstance(value, Node) and value.op == "variable":
        return (value.attrs["path"],)
    if isinstance(value, VariableSet):
        return value.paths
    if isinstance(value, tuple):
        return tuple([path for v in value for path in variables_of(cx, frame, v, span)])
    if isinstance(value, InstanceList):
        return tuple([path for v in value.items.values() for path in variables_of(cx, frame, v, span)])
    if isinstance(value, Instance):
        found = tuple([p for p, info in cx.variables.items() if info.trained and p.startswith(value.path + "/")])
        if not found:
            why = "it owns none" if value.applied else "it was not applied to anything yet"
            cx.fail(errors.wrong_value(span, "trained variables", f"the net {value.path}", why), frame)
        return found
    cx.fail(
        errors.wrong_value(span, "a net or variables", describe(value), "vars(net) names all variables of a net"), frame
    )


def _vars(cx: Context, frame: Frame, args: list[Argument], span: Span) -> VariableSet:
    return VariableSet(variables_of(cx, frame, args[0].value, args[0].span or span), span.text)


def _len(cx: Context, frame: Frame, args: list[Argument], span: Span) -> int:
    value = args[0].value
    if isinstance(value, (tuple, str)):
        return len(value)
    cx.fail(
        errors.wrong_value(span, "a list", describe(value), "shape(x)[0] is the size of a tensor's first axis"), frame
    )


def _tensor(cx: Context, frame: Frame, argument: Argument) -> Node:
    return as_node(cx, frame, argument)


def _rank(cx: Context, frame: Frame, args: list[Argument], span: Span) -> int:
    return _tensor(cx, frame, args[0]).type.rank


def _size(cx: Context, frame: Frame, args: list[Argument], span: Span) -> Any:
    return sizes.product(_tensor(cx, frame, args[0]).type.shape)


def _shape(cx: Context, frame: Frame, args: list[Argument], span: Span) -> Any:
    return _tensor(cx, frame, args[0]).type.shape


def _count(cx: Context, frame: Frame, args: list[Argument], span: Span) -> Any:
    type = _tensor(cx, frame, args[0]).type
    axis = args[1].value if len(args) > 1 else None
    try:
        return sizes.product([type.shape[a] for a in normal_axes(axis, type.rank)])
    except Mismatch as m:
        if m.kind == "axis":
            cx.fail(type_errors.no_axis(args[1].span or span, m.left, str(type), type.rank), frame)
        cx.fail(errors.requirement(args[1].span or span, m.text), frame)


def _dtype(cx: Context, frame: Frame, args: list[Argument], span: Span) -> str:
    return _tensor(cx, frame, args[0]).type.dtype


def _ceil_div(cx: Context, frame: Frame, args: list[Argument], span: Span) -> Any:
    a, b = args[0].value, args[1].value
    if not all(isinstance(v, (int, Poly)) and not isinstance(v, bool) for v in (a, b)) or b == 0:
        cx.fail(errors.bad_static(span, "ceil_div takes two sizes, the second not 0"), frame)
    return sizes.ceil_div(a, b)


_BUILTINS: dict[str, Callable[[Context, Frame, list[Argument], Span], Any]] = {
    "grad": lambda cx, frame, args, span: _request(cx, frame, "grad", args, span),
    "vjp": lambda cx, frame, args, span: _request(cx, frame, "grad", args, span),
    "jvp": lambda cx, frame, args, span: _request(cx, frame, "jvp", args, span),
    "vars": _vars,
    "len": _len,
    "rank": _rank,
    "size": _size,
    "shape": _shape,
    "count": _count,
    "dtype": _dtype,
    "ceil_div": _ceil_div,
}

_STATIC_MATH: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "sin": math.sin, "cos": math.cos, "tanh": math.tanh,
    "abs": abs, "floor": math.floor, "ceil": math.ceil, "round": round, "log1p": math.log1p, "expm1": math.expm1,
}  # fmt: skip
_STATIC_LISTS: dict[str, Callable[..., Any]] = {"sum": sum, "prod": sizes.product, "min": min, "max": max}


def static_call(cx: Context, frame: Frame, name: str, args: list[Argument], span: Span) -> Any:
    """An op's name called on static numbers, done now: sqrt(2), max(a, b), prod(shape); NotImplemented otherwise."""
    values = [a.value for a in args]
    if any(a.name is not None for a in args) or not values or not all(map(is_static, values)):
        return NotImplemented
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    try:
        if name in _STATIC_MATH and len(values) == len(numbers) == 1:
            return _STATIC_MATH[name](values[0])
        if name in _STATIC_LISTS and len(values) == 1 and isinstance(values[0], tuple):
            items = values[0]
            flat = all(isinstance(v, (int, float, Poly)) and not isinstance(v, bool) for v in items)
            if (
                flat
                and (items or name in ("sum", "prod"))
                and (name in ("sum", "prod") or not any(isinstance(v, Poly) for v in items))
            ):
                return _STATIC_LISTS[name](items)
        if name in ("min", "max", "minimum", "maximum") and len(numbers) == len(values) > 1:
            return (min if name.startswith("min") else max)(numbers)
    except (ValueError, OverflowError):
        cx.fail(errors.bad_static(span, f"{name}({', '.join(map(str, values))}) is not a finite real number"), frame)
    return NotImplemented
