"""What the protocol can tell and ask of the server: a function for each message, its answer made of plain ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from gdl.diagnostics import Edit
from gdl.errors import ProgramError
from gdl.lsp import acting, calls, coloring, completing, elsewhere, hints, hovering, navigating, outline, renaming
from gdl.lsp.desk import Desk, Document
from gdl.lsp.diagnosing import remark
from gdl.lsp.page import Page
from gdl.lsp.positions import Text, changed, difference
from gdl.session.fixing import mend
from gdl.source import Span
from gdl.syntax.format import format_source

REQUEST_FAILED = -32803
_ITEM = lsp.CompletionItemKind
_ITEM_KINDS = {
    "keyword": _ITEM.Keyword, "argument": _ITEM.Property, "field": _ITEM.Field, "member": _ITEM.Field,
    "dim": _ITEM.TypeParameter, "size": _ITEM.TypeParameter, "label": _ITEM.EnumMember, "hyper": _ITEM.Constant,
    "data": _ITEM.Struct, "data source": _ITEM.Struct, "net": _ITEM.Class, "layer": _ITEM.Class,
    "optimizer": _ITEM.Class,
    "module": _ITEM.Module, "import": _ITEM.Class, "placeholder": _ITEM.Variable, "variable": _ITEM.Variable,
    "state": _ITEM.Variable, "metric": _ITEM.Variable, "value": _ITEM.Variable, "parameter": _ITEM.Variable,
    "index": _ITEM.Variable, "eval": _ITEM.Method, "train": _ITEM.Method,
}  # fmt: skip
_SYMBOL = lsp.SymbolKind
_SYMBOL_KINDS = {
    "dim": _SYMBOL.TypeParameter, "hyper": _SYMBOL.Constant, "data": _SYMBOL.Struct, "net": _SYMBOL.Object,
    "layer": _SYMBOL.Class, "optimizer": _SYMBOL.Class, "def": _SYMBOL.Function, "train": _SYMBOL.Method,
    "eval": _SYMBOL.Method, "test": _SYMBOL.Method, "variable": _SYMBOL.Field, "state": _SYMBOL.Field,
}  # fmt: skip


# ---- what it is told ---------------------------------------------------------------------------------------------


def did_open(desk: Desk, params: lsp.DidOpenTextDocumentParams) -> None:
    item = params.text_document
    desk.documents[item.uri] = document = Document(item.uri, Text(item.text, desk.encoding), item.version)
    desk.publish(document)
    _check_users(desk, document)


def did_change(desk: Desk, params: lsp.DidChangeTextDocumentParams) -> None:
    document = desk.documents[params.text_document.uri]
    document.text = changed(document.text, [(_range(change), change.text) for change in params.content_changes])
    document.version = params.text_document.version
    desk.check_soon(document)
    _check_users(desk, document)


def _range(change: lsp.TextDocumentContentChangeEvent) -> Any:
    found = getattr(change, "range", None)
    return None if found is None else (_pair(found.start), _pair(found.end))


def _pair(position: lsp.Position) -> tuple[int, int]:
    return position.line, position.character


def did_save(desk: Desk, params: lsp.DidSaveTextDocumentParams) -> None:
    """Data files may have come meanwhile, so everything is looked at anew."""
    for document in desk.documents.values():
        desk.forget(document)


def did_close(desk: Desk, params: lsp.DidCloseTextDocumentParams) -> None:
    document = desk.documents.pop(params.text_document.uri, None)
    if document is None:
        return
    if document.due is not None:
        document.due.cancel()
    desk.tell({*document.told, document.uri})
    _check_users(desk, document)


def _check_users(desk: Desk, changed: Document) -> None:
    """Checks the open programs that import a file again."""
    path = changed.path.resolve() if changed.path is not None else None
    for document in desk.documents.values():
        files = document.page.known.files if document.page is not None else ()
        if document is not changed and path is not None and path in [file.resolve() for file in files[1:]]:
            desk.forget(document)


# ---- what it is asked --------------------------------------------------------------------------------------------


def _here(desk: Desk, params: Any) -> tuple[Page, int, Document]:
    """The page of a request, and the offset that it asks about."""
    document = desk.documents[params.text_document.uri]
    return desk.page(document), document.text.offset(_pair(params.position)), document


def _part(document: Document, range: lsp.Range) -> tuple[int, int]:
    return document.text.offset(_pair(range.start)), document.text.offset(_pair(range.end))


def hover(desk: Desk, params: lsp.HoverParams) -> lsp.Hover | None:
    page, offset, _ = _here(desk, params)
    found = hovering.hover(page, offset)
    if found is None:
        return None
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, found.text), desk.range(found.span))


def inlay_hints(desk: Desk, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    document = desk.documents[params.text_document.uri]
    page = desk.page(document)
    found = hints.hints(page, *_part(document, params.range))
    places = [desk.range(Span(page.source, hint.offset, hint.offset)).start for hint in found]
    return [
        lsp.InlayHint(place, hint.text, kind=lsp.InlayHintKind.Type, padding_left=True)
        for place, hint in zip(places, found)
    ]


def completion(desk: Desk, params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
    """By what the last check found: this comes while a word is typed."""
    document = desk.documents[params.text_document.uri]
    page = desk.glimpse(document)
    found = completing.complete(page, document.text.offset(_pair(params.position)))
    return [_item(desk, offer) for offer in found]


def _item(desk: Desk, offer: completing.Offer) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        offer.text, kind=_ITEM_KINDS.get(offer.kind, lsp.CompletionItemKind.Function), detail=offer.meta or None,
        documentation=offer.doc or None, sort_text=f"{offer.rank}{offer.text}",
        additional_text_edits=[desk.edit(offer.edit)] if offer.edit is not None else None,
    )  # fmt: skip


def signature_help(desk: Desk, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    document = desk.documents[params.text_document.uri]
    found = calls.signature_at(desk.glimpse(document), document.text.offset(_pair(params.position)))
    if found is None:
        return None
    parameters = [lsp.ParameterInformation(text) for text in found.parameters]
    shown = lsp.SignatureInformation(found.text, documentation=found.doc or None, parameters=parameters)
    return lsp.SignatureHelp([shown], active_signature=0, active_parameter=found.active)


def definition(desk: Desk, params: lsp.DefinitionParams) -> lsp.Location | None:
    page, offset, document = _here(desk, params)
    found = navigating.definition(page, offset)
    return desk.location(found, document) if found is not None else None


def references(desk: Desk, params: lsp.ReferenceParams) -> list[lsp.Location]:
    """In the files that import this one as well."""
    page, offset, document = _here(desk, params)
    symbol, files = navigating.symbol_at(page, offset), desk.files()
    found = elsewhere.meant(*elsewhere.origin(page, symbol, files), files) if symbol is not None else ()
    without = not params.context.include_declaration
    return [
        desk.location(span, document)
        for each in found for span in each.places
        if not (without and each.symbol is not None and span in each.symbol.declarations)
    ]  # fmt: skip


def highlights(desk: Desk, params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
    page, offset, _ = _here(desk, params)
    return [lsp.DocumentHighlight(desk.range(span)) for span in navigating.references(page, offset)]


def symbols(desk: Desk, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
    def shown(entry: outline.Entry) -> lsp.DocumentSymbol:
        return lsp.DocumentSymbol(
            entry.name or "?", _SYMBOL_KINDS.get(entry.kind, lsp.SymbolKind.Variable), desk.range(entry.span),
            desk.range(entry.name_span), entry.detail or entry.kind,
            children=[shown(child) for child in entry.children],
        )  # fmt: skip

    return [shown(entry) for entry in outline.outline(desk.glimpse(desk.documents[params.text_document.uri]))]


def prepare_rename(desk: Desk, params: lsp.PrepareRenameParams) -> lsp.Range:
    page, offset, document = _here(desk, params)
    return desk.range(_or_failed(renaming.renamable, page, offset, desk.files()))


def rename(desk: Desk, params: lsp.RenameParams) -> lsp.WorkspaceEdit:
    page, offset, document = _here(desk, params)
    return desk.changes(_or_failed(renaming.rename, page, offset, params.new_name, desk.files()), document)


def _or_failed(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except renaming.Refused as why:
        raise JsonRpcException(str(why), REQUEST_FAILED) from None


def formatting(desk: Desk, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
    """Nothing where the text does not parse: that is told at its place already."""
    source = desk.glimpse(desk.documents[params.text_document.uri]).source
    try:
        text = format_source(source)
    except ProgramError:
        return []
    return [] if text == source.text else [desk.edit(_whole(source, text))]


def _whole(source: Any, text: str) -> Edit:
    """The edit that turns a text into another."""
    start, end, new = difference(source.text, text)
    return Edit(Span(source, start, end), new)


def code_actions(desk: Desk, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    document = desk.documents[params.text_document.uri]
    page, only = desk.page(document), params.context.only
    found = []
    if _wanted(lsp.CodeActionKind.QuickFix, only):
        for fix in acting.fixes(page, *_part(document, params.range)):
            told = [desk.diagnostic(remark(page.source, fix.diagnostic), document)]
            edit = desk.changes(fix.edits, document)
            found.append(lsp.CodeAction(fix.title, lsp.CodeActionKind.QuickFix, told, True, edit=edit))
    if _wanted(lsp.CodeActionKind.SourceFixAll, only) and any(d.fix for d in page.known.diagnostics):
        mended = mend(page.source, desk.options(document), read=desk.read)
        text = mended.source.text
        if text != page.source.text:
            edit = desk.changes([_whole(page.source, text)], document)
            title = f"mend all that has one remedy only: {len(mended.mended)}"
            found.append(lsp.CodeAction(title, lsp.CodeActionKind.SourceFixAll, edit=edit))
    return found


def _wanted(kind: str, only: Any) -> bool:
    return only is None or any(kind == each or kind.startswith(f"{each}.") for each in map(_value, only))


def _value(kind: Any) -> str:
    return str(getattr(kind, "value", kind))


def semantic_tokens(desk: Desk, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens:
    page = desk.glimpse(desk.documents[params.text_document.uri])
    text: Text = desk.text(page.source)
    data: list[int] = []
    line_before = character_before = 0
    for piece in coloring.colors(page):
        (line, character), (_, end) = text.range(piece.start, piece.end)
        since = character - character_before if line == line_before else character
        data += [line - line_before, since, end - character, coloring.KINDS.index(piece.kind), 0]
        line_before, character_before = line, character
    return lsp.SemanticTokens(data)


#: method -> what answers it, and what is registered with it
FEATURES: dict[str, tuple[Callable[..., Any], Any]] = {
    lsp.TEXT_DOCUMENT_DID_OPEN: (did_open, None),
    lsp.TEXT_DOCUMENT_DID_CHANGE: (did_change, None),
    lsp.TEXT_DOCUMENT_DID_SAVE: (did_save, None),
    lsp.TEXT_DOCUMENT_DID_CLOSE: (did_close, None),
    lsp.TEXT_DOCUMENT_HOVER: (hover, None),
    lsp.TEXT_DOCUMENT_INLAY_HINT: (inlay_hints, None),
    lsp.TEXT_DOCUMENT_COMPLETION: (completion, lsp.CompletionOptions(trigger_characters=[".", "(", "="])),
    lsp.TEXT_DOCUMENT_SIGNATURE_HELP: (signature_help, lsp.SignatureHelpOptions(trigger_characters=["(", ","])),
    lsp.TEXT_DOCUMENT_DEFINITION: (definition, None),
    lsp.TEXT_DOCUMENT_REFERENCES: (references, None),
    lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: (highlights, None),
    lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (symbols, None),
    lsp.TEXT_DOCUMENT_PREPARE_RENAME: (prepare_rename, None),
    lsp.TEXT_DOCUMENT_RENAME: (rename, lsp.RenameOptions(prepare_provider=True)),
    lsp.TEXT_DOCUMENT_FORMATTING: (formatting, None),
    lsp.TEXT_DOCUMENT_CODE_ACTION: (
        code_actions, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]),
    ),
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (semantic_tokens, lsp.SemanticTokensLegend(list(coloring.KINDS), [])),
}  # fmt: skip
