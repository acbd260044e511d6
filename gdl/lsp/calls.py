"""Calls in a text: what is called at a place, and how."""

from __future__ import annotations

from dataclasses import dataclass

from gdl.interactive.describing import describe_item
from gdl.interactive.offers import inside, parameters
from gdl.lang.values import Function, Instance
from gdl.lsp.names import Symbol, walk
from gdl.lsp.page import Page, library_function
from gdl.session.reference import Entry, entries
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.lexer import lex
from gdl.syntax.table import load_table
from gdl.syntax.tokens import CLOSERS, OPENERS, Token


@dataclass(frozen=True, slots=True)
class Open:
    """A call whose parentheses are open at some offset: `argument` counts what stands in them before it, and
    `keyword` is the name that the argument there begins with, if it does. `is_nested`: in a list in the argument."""

    callee: str
    offset: int  # of the callee
    argument: int
    keyword: str
    is_stage: bool
    is_nested: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """How something is called: its parameters as they stand, and the number of the one that is being given."""

    text: str
    parameters: tuple[str, ...]
    doc: str
    active: int


def tokens_before(source: Source, offset: int) -> list[Token]:
    """The tokens that end at an offset or before it."""
    return lex(source, load_table(), 0, offset).tokens


def open_call(tokens: list[Token]) -> Open | None:
    """The innermost call that is open at the end of some tokens."""
    depth, commas, keyword, last, is_nested = 0, 0, "", "", False
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.kind in CLOSERS:
            depth += 1
        elif token.kind in OPENERS and depth:
            depth -= 1
        elif token.kind in OPENERS:
            if token.kind == "LBRACE":
                return None
            if token.kind != "LPAR" or at == 0 or tokens[at - 1].kind != "NAME":
                commas, keyword, last, is_nested = 0, "", "", True
                continue
            callee, start = tokens[at - 1], at - 1
            while start > 1 and tokens[start - 1].kind == "DOT":
                start -= 2
            before = [each.kind for each in tokens[max(start - 3, 0) : start]]
            is_stage = before[-1:] == ["PIPE"] or before[-3:] == ["PIPE", "NAME", "COLON"]
            return Open(callee.text, callee.start, commas, keyword, is_stage, is_nested)
        elif depth == 0 and token.kind == "COMMA":
            commas += 1
        elif depth == 0 and commas == 0 and last == "ASSIGN" and token.kind == "NAME":
            keyword = token.text
        last = token.kind
    return None


def signature_at(page: Page, offset: int) -> Signature | None:
    """The signature of the call around an offset."""
    call = open_call(tokens_before(page.source, offset))
    told = told_of(page, call.callee, call.offset) if call else None
    if call is None or told is None:
        return None
    text, doc = told
    names = tuple(parameters(text))
    given = [name.partition(":")[0].strip() for name in names]
    active = given.index(call.keyword) if call.keyword in given else call.argument + call.is_stage
    return Signature(text, names, doc, active)


def told_of(page: Page, name: str, offset: int) -> tuple[str, str] | None:
    """The signature and the first sentence of what a name calls."""
    found = called(page, name, offset)
    if isinstance(found, Entry):
        return found.signature, found.summary
    return (head(found), found.doc.partition("\n")[0]) if found is not None else None


def head(item: ast.Definition) -> str:
    """The signature of a definition, on one line."""
    return describe_item(item, item.name, None).removeprefix(item.what).strip()


def called(page: Page, name: str, offset: int) -> ast.Definition | Entry | None:
    """What a name calls at an offset: a definition of the user's, or an entry of the reference."""
    symbol = page.names.scope_at(offset).find(name)
    if symbol is None:
        return entry(page, name, Span(page.source, offset, offset + len(name)))
    item = symbol.items[-1]
    if isinstance(item, ast.Definition):
        return item
    if isinstance(item, ast.Import):
        return imported(page, symbol)
    instances = [value for value in page.meaning(symbol) if isinstance(value, Instance)]
    return instances[0].layer.definition if instances else None


def imported(page: Page, symbol: Symbol) -> ast.Definition | Entry | None:
    """What an imported name is."""
    item = symbol.items[-1]
    if not item.is_path:
        return next((each for each in entries() if each.name == symbol.name and each.section == item.module), None)
    functions = [value for value in page.meaning(symbol) if isinstance(value, Function)]
    return functions[0].definition if functions else None


def entry(page: Page, name: str, span: Span) -> Entry | None:
    """What the reference tells of a name of the library: of several the one that is meant at a place."""
    found = [each for each in entries() if each.name == name]
    for value in page.values(span):
        if isinstance(value, Function):
            found = [each for each in found if each.section == value.module.name] or found
    return found[0] if found else None


def definition_of(found: ast.Definition | Entry | None) -> ast.Definition | None:
    """The GDL text that something is defined by."""
    if isinstance(found, Entry):
        function = library_function(found.name, found.section)
        return function.definition if function is not None else None
    return found


def keyword_at(page: Page, offset: int) -> tuple[Span, ast.Definition | Entry] | None:
    """The name of a keyword argument at an offset, and what it is given to."""
    for node in walk(page.module.items):
        if isinstance(node, (ast.Call, ast.Stage)):
            for argument in node.args or ():
                span = argument.name_span
                if argument.name is not None and span is not None and span.start <= offset <= span.end:
                    found = callee_of(page, node.callee)
                    return (span, found) if found is not None else None
    return None


def callee_of(page: Page, callee: ast.Expr) -> ast.Definition | Entry | None:
    """What the callee of a call is: a name, or one of a module's."""
    if isinstance(callee, ast.Name):
        return called(page, callee.name, callee.span.start)
    if not isinstance(callee, ast.Attribute):
        return None
    members = [member for value in page.values(callee.value.span) for member in inside(value)]
    return next((f.definition for name, f in members if name == callee.name and isinstance(f, Function)), None)
