"""JAX: each step one jitted function, its old weights donated. Adam is written out, for JAX has no optimizers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.workloads import Arrays, Workload

Tree = dict[str, Any]
Loss = Callable[[Tree, Tree, Tree], tuple[Any, Tree]]  # weights, statistics, batch -> loss, new statistics

_IMAGES = ("NHWC", "HWIO", "NHWC")


def load(workload: Workload, weights: Arrays, data: Arrays) -> Callable[[], float]:
    if not workload.batch:
        return _expression(data)
    batches = cycle([{name: jnp.asarray(a) for name, a in batch.items()} for batch in workload.batches(data)])
    if workload.key == "W5":
        return _dcgan(weights, batches)
    loss, update = _LOSSES[workload.key], _UPDATES[workload.key]
    trained, statistics = _split(weights)
    carried = (trained, statistics, update.start(trained))

    def run(carried: Any, batch: Tree) -> Any:
        trained, statistics, memory = carried
        (value, statistics), gradients = jax.value_and_grad(loss, has_aux=True)(trained, statistics, batch)
        trained, memory = update.apply(trained, gradients, memory)
        return (trained, statistics, memory), value

    run = jax.jit(run, donate_argnums=0)

    def step() -> float:
        nonlocal carried
        carried, value = run(carried, next(batches))
        return float(value)

    return step


def _split(weights: Arrays) -> tuple[Tree, Tree]:
    """Trained weights, and running statistics."""
    kept = {path: jnp.array(a) for path, a in weights.items() if path.endswith(("/mean", "/variance"))}
    return {path: jnp.array(a) for path, a in weights.items() if path not in kept}, kept


# ---- update rules ----------------------------------------------------------------------------------------------------


class _Sgd:
    def __init__(self, lr: float):
        self.lr = lr

    def start(self, weights: Tree) -> Any:
        return ()

    def apply(self, weights: Tree, gradients: Tree, memory: Any) -> tuple[Tree, Any]:
        return jax.tree.map(lambda w, g: w - self.lr * g, weights, gradients), memory


class _Adam(_Sgd):
    def start(self, weights: Tree) -> Any:
        return jnp.zeros(()), jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights)

    def apply(self, weights: Tree, gradients: Tree, memory: Any) -> tuple[Tree, Any]:
        t, m, v = memory
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
        by_m, by_v = self.lr / (1 - 0.9**t), 1 / (1 - 0.999**t)
        weights = jax.tree.map(lambda w, m, v: w - by_m * m / (jnp.sqrt(v * by_v) + 1e-8), weights, m, v)
        return weights, (t, m, v)


# ---- layers ----------------------------------------------------------------------------------------------------------


def _normalise(p: Tree, kept: Tree, path: str, x: Any) -> tuple[Any, Tree]:
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    kept = kept | {
        f"{path}/mean": 0.9 * kept[f"{path}/mean"] + 0.1 * mean,
        f"{path}/variance": 0.9 * kept[f"{path}/variance"] + 0.1 * variance,
    }
    return p[f"{path}/scale"] * ((x - mean) * lax.rsqrt(variance + 1e-5)) + p[f"{path}/shift"], kept


def _conv(x: Any, kernel: Any, stride: int = 1, pad: str = "SAME") -> Any:
    return lax.conv_general_dilated(x, kernel, (stride, stride), pad, dimension_numbers=_IMAGES)


def _conv_transpose(x: Any, kernel: Any, stride: int = 1) -> Any:
    return lax.conv_transpose(x, kernel, (stride, stride), "SAME", dimension_numbers=_IMAGES, transpose_kernel=True)


def _cross_entropy(logits: Any, labels: Any) -> Any:
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)
    return -chosen[:, 0]


def _sigmoid_cross_entropy(logits: Any, labels: Any) -> Any:
    return jnp.maximum(logits, 0) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))


# ---- the workloads ---------------------------------------------------------------------------------------------------


def _logistic(p: Tree, kept: Tree, batch: Tree) -> tuple[Any, Tree]:
    losses = _cross_entropy(batch["x"] @ p["W"] + p["b"], batch["y"])
    return losses.mean() + 1e-3 * 0.5 * (p["W"] ** 2).sum(), kept


def _mlp(p: Tree, kept: Tree, batch: Tree) -> tuple[Any, Tree]:
    x = batch["x"]
    for i in range(sum(path.endswith("fc/w") for path in p)):
        x, kept = _normalise(p, kept, f"model/hidden.{i}/bn", x @ p[f"model/hidden.{i}/fc/w"])
        x = jax.nn.sigmoid(x)
    return _cross_entropy(x @ p["model/out/w"] + p["model/out/b"], batch["y"]).sum(), kept


def _convnet(p: Tree, kept: Tree, batch: Tree) -> tuple[Any, Tree]:
    x = batch["x"]
    for block, stride in (("b1", 1), ("b2", 2), ("b3", 1), ("b4", 2), ("b5", 2)):
        x, kept = _normalise(p, kept, f"model/{block}/bn", _conv(x, p[f"model/{block}/conv/kernel"], stride))
        x = jax.nn.relu(x)
    return _cross_entropy(x.mean((1, 2)) @ p["model/head/w"] + p["model/head/b"], batch["y"]).mean(), kept


def _vae(p: Tree, kept: Tree, batch: Tree) -> tuple[Any, Tree]:
    s = jax.nn.relu(_conv(batch["x"], p["enc/conv1/kernel"], 2, "VALID") + p["enc/conv1/shift"])
    s = jax.nn.relu(_conv(s, p["enc/conv2/kernel"], 2, "VALID") + p["enc/conv2/shift"])
    mu, logvar = jnp.split(s.reshape(len(s), -1) @ p["enc/out/w"] + p["enc/out/b"], 2, axis=1)
    z = mu + jnp.exp(logvar / 2) * batch["noise"]
    y = jax.nn.relu(z @ p["dec/fc/w"] + p["dec/fc/b"]).reshape(-1, 7, 7, 32)
    y = jax.nn.relu(_conv_transpose(y, p["dec/up1/kernel"], 2) + p["dec/up1/shift"])
    y = jax.nn.relu(_conv_transpose(y, p["dec/up2/kernel"], 2) + p["dec/up2/shift"])
    y = _conv_transpose(y, p["dec/up3/kernel"]) + p["dec/up3/shift"]
    recon = _sigmoid_cross_entropy(y, batch["x"]).sum((1, 2, 3))
    kl = -0.5 * (1 + logvar - mu**2 - jnp.exp(logvar)).sum(1)
    return (recon + kl).mean(), kept


def _transformer(p: Tree, kept: Tree, batch: Tree) -> tuple[Any, Tree]:
    def dense(path: str, x: Any) -> Any:
        return x @ p[f"block/{path}/w"] + p[f"block/{path}/b"]

    def normalise(path: str, x: Any) -> Any:
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return p[f"block/{path}/scale"] * ((x - mean) * lax.rsqrt(variance + 1e-5)) + p[f"block/{path}/shift"]

    x = batch["x"]
    b, t, d = x.shape
    q, k, v = [
        part.reshape(b, t, 4, d // 4).transpose(0, 2, 1, 3)
        for part in jnp.split(dense("attn/qkv", normalise("ln1", x)), 3, axis=-1)
    ]
    score = (q @ k.swapaxes(2, 3)) / np.sqrt(d // 4).astype("f")
    score = jnp.where(np.tri(t, dtype=bool), score, -1e30)
    mixed = (jax.nn.softmax(score) @ v).transpose(0, 2, 1, 3).reshape(b, t, d)
    x = x + dense("attn/out", mixed)
    x = x + dense("down", jax.nn.gelu(dense("up", normalise("ln2", x)), approximate=False))
    return ((x - batch["y"]) ** 2).mean(), kept


def _dcgan(weights: Arrays, batches: Any) -> Callable[[], float]:
    trained, statistics = _split(weights)
    disc = {path: a for path, a in trained.items() if path.startswith("disc/")}
    gen = {path: a for path, a in trained.items() if path.startswith("gen/")}
    update = _Adam(1e-4)

    def generated(p: Tree, kept: Tree, noise: Any) -> tuple[Any, Tree]:
        z, kept = _normalise(p, kept, "gen/bn0", noise @ p["gen/fc/w"])
        z = jax.nn.leaky_relu(z, 0.3).reshape(-1, 7, 7, 256)
        z, kept = _normalise(p, kept, "gen/bn1", _conv_transpose(z, p["gen/up1/kernel"]))
        z = _conv_transpose(jax.nn.leaky_relu(z, 0.3), p["gen/up2/kernel"], 2)
        z, kept = _normalise(p, kept, "gen/bn2", z)
        return jnp.tanh(_conv_transpose(jax.nn.leaky_relu(z, 0.3), p["gen/up3/kernel"], 2)), kept

    def judged(p: Tree, x: Any) -> Any:
        s = jax.nn.leaky_relu(_conv(x, p["disc/c1/kernel"], 2) + p["disc/c1/shift"], 0.3)
        s = jax.nn.leaky_relu(_conv(s, p["disc/c2/kernel"], 2) + p["disc/c2/shift"], 0.3)
        return (s.reshape(len(s), -1) @ p["disc/out/w"] + p["disc/out/b"])[:, 0]

    def disc_loss(disc: Tree, gen: Tree, kept: Tree, batch: Tree) -> tuple[Any, Tree]:
        fake, kept = generated(gen, kept, batch["noise"])
        real, fake = judged(disc, batch["x"]), judged(disc, fake)
        return _sigmoid_cross_entropy(real, 1.0).mean() + _sigmoid_cross_entropy(fake, 0.0).mean(), kept

    def gen_loss(gen: Tree, disc: Tree, kept: Tree, batch: Tree) -> tuple[Any, Tree]:
        fake, kept = generated(gen, kept, batch["noise"])
        return _sigmoid_cross_entropy(judged(disc, fake), 1.0).mean(), kept

    def run(carried: Any, one: Tree, two: Tree) -> Any:
        disc, gen, kept, of_disc, of_gen = carried
        (_, kept), gradients = jax.value_and_grad(disc_loss, has_aux=True)(disc, gen, kept, one)
        disc, of_disc = update.apply(disc, gradients, of_disc)
        (value, kept), gradients = jax.value_and_grad(gen_loss, has_aux=True)(gen, disc, kept, two)
        gen, of_gen = update.apply(gen, gradients, of_gen)
        return (disc, gen, kept, of_disc, of_gen), value

    run = jax.jit(run, donate_argnums=0)
    carried = (disc, gen, statistics, update.start(disc), update.start(gen))

    def step() -> float:
        nonlocal carried
        carried, value = run(carried, next(batches), next(batches))
        return float(value)

    return step


def _expression(data: Arrays) -> Callable[[], float]:
    a, b, c = [jnp.asarray(data[name]) for name in "abc"]
    run = jax.jit(jax.value_and_grad(lambda a, b, c: (jnp.tanh(a * b + c) * a - b).sum(), (0, 1, 2)))

    def step() -> float:
        return float(run(a, b, c)[0])

    return step


_LOSSES: dict[str, Loss] = {"W1": _logistic, "W2": _mlp, "W3": _convnet, "W4": _vae, "W6": _transformer}
_UPDATES = {"W1": _Sgd(0.5), "W2": _Sgd(0.01), "W3": _Adam(1e-3), "W4": _Adam(1e-4), "W6": _Adam(3e-4)}
