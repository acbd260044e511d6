"""Expressions: what each form of the language means as a node or a static value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.graph.node import Node
from gdl.lang.apply import OPERATORS, apply_op, as_node
from gdl.lang.calls import call, calling
from gdl.lang.context import Context, Frame
from gdl.lang.indexing import index_value
from gdl.lang.lookup import lookup
from gdl.lang.scan import evaluate_scan
from gdl.lang.stages import apply_stage
from gdl.lang.values import (
    POISON,
    Argument,
    DataValue,
    Instance,
    InstanceList,
    ModuleValue,
    Pack,
    Poisoned,
    Undecided,
    describe,
    is_static,
)
from gdl.ops.table import TABLE
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.sizes import Poly


def evaluate(cx: Context, frame: Frame, expr: ast.Expr) -> Any:
    """The value of an expression. Raises Poisoned after reporting a mistake."""
    cx.count(expr.span, frame)
    try:
        value = _FORMS[type(expr)](cx, frame, expr)
    except sizes.TooComplex:
        cx.fail(call_errors.size_too_complex(expr.span, sizes.MAX_PARTS), frame)
    if value is POISON:
        raise Poisoned
    if cx.seen is not None:
        cx.note(expr.span, value)
    return value


def evaluate_node(cx: Context, frame: Frame, expr: ast.Expr, dtype: str | None = None) -> Node:
    """The value of an expression as a tensor."""
    return as_node(cx, frame, Argument(evaluate(cx, frame, expr), expr.span), dtype)


def evaluate_static(cx: Context, frame: Frame, expr: ast.Expr, what: str, help: str = "") -> Any:
    """The value of an expression that must be known before running."""
    value = evaluate(cx, frame, expr)
    if not is_static(value):
        help = help or "a tensor's value is known only while running; use a hyper, a number or a size"
        cx.fail(call_errors.not_static(expr.span, what, describe(value), help), frame)
    return value


def evaluate_all(cx: Context, frame: Frame, exprs: Sequence[ast.Expr]) -> list[Any]:
    """Every value; a mistake in one does not hide mistakes in the others."""
    values, failed = [], False
    for expr in exprs:
        try:
            values.append(evaluate(cx, frame, expr))
        except Poisoned:
            failed = True
    if failed:
        raise Poisoned
    return values


def _name(cx: Context, frame: Frame, expr: ast.Name) -> Any:
    value = lookup(cx, frame, expr.name, expr.span)
    return value.dims if isinstance(value, Pack) else value


def _number(cx: Context, frame: Frame, expr: ast.Number) -> Any:
    return expr.value


def _array(cx: Context, frame: Frame, expr: ast.Array | ast.Tuple) -> Any:
    values: list[Any] = []
    plain = [item for item in expr.items if not isinstance(item, ast.Splice)]
    evaluated = iter(evaluate_all(cx, frame, plain))
    for item in expr.items:
        if isinstance(item, ast.Splice):
            values += _splice(cx, frame, item)
        else:
            values.append(next(evaluated))
    return _counted(cx, frame, tuple(values), expr.span)


def _counted(cx: Context, frame: Frame, value: Any, span: Span) -> Any:
    """A list or string that was made, with what its length costs: one that doubles in a loop comes to an end."""
    if isinstance(value, tuple):
        length = 0
        todo = list(value)
        while todo and length < cx.max_evaluations * _FREE_LENGTH:
            length += 1
            item = todo.pop()
            if isinstance(item, tuple):
                todo += item
        cx.count(span, frame, length // _FREE_LENGTH)
    elif isinstance(value, str):
        cx.count(span, frame, len(value) // _FREE_LENGTH)
    return value


_FREE_LENGTH = 8  # of lists and strings, which cost an evaluation for each such length


def _splice(cx: Context, frame: Frame, expr: ast.Splice) -> tuple[Any, ...]:
    value = lookup(cx, frame, expr.name, expr.span)
    if isinstance(value, Pack):
        return tuple([d.size for d in value.dims])
    if isinstance(value, tuple):
        return value
    cx.fail(call_errors.wrong_value(expr.span, "several axes (`*s` of a signature) or a list", describe(value)), frame)


def _unary(cx: Context, frame: Frame, expr: ast.Unary) -> Any:
    value = evaluate(cx, frame, expr.operand)
    if expr.op == "not":
        if isinstance(value, bool):
            return not value
        return apply_op(cx, frame, TABLE["logical_not"], [Argument(value, expr.operand.span)], {}, expr.span, "not")
    if isinstance(value, (int, float, Poly)) and not isinstance(value, bool):
        return -value
    return apply_op(cx, frame, TABLE["negative"], [Argument(value, expr.operand.span)], {}, expr.span, "-")


def _chain(cx: Context, frame: Frame, expr: ast.Chain) -> Any:
    if expr.rest[0].op in ("and", "or"):
        return _logic(cx, frame, expr)
    values, failed = [], False
    for operand in (expr.first, *[t.operand for t in expr.rest]):
        try:
            values.append(evaluate(cx, frame, operand))
        except Poisoned:
            failed = True
    if failed:
        raise Poisoned
    left, left_span = values[0], expr.first.span
    for term, right in zip(expr.rest, values[1:]):
        span = left_span.to(term.operand.span)
        left = binary(cx, frame, term.op, Argument(left, left_span), Argument(right, term.operand.span), span)
        left_span = span
    return left


def _logic(cx: Context, frame: Frame, expr: ast.Chain) -> Any:
    """`and`, `or`: static operands decide as early as they can, so `n > 0 and d % n == 0` is safe."""
    left, span = evaluate(cx, frame, expr.first), expr.first.span
    for term in expr.rest:
        if isinstance(left, bool) and left is (term.op == "or"):
            return left
        right = evaluate(cx, frame, term.operand)
        if isinstance(left, bool):
            left = right
        else:
            left = apply_op(
                cx,
                frame,
                TABLE[OPERATORS[term.op]],
                [Argument(left, span), Argument(right, term.operand.span)],
                {},
                span.to(term.operand.span),
                term.op,
            )
        span = span.to(term.operand.span)
    return left


def binary(cx: Context, frame: Frame, op: str, left: Argument, right: Argument, span: Span) -> Any:
    """An operator on two values: static where both are, a node otherwise."""
    if op not in OPERATORS:
        raise Poisoned  # another language's, which the parser told
    if is_static(left.value) and is_static(right.value):
        found = _static_binary(cx, frame, op, left.value, right.value, span)
        if found is not NotImplemented:
            return found
    return apply_op(cx, frame, TABLE[OPERATORS[op]], [left, right], {}, span, op)


_STATIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "//": lambda a, b: a // b, "%": lambda a, b: a % b, "**": lambda a, b: a**b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
_MAX_STATIC_BITS = 4096
_NONZERO = "divide by something else than 0, or choose: 1 / n if n != 0 else 0.0"


def _static_binary(cx: Context, frame: Frame, op: str, a: Any, b: Any, span: Span) -> Any:
    """Python's arithmetic on static numbers, sizes, strings and lists; NotImplemented where a node must be made."""
    if op in ("==", "!="):
        if isinstance(a, Poly) or isinstance(b, Poly):
            verdict = sizes.equal(a, b) if _is_size(a) and _is_size(b) else False
            return Undecided(a, b, op) if verdict is None else verdict is (op == "==")
        if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b) and all(map(_is_size, (*a, *b))):
            verdicts = {sizes.equal(left, right) for left, right in zip(a, b)}
            if None in verdicts and False not in verdicts:
                return Undecided(a, b, op)
        if isinstance(a, tuple) and isinstance(b, tuple) and any(isinstance(v, (tuple, float)) for v in (*a, *b)):
            return NotImplemented  # lists of numbers are compared as tensors
        return (a == b) is (op == "==")
    if isinstance(a, tuple) or isinstance(b, tuple):
        return (
            _counted(cx, frame, a + b, span)
            if op == "+" and isinstance(a, tuple) and isinstance(b, tuple)
            else NotImplemented
        )
    if op in ("@",) or a is None or b is None or isinstance(a, str) != isinstance(b, str):
        return NotImplemented
    if isinstance(a, Poly) or isinstance(b, Poly):
        return _size_binary(cx, frame, op, a, b, span)
    if isinstance(a, str):
        return _counted(cx, frame, _STATIC[op](a, b), span) if op in ("+", "<", "<=", ">", ">=") else NotImplemented
    try:
        if op == "**" and isinstance(a, int) and isinstance(b, int) and abs(b) * a.bit_length() > _MAX_STATIC_BITS:
            raise OverflowError
        value = _STATIC[op](a, b)
        if isinstance(value, complex):
            raise ValueError
        if isinstance(value, int) and value.bit_length() > _MAX_STATIC_BITS:
            raise OverflowError
        return value
    except ZeroDivisionError:
        cx.fail(call_errors.bad_static(span, f"{a} {op} {b} divides by zero", _NONZERO), frame)
    except OverflowError:
        cx.fail(
            call_errors.bad_static(
                span,
                "this number is too large",
                f"whole numbers have at most {_MAX_STATIC_BITS} bits, floats reach 1.8e308",
            ),
            frame,
        )
    except ValueError:
        cx.fail(
            call_errors.bad_static(
                span, f"{a} ** {b} is not a real number", "roots of negative numbers are complex: take abs first"
            ),
            frame,
        )


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, Poly)) and not isinstance(value, bool)


