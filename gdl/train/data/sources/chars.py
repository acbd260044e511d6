"""Text as a sequence of characters, for language models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.train.data.places import find_file
from gdl.train.data.reading import read_text
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader, FieldType

if TYPE_CHECKING:
    from gdl.train.data.source import Records

_TEST_PART = 10  # one in ten
_BYTES_PER_CHARACTER = 8  # an id is an i64


def chars(request: Request, file: str, n: int) -> Prepared:
    """Windows of `n` characters of a UTF-8 text: `ids, target: i64[n]`, where target is ids one character later.

    An id is a character's place among the text's distinct characters in code point order; `.vocab` is their number,
    `.alphabet` the characters. `.train` is the text's start, a window at every offset. `.test` is the last tenth in
    whole windows, back to back: each of its characters is predicted once. The file may be gzipped.
    Example: data text = chars("shakespeare.txt", 64)
    """
    if n < 1:
        raise errors.bad_argument(str(request.call), f"`n` must be at least 1, got {n}", "n=64")
    path = find_file(request, file, subfolder="text", or_gz=True)
    text = read_text(path, request.options.limit_bytes // _BYTES_PER_CHARACTER)
    if len(text) < 2 * n + 1:
        message = f"{path} has {len(text):,} characters; windows of {n} take at least {2 * n + 1:,}"
        raise errors.bad_argument(str(request.call), message, "use a longer text or a smaller n")
    test_windows = max(1, len(text) // _TEST_PART // n)
    split_at = len(text) - test_windows * n
    splits = {"train": split_at - n, "test": test_windows}
    alphabet = "".join(sorted(set(text)))
    fields = {name: FieldType("i64", (n,), len(alphabet)) for name in ("ids", "target")}
    attributes = {"vocab": len(alphabet), "alphabet": alphabet}
    header = DataHeader(str(request.call), fields, splits, attributes, str(path))
    return Prepared(header, lambda split: _load(text, n, split_at, split))


def _load(text: str, n: int, split_at: int, split: str) -> Records:
    import numpy as np

    codes = np.frombuffer(text.encode("utf-32-le"), "<u4")
    ids = (np.cumsum(np.bincount(codes) > 0) - 1)[codes]
    if split == "train":
        windows = np.lib.stride_tricks.sliding_window_view(ids[:split_at], n)
        return {"ids": windows[:-1], "target": windows[1:]}
    return {"ids": ids[split_at - 1 : -1].reshape(-1, n), "target": ids[split_at:].reshape(-1, n)}
