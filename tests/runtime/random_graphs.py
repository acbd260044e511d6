"""Random graphs over the ops that plans treat differently: in place, views, copies, scalars, reductions, draws,
gathers."""

from __future__ import annotations

import random as python_random

import numpy as np

import gdl.ops  # noqa: F401  fills the table
from gdl.graph.node import Graph, Node, constant
from gdl.ops.table import apply
from gdl.types.tensor import tensor

ROWS, COLUMNS = 3, 4
SHAPES = [(), (COLUMNS,), (ROWS, COLUMNS), (COLUMNS, ROWS), (ROWS * COLUMNS,), (ROWS, 1)]
UNARY = ["negative", "sin", "tanh", "sigmoid", "relu", "exp", "abs", "floor", "stop_gradient"]
BINARY = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "remainder"]


def random_graph(seed: int, nodes: int = 30) -> tuple[Graph, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A graph, arrays to feed, and the variables' values. The same seed gives the same graph."""
    draw = python_random.Random(seed)
    numbers = np.random.default_rng(seed)
    dtype = draw.choice(["f32", "f64"])
    fed = {f"x{i}": draw.choice(SHAPES) for i in range(3)}
    kept = {f"v/{i}": draw.choice(SHAPES) for i in range(4)}
    pool = [Node("input", (), {"name": name}, tensor(dtype, *shape)) for name, shape in fed.items()]
    variables = [Node("variable", (), {"path": path}, tensor(dtype, *shape)) for path, shape in kept.items()]
    pool += variables
    pool += [constant(0.5, dtype), constant(tuple(range(COLUMNS)), dtype, (COLUMNS,))]
    pool.append(
        apply("cast", (Node("clock", (), {"name": draw.choice(["step", "tick"])}, tensor("i64")),), {"dtype": dtype})
    )
    for number in range(nodes):
        pool.append(_grow(draw, pool, dtype, number))
    outputs = tuple(draw.choices(pool, k=3))
    updates = []
    for variable in draw.sample(variables, draw.randint(0, len(variables))):
        fitting = [node for node in pool if node.type.shape == variable.type.shape]
        updates.append((variable, draw.choice(fitting[-4:] if draw.random() < 0.7 else fitting)))
    numpy_type = np.float32 if dtype == "f32" else np.float64
    arrays = {name: np.asarray(numbers.normal(size=shape), numpy_type) for name, shape in fed.items()}
    values = {path: np.asarray(numbers.normal(size=shape), numpy_type) for path, shape in kept.items()}
    return Graph(outputs, tuple(updates)), arrays, values


def _grow(draw: python_random.Random, pool: list[Node], dtype: str, number: int) -> Node:
    """One more node, over recent ones rather than old ones."""
    x = draw.choice(pool[-8:] if draw.random() < 0.7 else pool)
    kind = draw.random()
    if kind < 0.3:
        return apply(draw.choice(UNARY), (x,))
    if kind < 0.6:
        partners = [y for y in pool[-60:] if _broadcasts(x, y)] or [x]
        return apply(draw.choice(BINARY), (x, draw.choice(partners[-8:])))
    if kind < 0.65:
        same = [y for y in pool[-60:] if y.type.shape == x.type.shape]
        y = draw.choice([*same, x])
        return apply("where", (apply(draw.choice(["less", "greater_equal"]), (x, y)), x, y))
    if kind < 0.7:
        return apply("standard_normal", (), {"shape": x.type.shape, "dtype": dtype, "key": f"draw{number}"})
    if kind < 0.8 and x.type.rank:
        axis = draw.choice([None, 0, x.type.rank - 1])
        return apply(draw.choice(["sum", "max"]), (x,), {"axis": axis, "keepdims": False})
    if kind < 0.85 and x.type.shape == (ROWS, COLUMNS):
        return _product(draw, x, pool)
    return _reshaped(draw, x)


def _product(draw: python_random.Random, x: Node, pool: list[Node]) -> Node:
    partners = [y for y in pool[-60:] if y.type.shape == (COLUMNS, ROWS)]
    if not partners:
        return apply("transpose", (x,), {"axes": (1, 0)})
    square = apply("matmul", (x, draw.choice(partners)))
    return apply("sum", (square,), {"axis": 1, "keepdims": True})


def _reshaped(draw: python_random.Random, x: Node) -> Node:
    """Views, and copies that rank and size allow."""
    if x.type.rank == 0:
        return apply("broadcast_to", (x,), {"shape": draw.choice(SHAPES[1:])})
    choices = [x]
    if x.type.rank == 2:
        choices.append(apply("transpose", (x,), {"axes": (1, 0)}))
        choices.append(apply("slice", (x,), {"index": (draw.randrange(x.type.shape[0]),)}))
    if x.type.shape[0] == 1 or x.type.rank == 1:
        choices.append(apply("flip", (x,), {"axis": (0,)}))
    if int(np.prod(x.type.shape)) == ROWS * COLUMNS:
        choices += [
            apply("reshape", (x,), {"shape": shape}) for shape in [(ROWS, COLUMNS), (COLUMNS, ROWS), (ROWS * COLUMNS,)]
        ]
    if x.type.shape == (COLUMNS,):
        choices.append(apply("broadcast_to", (x,), {"shape": (ROWS, COLUMNS)}))
        choices.append(apply("concat", (x, x, x), {"axis": 0}))
    return choices[-1] if len(choices) == 2 else draw.choice(choices[1:] or choices)


def _broadcasts(x: Node, y: Node) -> bool:
    return (
        all(a == b or 1 in (a, b) for a, b in zip(reversed(x.type.shape), reversed(y.type.shape)))
        and max(_size(x, y), _size(y, x)) <= ROWS * COLUMNS
    )


def _size(x: Node, y: Node) -> int:
    return int(np.prod(np.broadcast_shapes(x.type.shape, y.type.shape)))
