"""Frozen slotted dataclasses, made fast: there are some hundred kinds of them, and no program uses all.

`@record` gives what `@dataclass(frozen=True, slots=True)` gives, fields, replace and matching included. But methods are
inherited, and `__init__` is compiled when the first of its kind is made: importing the syntax tree takes 4 ms, not 40.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Make a subclass of `Record` a frozen slotted dataclass."""
    cls.__doc__ = cls.__doc__ or cls.__name__  # else its signature would be looked up to make one, at half the cost
    return dataclass(init=False, repr=False, eq=False, slots=True)(cls)


class Record:
    """What all of them do: they are made, compared, hashed and shown by their fields, and never change."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            cls = type(self)
            cls.__init__ = _initializer(cls)
            cls.__init__(self, *args, **kwargs)

    def __eq__(self, other: object) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        for name in _compared(self.__class__):  # no generators here: a tree needs one frame per level, not two
            if getattr(self, name) != getattr(other, name):
                return False
        return True

    def __hash__(self) -> int:
        return hash((self.__class__, *map(self.__getattribute__, _compared(self.__class__))))

    def __repr__(self) -> str:
        shown = []
        for f in fields(self):  # type: ignore[arg-type]
            if f.repr:
                shown.append(f"{f.name}={getattr(self, f.name)!r}")
        return f"{self.__class__.__name__}({', '.join(shown)})"

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")


class Entity(Record):
    """A record that is equal only to itself."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


@cache
def _compared(cls: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(cls) if f.compare)


def _initializer(cls: type) -> Callable[..., None]:
    """An `__init__` with the parameters of the fields, which sets the slots directly."""
    known: dict[str, Any] = {}
    signature: dict[bool, list[str]] = {False: [], True: []}
    body = []
    for f in fields(cls):
        known[f"_set_{f.name}"] = getattr(cls, f.name).__set__
        made = f.default_factory is not MISSING
        known[f"_default_{f.name}"] = f.default_factory if made else f.default
        signature[f.kw_only].append(f"{f.name}=_default_{f.name}" if made or f.default is not MISSING else f.name)
        value = f"_default_{f.name}() if {f.name} is _default_{f.name} else {f.name}" if made else f.name
        body.append(f"    _set_{f.name}(self, {value})")
    keywords = ["*", *signature[True]] if signature[True] else []
    parameters = ", ".join(["self", *signature[False], *keywords])
    exec(f"def __init__({parameters}):\n" + "\n".join(body), known)
    return known["__init__"]
