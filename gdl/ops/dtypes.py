"""GDL's dtypes by NumPy's names."""

from __future__ import annotations

from collections.abc import Mapping

NUMPY_NAME: Mapping[str, str] = {
    "f32": "float32",
    "f64": "float64",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "bool": "bool",
}
