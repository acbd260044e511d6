"""Data that Python hands over when GDL is embedded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.train.data.dtypes import gdl_dtype
from gdl.train.data.fields import require_same_count, require_same_fields
from gdl.train.data.given import as_splits
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader, FieldType

if TYPE_CHECKING:
    import numpy as np


def arrays(request: Request, name: str) -> Prepared:
    """What Python gave under `name`: arrays by field, an iterable of records, or either by split.

    Arrays keep their dtype (narrow ones are widened); Python's own floats become f32, its ints i64.
    Example: data given = arrays("given")
    """
    if name not in request.options.arrays:
        given = ", ".join(request.options.arrays) or "none"
        reasons = [f'Python gave no arrays of the name "{name}" (given: {given})']
        raise errors.not_to_be_had(str(request.call), reasons, [f"in Python: gdl.load(..., arrays={{{name!r}: ...}})"])
    splits = as_splits(name, request.options.arrays[name])
    counts = {s: require_same_count(f'arrays("{name}")', {f: len(a) for f, a in r.items()}) for s, r in splits.items()}
    types = {s: {field: _type(array) for field, array in records.items()} for s, records in splits.items()}
    header = DataHeader(str(request.call), require_same_fields(f'arrays("{name}")', types), counts, origin="Python")
    return Prepared(header, splits.__getitem__)


def _type(array: np.ndarray) -> FieldType:
    return FieldType(gdl_dtype(array.dtype.str[1:]) or "", tuple(array.shape[1:]))
