"""Convolution and pooling where samples do not reach: sizes, refusals, blocks, prepared kernels, ties, any order."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdl.autodiff import gradient
from gdl.graph.node import Node, topological
from gdl.ops import columns, gemm_convolution, rowwise
from gdl.ops.table import TABLE, apply, bind_attrs
from gdl.ops.windows import Run, windows_2d, windows_of
from gdl.types.match import Mismatch
from gdl.types.sizes import ceil_div, substitute
from gdl.types.tensor import Dim, tensor
from tests.graph.building import leaf
from tests.graph.evaluate import evaluate
from tests.ops.test_structure import b, guarded, inferred, m, n, refusal, run, shape_of, t
from tests.ops.windows import WINDOWS, touches

IMAGE = tensor("f32", b, 28, 28, 3)


def kernel(kh: Any, kw: Any, inner: Any = 3, out: Any = 8) -> Any:
    return tensor("f32", kh, kw, inner, out)


# ---- sizes -------------------------------------------------------------------------------------------------------


def test_sizes_of_convolutions():
    assert shape_of("conv2d", IMAGE, kernel(3, 3)) == (b, 28, 28, 8)
    assert shape_of("conv2d", IMAGE, kernel(3, 3), stride=2) == (b, 14, 14, 8)
    assert shape_of("conv2d", IMAGE, kernel(3, 5), pad="valid") == (b, 26, 24, 8)
    assert shape_of("conv2d", IMAGE, kernel(3, 3), pad="valid", stride=(2, 1), dilation=(1, 2)) == (b, 13, 24, 8)
    assert shape_of("conv2d", IMAGE, kernel(3, 3), pad=((1, 0), (2, 3))) == (b, 27, 31, 8)
    wide = tensor("f32", b, n, m, 3)
    assert shape_of("conv2d", wide, kernel(5, 5), stride=2) == (b, ceil_div(n, 2), ceil_div(m, 2), 8)
    type, guards = inferred("conv2d", wide, kernel(3, 3), pad="valid")
    assert type.shape == (b, n - 2, m - 2, 8)
    assert guarded(guards) == [("3", "min(3, n)"), ("3", "min(3, m)")]
    assert shape_of("conv1d", tensor("f32", b, t, 3), tensor("f32", 3, 3, 8)) == (b, t, 8)
    assert shape_of("conv1d", tensor("f32", b, 9, 3), tensor("f32", 3, 3, 8), pad="valid", stride=2) == (b, 4, 8)


def test_sizes_of_transposed_convolutions():
    x = tensor("f32", b, 7, 7, 8)
    assert shape_of("conv2d_transpose", x, kernel(5, 5), stride=2) == (b, 14, 14, 3)
    assert shape_of("conv2d_transpose", x, kernel(3, 3), pad="valid", stride=2) == (b, 15, 15, 3)
    assert shape_of("conv2d_transpose", x, kernel(2, 2), pad="valid", stride=3) == (b, 21, 21, 3)
    assert shape_of("conv2d_transpose", x, kernel(4, 4), pad=((1, 1), (1, 1)), stride=2) == (b, 14, 14, 3)
    wide = tensor("f32", b, n, m, 8)
    assert shape_of("conv2d_transpose", wide, kernel(5, 5), stride=2) == (b, 2 * n, 2 * m, 3)
    type, guards = inferred("conv2d_transpose", wide, kernel(3, 3), pad="valid", stride=2)
    assert type.shape == (b, 2 * n + 1, 2 * m + 1, 3)
    assert guarded(guards) == [("3", "min(3, 2 * n + 1)"), ("3", "min(3, 2 * m + 1)")]  # there is an image at all
    type, _ = inferred("conv2d_transpose", wide, kernel(1, 2), pad="valid", stride=3)
    assert type.shape == (b, 3 * n, 3 * m, 3)


def test_sizes_of_pools():
    assert shape_of("max_pool", IMAGE, size=2) == (b, 14, 14, 3)
    assert shape_of("max_pool", IMAGE, size=3, stride=2, pad="same") == (b, 14, 14, 3)
    assert shape_of("avg_pool", tensor("f32", b, n, m, 3), size=2, pad="same") == (b, ceil_div(n, 2), ceil_div(m, 2), 3)
    type, guards = inferred("max_pool", tensor("f32", b, 2 * n, 4, 3), size=2)
    assert type.shape == (b, n, 2, 3) and guarded(guards) == [("2", "min(2, 2 * n)")]


def test_labels_survive_and_origins_only_where_the_size_does():
    x = tensor("f32", b, 28, 28, 3)
    x = type(x)("f32", (Dim(b, "b"), Dim(28, "row"), Dim(28, "col"), Dim(3, "ch")))
    assert [d.label for d in inferred("conv2d", x, kernel(3, 3), stride=2)[0].dims] == ["b", "row", "col", None]
    assert [d.label for d in inferred("max_pool", x, size=2)[0].dims] == ["b", "row", "col", "ch"]


@settings(max_examples=200, deadline=None)
@given(
    size=st.integers(1, 12), window=st.integers(1, 4), stride=st.integers(1, 4), dilation=st.integers(1, 3),
    pad=st.one_of(st.sampled_from(["same", "valid"]), st.tuples(st.integers(0, 3), st.integers(0, 3))),
)  # fmt: skip
def test_symbolic_sizes_are_right_where_guards_hold(size: int, window: int, stride: int, dilation: int, pad: Any):
    attrs = {"stride": (stride, 1), "dilation": (dilation, 1), "pad": pad if isinstance(pad, str) else (pad, (0, 0))}
    type, guards = inferred("conv2d", tensor("f64", 1, n, 3, 1), tensor("f64", window, 1, 1, 1), **attrs)
    values = {"n": size}
    holds = all(substitute(g.left.size, values) == substitute(g.right.size, values) for g in guards)
    try:
        concrete, _ = inferred("conv2d", tensor("f64", 1, size, 3, 1), tensor("f64", window, 1, 1, 1), **attrs)
    except Mismatch:
        assert not holds
        return
    assert holds and substitute(type.shape[1], values) == concrete.shape[1]
    x, k = np.zeros((1, size, 3, 1)), np.zeros((window, 1, 1, 1))
    assert run("conv2d", x, k, **attrs).shape == concrete.shape
    # The transposed convolution's size is one that the convolution takes back to where it came from.
    back, more = inferred("conv2d_transpose", tensor("f64", 1, n, 3, 1), tensor("f64", window, 1, 1, 1), **attrs)
    if all(substitute(g.left.size, values) == substitute(g.right.size, values) for g in more):
        image = tensor("f64", 1, substitute(back.shape[1], values), 3, 1)
        assert inferred("conv2d", image, tensor("f64", window, 1, 1, 1), **attrs)[0].shape[1] == size


# ---- refusals ----------------------------------------------------------------------------------------------------


def test_refusals_of_convolution():
    assert refusal("conv2d", IMAGE, kernel(3, 3), stride=0) == "`stride` must be positive, got 0"
    assert refusal("conv2d", IMAGE, kernel(3, 3), stride=(1, -2)) == "`stride` must be positive, got -2"
    assert refusal("conv2d", IMAGE, kernel(3, 3), stride=(1, 2, 3)) == (
        "`stride` must be one number or two, got [1, 2, 3]")
    assert refusal("conv2d", IMAGE, kernel(3, 3), stride=n) == (
        "`stride` must be a whole number known at check time, got n")
    assert refusal("conv2d", IMAGE, kernel(3, 3), dilation=0) == "`dilation` must be positive, got 0"
    assert refusal("conv2d", IMAGE, kernel(3, 3), groups=0) == "`groups` must be positive, got 0"
    assert refusal("conv2d", IMAGE, kernel(3, 3, 1), groups=3) == (
        "`groups` must divide the 8 channels of the result, got 3")
    assert refusal("conv2d_kernel_grad", IMAGE, tensor("f32", b, 28, 28, 8), size=(3, 3), groups=2) == (
        "`groups` must divide the 3 channels of x, got 2")
    wanted = '`pad` must be "same", "valid" or [[top, bottom], [left, right]], got '
    for pad, shown in [("full", '"full"'), (1, "1"), ((1, 1), "[1, 1]"), (((1, 1, 1), (0, 0)), "[[1, 1, 1], [0, 0]]")]:
        assert refusal("conv2d", IMAGE, kernel(3, 3), pad=pad) == wanted + shown
    assert refusal("conv2d", IMAGE, kernel(3, 3), pad=((0, 0), (-1, 0))) == "`left` must be at least 0, got -1"
    assert refusal("conv2d", tensor("f32", b, 4, 4, 3), kernel(5, 5), pad="valid") == (
        "the kernel covers 5 elements, more than the axis of size 4 has")
    assert refusal("conv2d", tensor("f32", b, 4, 4, 3), kernel(3, 3), pad=((0, 1), (0, 0)), dilation=3) == (
        "the kernel covers 7 elements (size 3, dilation 3), more than the axis of size 4 with padding 0 and 1 has")
    assert refusal("conv2d", IMAGE, kernel(0, 3)) == "the kernel must not be empty, got size 0"
    assert refusal("conv1d", tensor("f32", b, t, 3), tensor("f32", 3, 3, 8), pad=((1, 1), (0, 0))) == (
        '`pad` must be "same", "valid" or [before, after], got [[1, 1], [0, 0]]')
    assert refusal("conv1d", tensor("f32", b, t, 3), tensor("f32", 3, 3, 8), pad=(0, -1)) == (
        "`after` must be at least 0, got -1")
    with pytest.raises(Mismatch) as caught:
        inferred("conv2d", IMAGE, kernel(3, 3, 4), groups=1)
    assert (caught.value.kind, caught.value.left.size, caught.value.right.size) == ("size", 3, 4)
    assert caught.value.text == "x has 3 channels, but a kernel of 4 in each of 1 groups takes 4"
    with pytest.raises(Mismatch) as caught:
        inferred("conv2d", tensor("f32", b, 28, 28), kernel(3, 3))
    assert caught.value.kind == "rank"


def test_refusals_of_gradients_whose_sizes_do_not_belong_together():
    g = tensor("f32", b, 14, 14, 8)
    assert shape_of("conv2d_input_grad", g, kernel(3, 3), size=(28, 27), stride=2) == (b, 28, 27, 3)
    with pytest.raises(Mismatch) as caught:
        inferred("conv2d_input_grad", g, kernel(3, 3), size=(30, 28), stride=2)
    assert (caught.value.kind, caught.value.left.size, caught.value.right.size) == ("size", 15, 14)
    assert refusal("conv2d_input_grad", g, kernel(3, 3), size=(28,)) == "`size` must be a height and a width, got [28]"
    assert refusal("conv2d_kernel_grad", IMAGE, g, size=(3,)) == "`size` must be a height and a width, got [3]"
    assert refusal("sum_pool_input_grad", g, shape=(3,), size=2) == "`shape` must be a height and a width, got [3]"


def test_refusals_of_pooling():
    assert refusal("max_pool", IMAGE, size=0) == "`size` must be positive, got 0"
    assert refusal("max_pool", IMAGE, size=2, stride=0) == "`stride` must be positive, got 0"
    assert refusal("avg_pool", IMAGE, size=30) == "the window covers 30 elements, more than the axis of size 28 has"
    assert refusal("max_pool", IMAGE, size=2, pad=((2, 0), (0, 0))) == (
        "a border of 2 is as large as the window (2): some windows would see nothing else")
    assert refusal("max_pool", tensor("f32", 1, 1, 9, 1), size=2, dilation=2, pad="same") == (
        "with dilation 2 on an axis of size 1 some windows would see nothing but the border")


# ---- values ------------------------------------------------------------------------------------------------------

COMBINATIONS = [
    {"stride": stride, "dilation": dilation, "groups": groups, "pad": pad}
    for stride, dilation, groups, pad in itertools.product(
        [1, 2, (3, 1)], [1, (1, 2)], [1, 2], ["same", "valid", ((2, 0), (1, 3))])
]  # fmt: skip


@pytest.mark.parametrize("attrs", COMBINATIONS, ids=str)
@pytest.mark.parametrize("size", [(3, 2), (1, 1), (2, 4)], ids=str)
def test_convolution_and_its_gradients_are_what_their_windows_say(attrs: dict[str, Any], size: tuple[int, int]):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 6, 7, 4)), rng.standard_normal((*size, 4 // attrs["groups"], 6))
    forward = run("conv2d", x, w, **attrs)
    np.testing.assert_allclose(forward, WINDOWS["conv2d"](x, w, **attrs), rtol=1e-12, atol=1e-12)
    g = rng.standard_normal(forward.shape)
    at_x = run("conv2d_input_grad", g, w, size=(6, 7), **attrs)
    np.testing.assert_allclose(at_x, WINDOWS["conv2d_input_grad"](g, w, size=(6, 7), **attrs), rtol=1e-12, atol=1e-12)
    at_w = run("conv2d_kernel_grad", x, g, size=size, **attrs)
    np.testing.assert_allclose(at_w, WINDOWS["conv2d_kernel_grad"](x, g, size=size, **attrs), rtol=1e-12, atol=1e-12)
    assert np.sum(forward * g) == pytest.approx(np.sum(x * at_x)) == pytest.approx(np.sum(w * at_w))


def prepared(name: str, *arrays: np.ndarray, **attrs: Any) -> np.ndarray:
    """The kernel that a plan makes for these shapes, with scratch memory full of nonsense, run twice."""
    entry = TABLE[name]
    full = bind_attrs(entry, attrs)
    dtype = {"float32": "f32", "float64": "f64"}[arrays[0].dtype.name]
    types = [tensor(dtype, *a.shape) for a in arrays]
    out_type, _ = inferred(name, *types, **attrs)
    special = entry.specialise(out_type, *types, **full)  # type: ignore[misc]
    scratch = np.full(special.scratch_bytes, 255, np.uint8)  # type: ignore[attr-defined]
    for _ in range(2):
        out = np.full(out_type.shape, np.nan, arrays[0].dtype)
        special(*arrays, out, scratch)
        scratch.fill(255)
    return out


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_prepared_kernels_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch, channels: int, dtype: str):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, 5, 6, channels)).astype(dtype)
    w = rng.standard_normal((3, 2, channels, 3)).astype(dtype)
    attrs = {"stride": (2, 1), "pad": ((1, 1), (0, 1))}
    g = rng.standard_normal(run("conv2d", x, w, **attrs).shape).astype(dtype)
    calls: list[tuple[str, tuple[np.ndarray, ...], dict[str, Any]]] = [
        ("conv2d", (x, w), {}), ("conv2d_input_grad", (g, w), {"size": (5, 6)}),
        ("conv2d_kernel_grad", (x, g), {"size": (3, 2)}),
    ]  # fmt: skip
    expected = [WINDOWS[name](*arrays, dilation=1, groups=1, **more, **attrs) for name, arrays, more in calls]
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for rows, block_bytes in [(1, 1), (40, 1), (1, 4000), (512, 1 << 20)]:
        monkeypatch.setattr(columns, "BLOCK_ROWS", rows)
        for module in (columns, rowwise):
            monkeypatch.setattr(module, "BLOCK_BYTES", block_bytes)
        for way in ("columns", "rows"):
            take(monkeypatch, way)
            for (name, arrays, more), value in zip(calls, expected):
                got = prepared(name, *arrays, **more, **attrs)
                np.testing.assert_allclose(got, value, rtol=tolerance, atol=tolerance * 10)


def take(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Has all convolutions computed in one way."""
    monkeypatch.setattr(gemm_convolution, "_fastest", lambda ways: next(w for w in ways if w.name == name).make())