def _size_binary(cx: Context, frame: Frame, op: str, a: Any, b: Any, span: Span) -> Any:
    if not (_is_size(a) and _is_size(b)) or op == "/":
        return NotImplemented
    if op in ("//", "%") and b == 0:
        cx.fail(call_errors.bad_static(span, f"{a} {op} 0 divides by zero", _NONZERO), frame)
    if op == "**":
        return a**b if isinstance(b, int) and 0 <= b <= 16 else NotImplemented
    if op in ("<", "<=", ">", ">="):
        difference = a - b
        if isinstance(difference, int):
            return _STATIC[op](difference, 0)
        return Undecided(a, b, op)
    return _STATIC[op](a, b)


def evaluate_condition(cx: Context, frame: Frame, expr: ast.Expr, what: str) -> bool:
    """A static bool that steers `if`."""
    value = evaluate(cx, frame, expr)
    if isinstance(value, Undecided):
        cx.fail(call_errors.not_static(expr.span, what, f"`{value}`, which depends on the data fed",
                                       "decide by numbers, hypers or sizes that are numbers"), frame)  # fmt: skip
    if not isinstance(value, bool):
        help = (
            "choose between values by where(condition, a, b)"
            if isinstance(value, Node)
            else f"write a comparison: {expr.span.text} > 0"
        )
        cx.fail(call_errors.not_static(expr.span, what, describe(value), help), frame)
    return value


