"""Gradients as a transformation of the graph."""

from gdl.autodiff.gradient import gradient
from gdl.autodiff.requests import expand
from gdl.autodiff.reverse import gradient_or_none

__all__ = ["expand", "gradient", "gradient_or_none"]
