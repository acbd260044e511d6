"""Test blocks lowered: what is expected becomes a graph to run, and an `expect error` is decided at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any

from gdl.errors import calls as call_errors
from gdl.errors import procedures as errors
from gdl.errors import types as type_errors
from gdl.graph.node import Graph, Node
from gdl.lang import program
from gdl.lang.apply import OPERATORS, as_node
from gdl.lang.context import Context, Frame, join
from gdl.lang.feeds import lower_feeds
from gdl.lang.minimize import optimize_variable, optimizer_of
from gdl.lang.procedures import block_frame, computation, opened, shown, shown_span
from gdl.lang.statements import execute
from gdl.lang.values import Argument, Partial, Poisoned, is_static
from gdl.ops.table import show_static
from gdl.record import Entity, record
from gdl.source import Span
from gdl.syntax import ast
from gdl.syntax.docs import Example
from gdl.types import sizes
from gdl.types.tensor import broadcast_dims

_COMPARISONS = [OPERATORS[sign] for sign in ("==", "!=", "<", "<=", ">", ">=")]


def lower_test(cx: Context, item: ast.Test, scope: str = "") -> program.Test:
    """A test block: both sides of every expectation are outputs of one graph. `scope` is where its instances live."""
    frame = block_frame(cx, "test")
    frame.scope = scope
    bound = lower_feeds(cx, frame, item.body)
    bound.batches = 1
    made = _Made(cx, frame, [], [])
    failures = []
    for s in opened(cx, frame, item.body):
        if isinstance(s, ast.Expect):
            _expect(made, s)
        elif isinstance(s, ast.Example):
            _example(made, s)
        elif isinstance(s, ast.ExpectError):
            failures += _expected_error(cx, frame, s)
        elif not isinstance(s, ast.Feed):
            execute(cx, frame, s)
    graph = computation(cx, frame, bound, made.roots, ())
    return program.Test(item.name, bound.feed, graph, tuple(made.expectations), tuple(failures), item.span)


def lower_examples(cx: Context, examples: Sequence[Example]) -> list[program.Test]:
    """Examples of doc comments, each on its own: what is wrong in one is that one's failure."""
    tests = []
    for example in examples:
        said, cx.diagnostics = cx.diagnostics, []
        found = None
        try:
            if not example.problems:
                found = lower_test(cx, example.test, example.test.name)
        except Poisoned:
            pass
        except sizes.TooComplex:
            cx.report(call_errors.size_too_complex(example.test.span, sizes.MAX_PARTS))
        finally:
            wrong = tuple([*example.problems, *[d for d in cx.diagnostics if d.is_error]])
            cx.diagnostics = said
        if found is None or wrong:
            empty = program.Computation(Graph(()), (), ())
            found = program.Test(example.test.name, program.Feed(), empty, (), wrong, example.test.span)
        tests.append(replace(found, is_example=True))
    return tests


@record
class _Made(Entity):
    """What a test comes to: outputs of its graph, and what has to hold of them."""

    cx: Context
    frame: Frame
    roots: list[tuple[str, Span, Node]]
    expectations: list[program.Expectation]
    seen: dict[tuple[int, int], list[Any]] = field(default_factory=dict)

    def value(self, expr: ast.Expr) -> Any:
        """The value of an expression; what its parts come to is noted, for those that no tensor holds."""
        cx, outer = self.cx, self.cx.seen
        cx.seen = self.seen if outer is None else outer
        try:
            return cx.evaluate(self.frame, expr)
        finally:
            self.seen.update(cx.seen)
            cx.seen = outer

    def node(self, expr: ast.Expr, dtype: str | None = None) -> Node:
        return as_node(self.cx, self.frame, Argument(self.value(expr), expr.span), dtype)

    def output(self, node: Node, span: Span) -> int:
        self.roots.append((shown_span(span), span, node))
        return len(self.roots) - 1