def _conditional(cx: Context, frame: Frame, expr: ast.Conditional) -> Any:
    chosen = expr.then if evaluate_condition(cx, frame, expr.test, "the condition of `if`") else expr.otherwise
    return evaluate(cx, frame, chosen)


def _attribute(cx: Context, frame: Frame, expr: ast.Attribute) -> Any:
    value = evaluate(cx, frame, expr.value)
    name, span = expr.name, expr.name_span or expr.span
    if isinstance(value, Instance):
        if name in value.members:
            return value.members[name]
        note = "" if value.applied else f"{value.path} was not applied to anything yet, so its sizes are not known"
        cx.fail(name_errors.no_member(span, f"the net {value.path}", name, value.members, note), frame)
    if isinstance(value, DataValue):
        return _data_member(cx, frame, value, name, span)
    if isinstance(value, ModuleValue):
        found = value.library.lookup(name)
        if found is None:
            cx.fail(name_errors.not_in_module(span, value.library.name, name, value.library.names()), frame)
        return found
    if isinstance(value, Node):
        if name == "shape":
            return value.type.shape
        help = "tensors have no members; " + _as_call(cx, frame, name, expr.value.span.text)
        cx.fail(name_errors.no_member(span, f"{expr.value.span.text} ({value.type})", name, (), help), frame)
    cx.fail(name_errors.no_member(span, describe(value), name, (), "it is a plain value, without members"), frame)


