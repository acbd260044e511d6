"""`gdl lsp`: the language server."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from gdl.cli.options import data_option
from gdl.errors import Exit
from gdl.errors.tools import extra_missing


@click.command("lsp")
@data_option
@click.option("--stdio", is_flag=True, hidden=True)  # what many clients add by themselves
def command(data: Path | None, stdio: bool) -> int:
    """Answer an editor, over standard input and output: diagnostics, hovers, completion, formatting.

    An editor starts it; docs/editors in the source says how. Nothing is run or downloaded.
    """
    if find_spec("pygls") is None:
        raise extra_missing("the language server", "lsp")

    from gdl.lsp.server import serve

    serve(data)
    return Exit.OK
