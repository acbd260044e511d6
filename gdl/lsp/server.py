"""The protocol: messages over standard input and output, by pygls. The answers come from the modules beside it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from gdl import __version__
from gdl.lsp import hints, hovering
from gdl.lsp.diagnosing import Remark, remarks
from gdl.lsp.page import Known, Page, studied, turned
from gdl.lsp.positions import Text, changed
from gdl.resources import open_source
from gdl.session.reference import entries
from gdl.source import Source, Span
from gdl.train.data import data_options

#: So long nothing must be typed before the text is checked.
PAUSE_S = 0.05
_SOURCE = "gdl"


@dataclass(eq=False, slots=True)
class Document:
    """An open text, and what is known of it."""

    uri: str
    text: Text
    version: int | None
    page: Page | None = None
    due: asyncio.TimerHandle | None = None  # of the next check
    told: dict[str, list[Remark]] = field(default_factory=dict)  # by the file that it is said of

    @property
    def path(self) -> Path | None:
        name = to_fs_path(self.uri)
        return Path(name) if name else None


@dataclass(eq=False, slots=True)
class Desk:
    """All that the server keeps: the open documents by URI."""

    server: LanguageServer
    data: Path | None = None
    documents: dict[str, Document] = field(default_factory=dict)
    elsewhere: dict[Source, Text] = field(default_factory=dict)  # texts of files that are not open

    @property
    def encoding(self) -> str:
        encoding = self.server.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
        return str(getattr(encoding, "value", encoding))

    # ---- pages

    def read(self, path: Path) -> Source:
        """The text of a file that is imported: as it is typed, where it is open."""
        for document in self.documents.values():
            own = document.path
            if own is not None and own.resolve() == path:
                return Source(str(path), document.text.text, path)
        return open_source(path)

    def page(self, document: Document) -> Page:
        """The document's text, checked."""
        page = document.page
        if page is None or not page.is_current or page.source.text != document.text.text:
            folder = document.path.parent if document.path is not None else None
            document.page = page = studied(self.source(document), data_options(self.data, folder), self.read)
        return page

    def glimpse(self, document: Document) -> Page:
        """The document's text, with what the last check found: for answers that can't wait."""
        page = document.page
        if page is None or page.source.text != document.text.text:
            document.page = page = turned(self.source(document), page.known if page is not None else Known())
        return page

    def source(self, document: Document) -> Source:
        path = document.path
        return Source(path.name if path is not None else document.uri, document.text.text, path)

    # ---- checking

    def check_soon(self, document: Document) -> None:
        if document.due is not None:
            document.due.cancel()
        document.due = asyncio.get_running_loop().call_later(PAUSE_S, guarded(self.publish, document))

    def publish(self, document: Document) -> None:
        """Tells what is wrong in the document and in what it imports; what others said of these stays."""
        document.due = None
        page = self.page(document)
        before, document.told = document.told, {document.uri: []}
        for remark in remarks(page.source, page.known.diagnostics):
            document.told.setdefault(self.uri(remark.span.source, document), []).append(remark)
        self.tell({*before, *document.told})

    def tell(self, uris: set[str]) -> None:
        """Publishes what the open documents say of files, each thing once."""
        for uri in uris:
            found: dict[str, lsp.Diagnostic] = {}
            for document in self.documents.values():
                for remark in document.told.get(uri, ()):
                    told = self.diagnostic(remark, document)
                    found.setdefault(repr(told), told)
            own = self.documents.get(uri)
            version = own.version if own is not None else None
            self.server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, list(found.values()), version)
            )  # fmt: skip

    def diagnostic(self, remark: Remark, document: Document) -> lsp.Diagnostic:
        return lsp.Diagnostic(
            self.range(remark.span), remark.message,
            severity=lsp.DiagnosticSeverity.Error if remark.is_error else lsp.DiagnosticSeverity.Warning,
            code=remark.code, source=_SOURCE,
            tags=[lsp.DiagnosticTag.Unnecessary] if remark.is_unused else None,
            related_information=[
                lsp.DiagnosticRelatedInformation(self.location(span, document), text) for span, text in remark.related
            ],
        )  # fmt: skip

    # ---- places

    def text(self, source: Source) -> Text:
        """A source as the client counts in it."""
        if source not in self.elsewhere:
            self.elsewhere = dict(list(self.elsewhere.items())[-20:])
            self.elsewhere[source] = Text(source.text, self.encoding)
        return self.elsewhere[source]

    def range(self, span: Span) -> lsp.Range:
        (line, character), (end_line, end) = self.text(span.source).range(span.start, span.end)
        return lsp.Range(lsp.Position(line, character), lsp.Position(end_line, end))

    def location(self, span: Span, document: Document) -> lsp.Location:
        return lsp.Location(self.uri(span.source, document), self.range(span))

    def uri(self, source: Source, document: Document) -> str:
        """Of a text: the document's own, or that of a file."""
        if source.path is None or source.path == document.path:
            return document.uri
        for other in self.documents.values():
            if other.path is not None and other.path.resolve() == source.path.resolve():
                return other.uri
        return from_fs_path(str(source.path.resolve())) or document.uri