def _expect(made: _Made, s: ast.Expect) -> None:
    cx, frame = made.cx, made.frame
    node = made.node(s.value)
    if s.close is not None:
        right = made.node(s.close, node.type.dtype if node.type.is_float else None)
        _hold_comparable(cx, frame, s, node, right)
        text = f"{shown(s.value)} ~= {shown(s.close)}"
        outputs = made.output(node, s.value.span), made.output(right, s.close.span)
        made.expectations.append(program.Expectation(text, *outputs, s.span))
        return
    if node.type.dtype != "bool":
        help = "as in expect a == b, or expect a ~= b"
        cx.fail(call_errors.wrong_value(s.value.span, "a condition", str(node.type), help), frame)
    _condition(made, node, s.value, s.span)


def _condition(made: _Made, node: Node, expr: ast.Expr, span: Span) -> None:
    """That a boolean tensor is true everywhere, with the two sides of a comparison to tell where it is not."""
    sides, known = None, ""
    if node.op == "all" and node.attrs.get("axis") is None:
        node = node.inputs[0]  # holds where all of its elements do
    if node.op in _COMPARISONS:
        left, right = [made.output(side, expr.span) for side in node.inputs]
        sides = left, right
    elif node.op == "constant" and isinstance(expr, ast.Chain) and len(expr.rest) == 1:
        spans = (expr.first.span, expr.rest[0].operand.span)
        both = [side for at in spans for side in made.seen.get((at.start, at.end), [])[-1:]]
        if len(both) == 2 and is_static(tuple(both)):
            known = "left {}, right {}".format(*map(show_static, both))
    output = made.output(node, expr.span)
    made.expectations.append(program.Expectation(shown(expr), output, None, span, sides, known))


def _example(made: _Made, s: ast.Example) -> None:
    """A condition must hold; of anything else that can be computed, all elements have to be finite."""
    cx, frame, span = made.cx, made.frame, s.value.span
    value = made.value(s.value)
    optimizer = optimizer_of(value, span)
    if optimizer is not None:
        value = _step(cx, frame, optimizer, span)
    parts = value if isinstance(value, tuple) and not is_static(value) else (value,)
    for part in parts:
        if is_static(part) and not isinstance(part, bool):
            continue
        node = as_node(cx, frame, Argument(part, span))
        if node.type.dtype == "bool" and len(parts) == 1:
            _condition(made, node, s.value, span)
        else:
            output = made.output(node, span)
            made.expectations.append(program.Expectation(shown(s.value), output, None, span, is_finite=True))


def _step(cx: Context, frame: Frame, optimizer: Partial, span: Span) -> Node:
    """What an optimizer makes of the variable [1, 1] with the gradient [1, 1]."""
    ones = as_node(cx, frame, Argument((1.0, 1.0), span))
    path = join(frame.scope, "w")
    cx.variables[path] = program.VariableInfo(path, ones.type, ones, True)
    leaf = cx.leaf(path, ones.type, span)
    updates = optimize_variable(cx, frame, optimizer, leaf, ones, join(frame.scope, "optimizer"), span)
    return next(update.value for update in updates if update.variable is leaf)


def _hold_comparable(cx: Context, frame: Frame, s: ast.Expect, left: Node, right: Node) -> None:
    """E0302 where the two sides of `~=` can't be broadcast against each other."""
    dims = broadcast_dims([left.type.dims, right.type.dims])
    if len(dims) == 3 and isinstance(dims[0], int):
        a, b = left.type.dims[-dims[0]], right.type.dims[-dims[0]]
        operands = f"the left side is {left.type}, the right side {right.type}"
        cx.fail(
            type_errors.sizes_differ(s.span, f"`~=` cannot broadcast {a.size} and {b.size}", operands, a, b, ""), frame
        )


def _expected_error(cx: Context, frame: Frame, s: ast.ExpectError) -> list[Any]:
    """The body's diagnostics are caught; it fails where the expected code is not among them."""
    said, cx.diagnostics = cx.diagnostics, []
    known, cx._said = cx._said, set()
    try:
        inner = Frame("program", frame.library, dict(frame.names), "expect", frame.training, ())
        for statement in s.body:
            execute(cx, inner, statement)
        codes = [d.code for d in cx.diagnostics]
    finally:
        cx.diagnostics, cx._said = said, known
        for path in [p for p in cx.variables if p.startswith("expect/")]:
            del cx.variables[path], cx.leaves[path]
    return [] if s.code in codes else [errors.expected_error(s.span, s.code, codes)]
