"""Calls: of ops, definitions, layers and nets, and the stages of a pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.graph.node import Node
from gdl.lang.apply import apply_op
from gdl.lang.bind import (
    Bound,
    bind,
    bind_statics,
    evaluate_arguments,
    is_tensor_param,
    missing,
    parameters,
    static_value,
)
from gdl.lang.builtins import call_builtin, static_call
from gdl.lang.context import Context, Frame, PendingUpdate, join
from gdl.lang.lookup import standard
from gdl.lang.program import LayerInfo
from gdl.lang.recall import recalled
from gdl.lang.signatures import as_called, check_results, match_tensors
from gdl.lang.statements import run_body
from gdl.lang.values import (
    Argument,
    Builtin,
    Function,
    Instance,
    Partial,
    Poisoned,
    describe,
    is_static,
)
from gdl.ops.table import Op
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.match import Bindings
from gdl.types.tensor import TensorType


def call(cx: Context, frame: Frame, callee: Any, args: Sequence[ast.Argument], span: Span, callee_span: Span) -> Any:
    """`callee(args)` as written."""
    return call_values(cx, frame, callee, evaluate_arguments(cx, frame, args), span, callee_span)


@contextmanager
def calling(cx: Context, frame: Frame, named: ast.Expr, callee: Any) -> Iterator[None]:
    """Around a call: says so where what is called hides a function of the library, and may not be what is meant.

    To give a net such a name with `net` and to apply it is no mistake; to name a stage of a pipe so and then to call
    that name, is likely one.
    """
    name = named.name if isinstance(named, ast.Name) else ""
    is_own = name in frame.names and not isinstance(callee, (Function, Op, Builtin, Partial))
    if not is_own or not cx.is_users(named.span) or standard(cx, name) is None:
        yield
        return
    place = frame.spans.get(name)
    said = len(cx.diagnostics)
    try:
        yield
    except Poisoned:
        hidden = name_errors.hidden(name, place)
        for at in range(said, len(cx.diagnostics)):
            cx.diagnostics[at] = replace(cx.diagnostics[at], notes=(*cx.diagnostics[at].notes, hidden))
        raise
    if isinstance(callee, Instance) and place is not None and name_errors.is_stage(place):
        cx.warn(name_errors.net_hides(named.span, name, place, callee.layer.name))


def call_values(
    cx: Context, frame: Frame, callee: Any, args: list[Argument], span: Span, callee_span: Span | None = None
) -> Any:
    """A call on evaluated arguments."""
    if isinstance(callee, Partial):
        tensors = [a for a in args if a.name is None]
        return _call_partial(cx, frame, callee, tensors, [a for a in args if a.name is not None], span)
    if isinstance(callee, Builtin):
        return call_builtin(cx, frame, callee.name, args, span)
    if isinstance(callee, Instance):
        return apply_instance(cx, frame, callee, args, span)
    if isinstance(callee, Op):
        return _call_op(cx, frame, callee, args, span)
    if isinstance(callee, Function):
        return _call_function(cx, frame, callee, args, span)
    cx.fail(errors.not_callable(callee_span or span, describe(callee), isinstance(callee, Node)), frame)


def _call_partial(
    cx: Context, frame: Frame, partial: Partial, tensors: list[Argument], keywords: list[Argument], span: Span
) -> Any:
    """`leaky_relu(slope=0.3)` gets its tensors: they fill the tensor parameters, which come first."""
    callee = partial.callee
    if isinstance(callee, Builtin):
        return call_values(cx, frame, callee, [*tensors, *partial.args, *keywords], span)
    if not tensors and not keywords:
        return partial
    bound = bind_statics(cx, frame, callee, partial.args, span)
    named = [Argument(a.value, a.span, name, a.name_span, a.items) for name, a in bound.items()]
    return call_values(cx, frame, callee, [*tensors, *named, *keywords], span)


# ---- ops ---------------------------------------------------------------------------------------------------------


def _call_op(cx: Context, frame: Frame, entry: Op, args: list[Argument], span: Span) -> Any:
    static = static_call(cx, frame, entry.name, args, span)
    if static is not NotImplemented:
        return static
    inputs, attrs = (
        bind_variadic(cx, frame, entry, args, span) if entry.variadic else bind_plain(cx, frame, entry, args, span)
    )
    if inputs is None:
        return Partial(entry, tuple(args), span)
    return apply_op(cx, frame, entry, inputs, attrs, span)


def bind_plain(
    cx: Context, frame: Frame, entry: Op, args: list[Argument], span: Span
) -> tuple[list[Argument] | None, dict[str, Any]]:
    bound = bind(cx, frame, entry, args, span)
    tensors = entry.tensor_params
    if tensors and not any(p.name in bound for p in tensors):
        if not any(a.name is None for a in args):
            return None, {}
    inputs, attrs = [], {}
    for param in parameters(entry):
        if is_tensor_param(param):
            if param.name not in bound:
                missing(cx, frame, entry, param, span)
            inputs.append(bound[param.name])
        elif param.name in bound:
            attrs[param.name] = static_value(cx, frame, entry, param, bound[param.name])
        elif param.default is None:
            missing(cx, frame, entry, param, span)
    return inputs, attrs | _free_keywords(entry, bound)


def bind_variadic(
    cx: Context, frame: Frame, entry: Op, args: list[Argument], span: Span
) -> tuple[list[Argument] | None, dict[str, Any]]:
    """`concat([a, b], axis=0)`, `einsum("i j, j k -> i k", a, b)`: lists of tensors are opened."""
    tensors: list[Argument] = []
    rest: list[Argument] = []
    for argument in args:
        if argument.name is not None and argument.name != entry.tensor_params[0].name:
            rest.append(argument)
        elif isinstance(argument.value, tuple) and any(isinstance(v, Node) for v in argument.value):
            tensors += _elements(argument)
        elif isinstance(argument.value, Node):
            tensors.append(replace(argument, name=None))
        else:
            rest.append(argument)
    if not tensors:
        first = next((a for a in rest if isinstance(a.value, tuple)), None)
        if first is None:
            return None, {}
        rest.remove(first)
        tensors = _elements(first)
    bound = bind_statics(cx, frame, entry, rest, span)
    attrs = {}
    for param in entry.static_params:
        if param.name in bound:
            attrs[param.name] = static_value(cx, frame, entry, param, bound[param.name])
        elif param.default is None:
            missing(cx, frame, entry, param, span)
    return tensors, attrs | _free_keywords(entry, bound)


def _elements(argument: Argument) -> list[Argument]:
    """The elements of a list of tensors, each with its place."""
    spans = argument.items if len(argument.items) == len(argument.value) else (argument.span,) * len(argument.value)
    return [Argument(value, span) for value, span in zip(argument.value, spans)]


def _free_keywords(entry: Op, bound: Bound) -> dict[str, Any]:
    known = {p.name for p in parameters(entry)}
    return {name: a.value for name, a in bound.items() if name not in known}


# ---- definitions -------------------------------------------------------------------------------------------------


def _call_function(cx: Context, frame: Frame, function: Function, args: list[Argument], span: Span) -> Any:
    what = function.definition.what
    tensors = [p for p in function.definition.params if is_tensor_param(p)]
    given = [a for a in args if a.name is None]
    named = {a.name for a in args}
    if what == "optimizer":
        bind_statics(cx, frame, function, args, span)
        return Partial(function, tuple(args), span)
    if what == "layer":
        if not given or not may_be_tensor(given[0].value):
            bind_statics(cx, frame, function, args, span)
            return Partial(function, tuple(args), span)
        count = sum(1 for a in given if may_be_tensor(a.value))
        instance = make_instance(cx, frame, function, [a for a in args if a not in given[:count]], None, span)
        return apply_instance(cx, frame, instance, given[:count], span)
    if tensors and not given and not any(p.name in named for p in tensors):
        bind_statics(cx, frame, function, args, span)
        return Partial(function, tuple(args), span)
    bound = bind(cx, frame, function, args, span)
    training = _training(cx, frame, args)
    body = Frame("def", function.module, {}, frame.scope, training, (span, *frame.calls), frame.owner or function.name)
    return run_function(cx, frame, function, bound, body, span)


def may_be_tensor(value: Any) -> bool:
    return isinstance(value, Node) or (isinstance(value, tuple) and not is_static(value))


def _training(cx: Context, frame: Frame, args: Sequence[Argument]) -> bool:
    given = next((a for a in args if a.name == "training"), None)
    if given is None:
        return frame.training
    if not isinstance(given.value, bool):
        cx.fail(errors.wrong_kind(given.span, "a call", "training", "true or false", describe(given.value)), frame)
    return given.value


def make_instance(
    cx: Context,
    frame: Frame,
    layer: Function,
    args: Sequence[Argument],
    name: str | None,
    span: Span,
    number: int | None = None,
) -> Instance:
    """A net at its path; without a name it takes one from its layer."""
    if frame.what == "def":
        cx.fail(
            name_errors.misplaced(
                span, f"the layer {layer.name}", "in a def, which owns no variables", "make the def a layer"
            ),
            frame,
        )
    label = name or _own_name(layer.name)
    path = join(frame.scope, label if number is None else f"{label}.{number}")
    if name is None and path in frame.paths:
        count = 2
        while f"{path}_{count}" in frame.paths:
            count += 1
        cx.warn(name_errors.path_collision(span, path, f"{label}_{count}", layer.name))
        path = f"{path}_{count}"
    elif path in frame.paths:
        cx.fail(name_errors.same_path(span, label, layer.name, frame.paths[path]), frame)
    frame.paths[path] = span
    instance = Instance(path, layer, tuple(args), span)
    if name is not None and number is None:
        bind_name(frame, name, instance, span)
    return instance


def require_statics(cx: Context, frame: Frame, layer: Function, args: Sequence[Argument], span: Span) -> None:
    """E0202 where a net lacks a static argument: told where it is made, not where it is first used."""
    bound = bind_statics(cx, frame, layer, args, span)
    for param in layer.definition.params:
        if not is_tensor_param(param) and param.default is None and param.name not in bound:
            missing(cx, frame, layer, param, span)


def bind_name(frame: Frame, name: str, value: Any, span: Span) -> None:
    frame.names[name] = value
    frame.spans[name] = span
    if frame.members is not None:
        frame.members[name] = value


def _own_name(layer: str) -> str:
    """BatchNorm -> batch_norm"""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", layer).lower()


def apply_instance(cx: Context, frame: Frame, instance: Instance, args: list[Argument], span: Span) -> Any:
    """A net applied to tensors: its layer's body, its variables at its path."""
    layer = instance.layer
    bound = bind_statics(cx, frame, layer, instance.args, instance.span or span)
    named = [Argument(a.value, a.span, name, a.name_span or a.span, a.items) for name, a in bound.items()]
    bound = bind(cx, frame, layer, [*args, *named], span)
    training = _training(cx, frame, [*args, *instance.args])
    body = Frame("layer", layer.module, {}, instance.path, training, (span, *frame.calls), members=instance.members)
    instance.applied = True
    start = len(cx.updates)
    result = run_function(cx, frame, layer, bound, body, span)
    anchors = tuple([n for n in (result if isinstance(result, tuple) else (result,)) if isinstance(n, Node)])
    for i in range(start, len(cx.updates)):
        if cx.updates[i].anchors is None:
            cx.updates[i] = PendingUpdate(cx.updates[i].variable, cx.updates[i].value, anchors)
    if not cx.is_trial:
        results = tuple([node.type for node in anchors])
        cx.apply_layer(LayerInfo(instance.path, layer.name, results, instance.span))
    return result