# ---- notifications -----------------------------------------------------------------------------------------------


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
        _forget(document)
        desk.check_soon(document)


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
            _forget(document)
            desk.check_soon(document)


def _forget(document: Document) -> None:
    """What the check said is out of date, though the text is the same; what names mean still serves."""
    page = document.page
    if page is not None:
        document.page = turned(Source(page.source.name, document.text.text, document.path), page.known)


# ---- requests ----------------------------------------------------------------------------------------------------


def _here(desk: Desk, params: Any, checked: bool = True) -> tuple[Page, int]:
    """The page of a request, and the offset that it asks about."""
    document = desk.documents[params.text_document.uri]
    offset = document.text.offset(_pair(params.position))
    return (desk.page(document) if checked else desk.glimpse(document)), offset


def hover(desk: Desk, params: lsp.HoverParams) -> lsp.Hover | None:
    found = hovering.hover(*_here(desk, params))
    if found is None:
        return None
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, found.text), desk.range(found.span))


def inlay_hints(desk: Desk, params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
    document = desk.documents[params.text_document.uri]
    page = desk.page(document)
    start, end = document.text.offset(_pair(params.range.start)), document.text.offset(_pair(params.range.end))
    return [
        lsp.InlayHint(desk.range(Span(page.source, hint.offset, hint.offset)).start, hint.text,
                      kind=lsp.InlayHintKind.Type, padding_left=True)
        for hint in hints.hints(page, start, end)
    ]  # fmt: skip


# ---- the server --------------------------------------------------------------------------------------------------

#: method -> what answers it, and what is registered with it
FEATURES: dict[str, tuple[Callable[..., Any], Any]] = {
    lsp.TEXT_DOCUMENT_DID_OPEN: (did_open, None),
    lsp.TEXT_DOCUMENT_DID_CHANGE: (did_change, None),
    lsp.TEXT_DOCUMENT_DID_SAVE: (did_save, None),
    lsp.TEXT_DOCUMENT_DID_CLOSE: (did_close, None),
    lsp.TEXT_DOCUMENT_HOVER: (hover, None),
    lsp.TEXT_DOCUMENT_INLAY_HINT: (inlay_hints, None),
}


def guarded(function: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """A function that has no answer where it goes wrong: a bug in one request is logged and ends nothing."""

    def call(*args: Any) -> Any:
        try:
            return function(*first, *args)
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
            told = " ".join(str(error).split())
            print(f"gdl lsp: a bug in {function.__name__}: {type(error).__name__}: {told} ({place})", file=sys.stderr)
            return None

    return call


def make_server(data: Path | None = None) -> LanguageServer:
    """A server that knows all features; `data` is the folder of the data files."""
    server = LanguageServer(_SOURCE, __version__)
    desk = Desk(server, data)
    for method, (answer, options) in FEATURES.items():
        server.feature(method, options)(_taking(guarded(answer, desk)))
    server.feature(lsp.INITIALIZED)(_taking(guarded(lambda params: entries())))
    return server


def _taking(answer: Callable[..., Any]) -> Callable[[Any], Any]:
    """With a name of its own, which pygls asks for, and one parameter."""

    def handler(params: Any) -> Any:
        return answer(params)

    return handler


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        return " ".join(f"gdl lsp: {record.getMessage()}{f': {error}' if error else ''}".split())


def serve(data: Path | None = None) -> None:
    """Answers a client on standard input and output until it leaves."""
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(_OneLine())
    logging.basicConfig(level=logging.ERROR, handlers=[log])
    make_server(data).start_io()