@pytest.mark.parametrize("way", ["columns", "rows"])
@pytest.mark.parametrize("channels", [3, 12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "attrs",
    [
        {}, {"stride": 2}, {"stride": (3, 1)}, {"stride": (1, 3), "dilation": (1, 2)}, {"dilation": 2},
        {"stride": 2, "dilation": 3}, {"pad": "valid"}, {"stride": 4, "pad": "valid"}, {"pad": ((3, 4), (0, 3))},
        {"groups": 2, "stride": (1, 2)},
    ],
)  # fmt: skip
def test_both_ways_to_convolve_give_what_windows_say(
    monkeypatch: pytest.MonkeyPatch, attrs: dict[str, Any], dtype: str, channels: int, way: str
):
    take(monkeypatch, way)
    monkeypatch.setattr(rowwise, "PIECES_BYTES", 3000)  # some sums of products in stacks, some one by one
    monkeypatch.setattr(rowwise, "small_product", lambda: 3000)
    rng = np.random.default_rng(0)
    groups = attrs.get("groups", 1)
    x = rng.standard_normal((5, 7, 8, channels * groups)).astype(dtype)
    w = rng.standard_normal((3, 3, channels, 4 * groups)).astype(dtype)
    full = {"stride": 1, "dilation": 1, "groups": 1, "pad": "same", **attrs}
    g = rng.standard_normal(run("conv2d", x, w, **attrs).shape).astype(dtype)
    calls: list[tuple[str, tuple[np.ndarray, ...], dict[str, Any]]] = [
        ("conv2d", (x, w), {}), ("conv2d_input_grad", (g, w), {"size": (7, 8)}),
        ("conv2d_kernel_grad", (x, g), {"size": (3, 3)}),
    ]  # fmt: skip
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for name, arrays, more in calls:
        expected = WINDOWS[name](*arrays, **more, **full)
        np.testing.assert_allclose(
            prepared(name, *arrays, **more, **full), expected, rtol=tolerance, atol=tolerance * 30
        )


@pytest.mark.parametrize("stride", [1, 2, (1, 3)])
@pytest.mark.parametrize("dilation", [1, (1, 2), 3])
def test_what_lies_in_borders_is_not_multiplied(stride: Any, dilation: Any):
    windows = windows_2d((7, 7), (5, 5), stride, dilation, "same")
    needed = sum(1 for _ in touches((7, 7), (5, 5), stride, dilation, "same"))
    for plan in (rowwise.forward(64, windows, 8, 16, 4), rowwise.backward(64, windows, 8, 16, 4)):
        rows = sum(term.rows for terms in plan.terms for term in terms)
        assert rows * sum(stripe.count * stripe.window for stripe in plan.stripes) == needed < 49 * 25


def test_products_are_small_where_that_leaves_enough_rows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rowwise, "small_product", lambda: 10**6)

    def cut(size: int, channels: int, outs: int, images: int = 50) -> tuple[int, int, int]:
        plan = rowwise.forward(images, windows_2d((size, size), (3, 3), 1, 1, "same"), channels, outs, 4)
        block, pieces = rowwise.blocking(plan)
        return block, pieces, size * block * 3 * channels * outs // pieces

    assert cut(14, 32, 64) == (10, 1, 860_160)
    assert cut(7, 128, 256) == (10, 8, 860_160)
    assert cut(112, 32, 64) == (1, 1, 688_128)
    block, pieces, product = cut(7, 2048, 2048)
    assert (block, pieces) == (3, 1) and product > 10**6  # no piece of it would be small
    monkeypatch.setattr(rowwise, "small_product", lambda: 0)
    assert cut(14, 32, 64)[:2] == (25, 1)  # as many as fit into a block


