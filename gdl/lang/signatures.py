"""What is given to a body, and what it gives back, held against its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang.apply import as_node
from gdl.lang.bind import Bound, is_tensor_param, missing, signature
from gdl.lang.context import Context, Frame
from gdl.lang.mismatch import describe_mismatch, show_type
from gdl.lang.names import axis_names
from gdl.lang.values import Argument, Function, Pack, Poisoned
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.match import Bindings, Mismatch, match
from gdl.types.tensor import DTYPE_CLASSES, DTYPES, TensorType


def match_tensors(
    cx: Context, frame: Frame, function: Function, bound: Bound, body: Frame, bindings: Bindings, span: Span
) -> None:
    """Binds the tensors of a call in its body, with the sizes and dtypes that they give the signature's names."""
    params = [p for p in function.definition.params if is_tensor_param(p)]
    dtypes: dict[str, str] = {}
    for param in params:
        argument = bound.get(param.name)
        if argument is not None and isinstance(argument.value, Node):
            dtypes.setdefault(param.type.dtype or "f32", argument.value.type.dtype)  # type: ignore[union-attr]
    tensors: dict[str, tuple[Span, TensorType]] = {}
    called = cx.axis_names.get(function)
    if called is None:
        called = cx.axis_names[function] = axis_names(function.definition.body)
    for param in params:
        argument = bound.get(param.name)
        if argument is None:
            if param.default is None:
                missing(cx, frame, function, param, span)
            default = cx.evaluate(Frame("def", function.module, {}, calls=(span, *frame.calls)), param.default)
            argument = Argument(default, param.default.span)
        pattern = param.type.dtype or "f32"  # type: ignore[union-attr]
        wanted = pattern if pattern in DTYPES else dtypes.get(pattern)
        node = as_node(cx, frame, argument, wanted, pattern)
        node = _labelled(node, param, called, body)
        tensors[param.name] = (argument.span or span, node.type)
        before = set(bindings.packs)
        try:
            match(param.type, node.type, param.name, bindings)  # type: ignore[arg-type]
        except Mismatch as m:
            found = describe_mismatch(m, function.name, tensors, argument.span or span, signature(function))
            if m.kind == "dtype" and (other := _other_way_round(function, params, bound)):
                found = replace(found, helps=(f"are the arguments the other way round? {other}",), fix=())
            cx.fail(replace(found, notes=(*found.notes, signature(function))), frame)
        except KeyError as unbound:
            cx.fail(name_errors.unknown_size(param.span or span, str(unbound.args[0]), ()), frame)
        body.names[param.name] = node
        for name in set(bindings.packs) - before:
            start = next(i for i, a in enumerate(param.type.axes) if isinstance(a.size, ast.Splice))  # type: ignore[union-attr]
            body.names[name] = Pack(bindings.packs[name], start)
    body.dtypes = {name: type.dtype for name, type in bindings.dtypes.items()}
    for name, dim in bindings.sizes.items():
        body.names.setdefault(name, dim.size)
    cx.guard(bindings.guards, frame, span)


def _labelled(node: Node, param: ast.Param, called: frozenset[str], body: Frame) -> Node:
    """The tensor as the body sees it: under the labels that the signature gives its axes, `row: 28`, and under those of
    its bare symbols that the body calls axes by. What they are to the caller is noted in `body.labels`."""
    written = param.type.axes  # type: ignore[union-attr]
    if not called and not any(axis.label for axis in written):
        return node
    axes = _aligned(written, node.type.rank)
    bare = [axis.size.name if axis and not axis.label and isinstance(axis.size, ast.Name) else "" for axis in axes]
    own = {name for name in called if bare.count(name) == 1}
    labels = []
    for axis, name, dim in zip(axes, bare, node.type.dims):
        if name in own:
            body.labels.setdefault(name, dim.label)
        label = None if dim.label in own else dim.label
        labels.append(name if name in own else (axis.label if axis else None) or label)
    return _under(node, labels)


