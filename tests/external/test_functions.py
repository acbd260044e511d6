"""Activations, losses and normalisations against torch.nn.functional: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from tests.external.comparing import agree, torch

F = torch.nn.functional
RNG = np.random.default_rng(11)
X, Y = RNG.standard_normal((3, 4, 6)) * 2, RNG.standard_normal((3, 4, 6)) * 2
SOFT = RNG.dirichlet(np.ones(6), (3, 4))
CLASSES = RNG.integers(0, 6, (3, 4))
SCALE, SHIFT = RNG.standard_normal(6), RNG.standard_normal(6)

OF_ONE = {
    "relu(x)": F.relu, "sigmoid(x)": torch.sigmoid, "tanh(x)": torch.tanh, "softplus(x)": F.softplus,
    "leaky_relu(x, slope=0.2)": lambda x: F.leaky_relu(x, 0.2), "elu(x, alpha=0.5)": lambda x: F.elu(x, 0.5),
    "gelu(x)": F.gelu, "silu(x)": F.silu, "erf(x)": torch.erf, "expm1(x)": torch.expm1, "abs(x)": torch.abs,
    "softmax(x)": lambda x: F.softmax(x, -1), "softmax(x, axis=1)": lambda x: F.softmax(x, 1),
    "log_softmax(x)": lambda x: F.log_softmax(x, -1), "logsumexp(x, axis=1)": lambda x: torch.logsumexp(x, 1),
    "variance(x, axis=-1)": lambda x: x.var(-1, correction=0), "std(x, correction=1)": torch.std,
    "norm(x, axis=2)": lambda x: x.norm(dim=2), "cumsum(x, axis=1)": lambda x: x.cumsum(1),
    "cumsum(x, axis=1, reverse=true)": lambda x: x.flip(1).cumsum(1).flip(1),
    "prod(x, axis=1)": lambda x: x.prod(1), "sort(x, descending=true)": lambda x: x.sort(-1, descending=True)[0],
    "topk(x, 3)[0]": lambda x: x.topk(3)[0], "max(x, axis=1)": lambda x: x.amax(1),
    "min(x, axis=2)": lambda x: x.amin(2), "tile(x, [2, 1, 2])": lambda x: x.tile(2, 1, 2),
    'einsum("b t d, b s d -> b t s", x, x)': lambda x: torch.einsum("btd,bsd->bts", x, x),
    'rearrange(x, "b t (h k) -> b h t k", h=2)': lambda x: x.reshape(3, 4, 2, 3).permute(0, 2, 1, 3),
    "pad(x, [[0, 0], [1, 2], [3, 0]])": lambda x: F.pad(x, [3, 0, 1, 2]),
    "x[:, ::-2, 1:4]": lambda x: x.flip(1)[:, ::2, 1:4], "square(x) ** 0.75": lambda x: x.square() ** 0.75,
}  # fmt: skip


@pytest.mark.parametrize("expression", OF_ONE)
def test_of_one_tensor(expression: str) -> None:
    agree(expression, OF_ONE[expression], {"x": X})


OF_SEVERAL = {
    "mse(x, y)": (lambda x, y: F.mse_loss(x, y), {"x": X, "y": Y}),
    "mae(x, y)": (lambda x, y: F.l1_loss(x, y), {"x": X, "y": Y}),
    "huber(x, y, delta=1.5)": (lambda x, y: F.huber_loss(x, y, delta=1.5), {"x": X, "y": Y}),
    "cross_entropy(x, y)": (
        lambda x, y: F.cross_entropy(x.reshape(-1, 6), y.reshape(-1), reduction="none").reshape(3, 4),
        {"x": X, "y": CLASSES},
    ),
    "soft_cross_entropy(x, y)": (
        lambda x, y: F.cross_entropy(x.reshape(-1, 6), y.reshape(-1, 6), reduction="none").reshape(3, 4),
        {"x": X, "y": SOFT},
    ),
    "sigmoid_cross_entropy(x, y)": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"), {"x": X, "y": SOFT},
    ),
    "kl_divergence(softmax(x), y)": (
        lambda x, y: F.kl_div(y.log(), F.softmax(x, -1), reduction="none").sum(-1), {"x": X, "y": SOFT},
    ),
    "layer_norm(x, scale, shift)": (
        lambda x, scale, shift: F.layer_norm(x, [6], scale, shift), {"x": X, "scale": SCALE, "shift": SHIFT},
    ),
    "rms_norm(x, scale)": (lambda x, scale: F.rms_norm(x, [6], scale, 1e-6), {"x": X, "scale": SCALE}),
    "group_norm(x, scale, shift, 3)": (
        lambda x, scale, shift: F.group_norm(x.permute(0, 2, 1), 3, scale, shift).permute(0, 2, 1),
        {"x": X, "scale": SCALE, "shift": SHIFT},
    ),
    "gather(x, y, axis=1)": (lambda x, y: x[:, y], {"x": X, "y": np.array([[0, 3], [3, 1]])}),
    "maximum(x, y)": (torch.maximum, {"x": X, "y": Y}),
    "x @ y": (torch.matmul, {"x": X, "y": RNG.standard_normal((6, 5))}),
    "square(x) ** y": (lambda x, y: x.square() ** y, {"x": X, "y": Y}),
    "logaddexp(x, y)": (torch.logaddexp, {"x": X, "y": Y}),
}  # fmt: skip


@pytest.mark.parametrize("expression", OF_SEVERAL)
def test_of_several_tensors(expression: str) -> None:
    function, arrays = OF_SEVERAL[expression]
    agree(expression, function, arrays)


def test_attention() -> None:
    arrays = {name: RNG.standard_normal((2, 3, 5, 4)) for name in ("x", "key", "value")}
    for is_causal in (False, True):
        agree(
            f"attention(x, key, value, is_causal={str(is_causal).lower()})",
            lambda x, key, value, c=is_causal: F.scaled_dot_product_attention(x, key, value, is_causal=c),
            arrays, prelude="from nn import attention",
        )  # fmt: skip