@given(
    st.integers(1, 12), st.integers(1, 6), st.integers(1, 5), st.integers(1, 4),
    st.one_of(st.sampled_from(["same", "valid"]), st.tuples(st.integers(0, 7), st.integers(0, 7))),
)  # fmt: skip
@settings(max_examples=400, deadline=None, derandomize=True)
def test_runs_say_what_each_place_sees(size: int, window: int, stride: int, dilation: int, pad: Any):
    along = windows_of(size, window, stride, dilation, pad)
    if along.count < 1:
        return
    pairs = {(o, i, y) for (o, _), (i, _), (y, _) in touches((size, 1), (window, 1), (stride, 1), (dilation, 1),
             pad if isinstance(pad, str) else (pad, (0, 0)))}  # fmt: skip

    def said(runs: list[Run], of: int) -> tuple[list[int], list[tuple[int, int, int]]]:
        places, triples = [], []
        for each in runs:
            ours, taps = list(range(of)[each.places]), list(range(window)[each.taps])
            assert (each.count, each.window) == (len(ours), len(taps)) and (each.is_inside or not taps)
            places += ours
            triples += [(p, tap, each.first + a * each.along + b * each.between)
                        for a, p in enumerate(ours) for b, tap in enumerate(taps)]  # fmt: skip
        return sorted(places), triples

    places, triples = said(along.forward(), along.count)
    assert places == list(range(along.count)) and len(triples) == len(pairs) and set(triples) == pairs
    places, triples = said(along.backward(), size)
    turned = {(y, window - 1 - i, o) for o, i, y in pairs}
    assert places == list(range(size)) and len(triples) == len(pairs) and set(triples) == turned


