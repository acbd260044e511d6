"""A small client of the language server: JSON-RPC over the pipes of a process, a message at a time."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Client:
    """Starts `gdl lsp` and talks to it; `notices` keeps the notifications that came."""

    def __init__(self, arguments: Sequence[str] = (), encodings: Sequence[str] | None = None):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gdl", "lsp", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.notices: list[dict[str, Any]] = []
        self.complaints: list[str] = []
        self._came: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._number = 0
        self._readers = [threading.Thread(target=each, daemon=True) for each in (self._read, self._read_errors)]
        for reader in self._readers:
            reader.start()
        general = {"positionEncodings": list(encodings)} if encodings else {}
        asked = {"processId": None, "rootUri": None, "capabilities": {"general": general}}
        self.abilities = self.request("initialize", asked)["capabilities"]
        self.notify("initialized", {})

    # ---- messages

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while True:
            length = 0
            while (line := stream.readline().strip()) or not length:
                if not line:
                    self._came.put(None)
                    return
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self._came.put(json.loads(stream.read(length)))

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.complaints.append(line.decode().rstrip())

    def send_bytes(self, content: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
        self.process.stdin.flush()

    def _send(self, message: dict[str, Any]) -> None:
        self.send_bytes(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def _next(self, timeout: float) -> dict[str, Any]:
        try:
            found = self._came.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no message; standard error: {self.complaints}") from None
        if found is None:
            raise EOFError(f"the server has gone; standard error: {self.complaints}")
        return found

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any, timeout: float = 60) -> Any:
        """The result. An error is raised."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._next(timeout)
            if message.get("id") == self._number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"]["message"])
                return message.get("result")
            self.notices.append(message)

    def wait(self, method: str, timeout: float = 60) -> Any:
        """The parameters of the next notification of a kind."""
        while True:
            for at, message in enumerate(self.notices):
                if message.get("method") == method:
                    return self.notices.pop(at)["params"]
            self.notices.append(self._next(timeout))

    # ---- what editors do

    def open(self, uri: str, text: str) -> list[dict[str, Any]]:
        """The diagnostics of a text that is opened."""
        item = {"uri": uri, "languageId": "gdl", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return self.diagnostics(uri)

    def change(self, uri: str, version: int, *changes: dict[str, Any]) -> None:
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def diagnostics(self, uri: str, version: int | None = None) -> list[dict[str, Any]]:
        """What is published next of a document; of a version of it, where one is named."""
        while True:
            told = self.wait("textDocument/publishDiagnostics")
            if told["uri"] == uri and version in (None, told.get("version")):
                return list(told["diagnostics"])

    def ask(self, what: str, uri: str, line: int, character: int, **more: Any) -> Any:
        """A request about a position."""
        position = {"line": line, "character": character}
        return self.request(f"textDocument/{what}", {"textDocument": {"uri": uri}, "position": position, **more})

    def close(self) -> int:
        """Shuts the server down in good order; its exit code."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.end()

    def end(self) -> int:
        """Waits for the end of the server, its input being closed."""
        assert self.process.stdin is not None and self.process.stdout is not None and self.process.stderr is not None
        self.process.stdin.close()
        code = self.process.wait(30)
        for reader in self._readers:
            reader.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def file_uri(path: Path) -> str:
    return path.resolve().as_uri()
