"""Nets: what one layer starts from does not depend on another, and a shared net is one net."""

from __future__ import annotations

import numpy as np

import gdl

PLAIN = """gdl 1
from nn import Conv, Dense, BatchNorm, MultiHeadAttention
placeholder x: f64[3, 6, 6, 2]
h = x |> c1: Conv(4, 3, act=relu) |> bn: BatchNorm() |> flatten
y = h |> fc: Dense(5, act=tanh) |> out: Dense(2)
"""


def test_a_layer_more_leaves_all_other_first_weights_alone() -> None:
    before = gdl.loads(PLAIN, seed=3).variables
    changes = {
        "in front": PLAIN.replace("x |> c1", "x |> first: Conv(2, 3) |> c1"),
        "between": PLAIN.replace("|> fc:", "|> more: Dense(144) |> fc:"),
        "behind": PLAIN + "z = y |> last: Dense(7)\n",
        "beside": PLAIN.replace("h = x", "a = x |> other: Conv(4, 3)\nh = x"),
        "of the same kind and name, elsewhere": PLAIN + "layer Head(x: f64[b, d]) -> f64[b, 2] {\n"
        "  return x |> fc: Dense(5) |> out: Dense(2)\n}\nz = y |> head: Head()\n",
    }  # fmt: skip
    for where, text in changes.items():
        after = gdl.loads(text, seed=3).variables
        assert len(after) > len(before), where
        for path, array in before.items():
            np.testing.assert_array_equal(after[path], array, f"{path}, a layer more {where}")


def test_another_seed_draws_other_weights() -> None:
    first, second = gdl.loads(PLAIN, seed=3).variables, gdl.loads(PLAIN, seed=4).variables
    for path, array in first.items():
        drawn = path.endswith(("/kernel", "/w"))
        assert (array != second[path]).all() if drawn else np.array_equal(array, second[path]), path


def test_layers_of_one_kind_draw_apart() -> None:
    weights = gdl.loads("""gdl 1
from nn import Dense
placeholder x: f32[2, 8]
y = x |> a: Dense(8) |> b: Dense(8)
""").variables
    assert (weights["a/w"] != weights["b/w"]).all()


SHARED = """gdl 1
from nn import Dense
placeholder x: f64[4, 6]
placeholder z: f64[4, 6]
net f = Dense(3, act=tanh)
net g = Dense(3, act=tanh)
a = sum(f(x) * f(x))
b = sum(sin(f(z)))
both = a + b
apart = sum(f(x) * f(x)) + sum(sin(g(z)))
"""


def test_a_shared_net_has_its_variables_once_and_the_sum_of_its_gradients() -> None:
    session = gdl.loads(SHARED)
    assert list(session.variables) == ["f/w", "f/b", "g/w", "g/b"]
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((4, 6)), "z": rng.standard_normal((4, 6))}
    for name in ("w", "b"):
        session.variables[f"f/{name}"] = session.variables[f"g/{name}"] = rng.standard_normal(
            session.variables[f"f/{name}"].shape
        )
    for name in ("w", "b"):
        of_x, of_z = session.grad("a", f"f/{name}", x=feeds["x"]), session.grad("b", f"f/{name}", z=feeds["z"])
        np.testing.assert_allclose(session.grad("both", f"f/{name}", **feeds), of_x + of_z, rtol=1e-13)
        apart = session.grad("apart", [f"f/{name}", f"g/{name}"], **feeds)
        np.testing.assert_allclose(apart[0] + apart[1], of_x + of_z, rtol=1e-13)


def test_a_tied_weight_gets_the_gradient_of_both_its_uses() -> None:
    """The embedding's table as the last layer, as in charlm.gdl."""
    session = gdl.loads("""gdl 1
from nn import Embedding
placeholder ids: i64[5]
net embed = Embedding(7, 4)
h = embed(ids)
tied = sum(sin(h @ transpose(embed.table)))
""")
    ids = np.array([0, 3, 3, 6, 1])
    session.variables["embed/table"] = np.random.default_rng(0).standard_normal((7, 4))
    table = session.variables["embed/table"].astype("d")
    slope = np.cos(table[ids] @ table.T)
    expected = slope.T @ table[ids]
    np.add.at(expected, ids, slope @ table)
    assert list(session.variables) == ["embed/table"]
    np.testing.assert_allclose(session.grad("tied", "embed/table", ids=ids), expected, rtol=1e-5, atol=1e-5)
