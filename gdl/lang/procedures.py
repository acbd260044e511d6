"""Procedures lowered: `train`, `eval` and `test` blocks become graphs to run, with what feeds them and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from gdl.diagnostics import Label
from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.errors import procedures as errors
from gdl.errors import types as type_errors
from gdl.graph.node import Graph, Node, guards_where, needed, topological
from gdl.graph.substitute import substitute_sizes
from gdl.lang import program
from gdl.lang.apply import as_node
from gdl.lang.context import Context, Frame, PendingUpdate, blame_caller
from gdl.lang.feeds import Bound, explain_unfed, hold_records_against, lower_feeds
from gdl.lang.indices import hold_indices_inside
from gdl.lang.minimize import Step, lower_minimize
from gdl.lang.statements import execute, iterations
from gdl.lang.values import POISON, Argument, Instance, Poisoned, describe
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.tensor import Dim

Roots = Sequence[tuple[str, Span, Node]]


def block_frame(cx: Context, what: str) -> Frame:
    """A block sees everything of the program."""
    return Frame(what, cx.main, dict(cx.top.names), "", cx.training, (), spans=dict(cx.top.spans))


def computation(
    cx: Context, frame: Frame, bound: Bound, roots: Roots, updates: Sequence[PendingUpdate]
) -> program.Computation:
    """The graph of some outputs and updates, placeholders replaced by what feeds them."""
    nodes = [node for _, _, node in roots]
    chosen = taking_part(cx, nodes, updates)
    everything = topological([*nodes, *[value for _, value in chosen]])
    for node in everything:
        if node.op == "input" and node not in bound.values and cx.placeholders.get(node.attrs["name"]) is node:
            explain_unfed(cx, frame, node, roots, bound)
    hold_records_against(cx, frame, bound)
    hold_indices_inside(cx, everything, bound)
    guards = (*guards_where(cx.guards, everything), *bound.guards)
    graph = substitute_sizes(Graph(tuple(nodes), tuple(chosen), guards), bound.sizes, bound.values, everything)
    return program.Computation(_decided(cx, frame, graph, bound), bound.inputs, tuple([text for text, _, _ in roots]))


def taking_part(cx: Context, nodes: list[Node], updates: Sequence[PendingUpdate]) -> list[tuple[Node, Node]]:
    """Updates given, and those of layers whose output these nodes need.

    Two of one variable (a net applied twice in a step) are averaged, so that their order can't matter.
    """
    reached = needed([*nodes, *[u.value for u in updates]]) if cx.updates else set()
    wanted = [*updates, *[u for u in cx.updates if u.anchors is None or any(a in reached for a in u.anchors)]]
    values: dict[Node, list[Node]] = {}
    for update in wanted:
        values.setdefault(update.variable, []).append(update.value)
    chosen = []
    for variable, each in values.items():
        total = each[0]
        for further in each[1:]:
            total = total + further
        chosen.append((variable, total if len(each) == 1 else total * (1.0 / len(each))))
    return chosen


def _decided(cx: Context, frame: Frame, graph: Graph, bound: Bound) -> Graph:
    """Guards that the feed decides: true ones go, false ones are errors now."""
    kept = []
    for guard, origin in graph.guards:
        verdict = sizes.equal(guard.left.size, guard.right.size)
        if verdict is False:
            message = f"`{shown_span(origin[0])}` needs equal sizes, got {guard.left.size} and {guard.right.size}"
            fed = tuple([Label(s.span, "by what is fed here") for s in bound.statements[:1]])
            help = "feed tensors whose sizes agree, or write 1 for the axis that is to be stretched"
            found = type_errors.sizes_differ(origin[0], message, "they meet here", guard.left, guard.right, help, fed)
            cx.report(blame_caller(found, origin[1:], cx.body_of))
        elif verdict is None and sizes.symbols(guard.left.size) | sizes.symbols(guard.right.size) <= {bound.symbol}:
            kept.append((guard, origin))
            _hold_records_apart(cx, guard, origin, bound)
    return replace(graph, guards=tuple(kept))


def _hold_records_apart(cx: Context, guard: Guard, origin: tuple[Span, ...], bound: Bound) -> None:
    """E0302 where a size can't be the number of records that are fed at once."""
    for length in bound.lengths():
        left, right = (_numbered(dim, bound.symbol, length) for dim in (guard.left, guard.right))
        if left.size != right.size:
            message = f"`{shown_span(origin[0])}` needs equal sizes, got {left.size} and {right.size}"
            help = f"`{bound.symbol}` is the number of records that are fed at once: is another axis meant?"
            because = (bound.length_label(length),)
            found = type_errors.sizes_differ(origin[0], message, "they meet here", left, right, help, because)
            cx.report(blame_caller(found, origin[1:], cx.body_of))
            return


