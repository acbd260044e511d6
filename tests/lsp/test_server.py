"""The server as an editor meets it: a process, and messages over its pipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lsp.client import Client, file_uri
from tests.lsp.pages import ROOT

pytest.importorskip("pygls")

CONVNET = (ROOT / "examples" / "convnet.gdl").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    client = Client()
    yield client
    assert client.close() == 0
    assert client.complaints == []


@pytest.fixture
def convnet(client: Client, tmp_path: Path) -> str:
    uri = file_uri(tmp_path / "convnet.gdl")
    assert client.open(uri, CONVNET) == []
    return uri


def place(text: str, word: str) -> tuple[int, int]:
    """Line and character of the first time that a word stands in an ASCII text."""
    before = text[: text.index(word)]
    return before.count("\n"), len(before) - before.rfind("\n") - 1


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """Edits made in a text of ASCII only."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(position: dict[str, int]) -> int:
        return starts[position["line"]] + position["character"]

    for edit in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        text = text[: offset(edit["range"]["start"])] + edit["newText"] + text[offset(edit["range"]["end"]) :]
    return text


# ---- diagnostics -------------------------------------------------------------------------------------------------


def test_diagnostics_while_typing(client: Client, tmp_path: Path) -> None:
    uri = file_uri(tmp_path / "a.gdl")
    (wrong,) = client.open(uri, 'loss = mean([1.0, 2.0])\nnote = "\U0001d6fc" + los\n')
    assert (wrong["code"], wrong["severity"], wrong["source"]) == ("E0101", 1, "gdl")
    assert "did you mean `loss`" in wrong["message"]
    assert "E0101" in Path(wrong["codeDescription"]["href"].removeprefix("file://")).read_text(encoding="utf-8")
    # the Greek letter is two units of UTF-16
    assert wrong["range"] == {"start": {"line": 1, "character": 14}, "end": {"line": 1, "character": 17}}
    (related,) = wrong["relatedInformation"]
    assert related["location"] == {
        "uri": uri, "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 4}},
    }  # fmt: skip
    start = {"line": 1, "character": 7}
    text = {"start": start, "end": {"line": 1, "character": 14}}
    zero = {"start": start, "end": {"line": 1, "character": 11}}  # counted in what the first change leaves
    client.change(uri, 2, {"range": text, "text": "zero"}, {"range": zero, "text": ""})
    (wrong,) = client.diagnostics(uri, 2)
    assert wrong["range"]["start"] == start
    end = {"line": 1, "character": 10}
    client.change(uri, 3, {"range": {"start": end, "end": end}, "text": "s"})
    assert client.diagnostics(uri, 3) == []


def test_changes_in_quick_succession_are_not_checked_each(client: Client, tmp_path: Path) -> None:
    uri = file_uri(tmp_path / "a.gdl")
    client.open(uri, "")
    for version, letter in enumerate("x = 1", start=2):
        end = {"line": 0, "character": version - 2}
        client.change(uri, version, {"range": {"start": end, "end": end}, "text": letter})
    versions = []
    while 6 not in versions:
        versions.append(client.wait("textDocument/publishDiagnostics")["version"])
    assert len(versions) < 5


def test_line_breaks_of_every_kind_and_characters_that_are_none(client: Client, tmp_path: Path) -> None:
    uri = file_uri(tmp_path / "a.gdl")
    client.open(uri, '# a\u2028b\r\nx = "\u2028" + y\r\n')
    start = {"line": 1, "character": 10}
    client.change(uri, 2, {"range": {"start": start, "end": {"line": 1, "character": 11}}, "text": "z"})
    (wrong,) = client.diagnostics(uri, 2)
    assert wrong["range"]["start"] == start and "`z`" in wrong["message"]


def test_mistakes_in_an_imported_file_are_shown_in_it(client: Client, tmp_path: Path) -> None:
    part, whole = tmp_path / "part.gdl", tmp_path / "whole.gdl"
    text = 'from "part.gdl" import twice\nz = twice([1.0])\n'
    part.write_text("def twice(x: f[*a]) -> f[*a] { return 2 * y }\n")
    client.notify("textDocument/didOpen", {"textDocument": {
        "uri": file_uri(whole), "languageId": "gdl", "version": 1, "text": text,
    }})  # fmt: skip
    (wrong,) = client.diagnostics(file_uri(part))
    assert wrong["code"] == "E0101" and wrong["range"]["start"] == {"line": 0, "character": 42}
    # opened and mended, but not saved: the importing file is checked with the text as it is
    client.open(file_uri(part), part.read_text())
    edit = {"start": {"line": 0, "character": 42}, "end": {"line": 0, "character": 43}}
    client.change(file_uri(part), 2, {"range": edit, "text": "x"})
    while client.diagnostics(file_uri(part), 2):
        pass
    line, character = place(text, "z =")
    assert "z: f32[1]" in client.ask("hover", file_uri(whole), line, character)["contents"]["value"]


