"""What could be typed at a place, by the text as it is and what the last check found: this must not wait."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gdl.diagnostics import Edit
from gdl.interactive.describing import describe_item
from gdl.interactive.offers import IMPORT, MEMBER, WORDS, importable, keywords, library, members, told
from gdl.lang.imports import import_of
from gdl.lang.values import DataValue
from gdl.lsp.calls import open_call, tokens_before, told_of
from gdl.lsp.names import Symbol
from gdl.lsp.page import Page
from gdl.session.reference import SECTIONS, entries
from gdl.syntax import ast
from gdl.syntax.tokens import CLOSERS, ITEM_WORDS, OPENERS, Token

#: What a statement in a block of some kind may begin with; "" is the top level.
_STATEMENTS = {
    "": (*sorted(ITEM_WORDS - {"test"}), "variable", "state", "net", "update", "load", "if", "for", "require"),
    "def": ("return", "if", "for", "require"),
    "layer": ("variable", "state", "net", "update", "return", "if", "for", "require"),
    "optimizer": ("state", "update", "return", "if", "for", "require"),
    "scan": ("next", "yield"),
    "train": ("epochs", "steps", "feed", "minimize", "repeat", "report", "run", "save", "stop", "load"),
    "repeat": ("minimize",),
    "eval": ("feed", "report", "write"),
    "test": ("feed", "expect"),
    "expect": ("variable", "net"),
}
#: The words that go on with a statement.
_WITHIN = {
    "feed": ("from", "batch", "shuffle"), "minimize": ("over", "with", "clip"), "report": ("every",),
    "run": ("every",), "save": ("best", "every"), "stop": ("when",), "load": ("from", "map", "freeze"),
    "import": ("as",), "from": ("import",),
    "every": ("epoch", "epochs", "steps"), "hyper": ("in", "int", "float", "string"),
}  # fmt: skip
_SCAN = ("in", "along", "carry")
_TRANSPARENT = ("if", "for", "else")  # blocks whose statements are those of the block around


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to put in place of the word that ends at the place. `kind` is a symbol's kind, or keyword, argument,
    field, member, or an entry's kind; `edit` is what else must change; smaller `rank` first."""

    text: str
    kind: str
    meta: str = ""
    doc: str = ""
    edit: Edit | None = None
    rank: int = 5


def complete(page: Page, offset: int) -> list[Offer]:
    """Everything that fits, the likeliest first."""
    text = page.source.text
    if any(c.span.start < offset <= c.span.end for c in page.module.comments):
        return []
    typed = re.search(r"[A-Za-z_]*\w*\Z", text[:offset])[0]  # type: ignore[index]
    begin = offset - len(typed)
    tokens = tokens_before(page.source, begin)
    last = tokens[-1] if tokens else None
    if last is not None and last.kind == "STRING" and last.end >= begin and len(last.text) > last.end - last.start:
        return []  # inside of a text that is still open
    if typed[:1].isdigit():
        return []
    found: dict[str, Offer] = {}
    for offer in _offers(page, offset, begin, tokens):
        if offer.text.lower().startswith(typed.lower()):
            found.setdefault(offer.text, offer)
    return sorted(found.values(), key=lambda offer: offer.rank)


def _offers(page: Page, offset: int, begin: int, tokens: list[Token]) -> Iterator[Offer]:
    line = page.source.text[:offset].rpartition("\n")[2]
    imported = IMPORT.match(line)
    if imported:
        yield from [Offer(e.name, e.kind, e.signature, e.summary) for e in importable(imported[1])]
        return
    if re.match(r"^\s*from\s+\w*$", line) and not _is_block(tokens):
        modules = dict.fromkeys(entry.imported for entry in entries() if entry.imported)
        yield from [Offer(module, "module", "", SECTIONS.get(module, "")) for module in modules]
        return
    if re.match(r"^\s*data\s+\w+\s*=", line):
        yield from [Offer(e.name, e.kind, e.signature, e.summary, rank=1) for e in entries() if e.kind == "data source"]
    member = MEMBER.search(page.source.text[:offset])
    if member and tokens and tokens[-1].kind == "DOT":
        yield from _members(page, member[1], begin)
        return
    call = open_call(tokens)
    signature = told_of(page, call.callee, call.offset) if call is not None else None
    if call is not None and signature is not None and not call.is_nested and tokens[-1].kind in ("LPAR", "COMMA"):
        given = int(call.is_stage)  # by what comes through the `|>`
        yield from [Offer(text, "argument", meta, rank=0) for text, meta, _ in [*keywords(signature[0])][given:]]
    if call is not None and call.keyword == "over":
        yield from [Offer(symbol.name, "label", rank=0) for symbol in page.names.labels.values()]
    yield from _words(page, begin, tokens)
    yield from _names(page, begin)


def _members(page: Page, dotted: str, begin: int) -> Iterator[Offer]:
    first, *names = dotted.split(".")
    symbol = page.names.scope_at(begin).find(first)
    for value in page.meaning(symbol) if symbol is not None else ():
        yield from [Offer(name, "member", meta) for name, meta, _ in members(value, names)]


