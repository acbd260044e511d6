"""Composites: what they expand to, patterns by the dozen against NumPy, and what they say of wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdl.autodiff import gradient
from gdl.graph.node import Node, topological
from gdl.ops.table import TABLE, apply
from gdl.source import Source, Span
from gdl.types.match import Mismatch
from gdl.types.tensor import Dim, TensorType, tensor
from tests.graph.building import leaf
from tests.graph.evaluate import evaluate
from tests.ops.oracles_structure import in_letters, rearranged
from tests.ops.test_structure import b, guarded, inferred, m, n, refusal, run, shape_of, t

# ---- the mechanism -----------------------------------------------------------------------------------------------


def test_no_composite_is_left_in_a_graph_and_its_nodes_belong_to_the_call():
    span = Span(Source("x.gdl", "sort(x)"), 0, 7)
    x, y = leaf("x", 2, 3), leaf("y", 3, 4)
    for name, inputs, attrs in [
        ("sort", [x], {}), ("stack", [x, x], {"axis": 1}), ("einsum", [x, y], {"pattern": "ij,jk->ik"}),
        ("rearrange", [x, x], {"pattern": "a b -> b a"}), ("topk", [x], {"k": 2}),
    ]:  # fmt: skip
        result = apply(name, inputs, attrs, origin=(span,), scope="model")
        made = [node for node in topological(result if isinstance(result, tuple) else [result]) if node not in (x, y)]
        assert made and all(TABLE[node.op].kernel is not None for node in made)
        assert {(node.origin, node.scope) for node in made} == {((span,), "model")}


def test_a_composite_may_be_the_identity_and_may_give_several():
    x = leaf("x", 2, 3)
    assert apply("rearrange", [x], {"pattern": "a b -> a b"}) is x
    parts = apply("split", [x], {"parts": 2})
    assert isinstance(parts, tuple) and [p.type.shape for p in parts] == [(1, 3), (1, 3)]
    assert isinstance(apply("split", [x], {"parts": 1}), tuple)
    types, guards = inferred("topk", tensor("f32", b, 10), k=3)
    assert [str(type) for type in types] == ["f32[b, 3]", "i64[b, 3]"] and guards == []


def test_the_same_tensor_may_be_given_twice():
    x = leaf("x", 3)
    (g,) = gradient(apply("einsum", [x, x], {"pattern": "i, i ->"}), [x])
    np.testing.assert_allclose(evaluate([g], {"x": np.array([1.0, 2, 3])})[0], [2, 4, 6])


# ---- axes and parts ----------------------------------------------------------------------------------------------


def test_composites_of_symbolic_sizes():
    x = tensor("f32", b, t, 12)
    assert shape_of("expand", x, axis=(0, -1)) == (1, b, t, 12, 1)
    assert shape_of("squeeze", tensor("f32", b, 1, 1), axis=1) == (b, 1)
    assert shape_of("squeeze", tensor("f32", b, 1, 1)) == (b,)
    assert shape_of("flatten", tensor("f32", b, 7, 7, 64)) == (b, 3136)
    assert shape_of("stack", x, x, axis=-1) == (b, t, 12, 2)
    assert shape_of("tile", tensor("f32", b, 3), repeats=(2, n)) == (2 * b, 3 * n)
    assert [type.shape for type in inferred("split", x, parts=3, axis=-1)[0]] == [(b, t, 4)] * 3
    assert shape_of("moveaxis", x, source=-1, destination=1) == (b, 12, t)
    assert shape_of("swapaxes", x, axis1=0, axis2=1) == (t, b, 12)
    types, guards = inferred("split", tensor("f32", 2 * n, 3), parts=2)
    assert [type.shape for type in types] == [(n, 3)] * 2 and guards == []
    types, guards = inferred("split", tensor("f32", n), parts=(2, m))
    assert [type.shape for type in types] == [(2,), (m,)] and ("m + 2", "n") in guarded(guards)
    types, guards = inferred("split", tensor("f32", t), parts=3)
    assert types[0].shape == (t // 3,) and ("3 * (t // 3)", "t") in guarded(guards)


def test_labels_survive_new_and_dropped_axes():
    x = TensorType("f32", (Dim(b, "b"), Dim(28, "row"), Dim(28, "col")))
    assert [d.label for d in inferred("expand", x, axis=-1)[0].dims] == ["b", "row", "col", None]
    assert [d.label for d in inferred("expand", x, axis=1)[0].dims] == ["b", None, "row", "col"]
    wide = TensorType("f32", (*x.dims, Dim(1, "ch")))
    assert [d.label for d in inferred("squeeze", wide)[0].dims] == ["b", "row", "col"]
    assert [d.label for d in inferred("split", x, parts=2, axis=2)[0][0].dims] == ["b", "row", "col"]


def test_refusals_of_axes_and_parts():
    x = tensor("f32", b, 10)
    assert refusal("squeeze", x, axis=0) == "only axes of size 1 can be squeezed; axis 0 of f32[b, 10] has size b"
    assert refusal("flatten", tensor("f32")) == (
        "flatten keeps the first axis, and f32[] has none; reshape(x, [1]) makes one")
    assert refusal("split", x, parts=3, axis=1) == (
        "axis 1 of f32[b, 10] has size 10, which does not split into 3 equal parts")
    assert refusal("split", x, parts=0, axis=1) == "`parts` must be positive, got 0"
    assert refusal("split", x, parts=n, axis=1) == "`parts` must be a whole number known at check time, got n"
    assert refusal("split", x, parts=(4, 7), axis=1) == (
        "axis 1 of f32[b, 10] has size 10, but the parts [4, 7] make 11")
    assert refusal("split", x, parts=(11, -1), axis=1) == (
        "`parts` must be sizes, at least one and none negative, got [11, -1]")
    assert refusal("tile", x, repeats=(2, -1)) == "`repeats` must not be negative, got [2, -1]"
    assert refusal("topk", x, k=11) == "the 11 greatest are more than axis 1 of f32[b, 10] has"
    assert refusal("topk", x, k=-1) == "`k` must not be negative, got -1"
    assert refusal("moveaxis", x, source=(0, 1), destination=0) == (
        "`source` and `destination` must name as many axes, got [0, 1] and 0")
    assert refusal("stack") == "stack needs at least one tensor"
    assert refusal("rearrange", pattern="a -> a") == "rearrange needs at least one tensor"
    assert guarded(inferred("topk", x, k=2, axis=0)[1]) == [("2", "min(2, b)")]
    for name, axis in [("expand", 3), ("stack", 3), ("sort", 2), ("topk", 2)]:
        with pytest.raises(Mismatch) as caught:
            inferred(name, x, axis=axis, **({"k": 1} if name == "topk" else {}))
        assert caught.value.kind == "axis"
    with pytest.raises(Mismatch) as caught:
        inferred("stack", tensor("f32", 2, 3), tensor("f32", 2, 4))
    assert (caught.value.kind, caught.value.left, caught.value.right) == ("size", Dim(3), Dim(4))


def test_gradients_of_sort_and_topk_go_where_the_elements_came_from():
    x = leaf("x", 4)
    weights = np.array([1.0, 10.0, 100.0, 1000.0])
    feeds = {"x": np.array([3.0, 1.0, 4.0, 1.5]), "w": weights}
    (g,) = gradient(apply("sum", [apply("sort", [x]) * leaf("w", 4)]), [x])
    np.testing.assert_array_equal(evaluate([g], feeds)[0], [100, 1, 1000, 10])
    values, _ = apply("topk", [x], {"k": 2})
    (g,) = gradient(apply("sum", [values * values]), [x])
    np.testing.assert_array_equal(evaluate([g], feeds)[0], [6, 0, 8, 0])


# ---- einsum ------------------------------------------------------------------------------------------------------

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "h": 2, "t": 3, "s": 4, "k": 5, "i": 3, "j": 4, "l": 2, "m": 2}

EINSUMS = [
    "i->i", "i->", "ij->ji", "ij->i", "ij->j", "ij->", "ijk->kji", "ijk->ik", "ii->i", "ii->", "iij->ji", "iij->j",
    "iii->i", "iijj->ij", "ijij->ij", "iji->j", "i,i->", "i,i->i", "i,j->ij", "i,j->ji", "i,j->", "ij,j->i",
    "ij,jk->ik", "ij,jk->ki", "ij,jk->", "ij,jk->j", "ij,ij->", "ij,ij->ij", "ij,ij->ji", "ij,ji->", "ij,ji->i",
    "ij,kj->ik", "ji,jk->ik", "ij,kl->ijkl", "ij,kl->lkji", "ij,k->ikj", "ijk,jil->kl", "ijk,ikl->ijl",
    "ijk,kl->ijl", "ijk,kl->jil", "bij,bjk->bik", "bij,jk->bik", "bhts,bhsk->bhtk", "bhtk,bhsk->bhts",
    "bthk,bshk->bhts", "bijk,bljk->bil", "ii,ij->j", "iij,jk->ik", ",i->i", "i,->i", ",->",
    "ij,jk,kl->il", "ij,jk,kl,lm->im", "i,j,k->kji", "ij,kl,jk->il", "ij,ij,ij->", "ij,i,j->", "ij,i,j->ij", "i,i,i->i",
    "ijk,ijl,ikl->il", "a b, b c -> a c", "b h t k, b h s k -> b h t s", "i i -> i", "h, h ->", "a b c, c d -> a b d",
]  # fmt: skip


@pytest.mark.parametrize("pattern", EINSUMS)
def test_einsum_is_numpys(pattern: str):
    rng = np.random.default_rng(0)
    terms = pattern.split("->")[0].replace(" ", "").split(",")
    xs = [rng.standard_normal([SIZES[letter] for letter in term]) for term in terms]
    expected = np.einsum(in_letters(pattern), *xs)
    got = run("einsum", *xs, pattern=pattern)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("pattern", "shapes"),
    [
        ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)]),
        ("...ij,...jk->...ik", [(3, 4), (2, 4, 5)]),
        ("...ij,jk->...ik", [(6, 2, 3, 4), (4, 5)]),
        ("...ij,...jk->...ik", [(2, 1, 3, 4), (3, 4, 5)]),
        ("...,...->...", [(2, 1), (3,)]),
        ("i...->...", [(3, 2, 2)]),
        ("i...,i...->...i", [(3, 2), (3, 2)]),
        ("...i,...i", [(2, 3), (2, 3)]),
        ("ij,jk", [(2, 3), (3, 4)]),
        ("ji", [(2, 3)]),
        ("ii", [(3, 3)]),
        ("...->...", [(2, 3)]),
    ],
)
def test_einsum_with_a_rest_or_without_a_result_is_numpys(pattern: str, shapes: list[tuple[int, ...]]):
    rng = np.random.default_rng(0)
    xs = [rng.standard_normal(shape) for shape in shapes]
    np.testing.assert_allclose(run("einsum", *xs, pattern=pattern), np.einsum(pattern, *xs), rtol=1e-12, atol=1e-12)


def test_einsum_names_axes_by_words():
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 5, 4))
    got = run("einsum", q, k, pattern="batch query key, batch time key -> batch time query")
    np.testing.assert_allclose(got, np.einsum("bqk,btk->btq", q, k), rtol=1e-12)
    rest = run("einsum", q, k, pattern="... query key, ... time key -> ... time query")
    np.testing.assert_array_equal(rest, got)


def test_einsum_of_integers_and_of_symbolic_sizes():
    x, y = np.arange(6).reshape(2, 3), np.arange(12).reshape(3, 4)
    got = run("einsum", x, y, pattern="ij,jk->ik")
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, x @ y)
    q = tensor("f32", b, 4, t, 8)
    assert shape_of("einsum", q, q, pattern="b h t k, b h s k -> b h t s") == (b, 4, t, t)
    assert shape_of("einsum", tensor("f32", n, n), pattern="ii->i") == (n,)
    type, guards = inferred("einsum", tensor("f32", 2, n), tensor("f32", m, 3), pattern="ij,jk->ik")
    assert type.shape == (2, 3) and ("n", "m") in guarded(guards)


def test_einsum_guards_each_axis_of_a_merged_product():
    """[2, 6] and [3, 4] have as many elements, so guards of the merged axis alone would let them pass."""
    _, guards = inferred("einsum", tensor("f32", n, m, 2), tensor("f32", t, b, 3), pattern="x y i, x y j -> i j")
    assert {("n", "t"), ("m", "b")} <= set(guarded(guards))


def test_products_of_matrices_are_matrix_products():
    """No elementwise product is summed where BLAS can do it, and one matrix serves all rows of a batch."""
    x = leaf("x", b, t, 8)
    product = apply("einsum", [x, leaf("w", 8, 4)], {"pattern": "b t d, d k -> b t k"})
    ops = [node.op for node in topological([product])]
    assert "matmul" in ops and "multiply" not in ops and "sum" not in ops
    q = leaf("q", b, 4, t, 8)
    scores = apply("einsum", [q, leaf("k", b, 4, t, 8)], {"pattern": "b h t k, b h s k -> b h t s"})
    assert [node.op for node in topological([scores])] == ["input", "input", "transpose", "matmul"]


@pytest.mark.parametrize(
    ("pattern", "types", "text"),
    [
        ("ij,jk->ik", [(2, 3)], 'in "ij,jk->ik" there are 2 operands before `->`, but einsum got 1 tensors'),
        ("ijk->i", [(2, 3)], 'in "ijk->i" `i j k` has 3 axes, but xs[0] is f32[2, 3]'),
        ("batch->", [(2,)], 'in "batch->" `b a t c h` has 5 axes, but xs[0] is f32[2]'),
        ("ij->k", [(2, 3)], 'in "ij->k" `k` is in the result but in no operand'),
        ("ij->ii", [(2, 3)], 'in "ij->ii" `i` stands twice in the result'),
        ("i j, j k", [(2, 3), (3, 4)], 'in "i j, j k" there must be one `->`, found 0'),
        ("ij->i->j", [(2, 3)], 'in "ij->i->j" there must be one `->`, found 2'),
        ("i1->i", [(2, 3)], 'in "i1->i" `1` is no name of an axis'),
        ("...i->i", [(2, 3)], 'in "...i->i" the result must have `...` where an operand has it'),
        ("...i...->...", [(2, 3)], 'in "...i...->..." `...i...` has several `...`'),
        ("...ij->...", [(2,)], 'in "...ij->..." `... i j` has 2 axes or more, but xs[0] is f32[2]'),
        ("i->...", [(2,)], 'in "i->..." `...` is in the result but in no operand'),
    ],
)
def test_refusals_of_einsum(pattern: str, types: list[tuple[int, ...]], text: str):
    assert refusal("einsum", *[tensor("f32", *shape) for shape in types], pattern=pattern) == text


def test_sizes_that_differ_in_einsum_are_told_with_their_origins():
    here, there = (Span(Source("x.gdl", "64 32"), *at) for at in ((0, 2), (3, 5)))
    x = TensorType("f32", (Dim(2), Dim(64, None, here)))
    y = TensorType("f32", (Dim(32, None, there), Dim(4)))
    with pytest.raises(Mismatch) as caught:
        inferred("einsum", x, y, pattern="i j, j k -> i k")
    assert caught.value.kind == "size" and caught.value.args_named == ("xs[0]", "xs[1]")
    assert (caught.value.left.origin, caught.value.right.origin) == (here, there)
    assert caught.value.text == 'in "i j, j k -> i k" the axis `j` has size 64 in xs[0] and 32 in xs[1]'
    with pytest.raises(Mismatch) as caught:
        inferred("einsum", tensor("f32", 2, 3), pattern="ii->i")
    assert caught.value.kind == "size"


# ---- rearrange ---------------------------------------------------------------------------------------------------

ARRANGEMENTS = [
    ("a b -> b a", (2, 3), {}),
    ("a b c -> c b a", (2, 3, 4), {}),
    ("a b -> (a b)", (2, 3), {}),
    ("a b -> (b a)", (2, 3), {}),
    ("(a b) -> a b", (6,), {"a": 2}),
    ("(a b) -> a b", (6,), {"b": 2}),
    ("(a b) -> b a", (6,), {"a": 2}),
    ("(a b) -> (b a)", (6,), {"a": 2}),
    ("(a b c) -> a b c", (24,), {"a": 2, "c": 3}),
    ("b t (h k) -> b h t k", (2, 3, 8), {"h": 4}),
    ("b h t k -> b t (h k)", (2, 4, 3, 2), {}),
    ("b (h p) (w q) c -> b h w (p q c)", (2, 4, 6, 3), {"p": 2, "q": 3}),
    ("b h w (p q c) -> b (h p) (w q) c", (2, 2, 2, 18), {"p": 2, "q": 3}),
    ("(b1 b2) c -> b2 (b1 c)", (6, 2), {"b1": 3}),
    ("a 1 b -> a b", (2, 1, 3), {}),
    ("a b -> 1 a 1 b 1", (2, 3), {}),
    ("a b -> a () b", (2, 3), {}),
    ("1 a -> a", (1, 3), {}),
    ("... c -> c ...", (2, 3, 4), {}),
    ("a ... -> ... a", (2, 3, 4), {}),
    ("... -> ...", (2, 3), {}),
    ("... c -> (... c)", (2, 3, 4), {}),
    ("a ... b -> (a b) (...)", (2, 3, 4, 5), {}),
    ("... -> (...)", (2, 3), {}),
    ("... -> (...)", (), {}),
    ("a ... -> a (...)", (2,), {}),
    ("(a b) ... -> b ... a", (6, 2, 3), {"a": 3}),
    ("->", (), {}),
    ("-> 1 1", (), {}),
    ("a -> a", (0,), {}),
    ("(a b) c -> a b c", (0, 3), {"b": 2}),
    ("batch (head key) -> batch head key", (2, 6), {"head": 3}),
]


@pytest.mark.parametrize(("pattern", "shape", "given"), ARRANGEMENTS)
def test_rearrange_moves_each_element(pattern: str, shape: tuple[int, ...], given: dict[str, int]):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    got = run("rearrange", x, pattern=pattern, **given)
    expected = rearranged(x, pattern.replace("()", "1"), given)
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)


def test_rearrange_by_hand():
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(
        run("rearrange", x, pattern="b t (h k) -> b h t k", h=2), x.reshape(2, 3, 2, 2).transpose(0, 2, 1, 3))
    np.testing.assert_array_equal(
        run("rearrange", x, pattern="b t c -> (t b) c"), x.transpose(1, 0, 2).reshape(6, 4))


def test_rearrange_of_symbolic_sizes():
    x = tensor("f32", b, t, 4 * n)
    assert shape_of("rearrange", x, pattern="b t (h k) -> b h t k", h=4) == (b, 4, t, n)
    assert shape_of("rearrange", x, pattern="b t (h k) -> b h t k", k=n) == (b, 4, t, n)
    assert shape_of("rearrange", x, pattern="b t c -> (b t) c") == (b * t, 4 * n)
    types, guards = inferred("rearrange", tensor("f32", b, n), tensor("f32", b, n), pattern="b (h k) -> h b k", h=4)
    assert [type.shape for type in types] == [(4, b, n // 4)] * 2
    assert ("4 * (n // 4)", "n") in guarded(guards)
    assert ("5", "n") in guarded(inferred("rearrange", tensor("f32", b, n), pattern="b k -> k b", k=5)[1])


def test_rearrange_undoes_itself_and_passes_gradients():
    x = leaf("x", 2, 3, 8)
    there = apply("rearrange", [x], {"pattern": "b t (h k) -> b h t k", "h": 4})
    back = apply("rearrange", [there], {"pattern": "b h t k -> b t (h k)"})
    data = np.random.default_rng(0).standard_normal((2, 3, 8))
    np.testing.assert_array_equal(evaluate([back], {"x": data})[0], data)
    (g,) = gradient(apply("sum", [there * there]), [x])
    np.testing.assert_array_equal(evaluate([g], {"x": data})[0], 2 * data)


@pytest.mark.parametrize(
    ("pattern", "given", "text"),
    [
        ("b t", {}, "there must be one `->`, found 0"),
        ("b t -> t -> b", {}, "there must be one `->`, found 2"),
        ("b -> b", {}, "`b` has 1 axis, but xs[0] is f32[b, 100]"),
        ("b t k -> b k t", {}, "`b t k` has 3 axes, but xs[0] is f32[b, 100]"),
        ("b t k ... -> b k t ...", {}, "`b t k ...` has 3 axes or more, but xs[0] is f32[b, 100]"),
        ("b c -> b", {}, "`c` is only on the left; sum or slice an axis to drop it"),
        ("b c -> b c d", {}, "`d` is only on the right; a new axis is written 1, and broadcast_to or tile repeats it"),
        ("b c -> ...", {}, "`...` is only on the right; a new axis is written 1, and broadcast_to or tile repeats it"),
        ("b ... -> b", {}, "`...` is only on the left; sum or slice an axis to drop it"),
        ("b b -> b", {}, "`b` stands twice on one side"),
        ("... ... -> ...", {}, "`...` stands twice on one side"),
        ("b (c -> b c", {}, "a `(` is not closed"),
        ("b c) -> b c", {}, "a `)` closes nothing"),
        ("b ((c)) -> b c", {}, "parentheses can't stand in parentheses"),
        ("b 2 -> b", {}, "`2` is no axis; an axis is a name, 1, or names in parentheses"),
        ("b (...) -> b ...", {}, "the `...` on the left can't stand in parentheses: its axes could not be told apart"),
        ("(c ...) -> c ...", {}, "the `...` on the left can't stand in parentheses: its axes could not be told apart"),
        ("b (h k) -> b h k", {}, "give the size of `h` or `k`, as in h=2, to split `(h k)`"),
        ("b (h k) -> b h k", {"j": 2}, "there is no axis `j`; its axes are b, h, k"),
        ("b (h k) -> b h k", {"h": 0}, "the size of `h` must be positive, got 0"),
        ("b (h k) -> b h k", {"h": "4"}, "the size of `h` must be positive, got 4"),
        ("b (h k) -> b h k", {"h": 3}, "axis 1 of f32[b, 100] has size 100, which does not fit `(h k)` with h=3"),
        ("b (h k) -> b h k", {"h": 3, "k": 4},
         "axis 1 of f32[b, 100] has size 100, which does not fit `(h k)` with h=3, k=4"),
        ("b 1 -> b", {}, "axis 1 of f32[b, 100] has size 100, which does not fit `1`"),
        ("b c -> c b", {"c": 5}, "axis 1 of f32[b, 100] has size 100, which does not fit `c` with c=5"),
    ],
)
def test_refusals_of_rearrange(pattern: str, given: dict[str, Any], text: str):
    assert refusal("rearrange", tensor("f32", b, 100), pattern=pattern, **given) == f'in "{pattern}" {text}'


def test_a_symbolic_size_is_not_taken_for_one():
    assert guarded(inferred("rearrange", tensor("f32", n, 3), pattern="1 c -> c")[1]) != []


def test_second_gradients_pass_through_einsum():
    x, y = leaf("x", 2, 3), leaf("y", 3, 2)
    z = apply("einsum", [x, y, x], {"pattern": "ij,jk,kl->il"})
    loss = apply("sum", [z * z])
    rng = np.random.default_rng(0)
    feeds = {"x": rng.standard_normal((2, 3)), "y": rng.standard_normal((3, 2))}

    def slope(at: np.ndarray) -> np.ndarray:
        (g,) = gradient(loss, [x])
        return evaluate([g], {**feeds, "x": at})[0]

    direction = rng.standard_normal((2, 3))
    (g,) = gradient(loss, [x])
    weight: Node = leaf("v", 2, 3)
    (second,) = gradient(apply("sum", [g * weight]), [x])
    (got,) = evaluate([second], {**feeds, "v": direction})
    h = 1e-5
    expected = (slope(feeds["x"] + h * direction) - slope(feeds["x"] - h * direction)) / (2 * h)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