def run_function(cx: Context, frame: Frame, function: Function, bound: Bound, body: Frame, span: Span) -> Any:
    """The value of a call whose arguments are bound."""
    cx.called.add(function)
    if cx.remembers and not cx.is_trial:
        return recalled(cx, function, bound, body, lambda: _run(cx, frame, function, bound, body, span))
    return _run(cx, frame, function, bound, body, span)


def _run(cx: Context, frame: Frame, function: Function, bound: Bound, body: Frame, span: Span) -> Any:
    """Parameters matched, the body run, the results held against the signature."""
    definition = function.definition
    statics: dict[str, Any] = {}
    with cx.deeper(span):
        for param in definition.params:
            if is_tensor_param(param):
                continue
            if param.name in bound:
                statics[param.name] = static_value(cx, frame, function, param, bound[param.name])
            elif param.default is not None:
                statics[param.name] = cx.evaluate(
                    Frame("def", function.module, dict(statics), calls=(span, *frame.calls)), param.default
                )
            else:
                missing(cx, frame, function, param, span)
        body.names.update(statics)
        bindings = Bindings(statics=statics)
        match_tensors(cx, frame, function, bound, body, bindings, span)
        if cx.seen is not None:
            for param in definition.params:
                cx.note(param.name_span, body.names[param.name])
        result = run_body(cx, body, definition.body)
        if definition.what != "optimizer":
            check_results(cx, body, function, result, bindings, span)
            result = as_called(body, result)
    return result


def call_initializer(cx: Context, frame: Frame, callee: Op | Function, init: ast.Expr, type: TensorType) -> Any:
    """`glorot_uniform()` where a variable is declared: it gets the variable's shape, and dtype if it takes one."""
    args = evaluate_arguments(cx, frame, init.args) if isinstance(init, ast.Call) else []
    names = [p.name for p in parameters(callee)]
    named, positional = [a for a in args if a.name is not None], [a for a in args if a.name is None]
    given = {a.name for a in named} | {n for n, a in zip(names, positional) if isinstance(a.value, tuple)}
    if "shape" not in given:
        at = names.index("shape")
        positional.insert(at, Argument(type.shape, init.span, None if at <= len(positional) else "shape"))
    if "dtype" in names and "dtype" not in given:
        named.append(Argument(type.dtype, init.span, "dtype"))
    return call_values(cx, frame, callee, [*positional, *named], init.span)
