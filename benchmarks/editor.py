"""How long an editor waits for `gdl lsp`, by a client that types into the largest example.

`python -m benchmarks.editor` prints the table, with the processor time of the server beside it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

from benchmarks.processes import ROOT
from tests.lsp.client import Client, file_uri

_DIAGNOSTICS, _COMPLETION = "gdl lsp: diagnostics after an edit", "gdl lsp: completion after an edit"
_HOVER = "gdl lsp: hover after an edit"
_EDITS = 5  # in each round


def measure(rounds: int) -> dict[str, list[float]]:
    """Seconds from an edit of charlm.gdl to the answer, the server's wait for more typing included.

    Empty where pygls is not installed.
    """
    return {title: [wall for wall, _ in found] for title, found in _timed(rounds).items()}


def _timed(rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Of each answer its time, and the processor time of the server up to it."""
    if find_spec("pygls") is None:
        return {}
    found: dict[str, list[tuple[float, float]]] = {_DIAGNOSTICS: [], _COMPLETION: [], _HOVER: []}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tinyshakespeare.txt").write_text("To be, or not to be, that is the question.\n" * 1000)
        text = (ROOT / "examples" / "charlm.gdl").read_text(encoding="utf-8")
        uri = file_uri(Path(folder) / "charlm.gdl")
        client = Client()
        assert client.open(uri, text) == []
        lines = text.splitlines()
        line = next(at for at, each in enumerate(lines) if each.startswith("loss "))
        start, end = {"line": line, "character": 0}, {"line": line, "character": len(lines[line])}
        version = 1
        for _ in range(rounds * _EDITS + 1):  # the first does not count
            for typed in ("loss = mean(nl", lines[line]):
                version += 1
                began, spent = perf_counter(), _processor_s(client)
                client.change(uri, version, {"range": {"start": start, "end": end}, "text": typed})
                if typed != lines[line]:
                    offered = client.ask("completion", uri, line, len(typed))
                    assert offered[0]["label"] == "nll"
                    found[_COMPLETION].append((perf_counter() - began, _processor_s(client) - spent))
                wrong = client.diagnostics(uri, version)
                assert bool(wrong) == (typed != lines[line])
                if typed == lines[line]:
                    found[_DIAGNOSTICS].append((perf_counter() - began, _processor_s(client) - spent))
                end = {"line": line, "character": len(typed)}
            version += 1
            began, spent = perf_counter(), _processor_s(client)
            end = {"line": line, "character": len(lines[line])}
            client.change(uri, version, {"range": {"start": end, "end": end}, "text": " " * version})
            assert "f32[]" in client.ask("hover", uri, line, 1)["contents"]["value"]
            found[_HOVER].append((perf_counter() - began, _processor_s(client) - spent))
            client.diagnostics(uri, version)
            end = end | {"character": len(lines[line]) + version}
        client.close()
    return {title: seconds[1:] for title, seconds in found.items()}


def _processor_s(client: Client) -> float:
    """Processor time that the server has taken; nan where the system does not tell."""
    try:
        fields = Path(f"/proc/{client.process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    from statistics import mean, median

    for title, found in _timed(5).items():
        walls, spent = [wall for wall, _ in found], [cpu for _, cpu in found]
        print(f"{title}: median {median(walls):.3f} s, fastest {min(walls):.3f} s; processor {mean(spent):.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
