"""`minimize loss over vars(f) with Adam(lr) clip 1.0`: gradients requested, clipped, handed to the optimizer's body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gdl.errors import calls as call_errors
from gdl.errors import procedures as errors
from gdl.errors import types as type_errors
from gdl.graph.node import REQUESTS, Node, needed, topological
from gdl.lang.apply import apply_op, as_node
from gdl.lang.bind import bind_statics
from gdl.lang.builtins import variables_of
from gdl.lang.calls import run_function
from gdl.lang.context import Context, Frame, PendingUpdate, join
from gdl.lang.program import covers
from gdl.lang.values import Argument, Function, Partial, Poisoned, describe
from gdl.ops.table import TABLE
from gdl.source import Span
from gdl.syntax import ast

Output = tuple[str, Span, Node]


@dataclass(slots=True)
class Step:
    """One `minimize`: what it computes (the loss first) and updates. Reports add further outputs."""

    index: int
    outputs: list[Output]
    updates: list[PendingUpdate]
    variables: tuple[str, ...]
    needs: set[Node]  # everything that the loss depends on
    span: Span


def lower_minimize(cx: Context, frame: Frame, s: ast.Minimize, index: int, train: str, frozen: tuple[str, ...]) -> Step:
    """The loss, and the optimizer's updates of every variable that is trained."""
    loss = as_node(cx, frame, Argument(cx.evaluate(frame, s.loss), s.loss.span))
    text = " ".join(s.loss.span.text.split())
    if loss.type.rank != 0 or not loss.type.is_float:
        help = f"minimize one number: mean({text})" if loss.type.is_float else "a loss is a float"
        cx.fail(type_errors.wrong_rank(s.loss.span, "what is minimized", "one float", loss.type, help), frame)
    needs = needed([loss])
    paths = _trained(cx, frame, s, text, needs, frozen)
    optimizer = _optimizer(cx, frame, s)
    leaves = [cx.leaves[path] for path in paths]
    origin = (s.loss.span, *frame.calls)
    gradients = [Node("grad", (loss, leaf), {"minimize": True}, leaf.type, origin, leaf.scope) for leaf in leaves]
    if s.clip is not None:
        gradients = _clipped(cx, frame, s.clip, gradients, origin)
    scope = "/".join([part for part in ("optimizer", train, str(index)) if part])
    updates = _updates(cx, frame, optimizer, list(zip(leaves, gradients)), scope, s.optimizer.span)
    return Step(index, [(text, s.loss.span, loss)], updates, paths, needs, s.span)


def _updates(
    cx: Context, frame: Frame, optimizer: Partial, pairs: list[tuple[Node, Node]], scope: str, span: Span
) -> list[PendingUpdate]:
    """What the optimizer does to each variable, given its gradient.

    Where the program isn't to be run, one variable of each type shows what may be wrong, and what it costs to find out:
    for the others the gradient stands for what would be made of it. Gradients that the rule itself asks for may be
    there for one and not for another.
    """
    updates: list[PendingUpdate] = []
    costs: dict[Any, int] = {}
    for leaf, gradient in pairs:
        kind = (leaf.type, *[dim.label for dim in leaf.type.dims])
        if kind in costs and not cx.is_to_run:
            cx.count(span, frame, costs[kind])
            updates.append(PendingUpdate(leaf, gradient))
            continue
        before = cx.evaluations
        made = optimize_variable(cx, frame, optimizer, leaf, gradient, join(scope, leaf.attrs["path"]), span)
        updates += made
        if all(node.op not in REQUESTS for node in topological([update.value for update in made], [gradient])):
            costs[kind] = cx.evaluations - before
    return updates


def _trained(
    cx: Context, frame: Frame, s: ast.Minimize, text: str, needs: set[Node], frozen: tuple[str, ...]
) -> tuple[str, ...]:
    """Paths to train: those asked for, or all on which the loss depends."""
    if s.over is not None:
        paths = variables_of(cx, frame, cx.evaluate(frame, s.over), s.over.span)
        for path in paths:
            if cx.leaves[path] not in needs:
                cx.fail(errors.not_in_loss(s.over.span, path, text), frame)
    else:
        paths = tuple([p for p, info in cx.variables.items() if info.trained and cx.leaves.get(p) in needs])
    if not paths:
        cx.fail(errors.nothing_to_train(s.loss.span, text), frame)
    kept = tuple([p for p in paths if not any(covers(f, p) for f in frozen)])
    if not kept:
        cx.fail(
            errors.train_block(
                s.span, f"everything that `{text}` depends on is frozen", "freeze less, or minimize over something else"
            ),
            frame,
        )
    return kept


