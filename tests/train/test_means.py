"""Means are exact: weighted by examples, in float64, counted for booleans."""

import json

import numpy as np
import pytest

from gdl.train.means import Mean, Tally


def mean_of(values: np.ndarray, batch: int) -> float:
    mean = Mean()
    for start in range(0, len(values), batch):
        part = values[start : start + batch]
        mean.add(part, len(part))
    return mean.value


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_share_is_exact_whatever_the_batch(batch: int) -> None:
    hits = np.random.default_rng(0).random(1000) < 0.3
    assert mean_of(hits, batch) == np.count_nonzero(hits) / 1000


@pytest.mark.parametrize("batch", [1, 7, 64, 1000])
def test_float32_is_summed_in_float64(batch: int) -> None:
    values = np.random.default_rng(1).random((1000, 5)).astype(np.float32) + np.float32(4096)
    assert mean_of(values, batch) == pytest.approx(values.astype(np.float64).mean(), rel=1e-14)


def test_scalars_are_weighted_by_their_examples() -> None:
    mean = Mean()
    mean.add(np.float32(1.0), 3)
    mean.add(5.0, 1)
    assert mean.value == 2.0


def test_empty_tensors_add_nothing() -> None:
    mean = Mean()
    mean.add(np.zeros((0, 3)), 0)
    assert np.isnan(mean.value)


def test_tally_takes_means_since_the_last_time() -> None:
    tally = Tally((("loss", 0, 0), ("accuracy", 1, 2)))
    tally.add(0, [np.float32(2.0)], 4)
    tally.add(0, [np.float32(4.0)], 4)
    assert tally.is_pending
    assert tally.take() == {"loss": 3.0}  # the other `minimize` has not run yet
    tally.add(1, [0.0, 0.0, np.array([True, False])], 2)
    assert tally.take() == {"accuracy": 0.5}
    assert not tally.is_pending


def test_tally_survives_json_bit_for_bit() -> None:
    values = np.random.default_rng(2).random(21)
    whole, first, second = (Tally((("a", 0, 0),)) for _ in range(3))
    for value in values:
        whole.add(0, [value], 3)
    for value in values[:9]:
        first.add(0, [value], 3)
    second.restore(json.loads(json.dumps(first.dump())))
    for value in values[9:]:
        second.add(0, [value], 3)
    assert second.take() == whole.take()
