"""What can be wrong with data: E0610 to E0619. Feeds (E0601 to E0609) are the checker's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import DataError
from gdl.source import Span


class NotToBeHad(DataError):
    """The source is neither here nor to be fetched: in `A or B` it is B's turn. `reasons` say where it was sought."""

    def __init__(self, diagnostic: Diagnostic, reasons: Sequence[str]):
        super().__init__(diagnostic)
        self.reasons = tuple(reasons)


def at(error: DataError, span: Span) -> DataError:
    """The same error, with the place in the program that asked for the data."""
    placed = (replace(d, labels=(Label(span), *d.labels)) for d in error.diagnostics)
    if isinstance(error, NotToBeHad):
        return NotToBeHad(next(placed), error.reasons)
    return type(error)(*placed)


def not_to_be_had(source: str, reasons: Sequence[str], helps: Sequence[str] = ()) -> NotToBeHad:
    message = f"{source} is not to be had: {'; '.join(reasons)}"
    return NotToBeHad(Diagnostic("E0610", message, helps=tuple(helps)), reasons)


def none_to_be_had(alternatives: Sequence[NotToBeHad]) -> NotToBeHad:
    """What `A or B` comes to when neither is there."""
    diagnostics = [error.diagnostics[0] for error in alternatives]
    rows = tuple(d.message for d in diagnostics)
    helps = tuple(dict.fromkeys(line for d in diagnostics for line in d.helps))
    message = f"none of the {len(rows)} sources is to be had"
    return NotToBeHad(Diagnostic("E0610", message, helps=helps, details=rows), rows)


def damaged(file: object, expected: str, found: str, way_out: str = "") -> DataError:
    way_out = way_out or "get the file again from where it came, or remove it"
    message = f"{file} is damaged: expected {expected}, found {found}"
    return DataError(Diagnostic("E0611", message, helps=(way_out,)))


def too_large(file: object, claimed_bytes: int, limit_bytes: int) -> DataError:
    message = f"{file} is too large: it says {claimed_bytes:,} bytes, the limit is {limit_bytes:,}"
    way_out = "use a part of the data, or raise the limit: GDL_DATA_LIMIT_BYTES in the environment"
    return DataError(Diagnostic("E0612", message, helps=(way_out,)))


def outside(file: str, why: str) -> DataError:
    message = f'a program may not read "{file}": {why}'
    way_out = "write a path relative to the program's folder, and name another folder with --data DIR (or GDL_DATA)"
    return DataError(Diagnostic("E0613", message, helps=(way_out,)))


def unsupported(file: object, what: str, way_out: str) -> DataError:
    return DataError(Diagnostic("E0614", f"{file} holds {what}", helps=(way_out,)))


def bad_cell(file: object, line: int, column: str, expected: str, found: str, way_out: str) -> DataError:
    where = f"line {line}" + (f", column {column}" if column else "")
    return DataError(Diagnostic("E0615", f"{file}, {where}: expected {expected}, found {found}", helps=(way_out,)))


def bad_argument(source: str, message: str, way_out: str) -> DataError:
    return DataError(Diagnostic("E0616", f"{source}: {message}", helps=(way_out,)))


def disagree(file: object, what: str, rows: Sequence[str], way_out: str) -> DataError:
    """Parts that belong together differ; `rows` is a line for each part."""
    return DataError(Diagnostic("E0617", f"{file}: {what}", details=tuple(rows), helps=(way_out,)))


def no_split(source: str, wanted: str, there: Sequence[str]) -> DataError:
    if tuple(there) == ("",):
        message, way_out = f"{source} is not split, it has no `.{wanted}`", f"use all of it: drop `.{wanted}`"
    else:
        names = ", ".join(f"`.{name}`" for name in there)
        message = f"{source} has no `.{wanted}`" if wanted else f"{source} comes in parts: {names}"
        way_out = f"use one of {names}"
    return DataError(Diagnostic("E0618", message, helps=(way_out,)))


def bad_arrays(name: str, message: str, way_out: str) -> DataError:
    return DataError(Diagnostic("E0619", f'arrays("{name}"): {message}', helps=(way_out,)))
