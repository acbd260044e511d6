"""Types against signatures: what symbols, packs and dtype variables are bound to, and what does not fit."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdl.syntax.parser import parse_signature
from gdl.types.match import Bindings, Guard, Mismatch, build, match, normal_axes, reduce_dims
from gdl.types.sizes import symbol
from gdl.types.tensor import Dim, TensorType, bind_type, broadcast_dims, tensor, undecided_pairs

n, m = symbol("n"), symbol("m")


def apply(signature: str, *types: TensorType, **statics: object) -> tuple[TensorType, Bindings]:
    """The result's type for arguments of these types."""
    parsed = parse_signature(signature)
    bindings = Bindings(statics=statics)
    for param, type in zip(parsed.params, types):
        match(param.type, type, param.name, bindings)  # type: ignore[arg-type]
    return build(parsed.results[0], bindings), bindings


@pytest.mark.parametrize(
    ("signature", "types", "result"),
    [
        ("(x: f32[b, d]) -> f32[d, b]", [tensor("f32", 2, 3)], "f32[d: 3, b: 2]"),
        ("(x: f32[b, d], w: f32[d, k]) -> f32[b, k]", [tensor("f32", n, 3), tensor("f32", 3, 4)], "f32[b: n, k: 4]"),
        ("(x: f[*s, d]) -> f[*s]", [tensor("f64", 2, 3, 4)], "f64[2, 3]"),
        ("(x: f[b, *s, d]) -> f[*s]", [tensor("f32", 2, 3, 4, 5)], "f32[3, 4]"),
        ("(x: f[...]) -> f[]", [tensor("f32", 2, 3)], "f32[]"),
        ("(x: t[*s]) -> t[*s, 2]", [tensor("bool", n)], "bool[n, 2]"),
        ("(x: f32[b, 2 * d], y: f32[d]) -> f32[d]", None, None),
        ("(x: n[*a], y: n[*b]) -> n[broadcast(a, b)]", [tensor("i64", 4, 1), tensor("i64", 3)], "i64[4, 3]"),
        ("(x: f32[h]) -> f32[ceil_div(h, 2)]", [tensor("f32", 5)], "f32[3]"),
        ("(x: f32[h]) -> f32[h // 2 + 1]", [tensor("f32", n)], "f32[n // 2 + 1]"),
    ],
)
def test_results(signature: str, types: list[TensorType] | None, result: str | None) -> None:
    if types is None:
        with pytest.raises(KeyError):  # `d` is not bound where it is first met
            apply(signature, tensor("f32", 2, 6), tensor("f32", 3))
        return
    assert str(apply(signature, *types)[0]) == result


@pytest.mark.parametrize(
    ("signature", "types", "kind"),
    [
        ("(x: f32[b, d]) -> f32[b]", [tensor("f32", 2)], "rank"),
        ("(x: f32[b, *s, d]) -> f32[b]", [tensor("f32", 2)], "rank"),
        ("(x: f32[*s], y: f32[*s]) -> f32[*s]", [tensor("f32", 2), tensor("f32", 2, 2)], "rank"),
        ("(x: f32[d], y: f32[d]) -> f32[d]", [tensor("f32", 2), tensor("f32", 3)], "size"),
        ("(x: f32[d, 3]) -> f32[d]", [tensor("f32", 2, 4)], "size"),
        ("(x: f32[d, d + 1]) -> f32[d]", [tensor("f32", n, n)], "size"),
        ("(x: f32[*s], y: f32[*s]) -> f32[*s]", [tensor("f32", 2, 3), tensor("f32", 2, 4)], "size"),
        ("(x: f32[*a], y: f32[*b]) -> f32[broadcast(a, b)]", [tensor("f32", 2), tensor("f32", 3)], "broadcast"),
        ("(x: f[d]) -> f[d]", [tensor("i64", 2)], "dtype"),
        ("(x: f32[d]) -> f32[d]", [tensor("f64", 2)], "dtype"),
        ("(x: f[d], y: f[d]) -> f[d]", [tensor("f32", 2), tensor("f64", 2)], "dtypes"),
        ("(x: n[d]) -> n[d]", [tensor("u8", 2)], "dtype"),
    ],
)
def test_what_does_not_fit(signature: str, types: list[TensorType], kind: str) -> None:
    with pytest.raises(Mismatch) as caught:
        apply(signature, *types)
    assert caught.value.kind == kind


def test_what_can_not_be_decided_is_guarded() -> None:
    _, bindings = apply("(x: f32[d], y: f32[d]) -> f32[d]", tensor("f32", n), tensor("f32", 3))
    assert bindings.guards == [Guard(Dim(n), Dim(3))]
    _, bindings = apply("(x: f32[*a], y: f32[*b]) -> f32[broadcast(a, b)]", tensor("f32", n, 2), tensor("f32", m, 1))
    assert bindings.guards == [Guard(Dim(n), Dim(m))]


