"""Layers with random weights against the same computation in NumPy, their gradients against differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

import gdl
from tests.stdlib.programs import check_gradient, value

erf = np.vectorize(math.erf)
RNG = np.random.default_rng(5)


def layer(call: str, x: np.ndarray, dtype: str = "f32") -> gdl.Session:
    """A session of `y = x |> net: call`, its variables drawn at random."""
    imported = call.split("(")[0]
    shape = ", ".join(map(str, x.shape))
    dtype = "i64" if x.dtype == np.int64 else dtype
    session = gdl.loads(f"""gdl 1
from nn import {imported}
placeholder x: {dtype}[{shape}]
y = x |> net: {call}
loss = sum(sin(y))
""")
    for path, array in session.variables.items():
        session.variables[path] = np.random.default_rng(len(path)).standard_normal(array.shape) * 0.5 + 0.1
    return session


def weights(session: gdl.Session) -> dict[str, np.ndarray]:
    return {path.removeprefix("net/"): array.astype("d") for path, array in session.variables.items()}


def normalised(x: np.ndarray, axis: int | tuple[int, ...], eps: float = 1e-5) -> np.ndarray:
    return (x - x.mean(axis, keepdims=True)) / np.sqrt(x.var(axis, keepdims=True) + eps)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# ---- the same in NumPy -----------------------------------------------------------------------------------------------


def np_attention(x: np.ndarray, w: dict[str, np.ndarray], heads: int, is_causal: bool, at: str = "") -> np.ndarray:
    batch, time, width = x.shape
    size = width // heads
    q, k, v = np.split(x @ w[f"{at}qkv/w"] + w.get(f"{at}qkv/b", 0), 3, axis=-1)
    mixed = np.zeros_like(x)
    for b in range(batch):
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            for t in range(time):
                seen = t + 1 if is_causal else time
                weight = softmax(k[b, :seen, part] @ q[b, t, part] / math.sqrt(size))
                mixed[b, t, part] = weight @ v[b, :seen, part]
    return mixed @ w[f"{at}out/w"] + w.get(f"{at}out/b", 0)


def np_block(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    x = x + np_attention(normalised(x, -1) * w["ln1/scale"] + w["ln1/shift"], w, 2, True, "attn/")
    h = (normalised(x, -1) * w["ln2/scale"] + w["ln2/shift"]) @ w["up/w"] + w["up/b"]
    return x + (h * (1 + erf(h / math.sqrt(2))) / 2) @ w["down/w"] + w["down/b"]


def np_groups(x: np.ndarray, w: dict[str, np.ndarray], groups: int) -> np.ndarray:
    parts = np.split(x, groups, axis=-1)
    axes = tuple(range(1, x.ndim))
    return np.concatenate([normalised(p, axes) for p in parts], axis=-1) * w["scale"] + w["shift"]


def np_rnn(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    h, hs = np.zeros((len(x), 4)), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ w["w"] + h @ w["u"] + w["shift"])
        hs.append(h)
    return np.stack(hs, axis=1)


def np_lstm(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    h, c, hs = np.zeros((len(x), 4)), np.zeros((len(x), 4)), []
    biases = [w["shift"][:4], w["forget"], w["shift"][4:8], w["shift"][8:]]
    for t in range(x.shape[1]):
        i, f, g, o = [
            x[:, t] @ w["w"][:, 4 * k : 4 * k + 4] + h @ w["u"][:, 4 * k : 4 * k + 4] + bias
            for k, bias in enumerate(biases)
        ]
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hs.append(h)
    return np.stack(hs, axis=1)


def np_gru(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    h, hs = np.zeros((len(x), 4)), []
    for t in range(x.shape[1]):
        from_x = [x[:, t] @ w["w"][:, k : k + 4] + w["shift"][k : k + 4] for k in (0, 4, 8)]
        from_h = [h @ w["u"][:, k : k + 4] for k in (0, 4, 8)]
        reset, update = sigmoid(from_x[0] + from_h[0]), sigmoid(from_x[1] + from_h[1])
        new = np.tanh(from_x[2] + reset * (from_h[2] + w["new_shift"]))
        h = update * h + (1 - update) * new
        hs.append(h)
    return np.stack(hs, axis=1)


def np_conv(
    x: np.ndarray, kernel: np.ndarray, stride: int, before: tuple[int, int], shape: tuple[int, int]
) -> np.ndarray:
    """Correlation, the first window starting `before` cells outside of the image; what lies outside is zero."""
    result = np.zeros((len(x), *shape, kernel.shape[-1]))
    for i, j, k, m in np.ndindex(*shape, *kernel.shape[:2]):
        row, col = i * stride + k - before[0], j * stride + m - before[1]
        if 0 <= row < x.shape[1] and 0 <= col < x.shape[2]:
            result[:, i, j] += x[:, row, col] @ kernel[k, m]
    return result


def spread(kernel: np.ndarray) -> np.ndarray:
    """A 2 x 2 window as the 3 x 3 one that it is when dilated by 2."""
    result = np.zeros((3, 3, *kernel.shape[2:]))
    result[::2, ::2] = kernel
    return result


def np_conv_transpose(
    x: np.ndarray, kernel: np.ndarray, stride: int, before: int, shape: tuple[int, int]
) -> np.ndarray:
    """Every cell of x adds its window to the result, `before` cells of it cut off; kernels are [.., .., out, in]."""
    result = np.zeros((len(x), *shape, kernel.shape[2]))
    for i, j, k, m in np.ndindex(*x.shape[1:3], *kernel.shape[:2]):
        row, col = i * stride + k - before, j * stride + m - before
        if 0 <= row < shape[0] and 0 <= col < shape[1]:
            result[:, row, col] += x[:, i, j] @ kernel[k, m].T
    return result


VECTORS, SEQUENCE = RNG.standard_normal((4, 6)), RNG.standard_normal((2, 5, 6))
IMAGES, IDS = RNG.standard_normal((2, 3, 4, 6)), RNG.integers(0, 7, (2, 3))

#: call -> (input, the same in NumPy)
CASES = {
    "Dense(3)": (VECTORS, lambda x, w: x @ w["w"] + w["b"]),
    "Dense(3, act=relu)": (SEQUENCE, lambda x, w: np.maximum(x @ w["w"] + w["b"], 0)),
    "Dense(3, act=leaky_relu(slope=0.3))": (VECTORS, lambda x, w: np.where((z := x @ w["w"] + w["b"]) > 0, z, 0.3 * z)),
    "Dense(3, bias=false)": (IMAGES, lambda x, w: x @ w["w"]),
    "BatchNorm()": (
        IMAGES,
        lambda x, w: (x - w["mean"]) / np.sqrt(np.abs(w["variance"]) + 1e-5) * w["scale"] + w["shift"],
    ),
    "LayerNorm()": (SEQUENCE, lambda x, w: normalised(x, -1) * w["scale"] + w["shift"]),
    "LayerNorm(eps=0.5)": (VECTORS, lambda x, w: normalised(x, -1, 0.5) * w["scale"] + w["shift"]),
    "GroupNorm(3)": (IMAGES, lambda x, w: np_groups(x, w, 3)),
    "GroupNorm(groups=2)": (VECTORS, lambda x, w: np_groups(x, w, 2)),
    "RmsNorm()": (SEQUENCE, lambda x, w: x / np.sqrt(np.mean(x**2, -1, keepdims=True) + 1e-6) * w["scale"]),
    "Dropout(0.5)": (VECTORS, lambda x, w: x),
    "Embedding(7, 4)": (IDS, lambda x, w: w["table"][x]),
    "MultiHeadAttention(2)": (SEQUENCE, lambda x, w: np_attention(x, w, 2, False)),
    "MultiHeadAttention(3, is_causal=true, bias=false)": (SEQUENCE, lambda x, w: np_attention(x, w, 3, True)),
    "TransformerBlock(2, is_causal=true)": (SEQUENCE, np_block),
    "Rnn(4)": (SEQUENCE, np_rnn),
    "Lstm(4)": (SEQUENCE, np_lstm),
    "Gru(4)": (SEQUENCE, np_gru),
    "Conv(5, 3)": (IMAGES, lambda x, w: np_conv(x, w["kernel"], 1, (1, 1), (3, 4)) + w["shift"]),
    "Conv(5, 3, stride=2, bias=false)": (IMAGES, lambda x, w: np_conv(x, w["kernel"], 2, (1, 0), (2, 2))),
    'Conv(5, 2, pad="valid", act=tanh)': (
        IMAGES,
        lambda x, w: np.tanh(np_conv(x, w["kernel"], 1, (0, 0), (2, 3)) + w["shift"]),
    ),
    "Conv(5, 2, dilation=2, bias=false)": (
        IMAGES,
        lambda x, w: np_conv(x, spread(w["kernel"]), 1, (1, 1), (3, 4)),
    ),
    "Conv(6, 3, groups=6, bias=false)": (
        IMAGES,
        lambda x, w: np.concatenate(
            [np_conv(x[..., c : c + 1], w["kernel"][..., c : c + 1], 1, (1, 1), (3, 4)) for c in range(6)], axis=-1
        ),
    ),
    "ConvTranspose(2, 3, stride=2)": (
        IMAGES,
        lambda x, w: np_conv_transpose(x, w["kernel"], 2, 0, (6, 8)) + w["shift"],
    ),
    'ConvTranspose(2, 3, stride=2, pad="valid", bias=false)': (
        IMAGES,
        lambda x, w: np_conv_transpose(x, w["kernel"], 2, 0, (7, 9)),
    ),
}


@pytest.mark.parametrize("call", CASES)
def test_value(call: str) -> None:
    x, expected = CASES[call]
    session = layer(call, x)
    if "net/variance" in session.variables:
        session.variables["net/variance"] = abs(session.variables["net/variance"])
    got = session.run("y", x=x if x.dtype == np.int64 else x.astype("f"))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected(x, weights(session)), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("call", CASES)
def test_gradient(call: str) -> None:
    """Along a random direction of each variable: the slope of the loss against a fourth-order difference."""
    x, _ = CASES[call]
    session = layer(call, x, "f64") if x.dtype != np.int64 else layer(call, x)
    if "net/variance" in session.variables:
        session.variables["net/variance"] = abs(session.variables["net/variance"])
    trained = [path for path in session.variables if path not in ("net/mean", "net/variance")]
    exact = x.dtype != np.int64
    for path in trained:
        start, direction = (
            session.variables[path],
            np.random.default_rng(3).standard_normal(session.variables[path].shape),
        )
        slope = np.sum(session.grad("loss", path, x=x) * direction)
        step, losses = (1e-4 if exact else 1e-2), {}
        for k in (-2, -1, 1, 2):
            session.variables[path] = start + k * step * direction
            losses[k] = session.run("loss", x=x)
        session.variables[path] = start
        difference = (8 * (losses[1] - losses[-1]) - (losses[2] - losses[-2])) / (12 * step)
        assert slope == pytest.approx(difference, rel=1e-7 if exact else 2e-3), path


def test_first_weights() -> None:
    """Biases, shifts and running means start at zero, scales and running variances at one, kernels at random."""
    session = gdl.loads("gdl 1\nfrom nn import Dense, BatchNorm\nplaceholder x: f32[2, 30]\n"
                        "y = x |> fc: Dense(40) |> bn: BatchNorm()\n")  # fmt: skip
    v = session.variables
    assert not v["fc/b"].any() and not v["bn/shift"].any() and not v["bn/mean"].any()
    assert (v["bn/scale"] == 1).all() and (v["bn/variance"] == 1).all()
    assert v["fc/w"].var() == pytest.approx(2 / 70, rel=0.15)


def test_attention_over_other_keys() -> None:
    """Queries, keys and values of their own numbers and widths."""
    q, k, v = RNG.standard_normal((2, 3, 2, 4)), RNG.standard_normal((2, 3, 5, 4)), RNG.standard_normal((2, 3, 5, 6))
    for causal in (False, True):
        call = f"attention(q, k, v, is_causal={str(causal).lower()})"
        score = np.einsum("bhtk,bhsk->bhts", q, k) / 2
        seen = np.tri(2, 5, 3, dtype=bool) if causal else np.ones((2, 5), bool)
        expected = softmax(np.where(seen, score, -np.inf)) @ v
        np.testing.assert_allclose(value(call, "from nn import attention", q=q, k=k, v=v), expected, rtol=1e-12)
    check_gradient("attention(q, k, v)", "q", "from nn import attention", q=q[:1, :1], k=k[:1, :1], v=v[:1, :1])


# ---- batch normalisation over time -----------------------------------------------------------------------------------

NORMED = """gdl 1
from nn import BatchNorm
dim batch
data batches = arrays("batches")
placeholder x: f32[batch, 3]
net bn = BatchNorm(momentum=0.8)
y = bn(x)
loss = sum(y * y * y)
train {
  steps 5
  feed x = x from batches batch 8
  minimize loss with Sgd(0.0)
}
"""


def test_batch_norm_learns_its_statistics() -> None:
    data = (RNG.standard_normal((40, 3)) * [1.0, 2.0, 0.1] + [0.0, 5.0, -1.0]).astype("f")
    session = gdl.loads(NORMED, arrays={"batches": {"x": data}})
    mean, variance = np.zeros(3), np.ones(3)
    for step in range(5):
        batch = data[8 * step : 8 * step + 8].astype("d")
        trained = session.run("y", training=True, x=batch.astype("f"))
        np.testing.assert_allclose(trained, normalised(batch, 0), atol=2e-5)
        session.step()
        mean, variance = 0.8 * mean + 0.2 * batch.mean(0), 0.8 * variance + 0.2 * batch.var(0)
        np.testing.assert_allclose(session.variables["bn/mean"], mean, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(session.variables["bn/variance"], variance, rtol=1e-5)
    evaluated = session.run("y", x=data[:4])
    np.testing.assert_allclose(evaluated, (data[:4] - mean) / np.sqrt(variance + 1e-5), rtol=1e-4, atol=1e-5)


# ---- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "shape", "said"),
    [
        ("MultiHeadAttention(4)", "2, 5, 6", "width 6 does not split into 4 heads"),
        ("GroupNorm(4)", "2, 5, 6", "6 channels do not split into 4 groups"),
        ("TransformerBlock(5)", "2, 5, 6", "width 6 does not split into 5 heads"),
        ("Dropout(1.5)", "2, 3", "1.5"),
    ],
)
def test_what_does_not_fit_is_said(call: str, shape: str, said: str) -> None:
    with pytest.raises(gdl.ProgramError, match=said):
        layer(call, np.zeros([int(s) for s in shape.split(",")]))