def _names(page: Page, begin: int) -> Iterator[Offer]:
    """What is in scope, nearest first, then the library, then what could be imported."""
    for at, scope in enumerate(page.names.scope_at(begin).chain()):
        for key, symbol in scope.symbols.items():
            if key == symbol.name:
                yield Offer(symbol.name, symbol.kind, *_told(page, symbol), rank=2 + min(at, 1))
    kinds = {entry.name: entry.kind for entry in reversed(entries())}
    yield from [Offer(name, kinds[name], signature, doc, rank=5) for name, signature, doc in library()]
    for entry in entries():
        if entry.imported:
            edit = import_of(page.source, entry.imported, entry.name)
            yield Offer(entry.name, entry.kind, entry.signature, entry.summary, edit, rank=6)
    yield from [Offer(word, "keyword", rank=7) for word in WORDS]


def _told(page: Page, symbol: Symbol) -> tuple[str, str]:
    """The type of a name, and the first line of its doc."""
    item = symbol.items[-1]
    doc = getattr(item, "doc", "").partition("\n")[0]
    if isinstance(item, ast.Definition):
        return describe_item(item, symbol.name, None), doc
    if isinstance(item, ast.Import) and item.names:
        return f"from {item.module}", ""
    types = dict.fromkeys(map(told, page.meaning(symbol)))
    return (next(iter(types)) if len(types) == 1 else symbol.kind), doc


# ---- words of statements -----------------------------------------------------------------------------------------


def _words(page: Page, begin: int, tokens: list[Token]) -> Iterator[Offer]:
    block, statement = _surroundings(tokens)
    if not statement:
        yield from [Offer(word, "keyword", "statement", rank=1) for word in _STATEMENTS[block]]
        return
    head, last = statement[0].text, statement[-1].text
    if head == "run" and last == "run":
        yield from _symbols(page, "eval")
    elif head == "save" and last == "best":
        yield from _symbols(page, "metric", "value")
    elif head == "minimize" and last == "with":
        yield from [Offer(e.name, e.kind, e.signature, e.summary, rank=1) for e in entries() if e.kind == "optimizer"]
    elif head == "feed" and last == "from":
        yield from _symbols(page, "data")
    elif head == "feed":
        yield from _fields(page, begin)
    within = _WITHIN.get(head, ()) if block or head not in ("feed", "report", "run", "save") else ()
    words = (*within, *(_WITHIN["every"] if "every" in [token.text for token in statement] else ()))
    words += _SCAN if any(token.text == "scan" for token in statement) else ()
    yield from [Offer(word, "keyword", "", rank=1) for word in words]


def _symbols(page: Page, *kinds: str) -> list[Offer]:
    found = [symbol for symbol in page.names.top.symbols.values() if symbol.kind in kinds]
    return [Offer(symbol.name, symbol.kind, *_told(page, symbol), rank=0) for symbol in found]


def _fields(page: Page, begin: int) -> Iterator[Offer]:
    """The fields of the records that the feed takes, and the placeholders that it may bind."""
    rest = page.source.text[begin:].partition("\n")[0]
    owner = re.search(r"\bfrom\s+(\w+)", rest)
    for symbol in page.names.top.symbols.values():
        if symbol.kind == "data" and (owner is None or owner[1] == symbol.name):
            for value in page.meaning(symbol):
                if isinstance(value, DataValue):
                    yield from [Offer(n, "field", str(type), rank=0) for n, type in value.header.fields.items()]
    yield from [replace(offer, rank=1) for offer in _symbols(page, "placeholder")]


def _surroundings(tokens: list[Token]) -> tuple[str, list[Token]]:
    """The kind of the block at the end of some tokens, and the statement there as far as it goes."""
    blocks: list[str] = []
    statement: list[Token] = []
    held: list[list[Token]] = []  # statements around, which go on behind the bracket
    for token in tokens:
        if token.kind in OPENERS:
            if token.kind == "LBRACE":
                blocks.append(_block(statement))
            held.append([*statement, token])
            statement = [] if token.kind == "LBRACE" else held[-1]
        elif token.kind in CLOSERS:
            if token.kind == "RBRACE" and blocks:
                blocks.pop()
            statement = [*held.pop(), token] if held else []
        elif token.kind != "END" or (held and held[-1][-1].kind != "LBRACE"):
            statement = [*statement, token] if token.kind != "END" else statement
        else:
            statement = []
        if token.kind == "RBRACE":
            statement = []
    known = [block for block in blocks if block not in _TRANSPARENT]
    return (known[-1] if known else ""), statement


def _block(statement: list[Token]) -> str:
    """What kind of block a statement opens."""
    words = [token.text for token in statement]
    if "scan" in words:
        return "scan"
    return words[0] if words and words[0] in (*_STATEMENTS, *_TRANSPARENT) else "def"


def _is_block(tokens: list[Token]) -> bool:
    return bool(_surroundings(tokens)[0])
