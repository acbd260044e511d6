"""The language: names resolved, types and shapes proved, programs lowered to graphs."""

from gdl.lang.check import check

__all__ = ["check"]