def test_a_mismatch_names_the_parameters() -> None:
    with pytest.raises(Mismatch) as caught:
        apply("(x: f32[b, d], w: f32[d, k]) -> f32[b, k]", tensor("f32", 5, 784), tensor("f32", 785, 10))
    assert caught.value.args_named == ("x", "w")
    assert (caught.value.left, caught.value.right) == (Dim(784), Dim(785))


# ---- broadcasting ------------------------------------------------------------------------------------------------

SHAPES = st.lists(st.sampled_from([1, 2, 3]), max_size=4).map(tuple)


@given(st.lists(SHAPES, min_size=1, max_size=3))
def test_numbers_broadcast_as_in_numpy(shapes: list[tuple[int, ...]]) -> None:
    found = broadcast_dims([tuple(map(Dim, shape)) for shape in shapes])
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        back, i, j = found  # type: ignore[misc]
        assert 1 not in (shapes[i][-back], shapes[j][-back]) and shapes[i][-back] != shapes[j][-back]
    else:
        assert tuple(dim.size for dim in found) == expected  # type: ignore[union-attr]


@pytest.mark.parametrize(("left", "right"), list(product([(n,), (1,), (n, 1), (1, n), (2, n)], repeat=2)))
def test_a_symbol_is_never_stretched(left: tuple[object, ...], right: tuple[object, ...]) -> None:
    found = broadcast_dims([tuple(map(Dim, left)), tuple(map(Dim, right))])  # type: ignore[arg-type]
    shapes = [tuple(5 if size is n else size for size in shape) for shape in (left, right)]
    bound = bind_type(TensorType("f32", found), {"n": 5})  # type: ignore[arg-type]
    if not undecided_pairs([tuple(map(Dim, left)), tuple(map(Dim, right))]):  # type: ignore[arg-type]
        assert bound.shape == np.broadcast_shapes(*shapes)


def test_only_a_one_that_is_written_is_stretched() -> None:
    one = Dim(1)
    assert broadcast_dims([(Dim(n),), (one,)]) == (Dim(n),)
    assert undecided_pairs([(Dim(n),), (one,)]) == []
    assert undecided_pairs([(Dim(n),), (Dim(m),)]) == [(Dim(n), Dim(m))]
    assert undecided_pairs([(Dim(n),), (Dim(7),)]) == [(Dim(n), Dim(7))]


def test_labels_survive_broadcasting() -> None:
    row, plain = Dim(28, "row"), Dim(28)
    assert [d.label for d in broadcast_dims([(plain,), (row,)])] == ["row"]  # type: ignore[union-attr]
    assert [d.label for d in broadcast_dims([(row,), (Dim(1),)])] == ["row"]  # type: ignore[union-attr]


# ---- axes --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 4), st.data())
def test_axes_count_from_both_ends(rank: int, data: st.DataObject) -> None:
    axes = data.draw(
        st.lists(st.integers(-rank, rank - 1), max_size=rank, unique_by=lambda a: a % rank) if rank else st.just([])
    )
    assert normal_axes(tuple(axes), rank) == tuple(sorted(a % rank for a in axes))
    assert normal_axes(None, rank) == tuple(range(rank))


@pytest.mark.parametrize(
    ("axis", "rank", "kind"), [(2, 2, "axis"), (-3, 2, "axis"), ((0, -2), 2, "require"), (0, 0, "axis")]
)
def test_wrong_axes(axis: object, rank: int, kind: str) -> None:
    with pytest.raises(Mismatch) as caught:
        normal_axes(axis, rank)
    assert caught.value.kind == kind


def test_reduced_axes_keep_their_labels() -> None:
    dims = (Dim(n, "batch"), Dim(28, "row"), Dim(3))
    assert reduce_dims(dims, 1, False) == (Dim(n), Dim(3))
    kept = reduce_dims(dims, (1, -1), True)
    assert kept == (Dim(n), Dim(1), Dim(1)) and [d.label for d in kept] == ["batch", "row", None]
    assert reduce_dims(dims, None, False) == ()


def test_types_are_equal_whatever_their_labels_and_places() -> None:
    assert TensorType("f32", (Dim(n, "batch"), Dim(28, "row"))) == tensor("f32", n, 28)
    assert str(TensorType("f32", (Dim(n, "n"), Dim(28, "row"), Dim(3)))) == "f32[n, row: 28, 3]"
    assert tensor("f32", 2) != tensor("f64", 2)
