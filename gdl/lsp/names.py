"""Which name means what in a text: every declaration with all its uses, by scope, read off the tree."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gdl.source import Span
from gdl.syntax import ast

#: What a name can be -> the statements that declare it.
KINDS = {
    ast.Dim: "dim", ast.Hyper: "hyper", ast.Data: "data", ast.Placeholder: "placeholder", ast.Variable: "variable",
    ast.State: "state", ast.Net: "net", ast.Metric: "metric", ast.Bind: "value",
}  # fmt: skip
_TENSORS = ("placeholder", "variable", "state", "metric", "value")
_Place = tuple[int, int]


@dataclass(eq=False, slots=True)
class Symbol:
    """A name in its scope. A plain binding may be bound again: all its bindings are one symbol.

    `kind` is one of those that statements declare, or def, layer, optimizer, parameter, size, label, index, import,
    module, train, eval. `items` are the nodes that declare it, in the order of `declarations`.
    """

    name: str
    kind: str
    scope: Scope
    declarations: list[Span] = field(default_factory=list)
    uses: list[Span] = field(default_factory=list)
    items: list[Any] = field(default_factory=list)

    @property
    def places(self) -> list[Span]:
        return sorted([*self.declarations, *self.uses], key=lambda span: span.start)

    def declared_for(self, offset: int) -> int:
        """The number of the declaration that a use means: the last one above it, else the first."""
        above = [at for at, span in enumerate(self.declarations) if span.start <= offset]
        return max(above, key=lambda at: self.declarations[at].start, default=0)


@dataclass(eq=False, slots=True)
class Scope:
    """A part of the text with names of its own. `owner` is the definition around it, "" at the top level."""

    span: Span
    parent: Scope | None
    owner: str = ""
    symbols: dict[str, Symbol] = field(default_factory=dict)
    is_loop: bool = False  # of a `for`, whose body binds names in the scope around it

    @property
    def home(self) -> Scope:
        return self.parent.home if self.is_loop and self.parent is not None else self

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def find(self, name: str) -> Symbol | None:
        return next((scope.symbols[name] for scope in self.chain() if name in scope.symbols), None)


@dataclass(eq=False, slots=True)
class Names:
    """All names of a text. `free` are uses that nothing in the text declares, with the scope they stand in; `members`
    the `.name` of expressions, by place, with the place of what they belong to."""

    top: Scope
    scopes: list[Scope] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)
    meant: dict[_Place, Symbol] = field(default_factory=dict)
    free: dict[_Place, Scope] = field(default_factory=dict)
    members: dict[_Place, tuple[str, Span]] = field(default_factory=dict)
    fields: dict[_Place, tuple[str, str]] = field(default_factory=dict)  # of records: (data source, field)
    definitions: dict[str, Scope] = field(default_factory=dict)
    labels: dict[str, Symbol] = field(default_factory=dict)

    def at(self, offset: int) -> tuple[Span, Symbol] | None:
        """The symbol that stands at an offset, or ends there."""
        for (start, end), symbol in self.meant.items():
            if start <= offset <= end:
                return Span(self.top.span.source, start, end), symbol
        return None

    def scope_at(self, offset: int) -> Scope:
        """The innermost scope around an offset."""
        around = [scope for scope in self.scopes if scope.span.start <= offset <= scope.span.end]
        return min(around, key=lambda scope: scope.span.end - scope.span.start, default=self.top)


def resolve(module: ast.Module, fields: Mapping[str, Iterable[str]]) -> Names:
    """The names of a module. `fields` are those of the records of its data sources."""
    top = Scope(module.span, None)
    reader = _Reader(Names(top, [top]), {name: frozenset(found) for name, found in fields.items()})
    for item in module.items:
        reader.declare(top, item)
    for item in module.items:
        reader.visit(top, item)
    return reader.names


@dataclass(eq=False, slots=True)
class _Reader:
    """One walk over a tree."""

    names: Names
    fields: Mapping[str, frozenset[str]]

    # ---- declarations

    def symbol(self, scope: Scope, name: str, kind: str, span: Span | None, item: Any, key: str = "") -> Symbol | None:
        if span is None:
            return None
        found = scope.symbols.get(key or name)
        if found is None:
            found = scope.symbols[key or name] = Symbol(name, kind, scope)
            self.names.symbols.append(found)
        if span not in found.declarations:
            found.declarations.append(span)
            found.items.append(item)
            self.names.meant[span.start, span.end] = found
        return found

    def inner(self, scope: Scope, span: Span, owner: str | None = None, is_loop: bool = False) -> Scope:
        made = Scope(span, scope, scope.owner if owner is None else owner, is_loop=is_loop)
        self.names.scopes.append(made)
        return made

    def declare(self, scope: Scope, s: Any) -> None:
        """What a statement declares in its scope, labels of nets included."""
        home = scope.home
        if isinstance(s, (ast.Dim, ast.Bind)):
            pairs = zip(s.names, s.name_spans) if isinstance(s, ast.Dim) else zip(s.targets, s.target_spans)
            for name, span in pairs:
                self.symbol(home, name, KINDS[type(s)], span, s)
        elif type(s) in KINDS:
            self.symbol(home, s.name, KINDS[type(s)], s.name_span, s)
        elif isinstance(s, ast.Definition):
            self.symbol(scope, s.name, s.what, s.name_span, s)
            self.names.definitions[s.name] = self.signature(scope, s)
        elif isinstance(s, ast.Import):
            for name, span in zip(s.names, s.name_spans):
                self.symbol(scope, name, "import", span, s)
            if not s.names:
                self.module(scope, s)
        elif isinstance(s, (ast.Train, ast.Eval)):
            kind = type(s).__name__.lower()
            if s.name is not None:
                self.symbol(scope, s.name, kind, s.name_span, s, f"{kind} {s.name}")
            return
        if isinstance(s, (ast.If, ast.For)):
            for inner in (*s.body, *(s.orelse if isinstance(s, ast.If) else ())):
                self.declare(scope, inner)
        for stage in labelled(s):
            if stage.label_span is not None:
                self.symbol(home, stage.label, "net", stage.label_span, stage)  # type: ignore[arg-type]

    def module(self, scope: Scope, s: ast.Import) -> None:
        """`import "file.gdl" as m`: the tree knows no place of the `m`."""
        text = s.span.text
        alias = re.search(r"\bas\s+(\w+)\s*$", text)
        if alias:
            self.symbol(scope, alias[1], "module", _part(s.span, alias.start(1), alias.end(1)), s)
        else:
            stem = s.module.rpartition("/")[2].removesuffix(".gdl")
            self.symbol(scope, stem, "module", s.module_span, s)

    def signature(self, scope: Scope, s: ast.Definition) -> Scope:
        """The scope of a definition with its parameters, and the symbols that their types bind."""
        inner = self.inner(scope, s.span, s.name)
        for param in s.params:
            self.symbol(inner, param.name, "parameter", param.name_span, param)
        for param in s.params:
            for axis in param.type.axes if isinstance(param.type, ast.TypeExpr) else ():
                for node in walk(axis.size):
                    if isinstance(node, (ast.Name, ast.Splice)) and node.name not in inner.symbols:
                        self.symbol(inner, node.name, "size", _own(node), axis)
        return inner

    # ---- uses

    def use(self, scope: Scope, name: str, span: Span | None, key: str = "") -> None:
        if span is None or (span.start, span.end) in self.names.meant:
            return
        found = scope.find(key or name)
        if found is not None:
            found.uses.append(span)
            self.names.meant[span.start, span.end] = found
        elif not key:
            self.names.free[span.start, span.end] = scope

    def label(self, scope: Scope, name: str, span: Span | None, item: Any = None) -> None:
        """A name of an axis: the size it is called after, or a label by itself."""
        size = scope.find(name)
        if size is not None and size.kind in ("dim", "size") and item is None:
            self.use(scope, name, span)
        elif span is not None:
            found = self.names.labels.setdefault(name, Symbol(name, "label", self.names.top))
            if found not in self.names.symbols:
                self.names.symbols.append(found)
            (found.declarations if item is not None else found.uses).append(span)
            if item is not None:
                found.items.append(item)
            self.names.meant[span.start, span.end] = found

    def visit(self, scope: Scope, node: Any) -> None:
        """Notes what a node and all in it use."""
        if isinstance(node, (tuple, list)):
            for each in node:
                self.visit(scope, each)
            return
        if not isinstance(node, ast.Ast):
            return
        special = _VISITS.get(type(node))
        if special is not None:
            special(self, scope, node)
        else:
            self.parts(scope, node)

    def parts(self, scope: Scope, node: ast.Ast, without: tuple[str, ...] = ()) -> None:
        for name in _fields(type(node)):
            if name not in without:
                self.visit(scope, getattr(node, name))

    def body(self, scope: Scope, statements: Iterable[Any]) -> None:
        statements = tuple(statements)
        for statement in statements:
            self.declare(scope, statement)
        self.visit(scope, statements)

    def arguments(self, scope: Scope, callee: ast.Expr, args: Iterable[ast.Argument]) -> None:
        symbol = scope.find(callee.name) if isinstance(callee, ast.Name) else None
        is_own = symbol is not None and symbol.kind in ("def", "layer", "optimizer")
        for arg in args:
            if arg.name == "over":
                for name in walk(arg.value):
                    if isinstance(name, ast.Name):
                        self.label(scope, name.name, name.span)
                continue
            if arg.name is not None and is_own:
                parameter = self.names.definitions[symbol.name].symbols.get(arg.name)  # type: ignore[union-attr]
                if parameter is not None and parameter.kind == "parameter" and arg.name_span is not None:
                    parameter.uses.append(arg.name_span)
                    self.names.meant[arg.name_span.start, arg.name_span.end] = parameter
            self.visit(scope, arg.value)


def _definition(r: _Reader, scope: Scope, s: ast.Definition) -> None:
    inner = r.names.definitions[s.name]
    if inner.span is not s.span:  # declared twice: an error, which is told elsewhere
        inner = r.signature(scope, s)
    for param in s.params:
        r.visit(inner, param.type)
        r.visit(inner, param.default)
    r.visit(inner, s.results or ())
    r.body(inner, s.body)


def _scan(r: _Reader, scope: Scope, s: ast.Scan) -> None:
    r.visit(scope, s.over)
    r.label(scope, s.along, s.along_span)
    inner = r.inner(scope, s.span)
    for name, span in zip(s.names, s.name_spans):
        r.symbol(inner, name, "value", span, s)
    for carry in s.carries:
        r.visit(scope, carry.value)
        r.symbol(inner, str(carry.name), "value", carry.name_span, carry)
    r.body(inner, s.body)


def _for(r: _Reader, scope: Scope, s: ast.For) -> None:
    r.visit(scope, (s.start, s.stop))
    inner = r.inner(scope, s.span, is_loop=True)
    r.symbol(inner, s.name, "index", s.name_span, s)
    r.visit(inner, s.body)


def _block(r: _Reader, scope: Scope, s: Any) -> None:
    r.body(r.inner(scope, s.span), s.body)


def _feed(r: _Reader, scope: Scope, s: ast.Feed) -> None:
    data = s.source.value if isinstance(s.source, ast.Attribute) else s.source
    owner = data.name if isinstance(data, ast.Name) else ""
    known = r.fields.get(owner)
    for binding in s.bindings:
        r.use(scope, str(binding.name), binding.name_span)
        for name in walk(binding.value) if s.source is not None else ():
            if isinstance(name, ast.Name):
                meant = scope.find(name.name)
                if name.name in known if known is not None else meant is None or meant.kind in _TENSORS:
                    r.names.fields[name.span.start, name.span.end] = (owner, name.name)
        r.visit(scope, binding.value)
    r.visit(scope, (s.source, s.batch))


def _name(r: _Reader, scope: Scope, s: ast.Name | ast.Splice) -> None:
    if (s.span.start, s.span.end) not in r.names.fields:
        r.use(scope, s.name, _own(s))


def _attribute(r: _Reader, scope: Scope, s: ast.Attribute) -> None:
    r.visit(scope, s.value)
    r.names.members[s.name_span.start, s.name_span.end] = (s.name, s.value.span)


def _axis(r: _Reader, scope: Scope, s: ast.Axis) -> None:
    r.visit(scope, s.size)
    if s.label is not None:
        r.label(scope, s.label, s.label_span, s)


def _call(r: _Reader, scope: Scope, s: ast.Call) -> None:
    r.visit(scope, s.callee)
    r.arguments(scope, s.callee, s.args)


def _stage(r: _Reader, scope: Scope, s: ast.Stage) -> None:
    r.visit(scope, (s.callee, s.label_index))
    r.arguments(scope, s.callee, s.args or ())


def _load(r: _Reader, scope: Scope, s: ast.Load) -> None:
    if s.target is not None and s.target_span is not None:
        head = re.match(r"\w*", s.target)[0]  # type: ignore[index]
        r.use(scope, head, _part(s.target_span, 0, len(head)))


def _require(r: _Reader, scope: Scope, s: ast.Require) -> None:
    """`{name}` in the message is a use as well."""
    r.visit(scope, s.test)
    told = s.span.source.text[s.test.span.end : s.span.end] if s.message else ""
    for match in re.finditer(r"\{(\w+)\}", told):
        if scope.find(match[1]) is not None:
            at = s.test.span.end - s.span.start
            r.use(scope, match[1], _part(s.span, at + match.start(1), at + match.end(1)))


def _named(key: str = "") -> Any:
    """For a statement that uses the name it begins with."""

    def visit(r: _Reader, scope: Scope, s: Any) -> None:
        r.use(scope, s.name, s.name_span, f"{key} {s.name}" if key else "")
        r.parts(scope, s)

    return visit


def _save(r: _Reader, scope: Scope, s: ast.Save) -> None:
    if s.best is not None:
        r.use(scope, s.best, s.best_span)


_VISITS: dict[type, Any] = {
    ast.Definition: _definition, ast.Scan: _scan, ast.For: _for, ast.Train: _block, ast.Eval: _block, ast.Test: _block,
    ast.ExpectError: _block, ast.Feed: _feed, ast.Name: _name, ast.Splice: _name, ast.Attribute: _attribute,
    ast.Axis: _axis, ast.Call: _call, ast.Stage: _stage, ast.Load: _load, ast.Require: _require, ast.Update: _named(),
    ast.Next: _named(), ast.Run: _named("eval"), ast.Save: _save,
    ast.Comment: lambda r, scope, s: None,
}  # fmt: skip


def _own(node: ast.Name | ast.Splice) -> Span:
    """The place of the name itself, without the star of a splice."""
    return node.span._replace(start=node.span.end - len(node.name))


def _part(span: Span, start: int, end: int) -> Span:
    return Span(span.source, span.start + start, span.start + end)


def labelled(s: Any) -> Iterator[ast.Stage]:
    """The stages with a label in a statement that are not in a scope of their own."""
    inside = walk(s, (ast.Scan, ast.Definition, ast.For, ast.If))
    return (node for node in inside if isinstance(node, ast.Stage) and node.label)


def walk(root: Any, without: tuple[type, ...] = ()) -> Iterator[Any]:
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, (tuple, list)):
            todo += reversed(node)
        elif isinstance(node, ast.Ast) and not isinstance(node, without):
            yield node
            todo += [getattr(node, name) for name in reversed(_fields(type(node)))]


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(form: type) -> tuple[str, ...]:
    if form not in _FIELDS:
        _FIELDS[form] = tuple([f.name for f in dataclasses.fields(form) if not f.name.endswith(("span", "spans"))])
    return _FIELDS[form]
