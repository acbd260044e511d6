"""Gradients as a transformation of the graph."""

from gdl.autodiff.certainty import Kinds, is_certain
from gdl.autodiff.gradient import gradient
from gdl.autodiff.requests import expand
from gdl.autodiff.reverse import gradient_or_none

__all__ = ["Kinds", "expand", "gradient", "gradient_or_none", "is_certain"]