def _numbered(dim: Dim, symbol: str, value: int) -> Dim:
    return replace(dim, size=sizes.substitute(dim.size, {symbol: value}))


def _node(cx: Context, frame: Frame, expr: ast.Expr) -> Node:
    return as_node(cx, frame, Argument(cx.evaluate(frame, expr), expr.span))


def shown(expr: ast.Expr) -> str:
    """An expression as it is written, on one line."""
    return shown_span(expr.span)


def shown_span(span: Span) -> str:
    return " ".join(span.text.split())


def head(item: ast.Train | ast.Eval) -> Span:
    """The place of a block's first words, before its brace."""
    words = item.span.text.partition("{")[0].rstrip()
    return Span(item.span.source, item.span.start, item.span.start + len(words))


# ---- train -------------------------------------------------------------------------------------------------------


def lower_train(cx: Context, item: ast.Train) -> program.Train:
    """A train block: its Minimize actions with everything that must be computed along with them."""
    frame = block_frame(cx, "train")
    unit, count = _length(cx, frame, item)
    bound = lower_feeds(cx, frame, item.body)
    if unit == "epochs" and bound.feed.data is None and not cx.is_broken(item.span):
        span = next(s.span for s in item.body if isinstance(s, ast.Epochs))
        cx.fail(
            errors.train_block(
                span, "an epoch is one pass over data, and nothing is fed from a data source", "write steps 10000"
            ),
            frame,
        )
    for s in item.body:
        if isinstance(s, ast.Bind):
            execute(cx, frame, s)
    frozen = frozen_prefixes(cx, item.body)
    steps: list[Step] = []
    body = _actions(cx, frame, item, item.body, steps, frozen)
    if not steps:
        if cx.is_broken(item.span):
            raise Poisoned
        cx.fail(
            errors.train_block(
                head(item), "a train block needs something to minimize", "minimize loss with Adam(1e-3)"
            ),
            frame,
        )
    every = lambda e: _every(cx, frame, e)  # noqa: E731
    reports = [
        program.Report(tuple([_observe(cx, frame, steps, v) for v in s.values]), every(s.every))
        for s in item.body if isinstance(s, ast.Report)
    ]  # fmt: skip
    stops = []
    for s in item.body:
        if isinstance(s, ast.Stop):
            text, at, output = _observe(cx, frame, steps, s.test, boolean=True)
            stops.append(program.StopWhen(text, at, output))
    bound.batches = float("inf") if unit == "epochs" and count else count * _draws(body)
    lowered = {step.index: _minimize(cx, frame, step, bound) for step in steps}
    runs = [program.RunEval(s.name, every(s.every), s.name_span) for s in item.body if isinstance(s, ast.Run)]
    saves = [
        program.Save(s.directory, s.best, None, False, every(s.every) if s.every else None, s.best_span or s.span)
        for s in item.body if isinstance(s, ast.Save)
    ]  # fmt: skip
    return program.Train(
        item.name or "train",
        unit,
        count,
        bound.feed,
        _filled(body, lowered),
        tuple(reports),
        tuple(runs),
        tuple(saves),
        tuple(stops),
        item.span,
    )


def _length(cx: Context, frame: Frame, item: ast.Train) -> tuple[str, int]:
    found = [s for s in item.body if isinstance(s, (ast.Epochs, ast.Steps))]
    if len(found) != 1:
        _fail_length(cx, frame, item, found)
    value = cx.evaluate(frame, found[0].count)
    unit = "epochs" if isinstance(found[0], ast.Epochs) else "steps"
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        cx.fail(
            call_errors.wrong_value(
                found[0].count.span, f"a number of {unit}, 0 or more", describe(value), f"as in {unit} 100"
            ),
            frame,
        )
    return unit, value


