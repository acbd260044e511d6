"""The workloads: for each a GDL program, and the data that all peers get. Nothing here but the data is random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PROGRAMS = Path(__file__).parent / "programs"
#: Batches that every peer cycles through.
BATCHES = 8
#: Losses of two peers agree where they differ by less than this, relatively: the first, and that after three steps.
TOLERANCES = (1e-5, 1e-3)

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Workload:
    """What is run. `batch` records make a step's batch, of which it takes `draws`; 0: nothing is trained, and the data
    are placeholders."""

    key: str
    title: str
    file: str
    batch: int
    make: Callable[[np.random.Generator, int], Arrays]
    draws: int = 1

    @property
    def program(self) -> Path:
        return PROGRAMS / self.file

    def data(self) -> Arrays:
        """All records, or what the placeholders are fed with."""
        return self.make(np.random.default_rng(20261123), self.batch * BATCHES)

    def batches(self, data: Arrays) -> list[Arrays]:
        """The batches, in the order in which GDL draws them."""
        starts = range(0, self.batch * BATCHES, self.batch)
        return [{name: array[start : start + self.batch] for name, array in data.items()} for start in starts]


def _digits(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> Arrays:
    """Records like those of MNIST: a fifth of the pixels lit, ten classes."""
    pixels = rng.random((count, *shape), np.float32) * (rng.random((count, *shape)) < 0.2)
    return {"x": pixels.astype(np.float32), "y": rng.integers(0, 10, count)}


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def _flat(rng: np.random.Generator, count: int) -> Arrays:
    return _digits(rng, count, (784,))


def _images(rng: np.random.Generator, count: int) -> Arrays:
    return _digits(rng, count, (28, 28, 1))


def _binary(rng: np.random.Generator, count: int) -> Arrays:
    lit = rng.random((count, 28, 28, 1)) < 0.2
    return {"x": lit.astype(np.float32), "noise": _normal(rng, count, 2)}


def _reals(rng: np.random.Generator, count: int) -> Arrays:
    return {"x": 2 * _images(rng, count)["x"] - 1, "noise": _normal(rng, count, 100)}


def _sequences(rng: np.random.Generator, count: int) -> Arrays:
    return {"x": _normal(rng, count, 64, 128), "y": _normal(rng, count, 64, 128)}


def _vectors(*shape: int) -> Callable[[np.random.Generator, int], Arrays]:
    return lambda rng, count: {name: np.asarray(_normal(rng, *shape)) for name in "abc"}


WORKLOADS = {
    w.key: w
    for w in (
        Workload("W1", "logistic regression 784-10, batch 100, SGD, L2", "w1_logistic.gdl", 100, _flat),
        Workload("W2", "MLP 784-100-100-10, batch norm, sigmoid, batch 50, SGD", "w2_mlp.gdl", 50, _flat),
        Workload("W3", "convolutional net, batch 50, Adam", "w3_convnet.gdl", 50, _images),
        Workload("W4", "convolutional VAE, batch 32, Adam", "w4_vae.gdl", 32, _binary),
        Workload("W5", "DCGAN, both updates, batch 64, Adam", "w5_dcgan.gdl", 64, _reals, draws=2),
        Workload("W6", "transformer block, width 128, 64 places, 4 heads, batch 16, Adam", "w6_transformer.gdl", 16,
                 _sequences),
        Workload("W7", "five scalar nodes, value and 3 gradients", "w7_scalars.gdl", 0, _vectors()),
        Workload("W7v", "six nodes on vectors of 32, value and 3 gradients", "w7v_vectors.gdl", 0, _vectors(32)),
    )
}  # fmt: skip
