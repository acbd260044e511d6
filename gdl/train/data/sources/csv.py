"""Tables of numbers as text, their first line the names of the columns."""

from __future__ import annotations

import csv as csv_text
import io
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from gdl.columns import counted
from gdl.errors import data as errors
from gdl.record import Record, record
from gdl.train.data.dtypes import NUMPY_NAME
from gdl.train.data.fields import identifiers
from gdl.train.data.places import find_file
from gdl.train.data.reading import read_text
from gdl.train.data.source import Prepared, Request
from gdl.types.record import DataHeader, FieldType

if TYPE_CHECKING:
    import numpy as np

    from gdl.train.data.source import Records

_F32_MAX = 3.4028235e38
_I64_MAX = 2**63 - 1
_BYTES_PER_CHARACTER = 8  # cells as Python objects take at least that much


@record
class Column(Record):
    dtype: str
    values: list
    classes: int = 0


def csv(request: Request, file: str, sep: str = ",", test: float = 0.0, classes: str = "") -> Prepared:
    """A table as scalar fields, named by its first line: `i64` where all of a column are whole numbers, else `f32`.

    Column names become identifiers ("sepal length (cm)" is `sepal_length_cm`). The column named by `classes` may hold
    text: its distinct values, sorted, are numbered from 0 (i64), and the attribute `<column>_classes` counts them.
    `test=0.2` puts a fifth of the rows into `.test`, drawn once and for all, and the rest into `.train`.
    Example: data iris = csv("iris.csv", classes="species", test=0.2)
    """
    if len(sep) != 1 or sep in '\r\n"':
        raise errors.bad_argument(str(request.call), f"`sep` must be one character, got {sep!r}", 'sep=";"')
    if not 0 <= test < 1:
        raise errors.bad_argument(str(request.call), f"`test` must be in [0, 1), got {test}", "test=0.2")
    path = find_file(request, file, or_gz=True)
    names, rows, lines = _rows(path, sep, request.options.limit_bytes // _BYTES_PER_CHARACTER)
    field_of = identifiers(names, path)
    by_name = {field: name for name, field in field_of.items()}
    if classes and classes not in field_of and classes not in by_name:
        message = f'no column "{classes}", there are {", ".join(field_of.values())}'
        raise errors.bad_argument(str(request.call), message, f'classes="{list(field_of.values())[-1]}"')
    columns = {}
    for place, name in enumerate(names):
        cells = [row[place] for row in rows]
        is_class = classes in (name, field_of[name]) and bool(classes)
        columns[field_of[name]] = _numbered(cells) if is_class else _numbers(cells, lines, name, path)
    fields = {field: FieldType(column.dtype, (), column.classes or None) for field, column in columns.items()}
    attributes = {f"{field}_classes": column.classes for field, column in columns.items() if column.classes}
    in_test = _test_rows(len(rows), test, request)
    splits = {"train": len(rows) - in_test, "test": in_test} if test else {"": len(rows)}
    splitting = "" if test else "csv(..., test=0.2)"
    header = DataHeader(str(request.call), fields, splits, attributes, str(path), splitting)
    return Prepared(header, lambda split: _load(columns, len(rows), in_test, split))


def _rows(path: Path, sep: str, limit_bytes: int) -> tuple[list[str], list[list[str]], list[int]]:
    """The names of the columns, the rows, and on which line of the file each row ends."""
    reader = csv_text.reader(io.StringIO(read_text(path, limit_bytes), newline=""), delimiter=sep, strict=True)
    table: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if row:
                table.append(row)
                lines.append(reader.line_num)
    except csv_text.Error as fault:
        way_out = "mend the line; quotes are doubled inside quoted cells"
        raise errors.bad_cell(path, reader.line_num, "", "a row of cells", str(fault), way_out) from None
    if len(table) < 2:
        raise errors.damaged(path, "a line of names and at least one row", counted(len(table), "line"))
    names = [name.strip() for name in table[0]]
    for row, line in zip(table, lines, strict=True):
        if len(row) != len(names):
            expected = f"{len(names)} cells, as in line {lines[0]}"
            raise errors.bad_cell(path, line, "", expected, str(len(row)), f'is "{sep}" the separator? (sep="...")')
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise errors.bad_cell(path, lines[0], twice, "each name once", "it twice", "rename one of the columns")
    return names, table[1:], lines[1:]


def _numbers(cells: list[str], lines: list[int], name: str, path: Path) -> Column:
    values: list[int | float] = []
    for cell, line in zip(cells, lines, strict=True):
        value = _number(cell.strip())
        if value is None:
            way_out = "remove or fill the row" if not cell.strip() else f'for a column of text: classes="{name}"'
            raise errors.bad_cell(path, line, name, "a finite number", f'"{cell[:40]}"' if cell else "nothing", way_out)
        values.append(value)
    whole = all(type(value) is int and -_I64_MAX <= value <= _I64_MAX for value in values)
    return Column("i64" if whole else "f32", values)


def _number(cell: str) -> int | float | None:
    """The number that a cell holds; not what only Python would read as one (`1_000`, `nan`, other scripts' digits)."""
    if "_" in cell or not cell.isascii():
        return None
    if cell.lstrip("+-").isdigit() and len(cell) < 20:
        return int(cell)
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if isfinite(value) and abs(value) <= _F32_MAX else None


def _numbered(cells: list[str]) -> Column:
    """A column of class ids: whole numbers are sorted as numbers, all else as text."""
    cells = [cell.strip() for cell in cells]
    distinct = sorted(set(cells))
    if all(isinstance(_number(cell), int) for cell in distinct):
        distinct.sort(key=int)
    ids = {cell: number for number, cell in enumerate(distinct)}
    return Column("i64", [ids[cell] for cell in cells], len(distinct))


def _load(columns: dict[str, Column], count: int, in_test: int, split: str) -> Records:
    import numpy as np

    rows = {"": np.arange(count), **_split_rows(count, in_test)}[split]
    return {f: np.array(c.values, NUMPY_NAME[c.dtype])[rows] for f, c in columns.items()}


def _test_rows(count: int, test: float, request: Request) -> int:
    in_test = round(count * test)
    if test and not 0 < in_test < count:
        message = f"test={test} of {count} rows leaves a split empty"
        raise errors.bad_argument(str(request.call), message, "choose another fraction, or leave `test` out")
    return in_test


def _split_rows(count: int, in_test: int) -> dict[str, np.ndarray]:
    """Row numbers of the two splits in the file's order, drawn by a hash of the row's number: the same on any machine.

    Reference: Steele, Lea and Flood, 2014, figure 16 (SplitMix64's mixing).
    """
    import numpy as np

    z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    order = np.argsort(z ^ (z >> np.uint64(31)), kind="stable")
    return {"test": np.sort(order[:in_test]), "train": np.sort(order[in_test:])}
