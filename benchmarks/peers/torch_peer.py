"""PyTorch, eager. Images are [batch, channel, row, column], as PyTorch has them.

GDL, as JAX, pads "same" images of even size more at their ends, PyTorch more at their beginnings. So nets of such
convolutions run here on images turned by 180 degrees, with kernels turned alike: the same numbers at no cost to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.workloads import BATCHES, Arrays, Workload

Tensors = dict[str, torch.Tensor]
Loss = Callable[[Tensors], torch.Tensor]


def load(workload: Workload, weights: Arrays, data: Arrays) -> Callable[[], float]:
    if not workload.batch:
        return _LOADERS[workload.key](_tensors(data))
    batches = cycle([_tensors(batch) for batch in workload.batches(data)])
    return _LOADERS[workload.key](weights, batches)


# ---- weights and batches in PyTorch's layouts ------------------------------------------------------------------------


def _tensors(arrays: Arrays) -> Tensors:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def _parameter(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).clone().requires_grad_()


def _images(x: torch.Tensor, turned: bool = True) -> torch.Tensor:
    """[b, h, w, c] -> [b, c, h, w], turned by 180 degrees."""
    x = x.permute(0, 3, 1, 2)
    return (x.flip(2, 3) if turned else x).contiguous()


def _kernel(k: np.ndarray, turned: bool = True) -> np.ndarray:
    """[h, w, in, out] -> [out, in, h, w]; so for transposed convolutions too."""
    return (k[::-1, ::-1] if turned else k).transpose(3, 2, 0, 1)


def _columns(w: np.ndarray, h: int, c: int) -> np.ndarray:
    """The last axis from the order [h, h, c] to [c, h, h] turned."""
    image = w.reshape(*w.shape[:-1], h, h, c)[..., ::-1, ::-1, :]
    return np.moveaxis(image, -1, -3).reshape(w.shape)


def _parameters(weights: Arrays, turned: bool = True) -> Tensors:
    """All trained weights; running statistics are kept apart, and dense weights are [out, in]."""
    parameters = {}
    for path, array in weights.items():
        name = path.rsplit("/", 1)[-1]
        if name in ("mean", "variance"):
            continue
        if name == "kernel":
            array = _kernel(array, turned)
        elif name == "w":
            array = array.T
        parameters[path] = _parameter(array)
    return parameters


def _statistics(weights: Arrays) -> Tensors:
    return {
        path: torch.from_numpy(array.copy()) for path, array in weights.items() if path.endswith(("/mean", "/variance"))
    }


class _Normalise:
    """Batch normalisation by path."""

    def __init__(self, parameters: Tensors, weights: Arrays):
        self.parameters, self.statistics = parameters, _statistics(weights)

    def __call__(self, path: str, x: torch.Tensor) -> torch.Tensor:
        mean, variance = self.statistics[f"{path}/mean"], self.statistics[f"{path}/variance"]
        scale, shift = self.parameters[f"{path}/scale"], self.parameters[f"{path}/shift"]
        return F.batch_norm(x, mean, variance, scale, shift, training=True, momentum=0.1, eps=1e-5)


def _trained(batches: Iterator[Tensors], optimizer: torch.optim.Optimizer, loss_of: Loss) -> Callable[[], float]:
    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(next(batches))
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


# ---- the workloads ---------------------------------------------------------------------------------------------------


def _logistic(weights: Arrays, batches: Iterator[Tensors]) -> Callable[[], float]:
    w, b = _parameter(weights["W"]), _parameter(weights["b"])

    def loss(batch: Tensors) -> torch.Tensor:
        return F.cross_entropy(batch["x"] @ w + b, batch["y"]) + 1e-3 * 0.5 * (w * w).sum()

    return _trained(batches, torch.optim.SGD([w, b], 0.5), loss)


def _mlp(weights: Arrays, batches: Iterator[Tensors]) -> Callable[[], float]:
    p = _parameters(weights)
    normalise = _Normalise(p, weights)
    depth = sum(path.endswith("fc/w") for path in weights)

    def loss(batch: Tensors) -> torch.Tensor:
        x = batch["x"]
        for i in range(depth):
            x = torch.sigmoid(normalise(f"model/hidden.{i}/bn", F.linear(x, p[f"model/hidden.{i}/fc/w"])))
        return F.cross_entropy(F.linear(x, p["model/out/w"], p["model/out/b"]), batch["y"], reduction="sum")

    return _trained(batches, torch.optim.SGD(list(p.values()), 0.01), loss)


def _convnet(weights: Arrays, batches: Iterator[Tensors]) -> Callable[[], float]:
    p = _parameters(weights)
    normalise = _Normalise(p, weights)
    batches = cycle([b | {"x": _images(b["x"])} for b in _one_round(batches)])

    def loss(batch: Tensors) -> torch.Tensor:
        x = batch["x"]
        for block, stride in (("b1", 1), ("b2", 2), ("b3", 1), ("b4", 2), ("b5", 2)):
            x = F.conv2d(x, p[f"model/{block}/conv/kernel"], stride=stride, padding=1)
            x = F.relu(normalise(f"model/{block}/bn", x))
        return F.cross_entropy(F.linear(x.mean((2, 3)), p["model/head/w"], p["model/head/b"]), batch["y"])

    return _trained(batches, torch.optim.Adam(list(p.values()), 1e-3), loss)


def _vae(weights: Arrays, batches: Iterator[Tensors]) -> Callable[[], float]:
    encoder = _parameters({path: a for path, a in weights.items() if path.startswith("enc/")}, turned=False)
    decoder = {path: a for path, a in weights.items() if path.startswith("dec/")}
    for path in ("dec/fc/w", "dec/fc/b"):
        decoder[path] = _columns(decoder[path], 7, 32)
    p = encoder | _parameters(decoder)
    out = weights["enc/out/w"].reshape(6, 6, 64, -1).transpose(3, 2, 0, 1)
    p["enc/out/w"] = _parameter(out.reshape(len(out), -1))
    batches = cycle([b | {"x": _images(b["x"], False), "target": _images(b["x"])} for b in _one_round(batches)])

    def loss(batch: Tensors) -> torch.Tensor:
        s = F.relu(F.conv2d(batch["x"], p["enc/conv1/kernel"], p["enc/conv1/shift"], stride=2))
        s = F.relu(F.conv2d(s, p["enc/conv2/kernel"], p["enc/conv2/shift"], stride=2)).flatten(1)
        mu, logvar = F.linear(s, p["enc/out/w"], p["enc/out/b"]).chunk(2, dim=1)
        z = mu + torch.exp(logvar / 2) * batch["noise"]
        y = F.relu(F.linear(z, p["dec/fc/w"], p["dec/fc/b"])).view(-1, 32, 7, 7)
        for up in ("dec/up1", "dec/up2"):
            y = F.conv_transpose2d(y, p[f"{up}/kernel"], p[f"{up}/shift"], stride=2, padding=1, output_padding=1)
            y = F.relu(y)
        y = F.conv_transpose2d(y, p["dec/up3/kernel"], p["dec/up3/shift"], padding=1)
        recon = F.binary_cross_entropy_with_logits(y, batch["target"], reduction="none").sum((1, 2, 3))
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)
        return (recon + kl).mean()

    return _trained(batches, torch.optim.Adam(list(p.values()), 1e-4), loss)


def _dcgan(weights: Arrays, batches: Iterator[Tensors]) -> Callable[[], float]:
    weights = dict(weights)
    for path in ("fc/w", "bn0/scale", "bn0/shift", "bn0/mean", "bn0/variance"):
        weights[f"gen/{path}"] = _columns(weights[f"gen/{path}"], 7, 256)
    out = weights["disc/out/w"].T
    weights["disc/out/w"] = _columns(out, 7, 128).T
    p = _parameters(weights)
    normalise = _Normalise(p, weights)
    batches = cycle([b | {"x": _images(b["x"])} for b in _one_round(batches)])
    of_disc = torch.optim.Adam([t for path, t in p.items() if path.startswith("disc/")], 1e-4)
    of_gen = torch.optim.Adam([t for path, t in p.items() if path.startswith("gen/")], 1e-4)

    def generated(noise: torch.Tensor) -> torch.Tensor:
        z = F.leaky_relu(normalise("gen/bn0", F.linear(noise, p["gen/fc/w"])), 0.3).view(-1, 256, 7, 7)
        z = F.leaky_relu(normalise("gen/bn1", F.conv_transpose2d(z, p["gen/up1/kernel"], padding=2)), 0.3)
        z = F.conv_transpose2d(z, p["gen/up2/kernel"], stride=2, padding=2, output_padding=1)
        z = F.leaky_relu(normalise("gen/bn2", z), 0.3)
        return torch.tanh(F.conv_transpose2d(z, p["gen/up3/kernel"], stride=2, padding=2, output_padding=1))

    def judged(x: torch.Tensor) -> torch.Tensor:
        s = F.leaky_relu(F.conv2d(x, p["disc/c1/kernel"], p["disc/c1/shift"], stride=2, padding=2), 0.3)
        s = F.leaky_relu(F.conv2d(s, p["disc/c2/kernel"], p["disc/c2/shift"], stride=2, padding=2), 0.3)
        return F.linear(s.flatten(1), p["disc/out/w"], p["disc/out/b"])[:, 0]

    def of(logits: torch.Tensor, is_real: bool) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(logits, (torch.ones_like if is_real else torch.zeros_like)(logits))

    def discriminate(batch: Tensors) -> torch.Tensor:
        with torch.no_grad():
            fake = generated(batch["noise"])
        return of(judged(batch["x"]), True) + of(judged(fake), False)

    first = _trained(batches, of_disc, discriminate)
    second = _trained(batches, of_gen, lambda batch: of(judged(generated(batch["noise"])), True))

    def step() -> float:
        for tensor in of_gen.param_groups[0]["params"]:
            tensor.requires_grad_(False)
        for tensor in of_disc.param_groups[0]["params"]:
            tensor.requires_grad_(True)
        first()
        for tensor in of_gen.param_groups[0]["params"]:
            tensor.requires_grad_(True)
        for tensor in of_disc.param_groups[0]["params"]:
            tensor.requires_grad_(False)
        return second()

    return step


def _transformer(weights: Arrays, batches: Iterator[Tensors]) -> Callable[[], float]:
    p = _parameters(weights)

    def dense(path: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, p[f"block/{path}/w"], p[f"block/{path}/b"])

    def normalise(path: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], p[f"block/{path}/scale"], p[f"block/{path}/shift"], 1e-5)

    def attend(x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = [part.view(b, t, 4, d // 4).transpose(1, 2) for part in dense("attn/qkv", x).split(d, dim=2)]
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return dense("attn/out", mixed.transpose(1, 2).reshape(b, t, d))

    def loss(batch: Tensors) -> torch.Tensor:
        x = batch["x"]
        x = x + attend(normalise("ln1", x))
        x = x + dense("down", F.gelu(dense("up", normalise("ln2", x))))
        return F.mse_loss(x, batch["y"])

    return _trained(batches, torch.optim.Adam(list(p.values()), 3e-4), loss)


def _expression(data: Tensors) -> Callable[[], float]:
    a, b, c = leaves = [data[name].requires_grad_() for name in "abc"]

    def step() -> float:
        loss = torch.tanh(a * b + c) * a - b
        loss = loss.sum() if loss.ndim else loss
        torch.autograd.grad(loss, leaves)
        return loss.item()

    return step


def _one_round(batches: Iterator[Tensors]) -> list[Tensors]:
    return [next(batches) for _ in range(BATCHES)]


_LOADERS = {
    "W1": _logistic, "W2": _mlp, "W3": _convnet, "W4": _vae, "W5": _dcgan, "W6": _transformer, "W7": _expression,
    "W7v": _expression,
}  # fmt: skip
