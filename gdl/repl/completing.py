"""Completion for prompt_toolkit. Whatever goes wrong in it, the person only gets no suggestions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive

_LONGEST_META = 70


class Completing(Completer):
    """The session's suggestions, each with its signature or type in the menu. `session` may still be in the making."""

    def __init__(self, session: Callable[[], Interactive]):
        self._session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        try:
            from gdl.interactive.completion import completions  # see `terminal`

            found = completions(self._session(), document.text_before_cursor)
        except Exception:  # a bug here must not end the session, nor speak while someone types
            found = []
        for each in found:
            meta = f"{each.meta}  {each.doc}".strip() if each.doc else each.meta
            if len(meta) > _LONGEST_META:
                meta = meta[: _LONGEST_META - 3] + "..."
            yield Completion(each.text, -each.length, display_meta=meta)
