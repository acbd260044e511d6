"""Arrays and records that Python hands over, brought into one form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.train.data.dtypes import NUMPY_NAME, gdl_dtype
from gdl.train.data.fields import SPLIT_NAMES, identifiers

if TYPE_CHECKING:
    import numpy as np

    Records = Mapping[str, np.ndarray]

_FORMS = "give {'x': array, ...}, a list of records [{'x': 1.0, ...}, ...], or {'train': either, 'test': either}"


def as_splits(name: str, given: object) -> dict[str, Records]:
    """Split -> field -> array, from any of the forms. What this returns is itself such a form.

    A one-shot iterator is read to its end here, so call this once before the options are made.
    """
    if isinstance(given, Mapping) and given and all(_is_split(key, value) for key, value in given.items()):
        return {str(split): _as_records(name, value) for split, value in given.items()}
    return {"": _as_records(name, given)}


def _is_split(key: object, value: object) -> bool:
    return isinstance(value, Mapping) or (key in SPLIT_NAMES and not hasattr(value, "dtype") and _holds_records(value))


def _holds_records(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], Mapping)


def _as_records(name: str, given: object) -> Records:
    if not isinstance(given, Mapping):
        given = _columns(name, given)
    if not given:
        raise errors.bad_arrays(name, "there are no fields", _FORMS)
    fields = identifiers(map(str, given), f'arrays("{name}")')
    return {fields[str(field)]: _as_array(name, str(field), value) for field, value in given.items()}


def _columns(name: str, given: object) -> dict[str, list]:
    """Records turned into columns."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise errors.bad_arrays(name, f"expected arrays or records, got {type(given).__name__}", _FORMS)
    columns: dict[str, list] = {}
    for number, record in enumerate(given):
        if not isinstance(record, Mapping):
            raise errors.bad_arrays(name, f"record {number} is of type {type(record).__name__}, not a mapping", _FORMS)
        if number == 0:
            columns = {field: [] for field in record}
        if record.keys() != columns.keys():
            message = f"record {number} has the fields {sorted(map(str, record))}, record 0 {sorted(map(str, columns))}"
            raise errors.bad_arrays(name, message, "give every record the same fields")
        for field, value in record.items():
            columns[field].append(value)
    return columns


def _as_array(name: str, field: str, value: object) -> np.ndarray:
    import numpy as np

    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as fault:
        message = f"`{field}` does not make an array ({str(fault)[:120]})"
        raise errors.bad_arrays(name, message, "give every record the same shape") from None
    if array.ndim == 0:
        raise errors.bad_arrays(name, f"`{field}` is one value, without an axis of records", _FORMS)
    dtype = gdl_dtype(array.dtype.str[1:])
    if dtype is None:
        message = f"`{field}` has the dtype {array.dtype}, which GDL does not have"
        raise errors.bad_arrays(name, message, "give f32, f64, i32, i64, u8 or bool")
    if dtype == "f64" and _is_plain_python(value):
        dtype = "f32"
    return array.astype(NUMPY_NAME[dtype], copy=False)


def _is_plain_python(value: object) -> bool:
    """Whether the numbers are Python's own: then their dtype was nobody's choice, and GDL's default serves."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return type(value) is float or type(value) is int
