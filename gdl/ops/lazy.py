"""NumPy, imported when a kernel first runs: the checker reads the op table and must not pay for NumPy."""

from __future__ import annotations

from typing import Any


class _Lazy:
    def __init__(self, module: str):
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        import importlib

        value = getattr(importlib.import_module(self._module), name)
        self.__dict__[name] = value  # found directly from now on
        return value


np: Any = _Lazy("numpy")
