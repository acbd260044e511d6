"""What is known of the thing under the cursor, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from gdl.columns import counted
from gdl.graph.node import Node
from gdl.interactive.describing import describe_data, describe_value
from gdl.interactive.offers import inside, parameters, told
from gdl.lang.values import DataValue, Instance, InstanceList, ModuleValue
from gdl.lsp.calls import entry, head, imported, keyword_at
from gdl.lsp.names import Symbol
from gdl.lsp.page import Page
from gdl.session.reference import Entry
from gdl.source import Span
from gdl.syntax import ast

_MOST = 3  # types of one name that are told


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown about a part of the text."""

    span: Span
    text: str


def hover(page: Page, offset: int) -> Hover | None:
    """What is to be said of the place; None where there is nothing."""
    for form in (_field, _member, _symbol, _keyword, _library, _expression):
        found = form(page, offset)
        if found is not None:
            return found
    return None


# ---- forms of places ---------------------------------------------------------------------------------------------


def _field(page: Page, offset: int) -> Hover | None:
    for (start, end), (owner, name) in page.names.fields.items():
        if start <= offset <= end:
            type = next((v.header.fields[name] for v in _data(page, owner) if name in v.header.fields), None)
            text = _code(f"{name}: {type}" if type else name) + f"\nfield of the records of `{owner}`"
            classes = f", whole numbers below {type.classes}" if type and type.classes else ""
            return Hover(Span(page.source, start, end), text + classes)
    return None


def _member(page: Page, offset: int) -> Hover | None:
    for (start, end), (name, owner) in page.names.members.items():
        if start <= offset <= end:
            span = Span(page.source, start, end)
            found = [v for value in page.values(owner) for n, v in inside(value) if n == name]
            kind = "axis sizes" if name == "shape" else f"of `{owner.text}`"
            return Hover(span, f"{_code(f'{name}: {_types(found, told)}')}\n{kind}") if found else None
    return None


def _symbol(page: Page, offset: int) -> Hover | None:
    found = page.names.at(offset)
    if found is None:
        return None
    span, symbol = found
    return Hover(span, _FORMS.get(symbol.kind, _tensor)(page, symbol, span))


def _keyword(page: Page, offset: int) -> Hover | None:
    found = keyword_at(page, offset)
    if found is None:
        return None
    span, callee = found
    signature = callee.signature if isinstance(callee, Entry) else head(callee)
    declared = next((p for p in parameters(signature) if p.partition(":")[0].strip() == span.text), span.text)
    return Hover(span, f"{_code(declared)}\nparameter of `{callee.name}`")


def _library(page: Page, offset: int) -> Hover | None:
    for start, end in page.names.free:
        if start <= offset <= end:
            span = Span(page.source, start, end)
            found = entry(page, span.text, span)
            return Hover(span, _paragraphs(entry_text(found), _result(page, span))) if found else None
    return None


def _expression(page: Page, offset: int) -> Hover | None:
    """The innermost expression around the place that is a tensor."""
    if not page.is_current or any(c.span.start <= offset < c.span.end for c in page.module.comments):
        return None
    around = [(end - start, start, end) for (start, end) in page.known.seen if start <= offset < end]
    for _, start, end in sorted(around)[:1]:
        span = Span(page.source, start, end)
        values = [value for value in page.values(span) if isinstance(value, Node)]
        return Hover(span, _code(_types(values))) if values else None
    return None


# ---- kinds of names ----------------------------------------------------------------------------------------------


def _tensor(page: Page, symbol: Symbol, span: Span) -> str:
    number = symbol.declarations.index(span) if span in symbol.declarations else symbol.declared_for(span.start)
    values = page.values(span) or page.meaning(symbol, number)
    item = symbol.items[number]
    shown = _types(values, told)
    kind = symbol.kind
    if isinstance(item, ast.Param):
        declared = " ".join(item.span.text.split())
        same = not shown or all(isinstance(value, Node) for value in values) and shown in declared
        kind = f"parameter of `{symbol.scope.owner}`" + ("" if same else f", here `{shown}`")
        return f"{_code(declared)}\n{kind}"
    if symbol.kind in ("variable", "state"):
        paths = sorted({v.attrs["path"] for v in values if isinstance(v, Node) and v.op == "variable"})
        kind += f" at {_listed(f'`{path}`' for path in paths)}" if paths else ""
    return f"{_code(f'{symbol.name}: {shown}' if shown else symbol.name)}\n{kind}{_when(page, symbol, values)}"


def _when(page: Page, symbol: Symbol, values: Sequence[Any]) -> str:
    several = len({str(v.type) for v in values if isinstance(v, Node)}) > 1
    return f", as `{symbol.scope.owner}` is applied" if several and symbol.scope.owner else ""


def _dim(page: Page, symbol: Symbol, span: Span) -> str:
    item = symbol.items[0]
    return f"{_code(f'dim {symbol.name}' + (f' = {item.value.span.text}' if item.value else ''))}\na size"


