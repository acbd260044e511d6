"""HIPS autograd: NumPy with a tape. It has no convolutions, so only the workloads without are here."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import autograd.numpy as np
from autograd import value_and_grad

from benchmarks.workloads import Arrays, Workload


def load(workload: Workload, weights: Arrays, data: Arrays) -> Callable[[], float]:
    if not workload.batch:
        a, b, c = [data[name] for name in "abc"]
        run = value_and_grad(lambda v: np.sum(np.tanh(v[0] * v[1] + v[2]) * v[0] - v[1]))
        return lambda: float(run((a, b, c))[0])
    loss, lr = _LOSSES[workload.key]
    batches = cycle(workload.batches(data))
    trained = {path: a.copy() for path, a in weights.items() if not path.endswith(("/mean", "/variance"))}
    run = value_and_grad(loss)

    def step() -> float:
        value, gradients = run(trained, next(batches))
        for path, gradient in gradients.items():
            trained[path] -= lr * gradient
        return float(value)

    return step


def _cross_entropy(logits: Any, labels: Any) -> Any:
    z = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]


def _logistic(p: Any, batch: Arrays) -> Any:
    losses = _cross_entropy(batch["x"] @ p["W"] + p["b"], batch["y"])
    return np.mean(losses) + 1e-3 * 0.5 * np.sum(p["W"] ** 2)


def _mlp(p: Any, batch: Arrays) -> Any:
    x = batch["x"]
    for i in range(sum(path.endswith("fc/w") for path in p)):
        x = x @ p[f"model/hidden.{i}/fc/w"]
        deviation = x - np.mean(x, axis=0)
        x = deviation / np.sqrt(np.mean(deviation**2, axis=0) + 1e-5)
        x = p[f"model/hidden.{i}/bn/scale"] * x + p[f"model/hidden.{i}/bn/shift"]
        x = 0.5 * (np.tanh(0.5 * x) + 1)
    return np.sum(_cross_entropy(x @ p["model/out/w"] + p["model/out/b"], batch["y"]))


_LOSSES: dict[str, tuple[Callable[..., Any], float]] = {"W1": (_logistic, 0.5), "W2": (_mlp, 0.01)}
