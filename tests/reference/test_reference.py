"""The reference is complete against what the language promises, every entry says what it must, every example holds."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import gdl
from gdl.session.reference import Entry, entries, find
from gdl.train.data import SOURCES
from tests.data.conftest import idx_bytes

#: What the language promises, by the kinds under which the reference may tell it.
PROMISED: Mapping[tuple[str, ...], str] = {
    ("op", "composite", "function"): """
        exp log log1p expm1 sqrt rsqrt sin cos tanh sigmoid softplus relu leaky_relu elu gelu silu abs sign min max clip
        where erf sum mean prod any all argmin argmax logsumexp softmax log_softmax cumsum sort topk norm variance
        moments l2 matmul einsum reshape flatten transpose expand squeeze broadcast_to concat stack split slice pad tile
        flip rearrange gather one_hot embedding conv2d conv2d_transpose max_pool avg_pool conv1d dropout batch_norm
        layer_norm group_norm rms_norm arange eye full zeros_like ones_like stop_gradient""",
    ("builtin",): "grad vjp jvp vars ceil_div",
    ("loss",): "cross_entropy sigmoid_cross_entropy mse mae huber kl_divergence",
    ("random draw",): "normal uniform bernoulli truncated_normal categorical",
    ("initializer", "random draw", "op"): """
        zeros ones constant normal truncated_normal uniform glorot_uniform glorot_normal he_uniform he_normal
        orthogonal""",
    ("optimizer",): "Sgd Momentum Nesterov RmsProp Adagrad Adam AdamW Lion",
    ("schedule", "initializer"): "constant step_decay exponential cosine warmup_cosine",
    ("layer",): """
        Dense Conv ConvTranspose BatchNorm LayerNorm GroupNorm RmsNorm Dropout Embedding Rnn Lstm Gru MultiHeadAttention
        TransformerBlock""",
    ("data source",): "mnist fashion_mnist digits idx npz csv images chars spiral arrays",
}  # fmt: skip
#: Kinds whose formula is common knowledge; all others name their source, but for a dense layer.
NO_REFERENCE_NEEDED = ("builtin", "op", "composite", "function", "loss", "random draw", "initializer", "schedule",
                       "data source")  # fmt: skip
ENTRIES = [pytest.param(entry, id=f"{entry.kind}-{entry.name}") for entry in entries()]
EXAMPLES = [
    pytest.param(entry, example, id=f"{entry.name}-{i}")
    for entry in entries()
    for i, example in enumerate(entry.examples)
    if entry.kind in ("builtin", "op", "composite")
]


@pytest.mark.parametrize("kinds", PROMISED, ids=lambda kinds: kinds[0])
def test_what_is_promised_is_there(kinds: tuple[str, ...]) -> None:
    there = {entry.name for entry in entries() if entry.kind in kinds}
    assert not set(PROMISED[kinds].split()) - there


def test_names_are_told_once() -> None:
    names = [entry.name for entry in entries()]
    assert len(names) == len(set(names))
    assert find("conv2d").kind == "op" and find("conv3d") is None  # type: ignore[union-attr]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_says_what_it_must(entry: Entry) -> None:
    assert entry.signature.startswith(entry.name + "(")
    assert entry.text and entry.summary and not re.match(r"(Example|Reference|Shapes|Errors):", entry.summary)
    assert entry.examples
    if entry.kind in ("op", "composite", "function", "loss", "layer"):
        assert entry.gradient
    if entry.kind in ("op", "composite", "layer") and re.search(r"\[\.\.\.\]|^$", entry.signature.partition("->")[2]):
        assert entry.shapes, "what the signature can't say is said in words"
    assert entry.references or entry.kind in NO_REFERENCE_NEEDED or entry.name == "Dense"
    assert all(re.search(r"\b(18|19|20)\d\d\b", reference) for reference in entry.references), "a year"


# ---- examples ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("entry", "example"), EXAMPLES)
def test_an_example_of_python_holds(entry: Entry, example: str) -> None:
    """Those of the library, which is written in GDL, are run by `gdl test`: see tests/cli/test_examples.py."""
    before = "gdl 1\nfrom nn import Dense\n"
    if entry.kind == "builtin":
        before += "x: f32[3] = [1.0, 2.0, 3.0]\n"
    if re.search(r" (==|~=|<=|<) ", example):
        (result,) = gdl.loads(f'{before}test "example" {{\n  expect {example}\n}}\n').test()
        assert result.passed, result
    else:
        assert np.isfinite(gdl.loads(f"{before}y = {example}\n").run("y")).all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the data sources' examples name."""
    data = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    pictures, labels = rng.integers(0, 256, (3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8)
    for name in ("a-idx3-ubyte.gz", "b-idx3-ubyte.gz"):
        (data / name).write_bytes(gzip.compress(idx_bytes(pictures)))
    for kind in ("mnist", "fashion_mnist"):
        (data / kind).mkdir()
        for split in ("train", "t10k"):
            (data / kind / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(pictures)))
            (data / kind / f"{split}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    np.savez(data / "points.npz", x=rng.standard_normal((3, 2)), y=labels)
    rows = [f"{i / 10},{i},{name}" for i, name in enumerate(["setosa", "virginica", "setosa", "versicolor"])]
    (data / "iris.csv").write_text("\n".join(["sepal length (cm),petals,species", *rows]) + "\n")
    (data / "shakespeare.txt").write_text("To be, or not to be, that is the question. " * 10)
    return data


@pytest.mark.parametrize("name", SOURCES)
def test_a_data_source_is_read_as_in_its_example(name: str, folder: Path) -> None:
    if name == "images":
        pil = pytest.importorskip("PIL.Image", reason="needs the extra `images`")
        (folder / "photos").mkdir()
        pil.fromarray(np.zeros((40, 50, 3), np.uint8)).save(folder / "photos" / "a.png")
    for example in find(name).examples:  # type: ignore[union-attr]
        declared = re.fullmatch(r"data (\w+) = .*", example)
        assert declared, "an example declares a source"
        session = gdl.loads(f"gdl 1\n{example}\n", data=folder, arrays={"given": {"x": np.zeros((4, 2), "f")}})
        dataset = session._run.execution.open_data(declared[1])
        for split in dataset.header.splits:
            assert all(len(array) > 0 for array in dataset.split(split).values())
