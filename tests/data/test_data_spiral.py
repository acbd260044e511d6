"""The spiral."""

from __future__ import annotations

import numpy as np

from gdl.train.data import open_data
from gdl.types.record import FieldType, SourceCall


def spiral(options, **keywords):
    return open_data([SourceCall("spiral", (), keywords)], options)


def test_fields_and_order(options):
    opened = spiral(options, points=50, classes=4)
    assert opened.header.fields == {"pos": FieldType("f32", (2,)), "arm": FieldType("i64", ())}
    assert opened.header.splits == {"": 200} and opened.header.attributes == {"classes": 4}
    assert opened.split()["arm"].tolist() == sorted(list(range(4)) * 50)


def test_without_noise_it_is_the_formula(options):
    pos = spiral(options, points=11, classes=2, noise=0.0).split()["pos"]
    radius = np.arange(11) / 10
    for arm in (0, 1):
        angle = 4 * (arm + radius)
        expected = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
        assert np.allclose(pos[11 * arm : 11 * (arm + 1)], expected, atol=1e-7)


def test_noise_turns_and_keeps_the_radius(options):
    rough = spiral(options, points=1000).split()["pos"].astype(float)
    smooth = spiral(options, points=1000, noise=0.0).split()["pos"].astype(float)
    assert np.allclose(np.hypot(*rough.T), np.hypot(*smooth.T), atol=1e-6)
    inner = np.hypot(*smooth.T) > 0.01
    turned = np.angle((rough @ [1, 1j] / np.where(inner, smooth @ [1, 1j], 1))[inner])
    assert abs(turned.std() - 0.2) < 0.01 and abs(turned.mean()) < 0.02


def test_the_seed_decides(options):
    first, again, other = (spiral(options, seed=seed).split()["pos"] for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_one_point(options):
    assert spiral(options, points=1, classes=1).split()["pos"].tolist() == [[0, 0]]
