"""Every public definition of the standard library is documented, its examples hold, and a test names it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import gdl
from gdl.syntax import ast

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "stdlib").glob("*.gdl"))
DEFINITIONS = [
    pytest.param(path.stem, item, id=item.name)
    for path in FILES
    for item in gdl.parse(path.read_text(encoding="utf-8"), path.name).items
    if isinstance(item, ast.Definition)
]
#: Definitions whose formula is common knowledge: an example says all. All others name their source too.
NO_REFERENCE_NEEDED = ("functions", "losses", "random", "initializers", "schedules")


def section(doc: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: (.+)$", doc, re.MULTILINE)


def test_every_file_says_what_it_is() -> None:
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0] == "gdl 1" and lines[1].startswith("## "), path.name
        assert max(map(len, lines)) <= 120, path.name


@pytest.mark.parametrize(("module", "definition"), DEFINITIONS)
def test_documented(module: str, definition: ast.Definition) -> None:
    first = definition.doc.partition("\n")[0]
    assert first and not re.match("(Example|Reference|Shapes|Errors):", first), "a first line that says what it is"
    assert section(definition.doc, "Example")
    assert (
        module in NO_REFERENCE_NEEDED
        or module == "nn"
        and definition.name == "Dense"
        or section(definition.doc, "Reference")
    )
    for reference in section(definition.doc, "Reference"):
        assert re.search(r"\b(19|20)\d\d\b", reference), "a reference has a year"


@pytest.mark.parametrize(("module", "definition"), DEFINITIONS)
def test_examples_hold(module: str, definition: ast.Definition) -> None:
    imported = f"from nn import {definition.name}\n" if module == "nn" else ""
    for example in section(definition.doc, "Example"):
        if definition.what == "optimizer":
            session = gdl.loads(
                f"gdl 1\nvariable w: f32[2] = ones()\ntrain {{\n  steps 1\n  minimize l2(w) with {example}\n}}\n"
            )
            session.step()
            assert (session.variables["w"] < 1).all()
        elif re.search(r"[=~<]=", example):
            (result,) = gdl.loads(f'gdl 1\n{imported}test "example" {{\n  expect {example}\n}}\n').test()
            assert result.passed, result
        else:
            y = gdl.loads(f"gdl 1\n{imported}y = {example}\n").run("y")
            assert np.isfinite(y).all()


def test_every_definition_is_named_by_a_test() -> None:
    tests = "".join(
        p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py") if p.name != Path(__file__).name
    )
    missing = [d.values[1].name for d in DEFINITIONS if not re.search(rf"\b{d.values[1].name}\b", tests)]
    assert not missing


#: What the language promises.
PROMISED = """
    exp log log1p expm1 sqrt rsqrt sin cos tanh sigmoid softplus relu leaky_relu elu gelu silu abs sign min
    max clip where erf sum mean prod any all argmin argmax logsumexp softmax log_softmax cumsum sort topk norm
    variance moments l2 matmul einsum reshape flatten transpose expand squeeze broadcast_to concat stack split
    slice pad tile flip rearrange gather one_hot embedding conv2d conv2d_transpose max_pool avg_pool conv1d
    dropout batch_norm layer_norm group_norm rms_norm cross_entropy sigmoid_cross_entropy mse mae huber
    kl_divergence normal uniform bernoulli truncated_normal categorical arange eye zeros ones full zeros_like
    ones_like constant glorot_uniform glorot_normal he_uniform he_normal orthogonal Sgd Momentum Nesterov
    RmsProp Adagrad Adam AdamW Lion step_decay exponential cosine warmup_cosine grad vjp jvp stop_gradient
""".split()
LAYERS = """
    Dense Conv ConvTranspose BatchNorm LayerNorm GroupNorm RmsNorm Dropout Embedding Rnn Lstm Gru
    MultiHeadAttention TransformerBlock
""".split()


def test_what_is_promised_is_there() -> None:
    uses = "".join(f"def use_{name}(x: f32[...], f: fn = {name}) -> f32[...] {{ return x }}\n" for name in PROMISED)
    calls = "".join(f"y_{name} = use_{name}([1.0])\n" for name in PROMISED)
    assert not gdl.check(f"gdl 1\nfrom nn import {', '.join(LAYERS)}\n{uses}{calls}")
