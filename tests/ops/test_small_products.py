"""When products are cut small."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gdl.ops import small_products


def asked(monkeypatch: pytest.MonkeyPatch, has_avx512: bool, blas: str = "scipy-openblas", kernels: str = "") -> int:
    """What is answered with a processor's features, a BLAS, and kernels that the environment asks for."""
    numpy = SimpleNamespace(
        show_config=lambda mode: {"Build Dependencies": {"blas": {"name": blas}}},
        _core=SimpleNamespace(_multiarray_umath=SimpleNamespace(__cpu_features__={"AVX512_SKX": has_avx512})),
    )
    monkeypatch.setattr(small_products, "np", numpy)
    monkeypatch.setenv("OPENBLAS_CORETYPE", kernels)
    return small_products.small_product.__wrapped__()


def test_products_are_cut_small_where_openblas_has_kernels_for_it(monkeypatch: pytest.MonkeyPatch):
    assert asked(monkeypatch, True) == asked(monkeypatch, True, kernels="SkylakeX") == 10**6
    for none in (
        asked(monkeypatch, False),
        asked(monkeypatch, True, "accelerate"),
        asked(monkeypatch, True, "openblas", "Haswell"),
    ):
        assert none == 0
