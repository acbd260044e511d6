"""Every layer against PyTorch's with the same weights: values, and gradients at the input and all weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import gdl
from tests.external.comparing import close, torch
from tests.external.test_windows import borders, first, last

NN, F = torch.nn, torch.nn.functional
RNG = np.random.default_rng(5)
VECTORS, SEQUENCE = RNG.standard_normal((4, 6)), RNG.standard_normal((2, 5, 6))
IMAGES, IDS = RNG.standard_normal((2, 7, 8, 6)), RNG.integers(0, 7, (2, 3))
Weights = Mapping[str, Any]


def with_weights(module: Any, weights: Weights) -> Callable[..., Any]:
    """The module as a function whose parameters are these tensors, in double precision."""
    return lambda *inputs: torch.func.functional_call(module.double(), dict(weights), inputs)


def linear(x: Any, w: Weights, at: str = "") -> Any:
    return with_weights(NN.Linear(*w[f"{at}w"].shape), {"weight": w[f"{at}w"].T, "bias": w[f"{at}b"]})(x)


def conv(x: Any, w: Weights, **how: Any) -> Any:
    kernel = w["kernel"]
    size, stride, dilation = kernel.shape[0], how.get("stride", 1), how.get("dilation", 1)
    module = NN.Conv2d(x.shape[3], kernel.shape[3], size, **how)
    padded = F.pad(first(x), borders(first(x), size, stride, dilation, "same"))
    return last(with_weights(module, {"weight": kernel.permute(3, 2, 0, 1), "bias": w["shift"]})(padded))


def conv_transpose(x: Any, w: Weights, stride: int, size: int) -> Any:
    """PyTorch cuts `padding` off on both sides; that with an odd window "same" is cut evenly needs output_padding."""
    kernel = w["kernel"]
    cut = max(size - stride, 0)
    module = NN.ConvTranspose2d(x.shape[3], kernel.shape[2], size, stride)
    whole = with_weights(module, {"weight": kernel.permute(3, 2, 0, 1), "bias": w["shift"]})(first(x))
    rows, columns = x.shape[1] * stride, x.shape[2] * stride
    return last(whole[:, :, cut // 2 : cut // 2 + rows, cut // 2 : cut // 2 + columns])


def recurrent(kind: Any, x: Any, weights: Weights) -> Any:
    names = {"w": "weight_ih_l0", "u": "weight_hh_l0", "bias": "bias_ih_l0", "bias_h": "bias_hh_l0"}
    units = weights["u"].shape[0]
    module = kind(x.shape[-1], units, batch_first=True)
    return with_weights(module, {names[k]: v.T if v.ndim == 2 else v for k, v in weights.items()})(x)[0]


def rnn(x: Any, w: Weights) -> Any:
    return recurrent(NN.RNN, x, {"w": w["w"], "u": w["u"], "bias": w["shift"], "bias_h": torch.zeros_like(w["shift"])})


def lstm(x: Any, w: Weights) -> Any:
    units = w["forget"].shape[0]
    bias = torch.cat([w["shift"][:units], w["forget"], w["shift"][units:]])
    return recurrent(NN.LSTM, x, {"w": w["w"], "u": w["u"], "bias": bias, "bias_h": torch.zeros_like(bias)})


def gru(x: Any, w: Weights) -> Any:
    late = torch.cat([torch.zeros_like(w["shift"])[: -len(w["new_shift"])], w["new_shift"]])
    return recurrent(NN.GRU, x, {"w": w["w"], "u": w["u"], "bias": w["shift"], "bias_h": late})


def attention(x: Any, w: Weights, heads: int, is_causal: bool, at: str = "") -> Any:
    module = NN.MultiheadAttention(x.shape[-1], heads, batch_first=True)
    weights = {
        "in_proj_weight": w[f"{at}qkv/w"].T, "in_proj_bias": w[f"{at}qkv/b"],
        "out_proj.weight": w[f"{at}out/w"].T, "out_proj.bias": w[f"{at}out/b"],
    }  # fmt: skip
    mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1) if is_causal else None
    call = lambda x: module(x, x, x, need_weights=False, attn_mask=mask)[0]  # noqa: E731
    return torch.func.functional_call(_Called(module.double(), call), {f"module.{k}": v for k, v in weights.items()}, x)


class _Called(NN.Module):
    """A module used in a certain way."""

    def __init__(self, module: Any, call: Callable[..., Any]):
        super().__init__()
        self.module, self.call = module, call

    def forward(self, x: Any) -> Any:
        return self.call(x)


def block(x: Any, w: Weights) -> Any:
    """nn.TransformerEncoderLayer with norm_first, which is the pre-norm block."""
    module = NN.TransformerEncoderLayer(6, 2, 24, 0.0, "gelu", batch_first=True, norm_first=True).double()
    names = {
        "self_attn.in_proj_weight": w["attn/qkv/w"].T, "self_attn.in_proj_bias": w["attn/qkv/b"],
        "self_attn.out_proj.weight": w["attn/out/w"].T, "self_attn.out_proj.bias": w["attn/out/b"],
        "linear1.weight": w["up/w"].T, "linear1.bias": w["up/b"], "linear2.weight": w["down/w"].T,
        "linear2.bias": w["down/b"], "norm1.weight": w["ln1/scale"], "norm1.bias": w["ln1/shift"],
        "norm2.weight": w["ln2/scale"], "norm2.bias": w["ln2/shift"],
    }  # fmt: skip
    mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
    return torch.func.functional_call(module, names, (x,), {"src_mask": mask})


def group_norm(x: Any, w: Weights, groups: int) -> Any:
    module = NN.GroupNorm(groups, x.shape[-1])
    return last(with_weights(module, {"weight": w["scale"], "bias": w["shift"]})(first(x)))


def batch_norm(x: Any, w: Weights) -> Any:
    module = NN.BatchNorm2d(x.shape[-1]).eval()
    weights = {"weight": w["scale"], "bias": w["shift"], "running_mean": w["mean"], "running_var": w["variance"]}
    return last(with_weights(module, weights)(first(x)))


def layer_norm(x: Any, w: Weights) -> Any:
    return with_weights(NN.LayerNorm(x.shape[-1]), {"weight": w["scale"], "bias": w["shift"]})(x)


#: call -> (input, the same in PyTorch)
CASES: Mapping[str, tuple[np.ndarray, Callable[[Any, Weights], Any]]] = {
    "Dense(3)": (SEQUENCE, linear),
    "Dense(3, act=tanh)": (VECTORS, lambda x, w: torch.tanh(linear(x, w))),
    "Conv(5, 3)": (IMAGES, conv),
    "Conv(5, 4, stride=2)": (IMAGES, lambda x, w: conv(x, w, stride=2)),
    "Conv(4, 3, dilation=2, groups=2)": (IMAGES, lambda x, w: conv(x, w, dilation=2, groups=2)),
    "Conv(6, 3, stride=2, groups=6)": (IMAGES, lambda x, w: conv(x, w, stride=2, groups=6)),
    "ConvTranspose(4, 5, stride=2)": (IMAGES, lambda x, w: conv_transpose(x, w, 2, 5)),
    "ConvTranspose(4, 3, stride=2)": (IMAGES, lambda x, w: conv_transpose(x, w, 2, 3)),
    "ConvTranspose(4, 3)": (IMAGES, lambda x, w: conv_transpose(x, w, 1, 3)),
    "ConvTranspose(4, 2, stride=2)": (IMAGES, lambda x, w: conv_transpose(x, w, 2, 2)),
    "BatchNorm()": (IMAGES, batch_norm),
    "LayerNorm()": (SEQUENCE, layer_norm),
    "GroupNorm(3)": (IMAGES, lambda x, w: group_norm(x, w, 3)),
    "RmsNorm()": (SEQUENCE, lambda x, w: with_weights(NN.RMSNorm(6, eps=1e-6), {"weight": w["scale"]})(x)),
    "Dropout(0.5)": (VECTORS, lambda x, w: NN.Dropout(0.5).eval()(x)),
    "Embedding(7, 4)": (IDS, lambda x, w: with_weights(NN.Embedding(7, 4), {"weight": w["table"]})(x)),
    "Rnn(4)": (SEQUENCE, rnn),
    "Lstm(4)": (SEQUENCE, lstm),
    "Gru(4)": (SEQUENCE, gru),
    "MultiHeadAttention(2)": (SEQUENCE, lambda x, w: attention(x, w, 2, False)),
    "MultiHeadAttention(3, is_causal=true)": (SEQUENCE, lambda x, w: attention(x, w, 3, True)),
    "TransformerBlock(2, is_causal=true)": (SEQUENCE, block),
}
STATES = ("mean", "variance")


def program(call: str, x: np.ndarray) -> gdl.Session:
    """A session of the layer in double precision, its tensors drawn at random, positive where they are variances."""
    dtype = "f64" if x.dtype.kind == "f" else "i64"
    session = gdl.loads(f"""gdl 1
