"""What a program declares before anything is computed: dims, hypers, data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import DataError
from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.errors import procedures as procedure_errors
from gdl.errors.data import NotToBeHad
from gdl.errors.names import closest
from gdl.lang.bind import evaluate_arguments
from gdl.lang.context import Context, Frame
from gdl.lang.program import DataInfo, Hyper
from gdl.lang.values import POISON, DataValue, Poisoned, describe, is_static
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.record import DataHeader, SourceCall


def declare(cx: Context) -> dict[str, DataInfo]:
    """Dims, hypers and data sources into `cx.declared`, in the order of the file."""
    frame = Frame("program", cx.main, cx.declared)
    data: dict[str, DataInfo] = {}
    for item in cx.main.statements:
        if isinstance(item, (ast.Dim, ast.Hyper, ast.Data)):
            declare_one(cx, frame, item, data)
    known = [item.name for item in cx.main.statements if isinstance(item, ast.Hyper)]
    for name in cx.given_hypers:
        if name not in known:
            cx.report(errors.unknown_hyper(name, closest(name, known), known))
    _twice(cx)
    return data


def declare_one(cx: Context, frame: Frame, item: ast.Dim | ast.Hyper | ast.Data, data: dict[str, DataInfo]) -> None:
    """One declaration into the frame, and a data source into `data` as well. A mistake poisons its names."""
    try:
        if isinstance(item, ast.Dim):
            _dim(cx, frame, item)
        elif isinstance(item, ast.Hyper):
            _hyper(cx, frame, item)
        else:
            data[item.name] = _data(cx, frame, item)
    except Poisoned:
        for name in item.names if isinstance(item, ast.Dim) else (item.name,):
            frame.names.setdefault(name, POISON)


def _twice(cx: Context) -> None:
    """E0102: names declared twice in the file (plain bindings may be shadowed)."""
    seen: dict[str, Span] = {}
    for item in cx.main.statements:
        for name, span in _declared_names(item):
            if name in seen or name in cx.main.parsed:
                first = seen.get(name) or cx.main.parsed[name].definition.name_span
                cx.report(name_errors.declared_twice(span, name, first))
            seen.setdefault(name, span)
    for item in cx.main.statements:
        if isinstance(item, ast.Bind):
            for name, span in zip(item.targets, item.target_spans):
                if name in seen:
                    cx.report(name_errors.declared_twice(span, name, seen[name]))


def _declared_names(item: ast.Item) -> list[tuple[str, Span]]:
    if isinstance(item, ast.Dim):
        return list(zip(item.names, item.name_spans))
    if isinstance(item, (ast.Hyper, ast.Data, ast.Placeholder, ast.Variable, ast.State, ast.Net, ast.Metric)):
        return [(item.name, item.name_span)]
    return []


def _dim(cx: Context, frame: Frame, item: ast.Dim) -> None:
    for name in item.names:
        if item.value is None:
            frame.names[name] = sizes.symbol(name)
            continue
        value = cx.evaluate(frame, item.value)
        if isinstance(value, bool) or not isinstance(value, (int, sizes.Poly)):
            cx.fail(
                errors.wrong_value(
                    item.value.span, "a size", describe(value), "a whole number, dim n = 28, or nothing: dim batch"
                )
            )
        frame.names[name] = value


# ---- hypers ------------------------------------------------------------------------------------------------------


def _hyper(cx: Context, frame: Frame, item: ast.Hyper) -> None:
    kind, is_choice = hyper_kind(cx, frame, item)
    default = _fitting(cx, item, kind, is_choice, cx.evaluate(frame, item.default), item.default.span)
    low, high, closed = _bounds(cx, frame, item, kind[0] in ("int", "float"))
    value = default
    if item.name in cx.given_hypers:
        value = _fitting(cx, item, kind, is_choice, cx.given_hypers[item.name], item.name_span)
    for each, span, label in ((default, item.default.span, "the default"), (value, item.name_span, f"set to {value}")):
        if low is not None and high is not None and not (low <= each <= high if closed else low < each < high):
            assert item.bounds is not None
            cx.fail(errors.hyper_out_of_range(span, label, item.name, each, item.bounds.span))
    cx.hypers[item.name] = Hyper(
        item.name, kind, default, value, is_choice, low, high, closed, item.doc, item.name_span
    )
    frame.names[item.name] = value


def hyper_kind(cx: Context, frame: Frame, item: ast.Hyper) -> tuple[tuple[str, ...], bool]:
    if item.kind is None:
        value = cx.evaluate(frame, item.default)
        named = {bool: "bool", int: "int", float: "float", str: "string"}.get(type(value))
        if named is None:
            cx.fail(errors.hyper_kind(item.default.span, item.name, "an int, float, bool or string", describe(value)))
        return (named,), False
    if not item.kind.is_choice and item.kind.names[0] not in ("int", "float", "bool", "string"):
        cx.fail(
            errors.hyper_kind(
                item.kind.span, item.name, "int, float, bool, string, or strings with | between", item.kind.names[0]
            )
        )
    return item.kind.names, item.kind.is_choice


def _fitting(cx: Context, item: ast.Hyper, kind: tuple[str, ...], is_choice: bool, value: Any, span: Span) -> Any:
    if is_choice:
        if value in kind:
            return value
        wanted = " or ".join(f'"{k}"' for k in kind)
        cx.fail(errors.hyper_kind(span, item.name, wanted, describe(value) if is_static(value) else str(value)))
    wants = {"int": int, "float": (int, float), "bool": bool, "string": str}[kind[0]]
    if isinstance(value, wants) and (kind[0] == "bool" or not isinstance(value, bool)):
        if kind[0] != "float":
            return value
        if abs(value) < 2**1023:
            return float(value)
    article = "an" if kind[0] == "int" else "a"
    cx.fail(errors.hyper_kind(span, item.name, f"{article} {kind[0]}", describe(value)))


def _bounds(cx: Context, frame: Frame, item: ast.Hyper, is_numeric: bool) -> tuple[float | None, float | None, bool]:
    if item.bounds is None:
        return None, None, False
    value = cx.evaluate(frame, item.bounds)
    if not is_numeric:
        span = item.bounds.span
        cx.fail(errors.wrong_value(span, "no range", f"`{span.text}`", "an int or a float has one"))
    numbers = (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in value)
    )
    if not numbers or value[0] > value[1]:
        cx.fail(
            errors.wrong_value(
                item.bounds.span,
                "a range, the lower end first",
                f"`{item.bounds.span.text}`",
                "(low, high) is without its ends, [low, high] with them",
            )
        )
    return value[0], value[1], isinstance(item.bounds, ast.Array)


# ---- data --------------------------------------------------------------------------------------------------------


def _data(cx: Context, frame: Frame, item: ast.Data) -> DataInfo:
    alternatives = [item.value]
    if isinstance(item.value, ast.Chain) and item.value.rest[0].op == "or":
        alternatives = [item.value.first, *[t.operand for t in item.value.rest]]
    calls = tuple([_source_call(cx, frame, a) for a in alternatives])
    headers = []
    for call, expr in zip(calls, alternatives):
        try:
            headers.append(cx.describe(call))
        except DataError as error:
            if len(calls) == 1 or not isinstance(error, NotToBeHad):
                cx.fail(_placed(error, expr.span))
            missing = error
    if not headers:
        cx.fail(_placed(missing, item.value.span))
    _same_fields(cx, headers, alternatives)
    frame.names[item.name] = DataValue(item.name, headers[0], calls, span=item.name_span)
    return DataInfo(item.name, headers[0], calls, item.name_span)


def _placed(error: DataError, span: Span) -> Diagnostic:
    """A data error at the place where the program names the source."""
    found = error.diagnostics[0]
    return found if found.labels else replace(found, labels=(Label(span),))


def _source_call(cx: Context, frame: Frame, expr: ast.Expr) -> SourceCall:
    if not (isinstance(expr, ast.Call) and isinstance(expr.callee, ast.Name)):
        cx.fail(errors.wrong_value(expr.span, "a data source", "another expression", _source_help(cx, expr)))
    name = expr.callee.name
    if cx.sources and name not in cx.sources:
        cx.fail(procedure_errors.unknown_source(expr.callee.span, name, sorted(cx.sources)))
    args = evaluate_arguments(cx, frame, expr.args)
    for argument in args:
        if not is_static(argument.value):
            cx.fail(
                errors.not_static(
                    argument.span, f"what {name} is given", describe(argument.value), "use numbers, strings and hypers"
                )
            )  # type: ignore[arg-type]
    return SourceCall(name, tuple([a.value for a in args if a.name is None]), {a.name: a.value for a in args if a.name})


def _source_help(cx: Context, expr: ast.Expr) -> str:
    if isinstance(expr, ast.Name) and expr.name in cx.sources:
        return f"call it: {expr.name}()"
    if isinstance(expr, ast.Attribute):
        return f"a split is chosen where records are fed: feed x = ... from NAME.{expr.name}"
    return "as in data digit = mnist() or digits(size=28)"


def _same_fields(cx: Context, headers: list[DataHeader], exprs: list[ast.Expr]) -> None:
    """`A or B` must offer the same fields, or a program that runs with A would fail with B."""
    first = headers[0]
    for header, expr in zip(headers[1:], exprs[1:]):
        if dict(header.fields) != dict(first.fields) or set(header.splits) != set(first.splits):
            fields = [", ".join(f"{k}: {t}" for k, t in h.fields.items()) for h in (first, header)]
            help = "the program must run with either: `A or B` have the same fields and splits"
            cx.fail(
                errors.wrong_value(
                    expr.span, f"the fields of {first.name}, {fields[0]}", f"{header.name} with {fields[1]}", help
                )
            )
