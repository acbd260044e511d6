"""Test blocks lowered: what is expected becomes a graph to run, and an `expect error` is decided at once."""

from __future__ import annotations

from typing import Any

from gdl.errors import calls as call_errors
from gdl.errors import procedures as errors
from gdl.errors import types as type_errors
from gdl.graph.node import Node
from gdl.lang import program
from gdl.lang.apply import as_node
from gdl.lang.context import Context, Frame
from gdl.lang.feeds import lower_feeds
from gdl.lang.procedures import block_frame, computation, opened, shown
from gdl.lang.statements import execute
from gdl.lang.values import Argument
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.tensor import broadcast_dims


def lower_test(cx: Context, item: ast.Test) -> program.Test:
    """A test block: both sides of every expectation are outputs of one graph."""
    frame = block_frame(cx, "test")
    bound = lower_feeds(cx, frame, item.body)
    bound.batches = 1
    roots: list[tuple[str, Span, Node]] = []
    expectations: list[program.Expectation] = []
    failures = []

    def output(expr: ast.Expr, dtype: str | None = None) -> int:
        value = cx.evaluate(frame, expr)
        roots.append((shown(expr), expr.span, as_node(cx, frame, Argument(value, expr.span), dtype)))
        return len(roots) - 1

    for s in opened(cx, frame, item.body):
        if isinstance(s, ast.Expect):
            left = output(s.value)
            node = roots[left][2]
            if s.close is None and node.type.dtype != "bool":
                cx.fail(
                    call_errors.wrong_value(
                        s.value.span, "a condition", str(node.type), "as in expect a == b, or expect a ~= b"
                    ),
                    frame,
                )
            text = shown(s.value) + (f" ~= {shown(s.close)}" if s.close is not None else "")
            right = None if s.close is None else output(s.close, node.type.dtype if node.type.is_float else None)
            if right is not None:
                _hold_comparable(cx, frame, s, node, roots[right][2])
            expectations.append(program.Expectation(text, left, right, s.span))
        elif isinstance(s, ast.ExpectError):
            failures += _expected_error(cx, frame, s)
        elif not isinstance(s, ast.Feed):
            execute(cx, frame, s)
    return program.Test(
        item.name, bound.feed, computation(cx, frame, bound, roots, ()), tuple(expectations), tuple(failures), item.span
    )


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