def test_long_axes_take_no_time_to_plan():
    along = windows_of(10**8, 1000, 1, 1, "same")
    assert len(along.forward()) == len(along.backward()) == 1000


def test_images_without_rows():
    x, w = np.zeros((2, 0, 5, 4)), np.ones((3, 3, 4, 4))
    assert run("conv2d", x, w).shape == (2, 0, 5, 4)
    assert run("conv2d_input_grad", x, w, size=(0, 5)).shape == (2, 0, 5, 4)
    np.testing.assert_array_equal(run("conv2d_kernel_grad", x, x, size=(3, 3)), np.zeros((3, 3, 4, 4)))


def test_blocks_cover_all_images_and_stay_small():
    type, k = tensor("f32", 50, 28, 28, 16), tensor("f32", 3, 3, 16, 32)
    out, _ = inferred("conv2d", type, k)
    special = TABLE["conv2d"].specialise(out, type, k, stride=1, dilation=1, groups=1, pad="same")
    all_columns = 50 * 28 * 28 * 9 * 16 * 4
    assert special.scratch_bytes < all_columns / 5


def test_a_kernel_of_one_element_needs_no_columns():
    type, k = tensor("f32", 50, 28, 28, 16), tensor("f32", 1, 1, 16, 32)
    out, _ = inferred("conv2d", type, k)
    assert TABLE["conv2d"].specialise(out, type, k, stride=1, dilation=1, groups=1, pad="same").scratch_bytes == 0