def _fail_length(cx: Context, frame: Frame, item: ast.Train, found: list[Any]) -> NoReturn:
    """E0607: no length, or two."""
    message = "a train block says once how long it runs"
    for s in item.body:
        if isinstance(s, ast.Bind) and s.targets[0] in ("epochs", "steps"):
            meant = f"{s.targets[0]} {shown(s.value)}"
            cx.fail(errors.train_block(s.span, message, f"without `=`: {meant}", meant), frame)
    if not found and cx.is_broken(item.span):
        raise Poisoned
    cx.fail(errors.train_block(found[1].span if found else head(item), message, "epochs 5, or steps 10000"), frame)


def _actions(
    cx: Context, frame: Frame, item: ast.Train, body: Sequence[Any], steps: list[Step], frozen: tuple[str, ...]
) -> tuple[Any, ...]:
    """Minimize and repeat in order; the Minimize stand as their Step until all that they must compute is known."""
    actions: list[Any] = []
    failed = False
    for s in body:
        try:
            if isinstance(s, ast.Minimize):
                step = lower_minimize(cx, frame, s, len(steps), item.name or "", frozen)
                steps.append(step)
                actions.append(step)
            elif isinstance(s, ast.Repeat):
                count = cx.evaluate(frame, s.count)
                if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                    cx.fail(
                        call_errors.wrong_value(
                            s.count.span, "a positive number of repetitions", describe(count), "as in repeat 5 { ... }"
                        ),
                        frame,
                    )
                actions.append((count, _actions(cx, frame, item, s.body, steps, frozen)))
        except Poisoned:
            failed = True
    if failed:
        raise Poisoned
    return tuple(actions)


def _draws(body: tuple[Any, ...]) -> int:
    """How many batches one step draws."""
    return sum([1 if isinstance(action, Step) else action[0] * _draws(action[1]) for action in body])


def _filled(body: tuple[Any, ...], lowered: dict[int, program.Minimize]) -> tuple[program.Action, ...]:
    return tuple([
        lowered[a.index] if isinstance(a, Step) else program.Repeat(a[0], _filled(a[1], lowered)) for a in body
    ])  # fmt: skip


def _observe(
    cx: Context, frame: Frame, steps: list[Step], expr: ast.Expr, boolean: bool = False
) -> tuple[str, int, int]:
    """Have a value computed by the Minimize that shares most of its graph: (text, minimize, output)."""
    node = _node(cx, frame, expr)
    if boolean and (node.type.dtype != "bool" or node.type.rank != 0):
        cx.fail(
            call_errors.wrong_value(expr.span, "a condition, bool[]", str(node.type), "compare: stop when loss < 0.5"),
            frame,
        )
    step = steps[0]
    if len(steps) > 1:
        ancestors = [n for n in topological([node]) if not n.is_leaf]
        step = max(steps, key=lambda step: sum(1 for n in ancestors if n in step.needs))
    known = [i for i, (_, _, n) in enumerate(step.outputs) if n is node]
    if not known:
        step.outputs.append((shown(expr), expr.span, node))
        known = [len(step.outputs) - 1]
    return shown(expr), step.index, known[0]


def _minimize(cx: Context, frame: Frame, step: Step, bound: Bound) -> program.Minimize:
    return program.Minimize(
        step.index,
        step.outputs[0][0],
        computation(cx, frame, bound, step.outputs, step.updates),
        step.variables,
        step.span,
    )


def _every(cx: Context, frame: Frame, every: ast.Every | None) -> program.Every:
    if every is None:
        return program.Every(1, "epochs")
    value = cx.evaluate(frame, every.count)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        cx.fail(
            call_errors.wrong_value(
                every.count.span, f"a positive number of {every.unit}", describe(value), f"as in every 10 {every.unit}"
            ),
            frame,
        )
    return program.Every(value, every.unit)


