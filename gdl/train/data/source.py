"""What a data source is: a function from options and static arguments to a header and a way to read the records.

The function is the one place where a source is declared. Its name, parameters and docstring are what the checker,
the messages and the reference show.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gdl.errors import data as errors
from gdl.record import Record, record
from gdl.train.data.options import DataOptions
from gdl.types.record import DataHeader, SourceCall

if TYPE_CHECKING:
    import numpy as np

    Records = Mapping[str, np.ndarray]  # a split: field -> array with a leading record axis

REQUIRED = inspect.Parameter.empty
_KINDS = {"int": int, "float": float, "bool": bool, "string": str}


def _nothing() -> None:
    """What fetching a source comes to whose data are here."""


@record
class Prepared(Record):
    """A source whose header is known: `fetch` brings its data here (or raises NotToBeHad), `load` reads one split."""

    header: DataHeader
    load: Callable[[str], Records]
    fetch: Callable[[], None] = _nothing


@record
class Param(Record):
    """A static parameter; `kind` is `int`, `float`, `bool` or `string`."""

    name: str
    kind: str
    default: object = REQUIRED

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    def __str__(self) -> str:
        default = f'"{self.default}"' if isinstance(self.default, str) else str(self.default).lower()
        return f"{self.name}: {self.kind}" + ("" if self.is_required else f" = {default}")


@record
class SourceKind(Record):
    """A source by name; `rest` is the kind of any further keyword (`idx(image="...", label="...")`), else None."""

    name: str
    params: tuple[Param, ...]
    rest: Param | None
    doc: str
    prepare: Callable[..., Prepared]

    def __str__(self) -> str:
        shown = [str(p) for p in self.params] + ([f"{self.rest.name}...: {self.rest.kind}"] if self.rest else [])
        return f"{self.name}({', '.join(shown)})"


def source_kind(function: Callable[..., Prepared]) -> SourceKind:
    """The source that a function declares: its parameters after the first, which takes the call and the options."""
    params, rest = [], None
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        kind = "string" if parameter.annotation == "str" else str(parameter.annotation)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            rest = Param(parameter.name, kind)
        else:
            params.append(Param(parameter.name, kind, parameter.default))
    return SourceKind(function.__name__, tuple(params), rest, inspect.getdoc(function) or "", function)


@record
class Request(Record):
    """What a source is asked: the call as written, for messages, and where it may look."""

    call: SourceCall
    options: DataOptions


def bind(kind: SourceKind, call: SourceCall) -> dict[str, object]:
    """The call's arguments by parameter name. The checker says all this with places; Python's callers hear it here."""
    if len(call.args) > len(kind.params):
        raise errors.bad_argument(
            str(call), f"{len(call.args)} arguments, {kind.name} takes {len(kind.params)}", str(kind)
        )
    bound = dict(zip((p.name for p in kind.params), call.args, strict=False))
    for name, value in call.kwargs.items():
        if name in bound:
            raise errors.bad_argument(str(call), f"`{name}` is given twice", str(kind))
        if kind.rest is None and all(name != p.name for p in kind.params):
            raise errors.bad_argument(str(call), f"no parameter `{name}`", str(kind))
        bound[name] = value
    declared = {p.name: p for p in kind.params}
    for name, value in bound.items():
        wanted = declared[name].kind if name in declared or kind.rest is None else kind.rest.kind
        bound[name] = _of_kind(kind, call, name, wanted, value)
    for param in kind.params:
        if param.is_required and param.name not in bound:
            raise errors.bad_argument(str(call), f"`{param.name}` is missing", str(kind))
    return bound


def _of_kind(kind: SourceKind, call: SourceCall, name: str, wanted: str, value: object) -> object:
    if wanted == "float" and type(value) is int:
        return float(value)
    if type(value) is not _KINDS[wanted]:
        raise errors.bad_argument(str(call), f"`{name}` must be of kind {wanted}, got {value!r}", str(kind))
    return value
