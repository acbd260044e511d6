"""`scan x in xs along t carry h = h0 { ... next h = ...; yield ... }`: recurrence along an axis, as one node."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node, replace_inputs
from gdl.graph.scan import Body, captures, inner_type, make_scan, parameter, yields_of
from gdl.lang.apply import apply_op, as_node
from gdl.lang.context import Context, Frame
from gdl.lang.values import Argument, Poisoned
from gdl.ops.table import TABLE
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.match import Guard, Mismatch
from gdl.types.tensor import Dim, TensorType


@dataclass(slots=True)
class Loop:
    """What `next` and `yield` say while a body is evaluated."""

    carries: dict[str, Node]
    nexts: dict[str, Node] = field(default_factory=dict)
    yields: list[tuple[Node, Span]] | None = None
    failed: bool = False  # a statement of the body did, which is reported


def evaluate_scan(cx: Context, frame: Frame, expr: ast.Scan) -> Any:
    """The yields stacked along the scanned axis: one node, or a tuple of them."""
    sequences, axis, along = _sequences(cx, frame, expr)
    params = [parameter(name, inner_type(s.type), (expr.span, *frame.calls)) for name, s in zip(expr.names, sequences)]
    first = _first_carries(cx, frame, expr, sequences)
    carried = [parameter(str(c.name), n.type, (c.span, *frame.calls)) for c, n in zip(expr.carries, first)]
    loop = Loop({str(c.name): p for c, p in zip(expr.carries, carried)})
    names = {**frame.names, **dict(zip(expr.names, params)), **loop.carries}
    for span, node in zip((*expr.name_spans, *[c.name_span for c in expr.carries]), (*params, *carried)):
        cx.note(span, node)
    inner = Frame(
        "scan", frame.library, names, frame.scope, frame.training, frame.calls, frame.owner, frame.members,
        paths=frame.paths, dtypes=frame.dtypes, labels=frame.labels, loop=loop,
    )  # fmt: skip
    drawn, updates = len(cx.drawn), len(cx.updates)
    for statement in expr.body:
        cx.execute(inner, statement)
    if len(cx.updates) > updates:
        cx.fail(
            name_errors.misplaced(
                expr.span,
                "an update",
                "in a scan",
                "a state changes once a step: update it outside, by what the scan yields",
            ),
            frame,
        )
    if loop.failed:
        raise Poisoned
    nexts, yields = _results(cx, inner, expr, loop)
    draws = _draws(cx, cx.drawn[drawn:], along)
    body, captured = _body(params, draws, carried, nexts, yields)
    scan = make_scan(
        body,
        [*sequences, *draws.values()],
        first,
        captured,
        length=along.size,
        origin=(expr.span, *frame.calls),
        scope=frame.scope,
    )
    try:
        kept = yields_of(scan)
    except Mismatch as mismatch:  # all steps together have more elements than there can be
        cx.fail(call_errors.requirement(expr.span, mismatch.text), frame)
    stacked = [_restored(cx, frame, y, axis, along, expr.span) for y in kept[: len(yields)]]
    return stacked[0] if len(stacked) == 1 else tuple(stacked)


def _sequences(cx: Context, frame: Frame, expr: ast.Scan) -> tuple[list[Node], int, Dim]:
    """The scanned tensors with their axis moved to the front, where it was in the first, and the axis."""
    written = expr.over.items if isinstance(expr.over, ast.Tuple) and len(expr.names) > 1 else (expr.over,)
    if len(written) != len(expr.names):
        cx.fail(call_errors.number_of_values(expr.over.span, len(expr.names), len(written)), frame)
    moved, axes, dims = [], [], []
    for each in written:
        node = as_node(cx, frame, Argument(cx.evaluate(frame, each), each.span))
        axis = _axis(cx, frame, node, expr, each)
        dims.append(node.type.dims[axis])
        axes.append(axis)
        if axis:
            order = (axis, *[i for i in range(node.type.rank) if i != axis])
            node = apply_op(cx, frame, TABLE["transpose"], [Argument(node, each.span)], {"axes": order}, each.span)
        moved.append(node)
    for dim in dims[1:]:
        verdict = sizes.equal(dims[0].size, dim.size)
        if verdict is False:
            cx.fail(
                type_errors.sizes_differ(
                    expr.over.span,
                    f"`scan` needs equal lengths, got {dims[0].size} and {dim.size}",
                    f"along `{expr.along}`",
                    dims[0],
                    dim,
                    "",
                ),
                frame,
            )
        if verdict is None:
            cx.guard([Guard(dims[0], dim)], frame, expr.span)
    return moved, axes[0], dims[0]


def _axis(cx: Context, frame: Frame, node: Node, expr: ast.Scan, written: ast.Expr) -> int:
    """The axis called `along`: by its label, by its symbol, or as the only one of that size."""
    labels = [d.label for d in node.type.dims]
    if labels.count(expr.along) == 1:
        return labels.index(expr.along)
    symbols = [sizes.is_symbol(s) for s in node.type.shape]
    if symbols.count(expr.along) == 1:
        return symbols.index(expr.along)
    size = frame.names.get(expr.along)
    same = [i for i, s in enumerate(node.type.shape) if s == size]
    if len(same) != 1:
        cx.fail(type_errors.no_label(written.span, expr.along, node.type, frame.what in ("def", "layer")), frame)
    return same[0]


def _first_carries(cx: Context, frame: Frame, expr: ast.Scan, sequences: list[Node]) -> list[Node]:
    dtype = next((s.type.dtype for s in sequences if s.type.is_float), "f32")
    found = []
    for carry in expr.carries:
        value = cx.evaluate(frame, carry.value)
        found.append(as_node(cx, frame, Argument(value, carry.value.span), None if isinstance(value, Node) else dtype))
    return found


def _results(cx: Context, inner: Frame, expr: ast.Scan, loop: Loop) -> tuple[list[Node], list[Node]]:
    """The next values and the yields, of one dtype, each carry keeping its type."""
    for carry in expr.carries:
        if carry.name not in loop.nexts:
            cx.fail(
                call_errors.bad_static(
                    carry.span, f"the carry `{carry.name}` gets no next value", f"write next {carry.name} = ..."
                ),
                inner,
            )
    if not loop.yields:
        cx.fail(
            call_errors.bad_static(expr.span, "this scan yields nothing", "write yield h: what each step gives"), inner
        )
    nexts = [loop.nexts[str(c.name)] for c in expr.carries]
    yields = [node for node, _ in loop.yields]
    dtypes = {n.type.dtype for n in nexts + yields}
    if len(dtypes) > 1:
        cx.fail(
            call_errors.bad_static(
                expr.span,
                f"carries and yields of one scan have one dtype, got {' and '.join(sorted(dtypes))}",
                "convert them: f32(x)",
            ),
            inner,
        )
    return nexts, yields


def _draws(cx: Context, drawn: list[Node], along: Dim) -> dict[Node, Node]:
    """Random nodes of the body, each with the node that draws for all positions at once."""
    found = {}
    for node in drawn:
        attrs = {**node.attrs, "shape": (along.size, *node.attrs["shape"])}
        type = TensorType(node.type.dtype, (along, *node.type.dims), node.type.origin)
        found[node] = Node(node.op, (), attrs, type, node.origin, node.scope)
        cx.drawn.append(found[node])
    return found


def _body(
    params: list[Node], draws: dict[Node, Node], carried: list[Node], nexts: list[Node], yields: list[Node]
) -> tuple[Body, list[Node]]:
    """The body over parameters of its own, and what it captures."""
    taken = [*params, *draws, *carried]
    captured = captures(nexts + yields, taken)
    leaves = {n: parameter(f"p{i}", n.type, n.origin) for i, n in enumerate([*taken, *captured])}
    replaced = _rewritten([*nexts, *yields], leaves)
    sequences = tuple([leaves[n] for n in (*params, *draws)])
    return Body(
        sequences, tuple([leaves[n] for n in carried]), tuple([leaves[n] for n in captured]),
        tuple(replaced[: len(nexts)]), tuple(replaced[len(nexts) :]),
    ), captured  # fmt: skip


def _rewritten(roots: list[Node], values: dict[Node, Node]) -> list[Node]:
    """The roots with nodes replaced; nothing behind a replaced node is touched."""
    done = dict(values)
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            waiting = [i for i in node.inputs if i not in done]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            inputs = [done[i] for i in node.inputs]
            same = all(a is b for a, b in zip(inputs, node.inputs))
            done[node] = node if same else replace_inputs(node, inputs)
    return [done[r] for r in roots]


def _restored(cx: Context, frame: Frame, node: Node, axis: int, along: Dim, span: Span) -> Node:
    """Stacked yields with the scanned axis where it was in the sequence."""
    labelled = TensorType(node.type.dtype, (along, *node.type.dims[1:]), node.type.origin)
    node = Node(node.op, node.inputs, node.attrs, labelled, (span, *frame.calls), frame.scope)
    at = min(axis, node.type.rank - 1)
    if at == 0:
        return node
    order = (*range(1, at + 1), 0, *range(at + 1, node.type.rank))
    return apply_op(cx, frame, TABLE["transpose"], [Argument(node, span)], {"axes": order}, span)


def execute_next(cx: Context, frame: Frame, s: ast.Next) -> None:
    """`next h = ...`"""
    if frame.loop is None:
        cx.fail(name_errors.misplaced(s.span, "`next`", f"in a {frame.what}", "it stands in a scan"), frame)
    carry = frame.loop.carries.get(s.name)
    if carry is None:
        cx.fail(name_errors.no_member(s.name_span, "the `carry` of this scan", s.name, frame.loop.carries), frame)
    if s.name in frame.loop.nexts:
        cx.fail(name_errors.updated_twice(s.name_span, s.name, None), frame)
    node = as_node(cx, frame, Argument(cx.evaluate(frame, s.value), s.value.span), carry.type.dtype)
    if (
        node.type.dtype != carry.type.dtype
        or node.type.rank != carry.type.rank
        or any(sizes.equal(a, b) is False for a, b in zip(node.type.shape, carry.type.shape))
    ):
        cx.fail(type_errors.declared_type(s.value.span, s.name, carry.type, node.type, "its next value is"), frame)
    cx.guard([Guard(a, b) for a, b in zip(carry.type.dims, node.type.dims) if a.size != b.size], frame, s.span)
    frame.loop.nexts[s.name] = node


def execute_yield(cx: Context, frame: Frame, s: ast.Yield) -> None:
    """`yield h`, or `yield a, b`."""
    if frame.loop is None:
        cx.fail(name_errors.misplaced(s.span, "`yield`", f"in a {frame.what}", "it stands in a scan"), frame)
    if frame.loop.yields is not None:
        cx.fail(call_errors.bad_static(s.span, "a scan yields once", "yield a, b gives several values"), frame)
    dtype = next((c.type.dtype for c in frame.loop.carries.values()), None)
    frame.loop.yields = [(as_node(cx, frame, Argument(cx.evaluate(frame, e), e.span), dtype), e.span) for e in s.values]