def frozen_prefixes(cx: Context, body: Sequence[Any]) -> tuple[str, ...]:
    """Paths that a `load ... freeze` keeps from training."""
    loads = [s for s in (*cx.main.statements, *body) if isinstance(s, ast.Load) and s.freeze]
    return tuple([lower_load(cx, s).target for s in loads])


def lower_load(cx: Context, s: ast.Load) -> program.Load:
    """`load model from "f"`: the path of what is loaded."""
    target = ""
    if s.target is not None:
        value = cx.top.names.get(s.target)
        if value is POISON:
            raise Poisoned
        if isinstance(value, Instance):
            target = value.path
        elif isinstance(value, Node) and value.op == "variable":
            target = value.attrs["path"]
        elif value is not None:
            help = "load takes the name of a net or variable"
            cx.fail(call_errors.wrong_value(s.target_span or s.span, "a net or variable", describe(value), help))
        else:
            nets = [n for n, v in cx.top.names.items() if isinstance(v, Instance)]
            cx.fail(
                name_errors.no_member(
                    s.target_span or s.span, "the program", s.target, nets, "load takes the name of a net or variable"
                )
            )
    return program.Load(target, s.file, s.maps, s.freeze, s.target_span or s.file_span, s.file_span)


# ---- eval -----------------------------------------------------------------------------------------------


def opened(cx: Context, frame: Frame, body: Sequence[Any]) -> Iterator[Any]:
    """The statements of a block with those of the `if` and `for` in it, each when it is its turn."""
    for s in body:
        if isinstance(s, ast.If):
            yield from opened(cx, frame, s.body if cx.condition(frame, s.test, "the condition of `if`") else s.orelse)
        elif isinstance(s, ast.For):
            for i in iterations(cx, frame, s):
                frame.names[s.name] = i
                yield from opened(cx, frame, s.body)
        else:
            yield s


def _is_per_example(node: Node, bound: Bound) -> bool:
    """Whether the records that are fed at once are an axis of a value, or parts of one."""
    if bound.data is None:
        return False
    is_fixed = bound.symbol not in {name for size in bound.sizes.values() for name in sizes.symbols(size)}
    axes = [sizes.substitute(dim.size, bound.sizes) for dim in node.type.dims]
    return any(bound.symbol in sizes.symbols(size) for size in axes) or (is_fixed and axes[0] in bound.lengths())


def lower_eval(cx: Context, item: ast.Eval) -> program.Eval:
    """An eval block: reported values and written pictures are outputs of one graph."""
    frame = block_frame(cx, "eval")
    bound = lower_feeds(cx, frame, item.body)
    roots: list[tuple[str, Span, Node]] = []
    values: list[program.Value] = []
    writes: list[program.WriteImage] = []
    for s in opened(cx, frame, item.body):
        if isinstance(s, ast.Report):
            for expr in s.values:
                node = _node(cx, frame, expr)
                is_array = bool(node.type.rank) and not _is_per_example(node, bound)
                values.append(program.Value(shown(expr), len(roots), node.type.dtype == "bool", is_array))
                roots.append((shown(expr), expr.span, node))
        elif isinstance(s, ast.Write):
            node = _node(cx, frame, s.value)
            if not node.type.is_float or not 2 <= node.type.rank <= 4:
                cx.fail(
                    type_errors.wrong_rank(
                        s.value.span,
                        "a picture",
                        "floats in [0, 1] with axes [n, h, w, 1 or 3], [n, h, w] or [h, w]",
                        node.type,
                    ),
                    frame,
                )
            writes.append(program.WriteImage(s.file, len(roots), s.span))
            roots.append((s.file, s.value.span, node))
        elif not isinstance(s, ast.Feed):
            execute(cx, frame, s)
    if not roots and POISON not in frame.names.values() and not cx.is_broken(item.span):
        cx.fail(
            errors.train_block(head(item), f"the eval block `{item.name}` reports nothing", "report loss, accuracy"),
            frame,
        )
    return program.Eval(
        item.name, bound.feed, computation(cx, frame, bound, roots, ()), tuple(values), tuple(writes), item.span
    )
