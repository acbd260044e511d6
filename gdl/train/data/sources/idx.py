"""Arrays from files in the IDX format, a file for each field."""

from __future__ import annotations

from gdl.errors import data as errors
from gdl.train.data.fields import by_split, require_same_count, require_same_fields
from gdl.train.data.idx_format import read_idx, read_idx_header
from gdl.train.data.places import find_file
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader


def idx(request: Request, **field: str) -> Prepared:
    """A field for each IDX file (.gz or not): `idx(image="a.idx3-ubyte.gz", label="b.idx1-ubyte.gz")`.

    Where all keywords say a split (`train_image=..., test_image=...`) the source has these splits. i8 and i16 are read
    as i32.
    Example: data digit = idx(train_image="a-idx3-ubyte.gz", test_image="b-idx3-ubyte.gz")
    """
    if not field:
        raise errors.bad_argument(str(request.call), "no file is named", 'idx(image="images.idx3-ubyte.gz")')
    limit = request.options.limit_bytes
    paths = {name: find_file(request, file, or_gz=True) for name, file in field.items()}
    headers = {name: read_idx_header(path, limit) for name, path in paths.items()}
    splits = by_split(field)
    shown = str(request.call)
    counts = {s: require_same_count(shown, {f: headers[n].records for f, n in fs.items()}) for s, fs in splits.items()}
    types = {s: {f: headers[n].field for f, n in fields.items()} for s, fields in splits.items()}
    origin = ", ".join(str(path) for path in paths.values())
    header = DataHeader(shown, require_same_fields(shown, types), counts, origin=origin)
    return Prepared(header, lambda split: {f: read_idx(paths[n], limit) for f, n in splits[split].items()})
