"""Nets of random layers, of random sizes, that train on images: what convolutions, pooling, normalisation, recurrence
and attention make of odd windows, strides and borders."""

from __future__ import annotations

from random import Random

_ACTS = ("relu", "tanh", "gelu", "sigmoid", "silu", "softplus", "identity")
_IMPORTS = """\
from nn import Dense, Conv, ConvTranspose, BatchNorm, LayerNorm, GroupNorm, RmsNorm, Rnn, Lstm, Gru
from nn import MultiHeadAttention, TransformerBlock
"""


def net(seed: int) -> str:
    """A program with a train block of one step. Few are wrong: where a window does not fit, for instance."""
    random = Random(seed)
    size, dtype = random.randint(8, 14), random.choice(("f32", "f64"))
    kind = random.choice(("image", "image", "image", "sequence", "flat"))
    shape = {"image": f"{size}, {size}, 1", "sequence": f"{size}, {size}", "flat": f"{size * size}"}[kind]
    stages = _IMAGE if kind == "image" else _SEQUENCE if kind == "sequence" else _FLAT
    chain = [random.choice(stages)(random) for _ in range(random.randint(1, 4))]
    if kind == "image":  # to normalise one channel would leave nothing but rounding
        chain.insert(0, random.choice((_conv, _conv, _up))(random))
    if kind != "flat":
        chain.append(random.choice(("flatten()", "mean(axis=1)" if kind == "sequence" else "mean(axis=(1, 2))")))
    chain += [random.choice(_FLAT)(random) for _ in range(random.randint(0, 2))]
    labelled = [f"s{number}: {stage}" if stage[0].isupper() else stage for number, stage in enumerate(chain)]
    given = "image / 255" if dtype == "f32" else "f64(image) / 255"
    rule = random.choice(("Sgd(0.1)", "Momentum(0.05)", "Nesterov(0.05)", "Sgd(0.1) clip 1.0"))
    return f"""\
gdl 1
{_IMPORTS}dim batch
data d = digits(size={size})
placeholder x: {dtype}[batch, {shape}]
placeholder y: i64[batch]
logits = x
  |> {" |> ".join(labelled)}
  |> out: Dense(10)
loss = mean(cross_entropy(logits, y))
train {{
  steps 1
  feed x = reshape({given}, shape=[batch, {shape}]), y = label from d.train batch 6
  minimize loss with {rule}
  report logits every 1 steps
}}
"""


def _act(random: Random) -> str:
    return random.choice(_ACTS)


def _conv(random: Random) -> str:
    out, size = random.choice((2, 3, 4, 8, 16, 20)), random.choice((1, 2, 3, 3, 5))
    stride = random.choice((1, 1, 2, 3))
    extra = random.choice(("", "", "", ', pad="valid"', ", dilation=2", ", bias=false"))
    return f"Conv({out}, {size}, stride={stride}, act={_act(random)}{extra})"


def _up(random: Random) -> str:
    out, size, stride = random.choice((2, 3, 5, 8)), random.choice((2, 3, 4, 5)), random.choice((1, 2, 2, 3))
    extra = random.choice(("", "", ', pad="valid"', ", bias=false"))
    return f"ConvTranspose({out}, {size}, stride={stride}, act={_act(random)}{extra})"


def _pool(random: Random) -> str:
    op, size = random.choice(("max_pool", "avg_pool")), random.choice((2, 2, 3))
    stride, pad = random.choice(("", ", stride=1", ", stride=2")), random.choice(("", ', pad="same"'))
    return f"{op}({size}{stride}{pad})"


def _norm(random: Random) -> str:
    return random.choice(("BatchNorm()", "LayerNorm()", "RmsNorm()", "GroupNorm(groups=1)"))


def _dense(random: Random) -> str:
    return f"Dense({random.choice((1, 3, 4, 8, 33))}, act={_act(random)})"


def _recurrent(random: Random) -> str:
    return f"{random.choice(('Rnn', 'Lstm', 'Gru'))}({random.choice((1, 3, 8))})"


def _attending(random: Random) -> str:
    """Widths that any number of heads may split."""
    width, heads, causal = random.choice((4, 8, 12)), random.choice((1, 2, 4)), random.choice(("", ", is_causal=true"))
    block = random.choice((f"MultiHeadAttention({heads}{causal})", f"TransformerBlock({heads}, p=0.0{causal})"))
    return f"Dense({width}) |> a{random.randrange(10**6)}: {block}"


def _activation(random: Random) -> str:
    return random.choice((f"{_act(random)}()", "dropout(0.3)", "clip(-1.0, 1.0)", "leaky_relu(0.2)"))


def _plain(random: Random) -> str:
    return random.choice((_activation(random), "softmax()"))


_FLAT = (_dense, _dense, lambda random: random.choice(("BatchNorm()", "LayerNorm()", "RmsNorm()")), _plain)
_SEQUENCE = (_dense, _norm, _recurrent, _attending, _attending, _plain)
_IMAGE = (_conv, _conv, _conv, _up, _pool, _norm, _activation)