def test_a_closed_file_has_no_diagnostics(client: Client, tmp_path: Path) -> None:
    uri = file_uri(tmp_path / "a.gdl")
    assert len(client.open(uri, "x = y\n")) == 1
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert client.diagnostics(uri) == []


def test_a_text_without_a_file(client: Client) -> None:
    uri = "untitled:Untitled-1"
    (wrong,) = client.open(uri, 'from "a.gdl" import f\nx = f(1.0)\n')
    assert wrong["code"] == "E0110"


def test_an_unused_import_is_shown_as_such(client: Client, tmp_path: Path) -> None:
    (wrong,) = client.open(file_uri(tmp_path / "a.gdl"), "from nn import Dense\nx = 1.0\n")
    assert (wrong["code"], wrong["severity"], wrong["tags"]) == ("W0118", 2, [1])


# ---- answers -----------------------------------------------------------------------------------------------------


def test_hover_on_a_layer(client: Client, convnet: str) -> None:
    found = client.ask("hover", convnet, *place(CONVNET, "b4: Block"))
    assert found["contents"]["kind"] == "markdown"
    assert "`model/b4`, a `Block`, gives `f32[batch, row: 7, col: 7, 128]`" in found["contents"]["value"]


def test_inlay_hints(client: Client, convnet: str) -> None:
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    found = client.request("textDocument/inlayHint", {"textDocument": {"uri": convnet}, "range": whole})
    lines = CONVNET.splitlines()
    shown = {lines[h["position"]["line"]].split()[0]: h["label"] for h in found}
    assert shown == {"|>": ": f32[batch, row: 4, col: 4, 256]", "logits": ": f32[batch, 10]", "loss": ": f32[]",
                     "metric": ": bool[batch]"}  # fmt: skip


def test_completion_inside_a_call(client: Client, convnet: str) -> None:
    line, character = place(CONVNET, "stride=2)    # [b, 14")
    client.change(convnet, 2, {"range": {"start": {"line": line, "character": character},
                                         "end": {"line": line, "character": character + 8}}, "text": "st"})  # fmt: skip
    found = client.ask("completion", convnet, line, character + 2)
    assert (found[0]["label"], found[0]["detail"]) == ("stride=", "stride: int = 1")
    help = client.ask("signatureHelp", convnet, line, character + 2)
    assert help["signatures"][0]["label"].startswith("Block(x: f32[b, h, w, c], out: int")
    assert help["activeParameter"] == 2


def test_completion_imports_a_layer(client: Client, convnet: str) -> None:
    line, character = place(CONVNET, "Dense(10)")
    start, end = {"line": line, "character": character}, {"line": line, "character": character + 5}
    client.change(convnet, 2, {"range": {"start": start, "end": end}, "text": "Embed"})
    (found,) = [i for i in client.ask("completion", convnet, line, character + 5) if i["label"] == "Embedding"]
    (edit,) = found["additionalTextEdits"]
    assert edit["newText"] == ", Embedding" and edit["range"]["start"]["line"] == 2


def test_definitions_in_the_library(client: Client, convnet: str) -> None:
    found = client.ask("definition", convnet, *place(CONVNET, "mean(feat"))
    assert found["uri"].endswith("/stdlib/functions.gdl")
    found = client.ask("definition", convnet, *place(CONVNET, "logits, y"))
    assert found["uri"] == convnet and found["range"]["start"]["line"] == 24


def test_rename(client: Client, convnet: str) -> None:
    line, character = place(CONVNET, "stride: int")
    found = client.ask("rename", convnet, line, character, newName="step_size")
    text = applied(CONVNET, found["changes"][convnet])
    assert text.count("step_size") == 5  # declared, used, and given by name; Conv's own `stride=` stays
    assert "Conv(out, 3, stride=step_size" in text and "Block(2 * width, step_size=2)" in text
    with pytest.raises(RuntimeError, match="`out` is declared already"):
        client.ask("rename", convnet, line, character, newName="out")
    assert client.ask("prepareRename", convnet, line, character)["start"] == {"line": line, "character": character}
    with pytest.raises(RuntimeError, match="is imported"):
        client.ask("prepareRename", convnet, *place(CONVNET, "Dense(10)"))


