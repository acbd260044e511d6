"""Names of fields and splits, as files and Python spell them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from gdl.errors import data as errors
from gdl.syntax.tokens import RESERVED
from gdl.types.record import FieldType

SPLIT_NAMES = ("train", "test", "valid", "val")
_BEFORE = re.compile(rf"({'|'.join(SPLIT_NAMES)})[_/](.+)", re.DOTALL)
_AFTER = re.compile(rf"(.+)[_/]({'|'.join(SPLIT_NAMES)})", re.DOTALL)


def by_split(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Split -> field -> name.

    Where every name starts or ends with a split's name (`train_x`, `train/x`, `x_train`) they are split so; else all
    are fields of one whole, the split `""`.
    """
    splits: dict[str, dict[str, str]] = {}
    names = list(names)
    for name in names:
        if before := _BEFORE.fullmatch(name):
            split, field = before.groups()
        elif after := _AFTER.fullmatch(name):
            field, split = after.groups()
        else:
            return {"": {name: name for name in names}}
        splits.setdefault(split, {})[field] = name
    return splits


def identifiers(names: Iterable[str], file: object) -> dict[str, str]:
    """Each name -> a name that a program can write: other characters become `_`, and `in` becomes `in_`.

    Errors: DataError where two names become one.
    """
    made: dict[str, str] = {}
    for name in names:
        identifier = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        if not identifier or identifier[0].isdigit():
            identifier = f"_{identifier}"
        if identifier in RESERVED:
            identifier = f"{identifier}_"
        for other, taken in made.items():
            if taken == identifier:
                rows = [f'{identifier}  from "{other}"', f'{identifier}  from "{name}"']
                raise errors.disagree(file, "two fields would have one name", rows, "rename one of them in the file")
        made[name] = identifier
    return made


def require_same_fields(file: object, splits: Mapping[str, Mapping[str, FieldType]]) -> dict[str, FieldType]:
    """The fields that all splits share; that one has others is an error."""
    all_fields = [dict(fields) for fields in splits.values()]
    if any(fields != all_fields[0] for fields in all_fields):
        rows = [
            f"{split}  " + ", ".join(f"{n}: {t}" for n, t in sorted(fields.items())) for split, fields in splits.items()
        ]
        raise errors.disagree(file, "the splits have different fields", rows, "give every split the same fields")
    return all_fields[0]


def require_same_count(file: object, counts: Mapping[str, int]) -> int:
    """The number of records that all fields of a split share."""
    if len(set(counts.values())) != 1:
        rows = [f"{name}  {count:,} records" for name, count in counts.items()]
        raise errors.disagree(file, "the fields have different numbers of records", rows, "use arrays of one length")
    return next(iter(counts.values()))
