"""The backend numba as numba compiles it. Skipped where numba is not installed; nothing else in the suite needs it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import gdl
from gdl.graph.node import Graph
from gdl.runtime.arrays import DTYPES
from gdl.runtime.compiled.region import Region
from gdl.runtime.interpret import evaluate
from gdl.runtime.plan import plan, plan_as_is
from gdl.runtime.state import State
from gdl.runtime.step import prepare
from tests.ops.drawing import CASES, Case, arrays, dtype_choices
from tests.runtime.building import call, fed, in_company
from tests.runtime.random_graphs import random_graph
from tests.runtime.test_plan_values import run_both

pytest.importorskip("numba")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("GDL_CACHE", str(folder))
        yield folder


# ---- functions ---------------------------------------------------------------------------------------------------

#: Units in the last place that the result may be off, as the docstring of `functions` says.
UNITS = {"exp": 1.5, "expm1": 2, "log": 1.5, "log1p": 2.5, "tanh": 3.5, "sigmoid": 3, "erf": 5}


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """The value in the next larger type; erf in f64 by the C library."""
    wide = x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
    if name == "erf":
        return np.array([math.erf(v) for v in x.astype(float)])
    if name == "sigmoid":
        return 1 / (1 + np.exp(-np.maximum(wide, -87.0 if x.dtype == np.float32 else -708.0)))
    return getattr(np, name)(wide)


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("name", UNITS)
def test_functions_are_as_exact_as_they_promise(name: str, dtype: str) -> None:
    from numba import njit

    from gdl.runtime.compiled.functions import FUNCTIONS

    function = FUNCTIONS[f"{name}_{dtype}"]

    @njit(error_model="numpy")
    def loop(x, out):  # type: ignore[no-untyped-def]
        for i in range(x.size):
            out[i] = function(x[i])

    rng, kind = np.random.default_rng(0), np.float32 if dtype == "f32" else np.float64
    most = 110 if dtype == "f32" else 800
    x = np.concatenate([rng.normal(0, 1, 9000), rng.uniform(-most, most, 9000), 10 ** rng.uniform(-44, 38, 9000)])
    x = np.concatenate([x, [0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 88.7, -87.5, -103.9, 709.7, -745]]).astype(kind)
    got = np.empty_like(x)
    loop(x, got)
    with np.errstate(all="ignore"):
        wanted = exact(name, x)
        rounded = wanted.astype(kind)
        near = np.isfinite(rounded) & np.isfinite(got)
        np.testing.assert_array_equal(np.where(near, 0, got), np.where(near, 0, rounded))
        off = np.abs(got[near].astype(wanted.dtype) - wanted[near]) / np.spacing(np.abs(rounded[near]))
    assert off.max() <= UNITS[name]
    if name in ("expm1", "log1p", "tanh", "erf"):
        assert np.signbit(got[x == 0]).tolist() == [False, True]


SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, -3.5, 2.5, 0.5, 88.0]


@pytest.mark.parametrize("name", ["maximum", "minimum", "relu", "sqrt", "abs", "floor", "ceil", "round", "divide",
                                  "less", "not_equal", "is_finite", "max", "min", "sum"])  # fmt: skip
def test_what_is_no_number_survives(name: str) -> None:
    """Every pair of special values; in a vector, and behind the last full one."""
    x, y = np.meshgrid(np.array(SPECIAL, np.float32), np.array(SPECIAL, np.float32))
    shape = x.shape
    takes_two = name in ("maximum", "minimum", "divide", "less", "not_equal")
    attrs = {"axis": 1} if name in ("max", "min", "sum") else {}
    node = call(name, *[fed(n, *shape) for n in ("x", "y")[: 1 + takes_two]], **attrs)
    given = {"x": x, "y": y} if takes_two else {"x": x}
    made = plan_as_is(Graph((node,)), backend="numba")
    [got] = prepare(made, State(), 0)([given[n] for n in made.inputs])
    with np.errstate(all="ignore"):
        [wanted] = evaluate(Graph((node,)), given, State(), 0, 0, 0, 0)
    np.testing.assert_array_equal(got, wanted)


# ---- contractions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_products_and_convolutions_by_tiles(dtype: str) -> None:
    """Whole tiles and parts of them, what is transposed in registers, sums in several blocks."""
    x, y, z = [fed(name, *shape, dtype=dtype) for name, shape in (("x", (40, 300)), ("y", (300, 70)), ("z", (50, 70)))]
    images, kernel = fed("images", 30, 7, 6, 12, dtype=dtype), fed("kernel", 5, 3, 12, 20, dtype=dtype)
    result = call("conv2d", images, kernel, stride=2)
    graph = Graph((
        x @ y, call("transpose", x, axes=(1, 0)) @ (x @ y), y @ call("transpose", z, axes=(1, 0)), result,
        call("conv2d_input_grad", result, kernel, size=(7, 6), stride=2),
        call("conv2d_kernel_grad", images, result, size=(5, 3), stride=2),
    ))  # fmt: skip
    made = plan_as_is(graph, backend="numba")
    assert all(isinstance(each, Region) for each in made.code.calls.values() if each is not id)
    rng = np.random.default_rng(0)
    given = {n.attrs["name"]: rng.normal(0, 0.1, n.type.shape).astype(DTYPES[dtype]) for n in (x, y, z, images, kernel)}
    run_both(graph, made, given, {}, exact=False)


# ---- programs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_random_graphs_agree_with_numpy(seed: int) -> None:
    graph, given, values = random_graph(seed, nodes=40)
    with np.errstate(all="ignore"):
        run_both(graph, plan(graph, {}, backend="numba"), given, values, exact=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_more_random_graphs_agree_with_numpy(seed: int) -> None:
    test_random_graphs_agree_with_numpy(seed)


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in CASES if c.op.kernel and not c.op.random], ids=str)
def test_each_op_beside_others(case: Case) -> None:
    for dtypes in dtype_choices(case):
        given = {f"x{i}": array for i, array in enumerate(arrays(case, dtypes))}
        graph = in_company(case.op.name, case.attrs, given)
        with np.errstate(all="ignore"):
            run_both(graph, plan_as_is(graph, backend="numba"), given, {}, exact=False)


NET = """\
gdl 1
from nn import BatchNorm, Conv, Dense
dim batch
data batches = arrays("batches")
layer Net(x: f32[b, row: 8, col: 8, 2]) {
  h = x |> c1: Conv(6, 3, bias=false) |> bn: BatchNorm() |> relu
  h = max_pool(h, 2) |> c2: Conv(8, 3, stride=2) |> relu
  return mean(h, over=(row, col)) |> out: Dense(3)
}
placeholder x: f32[batch, row: 8, col: 8, 2]
placeholder y: i64[batch]
net model = Net()
loss = mean(cross_entropy(model(x), y))
train {
  steps 6
  feed x = x, y = y from batches batch 10
  minimize loss with Adam(0.01)
}
"""


def batches() -> dict[str, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    return {"batches": {"x": rng.normal(size=(40, 8, 8, 2)).astype(np.float32), "y": rng.integers(0, 3, 40)}}


def losses(backend: str, count: int = 4) -> list[float]:
    session = gdl.loads(NET, arrays=batches(), backend=backend)
    return [session.step() for _ in range(count)]


def test_a_net_trains_as_with_numpy_and_the_same_each_time() -> None:
    first = losses("numba")
    np.testing.assert_allclose(first, losses("numpy"), rtol=2e-4)
    assert losses("numba") == first


def test_gradients_as_with_numpy() -> None:
    text = "placeholder a: f32[7]\nplaceholder b: f32[7]\nloss = sum(tanh(a * b) * a)\n"
    a, b = np.linspace(-2, 2, 7, dtype=np.float32), np.linspace(1, 3, 7, dtype=np.float32)
    found = [gdl.loads(text, backend=backend).grad("loss", ("a", "b"), a=a, b=b) for backend in ("numpy", "numba")]
    for plain, compiled in zip(*found):
        np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-6)


def test_a_resumed_run_keeps_its_backend_and_its_bits(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "gdl", "run"]
    environment = os.environ | {"GDL_OFFLINE": "1"}

    def gdl_run(*words: str) -> None:
        subprocess.run([*run, *words, "--quiet"], cwd=tmp_path, env=environment, check=True, timeout=250)

    (tmp_path / "net.gdl").write_text(
        "dim batch\ndata digit = digits()\nplaceholder x: f32[batch, 64]\nplaceholder y: i64[batch]\n"
        "variable W: f32[64, 10] = zeros()\nlogits = dropout(x, 0.1) @ W\n"
        "loss = mean(cross_entropy(logits, y))\ntrain {\n  steps 6\n  feed x = flatten(image) / 255, y = label"
        " from digit.train batch 20 shuffle\n  minimize loss with Adam(0.01)\n}\n"
    )
    gdl_run("net.gdl", "--backend", "numba", "--out", "whole")
    gdl_run("net.gdl", "--backend", "numba", "--out", "parts", "--steps", "3")
    gdl_run("--resume", "parts", "--steps", "6")
    ends = [sorted((tmp_path / name / "checkpoints").iterdir())[-1].read_bytes() for name in ("whole", "parts")]
    assert ends[0] == ends[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "spiral", "batch_norm", "convnet", "vae", "wgan", "dcgan"])
def test_examples_begin_as_with_numpy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDL_OFFLINE", "1")
    found = []
    for backend in ("numpy", "numba"):
        session = gdl.load(EXAMPLES / f"{name}.gdl", backend=backend)
        found.append([session.step() for _ in range(2)])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)


# ---- the cache ---------------------------------------------------------------------------------------------------


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    code = "import gdl, numpy as np; print(gdl.loads('placeholder a: f32[5]\\ny = exp(a) * 2.0 + a', backend='numba')"
    code += ".run('y', a=np.ones(5, np.float32))[0])"
    environment = os.environ | {"GDL_CACHE": str(tmp_path), "NUMBA_DEBUG_CACHE": "1"}
    said = [
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert "data saved" in said[0]
    assert "data loaded" in said[1] and "data saved" not in said[1]
    assert said[0].splitlines()[-1] == said[1].splitlines()[-1]


def test_without_a_place_for_a_cache_it_compiles_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GDL_CACHE", str(tmp_path / "file"))
    x = fed("x", 3)
    made = plan_as_is(Graph((call("add", call("multiply", x, x), call("exp", x)),)), backend="numba")
    [got] = prepare(made, State(), 0)([np.zeros(3, np.float32)])
    assert got.tolist() == [1, 1, 1]


def test_numba_is_not_imported_unless_asked_for() -> None:
    code = "import gdl, sys; gdl.loads('placeholder a: f32[]\\ny = a + 2.0').run('y', a=1.0)"
    code += "; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