def test_rename_in_a_file_that_is_not_open(client: Client, tmp_path: Path) -> None:
    part, whole, text = tmp_path / "part.gdl", tmp_path / "whole.gdl", "def twice(x: f[*a]) -> f[*a] { return 2 * x }\n"
    part.write_text(text)
    whole.write_text('from "part.gdl" import twice\nz = twice([1.0])\n')
    client.open(file_uri(part), text)
    found = client.ask("rename", file_uri(part), *place(text, "twice"), newName="doubled")["changes"]
    assert applied(whole.read_text(), found[file_uri(whole)]) == whole.read_text().replace("twice", "doubled")
    assert applied(text, found[file_uri(part)]) == text.replace("twice", "doubled")
    uses = client.ask("references", file_uri(part), *place(text, "twice"), context={"includeDeclaration": False})
    assert [(use["uri"], use["range"]["start"]["line"]) for use in uses] == [(file_uri(whole), 1)]


def test_uses(client: Client, convnet: str) -> None:
    line, character = place(CONVNET, "logits = ")
    uses = client.ask("references", convnet, line, character, context={"includeDeclaration": False})
    assert [u["range"]["start"]["line"] for u in uses] == [25, 26]
    assert len(client.ask("documentHighlight", convnet, line, character)) == 3


def test_fixes(client: Client, tmp_path: Path) -> None:
    uri, text = file_uri(tmp_path / "a.gdl"), "logits = [1.0, 2.0]\na = sum(logit)\nb = relu(lgits)\n"
    client.open(uri, text)
    line = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 5}}
    line["end"]["character"] = 12
    asked = {"textDocument": {"uri": uri}, "range": line, "context": {"diagnostics": []}}
    one, every = client.request("textDocument/codeAction", asked)
    assert (one["kind"], every["kind"]) == ("quickfix", "source.fixAll") and one["isPreferred"]
    assert one["diagnostics"][0]["code"] == "E0101"
    assert applied(text, one["edit"]["changes"][uri]) == text.replace("(logit)", "(logits)")
    mended = text.replace("(logit)", "(logits)").replace("lgits", "logits")
    assert applied(text, every["edit"]["changes"][uri]) == mended
    asked["context"]["only"] = ["source.fixAll"]
    assert [a["kind"] for a in client.request("textDocument/codeAction", asked)] == ["source.fixAll"]


def test_formatting(client: Client, tmp_path: Path) -> None:
    uri, asked = file_uri(tmp_path / "a.gdl"), {"options": {"tabSize": 2, "insertSpaces": True}}
    client.open(uri, "x=1.0\n\n\n\ny  =  x\n")
    edits = client.request("textDocument/formatting", {"textDocument": {"uri": uri}, **asked})
    assert applied("x=1.0\n\n\n\ny  =  x\n", edits) == "x = 1.0\n\ny = x\n"
    client.change(uri, 2, {"text": "x=(1.0\n"})
    assert client.request("textDocument/formatting", {"textDocument": {"uri": uri}, **asked}) == []


def test_outline_and_colours(client: Client, convnet: str) -> None:
    document = {"textDocument": {"uri": convnet}}
    found = client.request("textDocument/documentSymbol", document)
    assert [e["name"] for e in found[4:6]] == ["Block", "ConvNet"] and len(found[5]["children"]) == 7
    data = client.request("textDocument/semanticTokens/full", document)["data"]
    legend = client.abilities["semanticTokensProvider"]["legend"]["tokenTypes"]
    line = character = 0
    shown = {}
    for since, beside, length, kind, _ in zip(*[iter(data)] * 5):
        line, character = line + since, beside if since else character + beside
        shown[CONVNET.splitlines()[line][character : character + length]] = legend[kind]
    assert (shown["Block"], shown["minimize"], shown["argmax"]) == ("class", "keyword", "function")


# ---- what goes wrong ---------------------------------------------------------------------------------------------


def test_a_request_about_nothing_is_logged_on_one_line_and_ends_nothing() -> None:
    client = Client(["--stdio"], ["utf-8"])
    assert client.abilities["positionEncoding"] == "utf-8"
    assert client.ask("hover", "file:///nowhere.gdl", 0, 0) is None
    client.send_bytes(b'{"jsonrpc": "2.0", "id": 77, "method": "textDocument/hover", "params": {"position": 3}}')
    client.send_bytes(b"no message")
    (wrong,) = client.open("untitled:1", 'x = "\U0001d6fc" + y\n')
    assert wrong["range"]["start"]["character"] == 13  # in UTF-8, as was agreed
    assert client.close() == 0
    first, *others = client.complaints
    assert first.startswith("gdl lsp: a bug in hover: KeyError: ") and len(others) <= 4
    assert all(line.startswith("gdl lsp: ") for line in others)


def test_the_server_ends_with_its_input() -> None:
    client = Client()
    assert client.end() == 0