def test_causal_convolution_sees_only_the_past():
    x = np.zeros((1, 8, 1))
    x[0, 4] = 1
    w = np.arange(1.0, 4.0).reshape(3, 1, 1)
    got = run("conv1d", x, w, dilation=2, pad=(4, 0))[0, :, 0]
    np.testing.assert_array_equal(got, [0, 0, 0, 0, 3, 0, 2, 0])


def test_same_puts_the_odd_border_element_at_the_end():
    x, w = np.arange(1.0, 5.0).reshape(1, 4, 1, 1), np.ones((2, 1, 1, 1))
    np.testing.assert_array_equal(run("conv2d", x, w)[0, :, 0, 0], [3, 5, 7, 4])
    odd = np.ones((3, 1, 1, 1))
    np.testing.assert_array_equal(run("conv2d", x, odd, stride=2)[0, :, 0, 0], [6, 7])


# ---- gradients of any order --------------------------------------------------------------------------------------


def test_convolutions_gradients_are_made_of_convolutions():
    x, w = leaf("x", b, 8, 8, 2), leaf("w", 3, 3, 2, 4)
    y = apply("conv2d", [x, w], {"stride": 2})
    loss = apply("sum", [y * y * y])
    (at_x,) = gradient(loss, [x])
    (at_w,) = gradient(apply("sum", [at_x * at_x]), [w])
    (third,) = gradient(apply("sum", [at_w * at_w]), [x])
    ops = {node.op for node in topological([third])}
    assert {"conv2d", "conv2d_input_grad", "conv2d_kernel_grad"} <= ops
    assert third.type == x.type
    assert not any("grad" in op and not op.startswith("conv2d_") for op in ops)


