"""What each rule of the grammar builds: one function (span, *children) per rule. Nothing is reported here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gdl.record import record
from gdl.source import Span
from gdl.syntax import ast
from gdl.syntax.lalr import Body
from gdl.syntax.literals import number_value, string_value
from gdl.syntax.tokens import Token

# ---- tokens ------------------------------------------------------------------------------------------------------


def _at(span: Span, token: Token | None) -> Span | None:
    return Span(span.source, token.start, token.end) if token else None


def _place(span: Span, token: Token) -> Span:
    return Span(span.source, token.start, token.end)


def _texts(tokens: tuple[Token, ...]) -> tuple[str, ...]:
    return tuple(token.text for token in tokens)


def _places(span: Span, tokens: tuple[Token, ...]) -> tuple[Span, ...]:
    return tuple(Span(span.source, token.start, token.end) for token in tokens)


def _text(token: Token | None) -> str | None:
    return token.text if token else None


def _string(token: Token | None) -> str | None:
    return string_value(token.text) if token else None


# ---- blocks ------------------------------------------------------------------------------------------------------


@record
class Edition(ast.Ast):
    """`gdl 1`, until the parser has put it into the Module."""

    text: str


def _expression(span: Span, *children: Any) -> ast.Expr:
    return next(child for child in children if not isinstance(child, Token))


def _signature(span: Span, *children: Any) -> ast.Signature:
    params, results = (child for child in children if not isinstance(child, Token))
    return ast.Signature(params, results, span=span)


def _more_statements(span: Span, body: Body, statement: ast.Ast, _end: Token) -> Body:
    body.append(statement)
    return body


def _block(span: Span, body: Body) -> tuple[ast.Ast, ...]:
    return tuple(body)


# ---- declarations ------------------------------------------------------------------------------------------------


def _import_module(span: Span, module: Token, alias: Token | None) -> ast.Import:
    return ast.Import(**_module(span, module), alias=_text(alias), span=span, name_spans=())


def _import_names(span: Span, module: Token, *names: Token) -> ast.Import:
    return ast.Import(**_module(span, module), names=_texts(names), span=span, name_spans=_places(span, names))


def _module(span: Span, token: Token) -> dict[str, Any]:
    is_path = token.kind == "STRING"
    name = string_value(token.text) if is_path else token.text
    return {"module": name, "is_path": is_path, "module_span": _place(span, token)}


def _dim(span: Span, *children: Any) -> ast.Dim:
    *names, value = children
    return ast.Dim(_texts(tuple(names)), value, span=span, name_spans=_places(span, tuple(names)))


def _hyper(span: Span, name: Token, kind: ast.Kind | None, default: ast.Expr, bounds: ast.Expr | None) -> ast.Hyper:
    return ast.Hyper(name.text, kind, default, bounds, span=span, name_span=_place(span, name))


def _placeholder(span: Span, name: Token, type: ast.TypeExpr) -> ast.Placeholder:
    return ast.Placeholder(name.text, type, span=span, name_span=_place(span, name))


def _named_value(node: Callable[..., Any]) -> Callable[..., Any]:
    """For `keyword name = value`."""
    return lambda span, name, value: node(name.text, value, span=span, name_span=_place(span, name))


def _named_type(node: Callable[..., Any]) -> Callable[..., Any]:
    """For `keyword name: type = value`."""
    return lambda span, name, type, value: node(name.text, type, value, span=span, name_span=_place(span, name))


def _definition(
    span: Span,
    what: Token,
    name: Token,
    params: tuple[ast.Param, ...],
    results: tuple[ast.TypeExpr, ...] | None,
    body: tuple[ast.Statement, ...],
) -> ast.Definition:
    return ast.Definition(what.text, name.text, params, results, body, span=span, name_span=_place(span, name))


def _list(span: Span, *items: Any) -> tuple[Any, ...]:
    return () if items == (None,) else items


def _param(span: Span, name: Token, type: Any, default: ast.Expr | None) -> ast.Param:
    return ast.Param(name.text, type, default, span=span, name_span=_place(span, name))


def _type(span: Span, dtype: Token | None, axes: tuple[ast.Axis, ...]) -> ast.TypeExpr:
    return ast.TypeExpr(_text(dtype), axes, span=span, dtype_span=_at(span, dtype))


def _labelled_axis(span: Span, label: Token, size: ast.Expr) -> ast.Axis:
    return ast.Axis(size, label.text, span=span, label_span=_place(span, label))


def _any_axes(span: Span) -> ast.Axis:
    return ast.Axis(ast.Ellipsis_(span=span), span=span)


# ---- statements --------------------------------------------------------------------------------------------------


def _bind(span: Span, targets: tuple[Token, ...], value: ast.Expr) -> ast.Bind:
    return ast.Bind(_texts(targets), value, span=span, target_spans=_places(span, targets))


def _typed_bind(span: Span, name: Token, type: ast.TypeExpr, value: ast.Expr) -> ast.Bind:
    return ast.Bind((name.text,), value, type, span=span, target_spans=(_place(span, name),))


def _for(span: Span, name: Token, start: ast.Expr, stop: ast.Expr, body: Any) -> ast.For:
    return ast.For(name.text, start, stop, body, span=span, name_span=_place(span, name))


def _if(span: Span, test: ast.Expr, body: Any, orelse: Any) -> ast.If:
    if isinstance(orelse, ast.If):
        orelse = (orelse,)
    return ast.If(test, body, orelse or (), span=span)


def _load(span: Span, target: Token | None, file: Token, maps: Any, freeze: Token | None) -> ast.Load:
    places = {"target_span": _at(span, target), "file_span": _place(span, file)}
    return ast.Load(_text(target), string_value(file.text), maps, freeze is not None, span=span, **places)


def _rename(span: Span, old: Token, new: Token) -> tuple[str, str]:
    return string_value(old.text), string_value(new.text)


def _require(span: Span, test: ast.Expr, message: Token | None) -> ast.Require:
    return ast.Require(test, _string(message), span=span)


# ---- procedures --------------------------------------------------------------------------------------------------


def _train(span: Span, name: Token | None, body: Any) -> ast.Train:
    return ast.Train(_text(name), body, span=span, name_span=_at(span, name))


def _eval(span: Span, name: Token, body: Any) -> ast.Eval:
    return ast.Eval(name.text, body, span=span, name_span=_place(span, name))


def _feed(span: Span, bindings: Any, source: Any, batch: Any, shuffle: Token | None) -> ast.Feed:
    return ast.Feed(bindings, source, batch, shuffle is not None, span=span)


def _minimize(span: Span, loss: Any, over: Any, optimizer: Any, clip: Any) -> ast.Minimize:
    return ast.Minimize(loss, optimizer, over, clip, span=span)


def _run(span: Span, name: Token, every: ast.Every | None) -> ast.Run:
    return ast.Run(name.text, every, span=span, name_span=_place(span, name))


def _save(span: Span, directory: Token | None, best: Token | None, every: ast.Every | None) -> ast.Save:
    return ast.Save(_string(directory), _text(best), every, span=span, best_span=_at(span, best))


def _every_one(span: Span, unit: Token) -> ast.Every:
    return _every(span, ast.Number(1, span=_place(span, unit)), unit)


def _every(span: Span, count: ast.Expr, unit: Token | None) -> ast.Every:
    return ast.Every(count, "epochs" if unit and unit.text.startswith("epoch") else "steps", span=span)


def _write(span: Span, file: Token, value: ast.Expr) -> ast.Write:
    return ast.Write(string_value(file.text), value, span=span)


def _expect_error(span: Span, code: Token, body: Any) -> ast.ExpectError:
    return ast.ExpectError(code.text, body, span=span, code_span=_place(span, code))


# ---- expressions -------------------------------------------------------------------------------------------------


def _chain(span: Span, first: ast.Expr, *rest: Any) -> ast.Chain:
    source = span.source
    terms = [
        ast.Term(
            op.text, operand, span=Span(source, op.start, operand.span.end), op_span=Span(source, op.start, op.end)
        )
        for op, operand in zip(rest[::2], rest[1::2], strict=True)
    ]
    return ast.Chain(first, tuple(terms), span=span)


def _unary(span: Span, op: Token, operand: ast.Expr) -> ast.Unary:
    return ast.Unary(op.text, operand, span=span)


def _piped(span: Span, source: ast.Expr, *stages: ast.Stage) -> ast.Pipe:
    return ast.Pipe(source, stages, span=span)


def _stage(span: Span, label: Any, callee: ast.Expr, args: Any) -> ast.Stage:
    name, index, place = label or (None, None, None)
    return ast.Stage(callee, args, name, index, span=span, label_span=place)


def _label(span: Span, name: Token, index: ast.Expr | None) -> tuple[str, ast.Expr | None, Span]:
    return name.text, index, _place(span, name)


def _number(span: Span, token: Token) -> ast.Number:
    value = number_value(token.text)
    return ast.Number(0 if value is None else value, span=span)  # None was reported by the lexer


def _attribute(span: Span, value: ast.Expr, name: Token) -> ast.Attribute:
    return ast.Attribute(value, name.text, span=span, name_span=_place(span, name))


def _named_argument(span: Span, name: Token, value: ast.Expr) -> ast.Argument:
    return ast.Argument(value, name.text, span=span, name_span=_place(span, name))


def _scan(span: Span, names: tuple[Token, ...], *children: Any) -> ast.Scan:
    *over, along, carries, body = children
    sequence = over[0] if len(over) == 1 else ast.Tuple(tuple(over), span=over[0].span.to(over[-1].span))
    places = {"name_spans": _places(span, names), "along_span": _place(span, along)}
    return ast.Scan(_texts(names), sequence, along.text, carries, body, span=span, **places)


BUILDERS: dict[str, Callable[..., Any]] = {
    "list": lambda span, *items: list(items),
    "file": lambda span, body: body,
    "expression": _expression,
    "signature": _signature,
    "no_statements": lambda span: Body(),
    "more_statements": _more_statements,
    "same_statements": lambda span, body, _end: body,
    "block": _block,
    "edition": lambda span, number: Edition(number.text, span=span),
    "import_module": _import_module,
    "import_names": _import_names,
    "dim": _dim,
    "hyper": _hyper,
    "data": _named_value(ast.Data),
    "placeholder": _placeholder,
    "metric": _named_value(ast.Metric),
    "definition": _definition,
    "params": _list,
    "param": _param,
    "untyped_param": lambda span, name, default: _param(span, name, None, default),
    "results": _list,
    "type": _type,
    "axes": _list,
    "labelled_axis": _labelled_axis,
    "any_axes": _any_axes,
    "plain_axis": lambda span, size: ast.Axis(size, span=span),
    "kind": lambda span, *names: ast.Kind(_texts(names), span=span),
    "choice": lambda span, *names: ast.Kind(tuple(string_value(n.text) for n in names), True, span=span),
    "variable": _named_type(ast.Variable),
    "state": _named_type(ast.State),
    "net": _named_value(ast.Net),
    "bind": _bind,
    "typed_bind": _typed_bind,
    "targets": _list,
    "update": _named_value(ast.Update),
    "return_": lambda span, *values: ast.Return(values, span=span),
    "for_": _for,
    "if_": _if,
    "load": _load,
    "renames": _list,
    "rename": _rename,
    "require": _require,
    "next_": _named_value(ast.Next),
    "yield_": lambda span, *values: ast.Yield(values, span=span),
    "train": _train,
    "eval": _eval,
    "test": lambda span, name, body: ast.Test(string_value(name.text), body, span=span),
    "epochs": lambda span, count: ast.Epochs(count, span=span),
    "steps": lambda span, count: ast.Steps(count, span=span),
    "feed": _feed,
    "feedings": _list,
    "minimize": _minimize,
    "repeat": lambda span, count, body: ast.Repeat(count, body, span=span),
    "report": lambda span, values, every: ast.Report(values, every, span=span),
    "exprs": _list,
    "run": _run,
    "save": _save,
    "every_one": _every_one,
    "every": _every,
    "stop": lambda span, test: ast.Stop(test, span=span),
    "write": _write,
    "expect": lambda span, value, close: ast.Expect(value, close, span=span),
    "expect_error": _expect_error,
    "conditional": lambda span, then, test, otherwise: ast.Conditional(then, test, otherwise, span=span),
    "piped": _piped,
    "stage": _stage,
    "label": _label,
    "chain": _chain,
    "unary": _unary,
    "attribute": _attribute,
    "call": lambda span, callee, args: ast.Call(callee, args, span=span),
    "index": lambda span, value, *items: ast.Index(value, items, span=span),
    "name": lambda span, token: ast.Name(token.text, span=span),
    "number": _number,
    "string": lambda span, token: ast.String(string_value(token.text), span=span),
    "bool": lambda span, token: ast.Bool(token.text == "true", span=span),
    "splice": lambda span, _star, name: ast.Splice(name.text, span=span),
    "parenthesised": lambda span, value: value,
    "tuple": lambda span, *items: ast.Tuple(items, span=span),
    "array": lambda span, *items: ast.Array(_list(span, *items), span=span),
    "scan": _scan,
    "names": _list,
    "args": _list,
    "argument": lambda span, value: ast.Argument(value, span=span, name_span=None),
    "named_argument": _named_argument,
    "slice": lambda span, start, stop, step: ast.Slice(start, stop, step, span=span),
    "ellipsis": lambda span: ast.Ellipsis_(span=span),
}

# The rules that put a tree inside a tree; the depth of the result is limited by MAX_NESTING.
NESTING = frozenset(
    "definition train eval test if_ for_ repeat expect_error conditional piped chain unary attribute call index tuple"
    " array scan slice type".split()
)
