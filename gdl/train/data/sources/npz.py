"""Arrays from a file of numpy.savez."""

from __future__ import annotations

from gdl.errors import data as errors
from gdl.train.data.fields import by_split, identifiers, require_same_count, require_same_fields
from gdl.train.data.npz_format import read_npz_array, read_npz_headers
from gdl.train.data.places import find_file
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader


def npz(request: Request, file: str) -> Prepared:
    """The arrays of an .npz file as fields, their first axis the records.

    Where all names say a split (`train_x`, `train/x` or `x_train`, with train, test, valid or val) the source has these
    splits. i8, i16 and u16 are read as i32, u32 as i64, f16 as f32. Python objects are refused.
    Example: data points = npz("points.npz")
    """
    path = find_file(request, file)
    headers = read_npz_headers(path, request.options.limit_bytes)
    if not headers:
        raise errors.damaged(path, "at least one array", "none")
    scalars = [name for name, header in headers.items() if not header.shape]
    if scalars:
        raise errors.unsupported(path, f"{scalars[0]}, a scalar without records", "save arrays with a first axis")
    splits = _named(by_split(headers), path)
    counts = {s: require_same_count(path, {n: headers[n].shape[0] for n in f.values()}) for s, f in splits.items()}
    types = {s: {field: headers[name].field for field, name in fields.items()} for s, fields in splits.items()}
    header = DataHeader(str(request.call), require_same_fields(path, types), counts, origin=str(path))
    return Prepared(header, lambda split: {f: read_npz_array(path, n, headers[n]) for f, n in splits[split].items()})


def _named(splits: dict[str, dict[str, str]], path: object) -> dict[str, dict[str, str]]:
    """The same splits with fields that a program can name."""
    named = {}
    for split, fields in splits.items():
        names = identifiers(fields, path)
        named[split] = {names[field]: array for field, array in fields.items()}
    return named