def _aligned(axes: Sequence[ast.Axis], rank: int) -> list[ast.Axis | None]:
    """What a signature says of each axis; nothing of those that stand for any number of axes."""
    many = next((i for i, axis in enumerate(axes) if isinstance(axis.size, (ast.Splice, ast.Ellipsis_))), None)
    if many is None:
        return [*axes] if len(axes) == rank else [None] * rank
    free = rank - len(axes) + 1
    return [*axes[:many], *[None] * free, *axes[many + 1 :]] if free >= 0 else [None] * rank


def _under(node: Node, labels: Sequence[str | None]) -> Node:
    """The tensor under other labels."""
    if [dim.label for dim in node.type.dims] == [*labels]:
        return node
    inner = node.inputs[0] if node.op == "broadcast_to" else node
    if inner.type == node.type and [dim.label for dim in inner.type.dims] == [*labels]:
        return inner
    dims = tuple([replace(dim, label=label) for dim, label in zip(node.type.dims, labels)])
    type = TensorType(node.type.dtype, dims, node.type.origin)
    return Node("broadcast_to", (node,), {"shape": type.shape}, type, node.origin, node.scope)


def as_called(body: Frame, result: Any) -> Any:
    """What a body gives back, its axes under the caller's labels where the signature's symbols were their labels."""
    if not body.labels:
        return result
    if isinstance(result, tuple):
        return tuple([as_called(body, each) for each in result])
    if not isinstance(result, Node):
        return result
    return _under(result, [body.labels.get(dim.label, dim.label) for dim in result.type.dims])


def _other_way_round(function: Function, params: Sequence[ast.Param], bound: Mapping[str, Argument]) -> str:
    """The call with its two tensors exchanged, where their dtypes fit only so; else ""."""
    given = [bound[param.name] for param in params if param.name in bound]
    if len(given) != 2 or len(params) != 2 or not all(isinstance(a.value, Node) and a.span for a in given):
        return ""
    if given[0].value.type.dtype not in ("i32", "i64", "u8"):
        return ""
    for param, argument in zip(params, reversed(given)):
        pattern = param.type.dtype or "f32"  # type: ignore[union-attr]
        if argument.value.type.dtype not in DTYPE_CLASSES.get(pattern, (pattern,)):
            return ""
    first, second = [argument.span.text for argument in given]  # type: ignore[union-attr]
    return f"{function.name}({second}, {first})"


def check_results(cx: Context, body: Frame, function: Function, result: Any, bindings: Bindings, span: Span) -> None:
    """Holds the results of a body against those that its signature promises."""
    definition = function.definition
    if result is None and cx.is_broken(definition.span):
        raise Poisoned
    if result is None:
        cx.fail(errors.no_value(definition.name_span, function.name, span), body)
    if definition.results is None:
        return
    values = result if isinstance(result, tuple) else (result,)
    if len(values) != len(definition.results):
        where = definition.results[0].span.to(definition.results[-1].span)
        cx.fail(errors.number_of_results(where, function.name, len(definition.results), len(values)), body)
    for pattern, value in zip(definition.results, values):
        if not isinstance(value, Node):
            continue
        bindings.guards = []
        own = (span for span in value.origin if span.source is definition.name_span.source)
        where = next(own, definition.name_span)
        try:
            match(pattern, value.type, "result", bindings)
        except Mismatch as m:
            detail = (
                describe_mismatch(m, function.name, {"result": (where, value.type)}, where).message
                if m.kind != "rank"
                else ""
            )
            cx.fail(
                type_errors.returns_other(where, function.name, show_type(pattern), value.type, detail, pattern.span),
                body,
            )
        except KeyError as unbound:
            cx.fail(name_errors.unknown_size(pattern.span, str(unbound.args[0]), ()), body)
        cx.guard(bindings.guards, body, where)