def _hyper(page: Page, symbol: Symbol, span: Span) -> str:
    item = symbol.items[0]
    return _paragraphs(f"{_code(item.span.text)}\nhyper: `--set {symbol.name}=...`", item.doc)


def _data_source(page: Page, symbol: Symbol, span: Span) -> str:
    text = _code(symbol.items[0].span.text)
    for value in _data(page, symbol.name):
        return f"{text}\n{value.header.name}: {describe_data(value)}"
    return text


def _net(page: Page, symbol: Symbol, span: Span) -> str:
    number = symbol.declarations.index(span) if span in symbol.declarations else symbol.declared_for(span.start)
    values = page.values(span) or page.meaning(symbol, number)
    instances = {v.path: v for value in values for v in _instances(value)}
    parts = [_code(" ".join(symbol.items[number].span.text.split()))]
    for path, instance in list(instances.items())[:_MOST]:
        applied = page.known.layers.get(path)
        gives = f" gives {', '.join(f'`{type}`' for type in applied.results)}" if applied else ""
        own = [info.type for p, info in page.known.variables.items() if p.startswith(f"{path}/") and info.trained]
        elements = sum(prod(type.shape) for type in own)
        told = f"{gives}: {counted(elements, 'parameter')}" if applied else " is not applied"
        parts.append(f"`{path}`, a `{instance.layer.name}`,{told}")
    if len(instances) > _MOST:
        parts.append(f"... {len(instances)} nets")
    return "\n\n".join(parts)


def _definition(page: Page, symbol: Symbol, span: Span) -> str:
    item = symbol.items[0]
    return _paragraphs(_code(f"{item.what} {head(item)}"), item.doc, _result(page, span))


def _import(page: Page, symbol: Symbol, span: Span) -> str:
    found = imported(page, symbol)
    if found is None:
        return _code(symbol.items[0].span.text)
    own = (entry_text(found),) if isinstance(found, Entry) else (_code(f"{found.what} {head(found)}"), found.doc)
    return _paragraphs(*own, _result(page, span))


def _module(page: Page, symbol: Symbol, span: Span) -> str:
    names = [n for v in page.meaning(symbol) if isinstance(v, ModuleValue) for n in v.library.names()]
    return _code(symbol.items[0].span.text) + (f"\nhas {_listed(f'`{name}`' for name in names)}" if names else "")


def _size(page: Page, symbol: Symbol, span: Span) -> str:
    shown = _types(page.values(span), describe_value)
    return f"{_code(symbol.name)}\nsize in the signature of `{symbol.scope.owner}`{f', here {shown}' if shown else ''}"


def _plain(kind: str) -> Callable[[Page, Symbol, Span], str]:
    return lambda page, symbol, span: f"{_code(symbol.name)}\n{kind}"


_FORMS: dict[str, Callable[[Page, Symbol, Span], str]] = {
    "dim": _dim, "hyper": _hyper, "data": _data_source, "net": _net, "def": _definition, "layer": _definition,
    "optimizer": _definition, "import": _import, "module": _module, "size": _size, "label": _plain("label of an axis"),
    "index": _plain("number, known before running"), "eval": _plain("eval block"), "train": _plain("train block"),
}  # fmt: skip


# ---- words -------------------------------------------------------------------------------------------------------


def entry_text(entry: Entry) -> str:
    """An entry of the reference."""
    imported = f"`from {entry.imported} import {entry.name}`" if entry.imported else ""
    facts = [f"*{word}*: {text}" for word, text in entry.facts]
    examples = _code("\n".join(entry.examples)) if entry.examples else ""
    return _paragraphs(f"{_code(entry.signature)}\n{entry.kind}", *entry.text, imported, *facts, examples)


def _result(page: Page, callee: Span) -> str:
    """What the call gives whose name this is, "" where nothing is called."""
    if not page.is_current or not page.source.text.startswith("(", callee.end):
        return ""
    ends = [end for (start, end) in page.known.seen if start == callee.start and end > callee.end]
    for end in sorted(ends):
        if page.source.text[end - 1] == ")":
            found = [v for v in page.values(Span(page.source, callee.start, end)) if isinstance(v, Node)]
            return f"Here it gives `{_types(found)}`." if found else ""
    return ""


def _data(page: Page, name: str) -> list[DataValue]:
    symbol = page.names.top.symbols.get(name)
    return [value for value in page.meaning(symbol) if isinstance(value, DataValue)] if symbol is not None else []


def _instances(value: Any) -> list[Instance]:
    if isinstance(value, InstanceList):
        return list(value.items.values())
    return [value] if isinstance(value, Instance) else []


def _types(values: Iterable[Any], say: Callable[[Any], str] = lambda value: str(value.type)) -> str:
    """What values are, each once."""
    return _listed(dict.fromkeys(map(say, values)), " or ")


def _listed(words: Iterable[str], between: str = ", ") -> str:
    words = list(words)
    return between.join(words[:_MOST]) + (f"{between}..." if len(words) > _MOST else "")


def _code(text: str) -> str:
    return f"```gdl\n{text}\n```"


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