def optimizer_of(value: Any, span: Span) -> Partial | None:
    """A value as an optimizer that waits for variables, None where it is none."""
    found = Partial(value, (), span) if isinstance(value, Function) else value
    callee = found.callee if isinstance(found, Partial) else None
    return found if isinstance(callee, Function) and callee.definition.what == "optimizer" else None


def _optimizer(cx: Context, frame: Frame, s: ast.Minimize) -> Partial:
    value = cx.evaluate(frame, s.optimizer)
    optimizer = optimizer_of(value, s.optimizer.span)
    if optimizer is not None:
        return optimizer
    library = cx.loader.standard("optimizers")
    known = sorted(library.names()) if library else []
    is_rate = value.type.rank == 0 and value.type.is_float if isinstance(value, Node) else isinstance(value, float)
    cx.fail(errors.not_an_optimizer(s.optimizer.span, describe(value), known, is_rate), frame)


def _clipped(cx: Context, frame: Frame, clip: ast.Expr, gradients: list[Node], origin: tuple[Span, ...]) -> list[Node]:
    """Gradients scaled down where their joint norm exceeds the limit.

    Reference: Pascanu, Mikolov and Bengio, 2013, algorithm 1.
    """
    limit = cx.evaluate(frame, clip)
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or limit <= 0:
        cx.fail(
            call_errors.wrong_value(
                clip.span, "the largest norm, a positive number", describe(limit), "as in clip 1.0"
            ),
            frame,
        )
    squares = [TABLE["sum"](g * g) for g in gradients]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    factor = TABLE["minimum"](float(limit) / TABLE["sqrt"](total), _one(total))
    clipped = [g * factor for g in gradients]
    for node in topological(clipped):
        if not node.origin:
            node.origin = origin
    return clipped


def _one(like: Node) -> Node:
    return Node("constant", (), {"value": 1.0}, like.type)


def optimize_variable(
    cx: Context, frame: Frame, optimizer: Partial, leaf: Node, gradient: Node, scope: str, span: Span
) -> list[PendingUpdate]:
    """The optimizer's body for one variable, its state at paths of its own."""
    function = optimizer.callee
    assert isinstance(function, Function)
    bound = bind_statics(cx, frame, function, optimizer.args, optimizer.span or span)
    bound = {name: _of_dtype(cx, frame, argument, leaf.type.dtype, span) for name, argument in bound.items()}
    tensors = [p for p in function.definition.params if isinstance(p.type, ast.TypeExpr)]
    if len(tensors) != 2:
        form = f"optimizer {function.name}(w: f32[...], g: f32[...], lr: float = 0.1) {{ ... }}"
        cx.fail(
            call_errors.bad_static(
                function.definition.name_span, "an optimizer takes two tensors: the variable and its gradient", form
            ),
            frame,
        )
    values: list[tuple[Any, ast.Param]] = [(leaf, tensors[0]), (gradient, tensors[1])]
    bound |= {param.name: Argument(value, span) for value, param in values}
    body = Frame("optimizer", function.module, {}, scope, True, (span, *frame.calls))
    outer, cx.updates, said = cx.updates, [], len(cx.diagnostics)
    try:
        run_function(cx, frame, function, bound, body, span)
        if cx.is_broken(function.definition.span):
            raise Poisoned
        if not any(update.variable is leaf for update in cx.updates):
            if len(cx.diagnostics) > said:
                raise Poisoned  # the update is there, and wrong
            name = tensors[0].name
            cx.fail(errors.no_update(function.definition.name_span, function.name, name), frame)
        return cx.updates
    finally:
        cx.updates = outer


def _of_dtype(cx: Context, frame: Frame, argument: Argument, dtype: str, span: Span) -> Argument:
    """A schedule in the dtype of the variable that it steers; any other argument as it is."""
    value = argument.value
    if not isinstance(value, Node) or not value.type.is_float or value.type.dtype == dtype:
        return argument
    cast = apply_op(cx, frame, TABLE["cast"], [argument], {"dtype": dtype}, argument.span or span)
    return Argument(cast, argument.span, argument.name, argument.name_span)
