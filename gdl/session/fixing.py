"""Programs mended by the fixes that their diagnostics carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.fixes import fixed
from gdl.record import Record, record
from gdl.resources import open_source
from gdl.session.checking import diagnose
from gdl.source import Source
from gdl.train.data import DataOptions

#: Fixes uncover mistakes that have fixes again. So often is enough for any hand-written program.
MAX_ROUNDS = 20


@record
class Mended(Record):
    """A program after its fixes: what is left to say of it, and what was mended, each as it was told."""

    source: Source
    diagnostics: tuple[Diagnostic, ...]
    mended: tuple[Diagnostic, ...]


def mend(
    source: Source,
    options: DataOptions,
    hypers: Mapping[str, Any] | None = None,
    read: Callable[[Path], Source] = open_source,
) -> Mended:
    """The program checked and mended in turns, until no diagnostic has a fix any more."""
    found = diagnose(source, options, hypers, read)
    mended: list[Diagnostic] = []
    seen = {source.text}
    for _ in range(MAX_ROUNDS):
        now = fixed(source, found)
        if now.text in seen:
            break
        seen.add(now.text)
        mended += now.diagnostics
        source = Source(source.name, now.text, source.path)
        found = diagnose(source, options, hypers, read)
    return Mended(source, found, tuple(mended))
