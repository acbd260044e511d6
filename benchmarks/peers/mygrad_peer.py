"""MyGrad: NumPy with a tape. Without convolutions, as autograd."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import mygrad as mg
from mygrad.nnet.activations import sigmoid
from mygrad.nnet.losses import softmax_crossentropy

from benchmarks.workloads import Arrays, Workload


def load(workload: Workload, weights: Arrays, data: Arrays) -> Callable[[], float]:
    if not workload.batch:
        return _expression(data)
    loss, lr = _LOSSES[workload.key]
    batches = cycle(workload.batches(data))
    trained = {path: mg.tensor(a) for path, a in weights.items() if not path.endswith(("/mean", "/variance"))}

    def step() -> float:
        value = loss(trained, next(batches))
        value.backward()
        for tensor in trained.values():
            tensor.data -= lr * tensor.grad
        return float(value)

    return step


def _expression(data: Arrays) -> Callable[[], float]:
    a, b, c = [mg.tensor(data[name]) for name in "abc"]

    def step() -> float:
        value = (mg.tanh(a * b + c) * a - b).sum()
        value.backward()
        return float(value)

    return step


def _logistic(p: Any, batch: Arrays) -> Any:
    loss = softmax_crossentropy(mg.matmul(batch["x"], p["W"]) + p["b"], batch["y"])
    return loss + 1e-3 * 0.5 * (p["W"] ** 2).sum()


def _mlp(p: Any, batch: Arrays) -> Any:
    x = batch["x"]
    for i in range(sum(path.endswith("fc/w") for path in p)):
        x = mg.matmul(x, p[f"model/hidden.{i}/fc/w"])
        deviation = x - x.mean(axis=0)
        x = deviation / mg.sqrt((deviation**2).mean(axis=0) + 1e-5)
        x = sigmoid(p[f"model/hidden.{i}/bn/scale"] * x + p[f"model/hidden.{i}/bn/shift"])
    return len(batch["y"]) * softmax_crossentropy(mg.matmul(x, p["model/out/w"]) + p["model/out/b"], batch["y"])


_LOSSES: dict[str, tuple[Callable[..., Any], float]] = {"W1": (_logistic, 0.5), "W2": (_mlp, 0.01)}
