"""What is only made to be moved is made in its place: the same values, and nothing is moved."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from gdl.graph.node import Graph, Node
from gdl.runtime.compiled import products
from gdl.runtime.plan import plan_as_is
from tests.runtime.building import call, fed, floats, kept
from tests.runtime.slow_kernels import slow_kernels
from tests.runtime.test_plan_values import run_both

HEADS = (2, 3, 8, 4)
FED = {name: floats(*shape, seed=i) for i, (name, shape) in enumerate({"x": (2, 3, 8, 5), "y": (2, 3, 5, 4)}.items())}


def product() -> Node:
    return call("matmul", fed("x", 2, 3, 8, 5), fed("y", 2, 3, 5, 4))


def merged(x: Node) -> Node:
    """Heads put side by side."""
    return call("transpose", x, axes=(0, 2, 1, 3))


def source_of(graph: Graph, arrays: Mapping[str, np.ndarray] = FED, backend: str = "numpy") -> str:
    made = plan_as_is(graph, backend=backend)
    with slow_kernels():
        run_both(graph, made, arrays, {}, exact=backend == "numpy")
    return made.source


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_products_are_written_into_what_they_are_joined_in(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_pays", lambda contraction: True)
    joined = call("concat", merged(product()), merged(product()), axis=2)
    source = source_of(Graph((joined * 2.0,)), backend=backend)
    assert "concat" not in source and "copyto" not in source


def test_a_product_is_written_in_the_order_of_its_copy() -> None:
    flat = call("reshape", merged(product()), shape=(2, 8, 12))
    assert "copyto" not in source_of(Graph((flat * 2.0,)))


def test_the_rest_is_copied() -> None:
    z = fed("z", 2, 8, 3, 4)
    source = source_of(Graph((call("concat", z, merged(product()), axis=2),)), FED | {"z": floats(2, 8, 3, 4)})
    assert source.count("copyto(") == 1 and "concat" not in source


def test_what_others_read_is_left_where_it_is() -> None:
    p, q = product(), product()
    for graph in (Graph((call("concat", p, p),)), Graph((p, merged(q) * 1.0))):
        assert "part" not in source_of(graph)
    assert source_of(Graph((call("concat", p, q), p))).count("copyto(") == 1


def test_columns_are_not_written_one_by_one() -> None:
    columns = call("transpose", product(), axes=(0, 3, 1, 2))
    assert "concat(" in source_of(Graph((call("concat", columns, columns * 2.0, axis=1),)))


def test_a_new_value_of_a_variable_is_put_together_apart() -> None:
    w = kept("w", 4, 3, 8, 4)
    graph = Graph((), ((w, call("concat", product() * 1.0, product())),))
    made = plan_as_is(graph)
    run_both(graph, made, FED, {"w": floats(4, 3, 8, 4)}, exact=True)
    assert "part" not in made.source
