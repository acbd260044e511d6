"""Python's cyclic garbage collector, paused where many lasting objects without cycles are made."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def uncollected(function: Callable[P, R]) -> Callable[P, R]:
    """The function with the collector paused while it runs. Trees and graphs have no cycles, and walking them again and
    again as they grow would take a quarter of the time that a long program takes."""

    @wraps(function)
    def paused(*args: P.args, **kwargs: P.kwargs) -> R:
        collects = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            if collects:
                gc.enable()

    return paused
