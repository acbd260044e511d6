"""Data sources as a program uses them: described from their headers, opened, read split by split."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.errors.data import NotToBeHad
from gdl.train.data.dtypes import NUMPY_NAME
from gdl.train.data.options import DataOptions
from gdl.train.data.source import Prepared, Request, bind
from gdl.train.data.sources import SOURCES
from gdl.types.record import DataHeader, SourceCall

if TYPE_CHECKING:
    from gdl.train.data.source import Records


def describe(call: SourceCall, options: DataOptions) -> DataHeader:
    """The header of a source: fields, splits and attributes, from what lies here. Nothing is downloaded.

    Errors: DataError; its kind NotToBeHad where the source's files are not there.
    """
    return _prepare(call, options).header


def describe_any(calls: Sequence[SourceCall], options: DataOptions) -> list[DataHeader]:
    """The headers of every alternative of `A or B` that may come to serve, so that a program is right with each.

    Errors: DataError where one is damaged, or none is to be had.
    """
    headers: list[DataHeader] = []
    missing: list[NotToBeHad] = []
    for call in calls:
        try:
            headers.append(describe(call, options))
        except NotToBeHad as error:
            missing.append(error)
    if not headers:
        raise missing[0] if len(missing) == 1 else errors.none_to_be_had(missing)
    return headers


def open_data(calls: Sequence[SourceCall], options: DataOptions) -> Dataset:
    """The first of the sources that is to be had; the notes of the result say why the others before it are not."""
    missing: list[NotToBeHad] = []
    for call in calls:
        try:
            prepared = _prepare(call, options)
            prepared.fetch()
        except NotToBeHad as error:
            missing.append(error)
        else:
            skipped = zip(calls, missing, strict=False)
            notes = tuple(f"{c} is not to be had ({'; '.join(e.reasons)}); {call} serves" for c, e in skipped)
            return Dataset(prepared, notes)
    raise missing[0] if len(missing) == 1 else errors.none_to_be_had(missing)


class Dataset:
    """An open source. Its arrays are read-only, read once, and may be views with any strides."""

    def __init__(self, prepared: Prepared, notes: Sequence[str] = ()):
        self.header = prepared.header
        self.notes = tuple(notes)
        self._load = prepared.load
        self._splits: dict[str, Records] = {}

    def split(self, name: str = "") -> Records:
        """The fields of one split, each with a leading record axis; `""` is the whole of a source without splits."""
        if name not in self.header.splits:
            raise errors.no_split(self.header.name, name, tuple(self.header.splits))
        if name not in self._splits:
            self._splits[name] = _as_promised(self.header, name, self._load(name))
        return self._splits[name]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}: {field}" for name, field in self.header.fields.items())
        return f"Dataset({self.header.name}, {fields})"


def _as_promised(header: DataHeader, split: str, records: Records) -> Records:
    """Read-only views of the arrays, after making sure that they still are what the header said."""
    frozen = {}
    for name, field in header.fields.items():
        view = records[name].view()
        expected = (header.splits[split], *field.shape)
        if view.shape != expected or view.dtype != NUMPY_NAME[field.dtype]:
            found = f"{view.dtype}{list(view.shape)}"
            raise errors.damaged(
                header.name, f"{name} as {field.dtype}{list(expected)}", found, "it changed: run again"
            )
        view.flags.writeable = False
        frozen[name] = view
    return frozen


def _prepare(call: SourceCall, options: DataOptions) -> Prepared:
    kind = SOURCES.get(call.name)
    if kind is None:
        close = get_close_matches(call.name, SOURCES, n=1)
        way_out = f"did you mean `{close[0]}`?" if close else f"the sources are {', '.join(SOURCES)}"
        raise errors.bad_argument(str(call), f"there is no data source `{call.name}`", way_out)
    return kind.prepare(Request(call, options), **bind(kind, call))
