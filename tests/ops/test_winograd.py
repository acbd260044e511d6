"""Convolutions by pairs of rows: what the plain way gives, within rounding, and only where they save time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from gdl.ops import gemm_convolution, rowwise
from gdl.ops.gemm_convolution import convolve, convolve_back, correlate
from tests.ops.test_structure import run
from tests.ops.test_windows import prepared, take
from tests.ops.windows import WINDOWS

PLAIN = {"stride": 1, "dilation": 1, "pad": "same"}


def three(x: np.ndarray, w: np.ndarray, **attrs: Any) -> list[tuple[str, tuple[np.ndarray, ...], dict[str, Any]]]:
    """A convolution and its two gradients."""
    g = np.random.default_rng(1).standard_normal(run("conv2d", x, w, **attrs).shape).astype(x.dtype)
    return [
        ("conv2d", (x, w), {}),
        ("conv2d_input_grad", (g, w), {"size": x.shape[1:3]}),
        ("conv2d_kernel_grad", (x, g), {"size": w.shape[:2]}),
    ]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has all convolutions take pairs of rows; that there are none is an error."""
    take(monkeypatch, "pairs")


@pytest.mark.parametrize("block_bytes", [1, 20_000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "attrs",
    [
        {}, {"pad": "valid"}, {"dilation": (1, 2)}, {"pad": ((0, 1), (2, 0))}, {"pad": ((4, 3), (5, 6))},
        {"pad": ((1, 0), (0, 3)), "dilation": (1, 3)}, {"groups": 2}, {"stride": 2}, {"stride": (2, 3), "pad": "valid"},
        {"stride": (2, 1), "pad": ((4, 3), (1, 0))}, {"stride": (2, 1), "dilation": (2, 1)},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("sizes", [(14, 8, 3, 3), (13, 5, 5, 1), (11, 4, 4, 2), (16, 4, 7, 1)], ids=str)
def test_pairs_of_rows_give_what_windows_say(
    always: None, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int, int, int], attrs: dict[str, Any],
    dtype: str, block_bytes: int,
):  # fmt: skip
    monkeypatch.setattr(rowwise, "BLOCK_BYTES", block_bytes)
    rng, (height, width, down, across) = np.random.default_rng(0), sizes
    x = rng.standard_normal((5, height, width, 4 * attrs.get("groups", 1))).astype(dtype)
    w = rng.standard_normal((down, across, 4, 6)).astype(dtype)
    full = {**PLAIN, "groups": 1, **attrs}
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    for name, arrays, more in three(x, w, **full):
        got = prepared(name, *arrays, **more, **full)
        np.testing.assert_allclose(got, WINDOWS[name](*arrays, **more, **full), rtol=tolerance, atol=tolerance * 30)


@pytest.mark.parametrize("size, stride", [(2, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
def test_pairs_of_rows_lose_about_as_many_digits_as_plain_products(always: None, size: int, stride: int):
    rng, attrs = np.random.default_rng(0), {**PLAIN, "stride": stride, "groups": 1}
    x, w = rng.standard_normal((8, 14, 14, 32), np.float32), rng.standard_normal((size, size, 32, 64), np.float32)
    for name, arrays, more in three(x, w, **attrs):
        exact = prepared(name, *[a.astype(np.float64) for a in arrays], **more, **attrs)
        by_pairs = prepared(name, *arrays, **more, **attrs)
        assert np.max(np.abs(by_pairs - exact)) < 1e-6 * np.max(np.abs(exact))


def test_what_is_not_finite_stays_where_it_is(always: None):
    x, w = np.ones((1, 8, 8, 4), np.float32), np.ones((3, 3, 4, 4), np.float32)
    x[0, 3, 3] = np.inf
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(run("conv2d", x, w))[0, :, :, 0]
    rows, columns = np.nonzero(~finite)
    assert set(zip(rows.tolist(), columns.tolist())) == {(i, j) for i in (2, 3, 4) for j in (2, 3, 4)}


def test_pairs_of_rows_are_taken_where_they_save_time(monkeypatch: pytest.MonkeyPatch):
    taken: list[str] = []

    def noted(ways: Sequence[gemm_convolution.Way]) -> gemm_convolution.Kernel:
        best = min(ways, key=lambda way: way.cost_ns)
        taken.append(best.name)
        return best.make()

    monkeypatch.setattr(gemm_convolution, "_fastest", noted)

    def takes(kernel: tuple[int, ...], images: int = 50, rows: int = 14, item_bytes: int = 4, **attrs: Any) -> list:
        x, attrs = (images, rows, 14, kernel[2] * attrs.get("groups", 1)), {**PLAIN, "groups": 1, **attrs}
        taken.clear()
        for way in (convolve, convolve_back, correlate):
            made = way(x, kernel, item_bytes, **attrs)
            assert made.scratch_bytes < 6e6  # type: ignore[attr-defined]
        return taken

    for sizes in ((3, 3, 32, 64), (3, 3, 64, 32), (3, 1, 128, 64), (3, 3, 24, 24), (5, 5, 32, 64)):
        assert takes(sizes) == ["pairs"] * 3
        assert takes(sizes, item_bytes=8) == ["pairs"] * 3
    assert takes((5, 5, 64, 128), stride=2) == ["pairs"] * 3
    assert takes((1, 3, 32, 64)) == ["rows"] * 3
    assert takes((3, 3, 1, 512)) == ["columns"] * 3
    for attrs in ({"stride": 3}, {"dilation": 2}):
        assert takes((3, 3, 32, 64), **attrs) == ["rows"] * 3
    assert "pairs" not in takes((3, 3, 64, 64), images=1, rows=2)  # the kernel is most of the work
