"""Short ways to build graphs and run them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

import gdl.ops  # noqa: F401  fills the table
from gdl.graph.node import Graph, Node
from gdl.ops.table import apply
from gdl.runtime.arrays import dtype_name
from gdl.runtime.plan import plan_as_is
from gdl.runtime.state import State
from gdl.runtime.step import Step, prepare
from gdl.types.sizes import Size
from gdl.types.tensor import tensor


def fed(name: str, *shape: Size, dtype: str = "f32") -> Node:
    return Node("input", (), {"name": name}, tensor(dtype, *shape))


def kept(path: str, *shape: int, dtype: str = "f32") -> Node:
    return Node("variable", (), {"path": path}, tensor(dtype, *shape))


def clock(name: str, dtype: str = "i64") -> Node:
    return Node("clock", (), {"name": name}, tensor(dtype))


def call(name: str, *inputs: Node, **attrs: Any) -> Node:
    return apply(name, inputs, attrs)


def state_of(values: Mapping[str, Any]) -> State:
    state = State()
    state.restore({path: np.asarray(value, getattr(value, "dtype", np.float32)) for path, value in values.items()})
    return state


def step_of(graph: Graph, values: Mapping[str, Any] | State = MappingProxyType({}), seed: int = 0) -> Step:
    """The graph prepared without passes, over variables of these values."""
    return prepare(plan_as_is(graph), values if isinstance(values, State) else state_of(values), seed)


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def in_company(op: str, attrs: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Graph:
    """The op on what is fed, where that is floats after an addition, and its result once as it is and once more after
    an addition."""
    inputs = [fed(name, *a.shape, dtype=dtype_name(a.dtype)) for name, a in arrays.items()]
    with_zero = [call("add", x, call("full", shape=(), value=0.0, dtype=x.type.dtype)) if x.type.is_float else x
                 for x in inputs]  # fmt: skip
    result = apply(op, with_zero, attrs)
    if not result.type.is_float:
        return Graph((result,))
    return Graph((result, call("add", result, call("full", shape=(), value=1.0, dtype=result.type.dtype))))
