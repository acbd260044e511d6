"""The gradient penalty of examples/wgan.gdl against PyTorch's double backward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gdl
from tests.external.comparing import close, torch
from tests.external.test_windows import borders, first

F = torch.nn.functional
EXAMPLE = Path(__file__).parents[2] / "examples" / "wgan.gdl"
IMAGES = "[batch, row: 28, col: 28, ch: 1]"


def program(dtype: str) -> str:
    """The example's model and losses, with what it draws fed instead."""
    text = EXAMPLE.read_text(encoding="utf-8").partition("\ntrain {")[0]
    for name, drawn, shape in (
        ("fake", "gen(normal([batch, zdim]))", IMAGES), ("mix", "uniform([batch, 1, 1, 1])", "[batch, 1, 1, 1]"),
    ):  # fmt: skip
        (line,) = [line for line in text.splitlines() if line.split("=")[0].strip() == name]
        assert line.partition("=")[2].strip() == drawn
        text = text.replace(line, f"placeholder {name}: f32{shape}")
    return text.replace("f32", dtype)


def critic(x: Any, w: dict[str, Any]) -> Any:
    x = first(x)
    for name in ("c1", "c2"):
        weight = w[f"critic/{name}/kernel"].permute(3, 2, 0, 1)
        x = F.conv2d(F.pad(x, borders(x, 5, 2, 1, "same")), weight, w[f"critic/{name}/shift"], stride=2)
        x = F.leaky_relu(x, 0.01)
    return (x.permute(0, 2, 3, 1).flatten(1) @ w["critic/out/w"] + w["critic/out/b"])[:, 0]


@pytest.mark.parametrize(("dtype", "rtol"), [("f32", 1e-5), ("f64", 1e-10)])
def test_gradient_penalty(dtype: str, rtol: float) -> None:
    session = gdl.loads(program(dtype))
    rng = np.random.default_rng(0)
    kind = {"f32": np.float32, "f64": np.float64}[dtype]
    fed = {name: rng.uniform(-1, 1, (4, 28, 28, 1)).astype(kind) for name in ("real", "fake")}
    fed["mix"] = rng.uniform(0, 1, (4, 1, 1, 1)).astype(kind)
    w = {path: torch.tensor(array, requires_grad=True) for path, array in session.variables.items()}
    real, fake, mix = [torch.tensor(fed[name]) for name in ("real", "fake", "mix")]
    blend = (mix * real + (1 - mix) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(blend, w).sum(), blend, create_graph=True)
    penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
    loss = critic(fake, w).mean() - critic(real, w).mean() + 10 * penalty
    close(session.run("slope", **fed), slope, rtol)
    close(session.run("gp", **fed), penalty, rtol)
    close(session.run("d_loss", **fed), loss, rtol)
    trained = [path for path in session.variables if path.startswith("critic/")]
    for of, value in (("gp", penalty), ("d_loss", loss)):  # the penalty does not depend on biases
        paths = [path for path in trained if of == "d_loss" or not path.endswith(("/shift", "/b"))]
        expected = torch.autograd.grad(value, [w[path] for path in paths], retain_graph=True)
        for path, mine, theirs in zip(paths, session.grad(of, paths, **fed), expected, strict=True):
            close(mine, theirs, rtol, f"{of} at {path}")