from nn import {call.split("(")[0]}
placeholder x: {dtype}[{", ".join(map(str, x.shape))}]
y = x |> net: {call}
loss = sum(sin(y) * cumsum(ones_like(y), axis=0))
""")
    for path, array in session.variables.items():
        drawn = np.random.default_rng(len(path)).standard_normal(array.shape)
        session.variables[path] = abs(drawn) + 0.5 if path.endswith("/variance") else 0.5 * drawn
    return session


def weights_of(session: gdl.Session) -> dict[str, Any]:
    return {
        path.removeprefix("net/"): torch.tensor(array.astype("d"), requires_grad=not path.endswith(STATES))
        for path, array in session.variables.items()
    }


@pytest.mark.parametrize("call", CASES)
def test_layer(call: str) -> None:
    x, function = CASES[call]
    exact = x.dtype.kind == "f"
    rtol = 1e-10 if exact else 1e-6  # an embedding's table is f32
    given = torch.tensor(x, requires_grad=exact)
    session = program(call, x)
    w = weights_of(session)
    expected = function(given, w)
    close(session.run("y", x=x), expected, rtol)
    (torch.sin(expected) * torch.ones_like(expected).cumsum(0)).sum().backward()
    for path, tensor in w.items():
        if tensor.requires_grad:
            close(session.grad("loss", f"net/{path}", x=x), tensor.grad, rtol, f"{call}: gradient at {path}")
    if exact:
        close(session.grad("loss", "x", x=x), given.grad, rtol, f"{call}: gradient at x")


# ---- batch normalisation while training ------------------------------------------------------------------------------

NORMED = """gdl 1
from nn import BatchNorm
dim batch
data batches = arrays("batches")
placeholder x: f64[batch, 3, 2, 4]
y = x |> net: BatchNorm(momentum=0.8)
loss = sum(y * y * y)
train {
  steps 4
  feed x = x from batches batch 6
  minimize loss with Sgd(0.01)
}
"""


def test_batch_norm_while_training() -> None:
    """Four steps: values, gradients, weights, running statistics (PyTorch divides its running variance by n - 1)."""
    data = RNG.standard_normal((24, 3, 2, 4)) * [1.0, 2.0, 0.1, 3.0] + [0.0, 5.0, -1.0, 2.0]
    session = gdl.loads(NORMED, arrays={"batches": {"x": data}})
    module = NN.BatchNorm2d(4, momentum=0.2).double()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
    n = 6 * 3 * 2
    variance = np.ones(4)
    for step in range(4):
        batch = data[6 * step : 6 * step + 6]
        x = torch.tensor(batch, requires_grad=True)
        before = module.running_var.clone()
        expected = last(module(first(x)))
        variance = 0.8 * variance + (module.running_var - 0.8 * before).numpy() * (n - 1) / n
        loss = (expected**3).sum()
        optimizer.zero_grad()
        loss.backward()
        close(session.run("y", training=True, x=batch), expected, 1e-9)
        close(session.grad("loss", "x", training=True, x=batch), x.grad, 1e-9)
        optimizer.step()
        assert session.step() == pytest.approx(loss.item(), rel=1e-9)
        close(session.variables["net/scale"], module.weight, 1e-6)
        close(session.variables["net/shift"], module.bias, 1e-6)
        close(session.variables["net/mean"], module.running_mean, 1e-6)
        close(session.variables["net/variance"], variance, 1e-6)
