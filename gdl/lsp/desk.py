"""The open documents, what is known of them, and what was said of them: all that the server keeps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from gdl.diagnostics import Edit
from gdl.errors import GdlError
from gdl.errors.catalogue import FOLDER
from gdl.lsp.diagnosing import Remark, remarks
from gdl.lsp.elsewhere import Files
from gdl.lsp.page import Known, Page, studied, turned
from gdl.lsp.positions import Text
from gdl.resources import open_source
from gdl.source import Source, Span
from gdl.train.data import DataOptions, data_options

#: So long nothing must be typed before the text is checked.
PAUSE_S = 0.03
_INSTALLED = ("node_modules", "site-packages", "__pycache__")


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
    guarded: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function
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
            document.page = page = studied(self.source(document), self.options(document), self.read)
        return page

    def glimpse(self, document: Document) -> Page:
        """The document's text, with what the last check found: for answers that can't wait."""
        page = document.page
        if page is None or page.source.text != document.text.text:
            document.page = page = turned(self.source(document), page.known if page is not None else Known())
        return page

    def files(self) -> Files:
        """All files there are to know of."""
        return Files(self._page_of, self._users)

    def _users(self, path: Path) -> Iterator[Page]:
        """The pages that name a file: of those that are open, in the open folders, and beside it."""
        paths = [document.path for document in self.documents.values() if document.path is not None]
        roots = [to_fs_path(uri) for uri in self.server.workspace.folders]
        for folder in [*[Path(root) for root in roots if root], path.parent]:
            paths += programs_in(folder)
        for other in dict.fromkeys([each.resolve() for each in paths]):
            page = self._page_of(other) if self._names(other, path.name) else None
            if page is not None:
                yield page

    def _names(self, path: Path, word: str) -> bool:
        try:
            return word in self.read(path).text
        except GdlError:
            return False

    def _page_of(self, path: Path) -> Page | None:
        """A file checked, as it is typed where it is open; None where it can't be read."""
        for document in self.documents.values():
            if document.path is not None and document.path.resolve() == path:
                return self.page(document)
        try:
            return studied(open_source(path), data_options(self.data, path.parent), self.read)
        except GdlError:
            return None

    def options(self, document: Document) -> DataOptions:
        return data_options(self.data, document.path.parent if document.path is not None else None)

    def forget(self, document: Document) -> None:
        """What the check said is out of date, though the text may be the same; what names mean still serves."""
        if document.page is not None:
            document.page = turned(self.source(document), document.page.known)
            self.check_soon(document)

    def source(self, document: Document) -> Source:
        path = document.path
        return Source(path.name if path is not None else document.uri, document.text.text, path)

    # ---- checking

    def check_soon(self, document: Document) -> None:
        if document.due is not None:
            document.due.cancel()
        document.due = asyncio.get_running_loop().call_later(PAUSE_S, self.guarded(self.publish), document)

    def publish(self, document: Document) -> None:
        """Tells what is wrong in the document and in what it imports; what others said of these stays."""
        document.due = None
        page = self.page(document)
        before, document.told = document.told, {document.uri: []}
        for each in remarks(page.source, page.known.diagnostics):
            document.told.setdefault(self.uri(each.span.source, document), []).append(each)
        self.tell({*before, *document.told})

    def tell(self, uris: set[str]) -> None:
        """Publishes what the open documents say of files, each thing once."""
        for uri in uris:
            found: dict[str, lsp.Diagnostic] = {}
            for document in self.documents.values():
                for each in document.told.get(uri, ()):
                    told = self.diagnostic(each, document)
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
            code=remark.code, source="gdl", code_description=_page(remark.code),
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

    def edit(self, edit: Edit) -> lsp.TextEdit:
        return lsp.TextEdit(self.range(edit.span), edit.text)

    def changes(self, edits: Iterable[Edit], document: Document) -> lsp.WorkspaceEdit:
        found: dict[str, list[lsp.TextEdit]] = {}
        for edit in edits:
            found.setdefault(self.uri(edit.span.source, document), []).append(self.edit(edit))
        return lsp.WorkspaceEdit(changes=found)

    def uri(self, source: Source, document: Document) -> str:
        """Of a text: the document's own, or that of a file."""
        if source.path is None or source.path == document.path:
            return document.uri
        for other in self.documents.values():
            if other.path is not None and other.path.resolve() == source.path.resolve():
                return other.uri
        return from_fs_path(str(source.path.resolve())) or document.uri


def programs_in(folder: Path) -> Iterator[Path]:
    """The programs in a folder and below it, but for what is hidden or installed."""
    for at, inner, files in os.walk(folder):
        inner[:] = sorted([name for name in inner if not name.startswith(".") and name not in _INSTALLED])
        yield from [Path(at, name) for name in sorted(files) if name.endswith(".gdl")]


@cache
def _page(code: str) -> lsp.CodeDescription | None:
    """What `gdl explain` tells of a code, as a link."""
    path = FOLDER / f"{code}.md"
    href = from_fs_path(str(path)) if path.is_file() else None
    return lsp.CodeDescription(href) if href else None
