"""The server as an editor meets it: a process, and messages over its pipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lsp.client import Client, file_uri

pytest.importorskip("pygls")

ROOT = Path(__file__).resolve().parents[2]
CONVNET = ROOT / "examples" / "convnet.gdl"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client()
    yield client
    assert client.close() == 0
    assert client.complaints == []


def test_diagnostics_while_typing(client: Client, tmp_path: Path) -> None:
    uri = file_uri(tmp_path / "a.gdl")
    (wrong,) = client.open(uri, 'loss = mean([1.0, 2.0])\nnote = "\U0001d6fc" + los\n')
    assert wrong["code"] == "E0101" and wrong["severity"] == 1 and wrong["source"] == "gdl"
    assert "did you mean `loss`" in wrong["message"]
    # the Greek letter is two units of UTF-16
    assert wrong["range"] == {"start": {"line": 1, "character": 14}, "end": {"line": 1, "character": 17}}
    assert wrong["relatedInformation"][0]["location"]["range"]["start"] == {"line": 0, "character": 0}
    edit = {"start": {"line": 1, "character": 7}, "end": {"line": 1, "character": 14}}
    again = {"start": edit["start"], "end": {"line": 1, "character": 11}}  # counted in what the first change leaves
    client.change(uri, 2, {"range": edit, "text": "zero"}, {"range": again, "text": ""})
    (wrong,) = client.diagnostics(uri, 2)
    assert wrong["range"]["start"] == {"line": 1, "character": 7}
    end = {"line": 1, "character": 10}
    client.change(uri, 3, {"range": {"start": end, "end": end}, "text": "s"})
    assert client.diagnostics(uri, 3) == []
