"""Every optimizer's first ten steps on a curved loss against torch.optim's; Lion, which PyTorch lacks, by its paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gdl
from tests.external.comparing import close, torch

STEPS = 10
RNG = np.random.default_rng(5)
X, Y = RNG.standard_normal((20, 6)), RNG.standard_normal((20, 3))
W, B = RNG.standard_normal((6, 3)), RNG.standard_normal(3)
OPTIM = torch.optim


class Lion(OPTIM.Optimizer):
    """Chen et al., 2023, algorithm 2, in the paper's order."""

    def __init__(self, params: Any, lr: float, betas: tuple[float, float], weight_decay: float):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            first, second = group["betas"]
            for theta in group["params"]:
                m = self.state[theta].setdefault("m", torch.zeros_like(theta))
                c = first * m + (1 - first) * theta.grad
                theta -= group["lr"] * (c.sign() + group["weight_decay"] * theta)
                m.mul_(second).add_((1 - second) * theta.grad)


#: GDL -> the same of PyTorch
CASES = {
    "Sgd()": lambda p: OPTIM.SGD(p, lr=0.01),
    "Sgd(0.05)": lambda p: OPTIM.SGD(p, lr=0.05),
    "Momentum()": lambda p: OPTIM.SGD(p, lr=0.01, momentum=0.9),
    "Momentum(0.05, momentum=0.5)": lambda p: OPTIM.SGD(p, lr=0.05, momentum=0.5),
    "Nesterov()": lambda p: OPTIM.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "Nesterov(0.05, momentum=0.5)": lambda p: OPTIM.SGD(p, lr=0.05, momentum=0.5, nesterov=True),
    "RmsProp()": lambda p: OPTIM.RMSprop(p, lr=1e-3, alpha=0.9, eps=1e-8),
    "RmsProp(0.05, decay=0.5, eps=0.01)": lambda p: OPTIM.RMSprop(p, lr=0.05, alpha=0.5, eps=0.01),
    "Adagrad()": lambda p: OPTIM.Adagrad(p, lr=0.01),
    "Adagrad(0.5, eps=0.1)": lambda p: OPTIM.Adagrad(p, lr=0.5, eps=0.1),
    "Adam()": lambda p: OPTIM.Adam(p),
    "Adam(0.1, beta1=0.0, beta2=0.9, eps=0.01)": lambda p: OPTIM.Adam(p, lr=0.1, betas=(0.0, 0.9), eps=0.01),
    "AdamW()": lambda p: OPTIM.AdamW(p),
    "AdamW(0.1, beta1=0.5, beta2=0.8, weight_decay=0.3)": lambda p: OPTIM.AdamW(
        p, lr=0.1, betas=(0.5, 0.8), weight_decay=0.3
    ),
    "Lion()": lambda p: Lion(p, 1e-4, (0.9, 0.99), 0.0),
    "Lion(0.02, beta1=0.5, beta2=0.8, weight_decay=0.3)": lambda p: Lion(p, 0.02, (0.5, 0.8), 0.3),
}
PROGRAM = """gdl 1
data pairs = arrays("pairs")
placeholder x: f64[20, 6]
placeholder y: f64[20, 3]
variable w: f64[6, 3] = zeros()
variable b: f64[3] = zeros()
loss = mean((tanh(x @ w + b) - y) ** 2)
train {{
  steps 10
  feed x = x, y = y from pairs batch 20
  minimize loss with {optimizer}{clip}
}}
"""


def started(optimizer: str, clip: str = "") -> gdl.Session:
    session = gdl.loads(PROGRAM.format(optimizer=optimizer, clip=clip), arrays={"pairs": {"x": X, "y": Y}})
    session.variables["w"], session.variables["b"] = W, B
    return session


def stepped(optimizer: Any, w: Any, b: Any, clip: float | None = None) -> float:
    optimizer.zero_grad()
    loss = ((torch.tanh(torch.tensor(X) @ w + b) - torch.tensor(Y)) ** 2).mean()
    loss.backward()
    if clip is not None:
        torch.nn.utils.clip_grad_norm_([w, b], clip)
    optimizer.step()
    return loss.item()


@pytest.mark.parametrize("call", CASES)
def test_ten_steps(call: str) -> None:
    session = started(call)
    w, b = torch.tensor(W, requires_grad=True), torch.tensor(B, requires_grad=True)
    optimizer = CASES[call]([w, b])
    for step in range(STEPS):
        expected = stepped(optimizer, w, b)
        assert session.step() == pytest.approx(expected, rel=1e-10), step
        close(session.variables["w"], w, 1e-10, f"w after {step + 1} steps")
        close(session.variables["b"], b, 1e-10, f"b after {step + 1} steps")


def test_clipping_by_the_norm_of_all_gradients() -> None:
    session = started("Adam(0.1)", " clip 0.05")
    w, b = torch.tensor(W, requires_grad=True), torch.tensor(B, requires_grad=True)
    optimizer = OPTIM.Adam([w, b], lr=0.1)
    for _ in range(STEPS):
        session.step()
        stepped(optimizer, w, b, clip=0.05)
    close(session.variables["w"], w, 1e-5)  # PyTorch divides by the norm + 1e-6


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("step_decay(0.1, 0.5, 3)", lambda o: OPTIM.lr_scheduler.StepLR(o, 3, 0.5)),
        ("exponential(0.1, 0.8)", lambda o: OPTIM.lr_scheduler.ExponentialLR(o, 0.8)),
        ("cosine(0.1, 8, low=0.01)", lambda o: OPTIM.lr_scheduler.CosineAnnealingLR(o, 8, 0.01)),
    ],
)
def test_schedules(schedule: str, expected: Any) -> None:
    steps = 8
    session = started(f"Sgd({schedule})")
    w, b = torch.tensor(W, requires_grad=True), torch.tensor(B, requires_grad=True)
    optimizer = OPTIM.SGD([w, b], lr=0.1)
    scheduler = expected(optimizer)
    for _ in range(steps):
        session.step()
        stepped(optimizer, w, b)
        scheduler.step()
    close(session.variables["w"], w, 1e-6)  # rates are f32