def test_a_gradient_penalty_through_convolution_and_pooling():
    """As in wgan.gdl: the loss holds the norm of a gradient. Against differences of the loss itself."""
    rng = np.random.default_rng(0)
    x, w = leaf("x", 2, 6, 6, 1), leaf("w", 3, 3, 1, 3)
    y = apply("conv2d", [x, w], {})
    pooled = apply("max_pool", [apply("tanh", [y])], {"size": 2})
    smooth = apply("avg_pool", [pooled], {"size": 2, "stride": 1, "pad": "same"})
    (slope,) = gradient(apply("sum", [smooth * smooth]), [x])
    penalty = apply("sum", [slope * slope])
    (at_w,) = gradient(penalty, [w])
    feeds = {"x": rng.standard_normal((2, 6, 6, 1)), "w": rng.standard_normal((3, 3, 1, 3))}
    direction = rng.standard_normal((3, 3, 1, 3))

    def at(step: float) -> float:
        return float(evaluate([penalty], {**feeds, "w": feeds["w"] + step * direction})[0])

    h = 1e-5
    expected = (at(h) - at(-h)) / (2 * h)
    assert np.sum(evaluate([at_w], feeds)[0] * direction) == pytest.approx(expected, rel=1e-6)


# ---- pooling -----------------------------------------------------------------------------------------------------