def _as_call(cx: Context, frame: Frame, name: str, text: str) -> str:
    """What stands for `x.name(...)`."""
    if name in name_errors.ELSEWHERE:
        return name_errors.ELSEWHERE[name]
    if not cx.is_known(frame, name):
        return "variables are members of the net that owns them"
    return f"call the function: {name}({text}, ...)" if name[0].islower() else f"apply the layer: {text} |> {name}(...)"


def _data_member(cx: Context, frame: Frame, value: DataValue, name: str, span: Span) -> Any:
    header = value.header
    if value.split is None and name in header.splits:
        return DataValue(value.name, header, value.calls, name, span)
    if name in header.attributes:
        return header.attributes[name]
    if name in header.fields:
        if cx.records is not None and (value.split is not None or "" in header.splits):
            return cx.records(value, name, span)
        cx.fail(
            name_errors.misplaced(
                span,
                f"the field `{name}` of {value.name}",
                "here",
                f"fields are in scope in a feed: feed x = {name} from {_with_split(value)}",
            ),
            frame,
        )
    splits = [s for s in header.splits if s] if value.split is None else []
    known = [*splits, *header.attributes]
    shown = f"the data source {value.name}" + (f".{value.split}" if value.split else "")
    notes = []
    if splits:
        notes.append(f"its splits are {', '.join(splits)}")
    elif value.split is None:
        split_it = f", or split it: {header.splitting}" if header.splitting else ""
        notes.append(f"it is not split: from {value.name}{split_it}")
    notes.append("its fields are " + ", ".join(f"{k}: {t}" for k, t in header.fields.items()))
    if header.attributes:
        notes.append("its numbers are " + ", ".join(header.attributes))
    similar = name_errors.closest(name, known)
    cx.fail(name_errors.no_member(span, shown, name, [similar] if similar else [], "; ".join(notes)), frame)


def _with_split(value: DataValue) -> str:
    split = value.split or next((s for s in value.header.splits if s), "")
    return f"{value.name}.{split}" if split else value.name


def _call(cx: Context, frame: Frame, expr: ast.Call) -> Any:
    callee = evaluate(cx, frame, expr.callee)
    with calling(cx, frame, expr.callee, callee):
        return call(cx, frame, callee, expr.args, expr.span, expr.callee.span)


def _index(cx: Context, frame: Frame, expr: ast.Index) -> Any:
    value = evaluate(cx, frame, expr.value)
    if isinstance(value, InstanceList):
        at = evaluate_static(cx, frame, expr.items[0], "the number of an instance")
        if at not in value.items:
            cx.fail(name_errors.no_member(expr.span, "the list of nets", str(at), [str(i) for i in value.items]), frame)
        return value.items[at]
    return index_value(cx, frame, value, expr)


def _pipe(cx: Context, frame: Frame, expr: ast.Pipe) -> Any:
    value, span = evaluate(cx, frame, expr.source), expr.source.span
    for stage in expr.stages:
        value = apply_stage(cx, frame, Argument(value, span), stage)
        span = expr.source.span.to(stage.span)
    return value


def _misplaced(cx: Context, frame: Frame, expr: ast.Expr) -> Any:
    what = {ast.Slice: "a slice", ast.Ellipsis_: "`...`", ast.Splice: f"`*{getattr(expr, 'name', '')}`"}[type(expr)]
    where = "inside a list or shape: [*s, d]" if isinstance(expr, ast.Splice) else "inside an index: x[..., 0]"
    cx.fail(name_errors.misplaced(expr.span, what, "here", f"it stands {where}"), frame)


_FORMS: dict[type, Callable[[Context, Frame, Any], Any]] = {
    ast.Name: _name,
    ast.Number: _number,
    ast.String: _number,
    ast.Bool: _number,
    ast.Array: _array,
    ast.Tuple: _array,
    ast.Unary: _unary,
    ast.Chain: _chain,
    ast.Conditional: _conditional,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Index: _index,
    ast.Pipe: _pipe,
    ast.Scan: evaluate_scan,
    ast.Slice: _misplaced,
    ast.Ellipsis_: _misplaced,
    ast.Splice: _misplaced,
}
