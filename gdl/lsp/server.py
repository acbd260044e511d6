"""The server: what pygls is told to do with each message, over standard input and output."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from gdl import __version__
from gdl.lsp.desk import Desk
from gdl.lsp.messages import FEATURES, REQUEST_FAILED
from gdl.session.reference import entries


class _Protocol(LanguageServerProtocol):
    """The protocol without pygls' own copies of the texts: its lines end at characters that end none for a client, and
    positions behind such an end are moved before anybody else sees them."""

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> Iterator[Any]:
        yield self.fm.features[lsp.TEXT_DOCUMENT_DID_CHANGE], (params,), None


class Server(LanguageServer):
    """pygls, which says on one line of standard error what went wrong."""

    def report_server_error(self, error: Exception, source: Any) -> None:
        if not (isinstance(error, JsonRpcException) and error.code == REQUEST_FAILED):  # which is the answer
            _log(f"{type(error).__name__}: {error}")


def make_server(data: Path | None = None) -> Server:
    """A server that knows all messages; `data` is the folder of the data files."""
    server = Server("gdl", __version__, protocol_cls=_Protocol)
    desk = Desk(server, data, guarded)
    for method, (answer, options) in FEATURES.items():
        server.feature(method, options)(guarded(answer, desk))
    server.feature(lsp.INITIALIZED)(guarded(_warm))
    return server


def _warm(params: Any) -> None:
    """Reads the reference, so that the first completion need not."""
    entries()


def guarded(function: Callable[..., Any], *first: Any) -> Callable[[Any], Any]:
    """A function that has no answer where it goes wrong: a bug in one request is logged and ends nothing."""

    def handler(params: Any) -> Any:
        try:
            return function(*first, params)
        except JsonRpcException:
            raise
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
            _log(f"a bug in {function.__name__}: {type(error).__name__}: {error} ({place})")
            return None

    return handler


def _log(text: str) -> None:
    print(f"gdl lsp: {' '.join(text.split())}", file=sys.stderr, flush=True)


def serve(data: Path | None = None) -> None:
    """Answers a client on standard input and output until it leaves."""
    logging.getLogger("pygls").addHandler(logging.NullHandler())
    logging.getLogger("pygls").propagate = False  # it tells with a traceback what `report_server_error` tells as well
    make_server(data).start_io()