def slope_of_sum(name: str, data: np.ndarray, **attrs: Any) -> np.ndarray:
    x: Node = leaf("x", *data.shape)
    (g,) = gradient(apply("sum", [apply(name, [x], attrs)]), [x])
    return evaluate([g], {"x": data})[0][0, :, :, 0]


def image(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows, np.float64)[None, :, :, None]


def test_of_equal_elements_the_first_takes_the_gradient():
    np.testing.assert_array_equal(slope_of_sum("max_pool", image([[1, 2], [2, 2]]), size=2), [[0, 1], [0, 0]])
    flat = slope_of_sum("max_pool", np.zeros((1, 2, 4, 1)), size=2)
    np.testing.assert_array_equal(flat, [[1, 0, 1, 0], [0, 0, 0, 0]])
    overlapping = slope_of_sum("max_pool", image([[0, 5, 0]]), size=(1, 2), stride=1)
    np.testing.assert_array_equal(overlapping, [[0, 2, 0]])


def test_borders_take_no_part():
    x = image([[-3, -1], [-2, -4]])
    greatest = run("max_pool", x, size=3, stride=1, pad="same")
    np.testing.assert_array_equal(greatest[0, :, :, 0], [[-1, -1], [-1, -1]])
    mean = run("avg_pool", x, size=2, stride=1, pad="same")
    np.testing.assert_array_equal(mean[0, :, :, 0], [[-2.5, -2.5], [-3, -4]])
    whole = run("max_pool", np.full((1, 2, 2, 1), -7), size=2, stride=1, pad=((1, 0), (1, 0)))
    np.testing.assert_array_equal(whole, np.full((1, 2, 2, 1), -7))


def test_nan_and_infinities_in_pools():
    x = image([[np.nan, 1, -np.inf, -np.inf], [0, np.nan, -np.inf, -np.inf]])
    np.testing.assert_array_equal(run("max_pool", x, size=2)[0, :, :, 0], [[np.nan, -np.inf]])
    np.testing.assert_array_equal(run("argmax_pool", x, size=2)[0, :, :, 0], [[0, 2]])
    low = np.full((1, 3, 3, 1), -np.inf)
    places = run("argmax_pool", low, size=2, stride=1, dilation=2, pad=((1, 0), (1, 0)))[0, :, :, 0]
    np.testing.assert_array_equal(places, [[4, 3], [1, 0]])
