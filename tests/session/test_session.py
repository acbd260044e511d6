"""The Python API: arrays go in, plain arrays come out, and nothing is shared."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gdl

TEXT = """gdl 1
dim batch
hyper scale: float = 2.0 in (0, 10)
data  given = arrays("points")
placeholder x: f32[batch, 3]
placeholder y: f32[batch]
variable w: f32[3] = [1.0, -2.0, 0.5]
variable b: f32[] = 0.25
state calls: f32[] = 0
pred  = scale * (x @ w) + b
noisy = x + normal([batch, 3])
loss  = mean((pred - y) ** 2)
train {
  epochs 20
  feed x = position, y = height from given batch 4 shuffle
  minimize loss with Sgd(0.01)
  report loss every epoch
}
eval fit {
  feed x = position, y = height from given
  report loss
}
test "the mean of nothing but ones" {
  feed x = ones([2, 3]), y = zeros([2])
  expect pred ~= [-0.75, -0.75]
  expect pred == [9.0, 9.0]
}
"""
X = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 2]], np.float32)
Y = np.array([1, 2, 3], np.float32)


@pytest.fixture
def points() -> dict[str, np.ndarray]:
    position = np.random.default_rng(0).random((10, 3)).astype(np.float32)
    return {"position": position, "height": position @ np.array([1, 2, 3], np.float32)}


@pytest.fixture
def session(points: dict[str, np.ndarray]) -> gdl.Session:
    return gdl.loads(TEXT, arrays={"points": points})


def expected(scale: float = 2.0) -> np.ndarray:
    return scale * (X @ np.array([1.0, -2.0, 0.5], np.float32)) + 0.25


def test_run_gives_plain_values(session: gdl.Session) -> None:
    pred, loss = session.run(["pred", "loss"], x=X, y=Y)
    assert type(pred) is np.ndarray and pred.dtype == np.float32
    assert np.allclose(pred, expected())
    assert type(loss) is float and loss == pytest.approx(np.mean((expected() - Y) ** 2))


def test_run_gives_arrays_of_the_callers_own(session: gdl.Session) -> None:
    first = session.run("pred", x=X)
    kept = first.copy()
    session.run("pred", x=2 * X)
    assert np.array_equal(first, kept)
    first[:] = 0.0
    assert np.array_equal(session.run("pred", x=X), kept)


def test_any_batch_size_and_any_array_like(session: gdl.Session) -> None:
    assert session.run("pred", x=X[:1]).shape == (1,)
    assert np.allclose(session.run("pred", x=X.astype(np.float64)), expected())
    assert np.allclose(session.run("pred", x=X.astype(int).tolist()), expected())
    assert np.allclose(session.run("pred", x=np.asfortranarray(X)), expected())


def test_a_call_made_again_is_the_same_call() -> None:
    session = gdl.loads("""gdl 1
placeholder a: f32[]
placeholder x: f32[3]
placeholder i: i64[]
y = a * x
z = gather(y, i)
is_large = z > 10
place = i + 1
""")
    x = np.arange(3, dtype=np.float32)
    for a in (0.5, np.float32(0.5), np.array(0.5, np.float32), np.array(0.5), "0.5", 1, True, 0.5):
        for fed in (x, x.astype(np.float64), [0, 1, 2], np.stack([x, x], 1)[:, 0]):
            if a == "0.5":
                with pytest.raises(gdl.UsageError, match="E0916"):
                    session.run(("y", "z"), a=a, x=fed, i=2)
            else:
                y, z = session.run(("y", "z"), a=a, x=fed, i=2)
                assert y.dtype == np.float32 and np.array_equal(y, np.float32(a) * x) and z == y[2]
    for _ in range(2):
        with pytest.raises(gdl.RunError, match="E0809.*the index 3 is outside"):
            session.run(("y", "z"), a=0.5, x=x, i=3)
        with pytest.raises(gdl.RunError, match=r"`x` is f32\[3\]"):
            session.run(("y", "z"), a=0.5, x=x[:2], i=0)
        with pytest.raises(gdl.UsageError, match="E0913.*`i`"):
            session.run(("y", "z"), a=0.5, x=x)
    for _ in range(2):
        kinds = [type(v) for v in session.run(("z", "is_large", "place"), a=0.5, x=x, i=2)]
        assert kinds == [float, bool, int]
    assert session.run((), a=0.5) == session.run(()) == ()


def test_the_callers_arrays_are_never_changed(session: gdl.Session) -> None:
    x, y = X.copy(), Y.copy()
    session.grad("loss", ["w", "b", "x"], x=x, y=y)
    assert np.array_equal(x, X) and np.array_equal(y, Y)


def test_gradients_at_variables_placeholders_and_nodes(session: gdl.Session) -> None:
    w, b, x, pred = session.grad("loss", ["w", "b", "x", "pred"], x=X, y=Y)
    slope = 2 * (expected() - Y) / 3
    assert np.allclose(pred, slope)
    assert np.allclose(w, 2 * X.T @ slope) and b == pytest.approx(slope.sum())
    assert np.allclose(x, 2 * np.outer(slope, [1.0, -2.0, 0.5]))
    assert np.array_equal(session.grad("loss", "w", x=X, y=Y), w)


def test_random_nodes_draw_anew_and_repeatably(points: dict[str, np.ndarray]) -> None:
    one, two = (gdl.loads(TEXT, arrays={"points": points}, seed=5) for _ in range(2))
    draws = [one.run("noisy", x=X) for _ in range(2)]
    assert not np.array_equal(*draws)
    assert np.array_equal(draws[0], two.run("noisy", x=X))


def test_variables_are_copies_in_and_out(session: gdl.Session) -> None:
    w = session.variables["w"]
    w[:] = 0.0
    assert session.variables["w"].tolist() == [1.0, -2.0, 0.5]
    session.variables["w"] = [1, 1, 1]
    assert np.allclose(session.run("pred", x=X), 2 * X.sum(1) + 0.25)
    assert "w" in session.variables and "w: float32[3]" in repr(session.variables)
    with pytest.raises(gdl.UsageError, match="E0916.*float32\\[3\\]"):
        session.variables["w"] = [1, 2]
    with pytest.raises(gdl.UsageError, match="E0912"):
        session.variables["ww"]


def test_training_and_evaluating(session: gdl.Session) -> None:
    before = session.evaluate("fit")["loss"]
    outcome = session.train()
    assert outcome.steps == 60
    assert outcome.evaluated["fit"] == session.evaluate("fit")
    assert session.evaluate("fit")["loss"] < before
    assert set(outcome.reported) == {"loss"}


def test_an_eval_keeps_arrays_that_have_no_axis_of_examples(points: dict[str, np.ndarray]) -> None:
    told = gdl.loads(
        """dim batch
data d = arrays("points")
placeholder x: f32[batch, 3]
variable w: f32[3] = [1, 2, 3]
eval moments { feed x = position from d batch 4; report mean(x, axis=0), x, w, mean(x), shape(x) }
""",
        arrays={"points": points},
    ).evaluate("moments")
    at = points["position"].astype(np.float64)
    assert len(at) % 4
    np.testing.assert_allclose(told["mean(x, axis=0)"], at.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose([told["x"], told["mean(x)"]], at.mean(), rtol=1e-6)
    assert told["w"].tolist() == [1, 2, 3] and told["shape(x)"].tolist() == [(16 + 16 + 4) / 10, 3]


def test_single_steps_are_the_steps_of_a_training(points: dict[str, np.ndarray]) -> None:
    one, two = (gdl.loads(TEXT, arrays={"points": points}) for _ in range(2))
    losses = [one.step() for _ in range(6)]
    two.train(epochs=2)
    assert np.array_equal(one.variables["w"], two.variables["w"])
    assert losses[-1] < losses[0]


def test_training_twice_goes_on_from_the_weights(session: gdl.Session) -> None:
    session.train(epochs=1)
    middle = session.evaluate("fit")["loss"]
    session.train(epochs=1)
    assert session.evaluate("fit")["loss"] < middle


def test_nothing_is_written_unless_asked(session: gdl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session.train(steps=2)
    assert not list(tmp_path.iterdir())
    list(session.events(steps=2, out=tmp_path / "run"))
    assert (tmp_path / "run" / "metrics.jsonl").is_file()


def test_weights_saved_and_loaded(session: gdl.Session, points: dict[str, np.ndarray], tmp_path: Path) -> None:
    session.train(epochs=3)
    digest = session.save(tmp_path / "w.safetensors")
    other = gdl.loads(TEXT, arrays={"points": points}, seed=9)
    other.load(tmp_path / "w.safetensors")
    assert np.array_equal(other.variables["w"], session.variables["w"])
    assert other.save(tmp_path / "again.safetensors") == digest
    with pytest.raises(gdl.CheckpointError, match="E0711"):
        other.load(tmp_path / "nowhere.safetensors")
    wider = TEXT.replace("f32[3]", "f32[4]").replace("0.5]", "0.5, 1.0]")
    wider = wider.replace("batch, 3", "batch, 4").replace("[2, 3]", "[2, 4]")
    wide = gdl.loads(wider, arrays={"points": {**points, "position": np.ones((10, 4), np.float32)}})
    with pytest.raises(gdl.CheckpointError, match="E0701"):
        wide.load(tmp_path / "w.safetensors")


def test_the_programs_own_tests(session: gdl.Session) -> None:
    (result,) = session.test()
    (failure,) = result.failures
    assert not result.passed and failure.code == "E0826"
    assert "2 of 2 elements" in failure.labels[0].text


def test_sizes_that_a_test_feeds_can_be_expected() -> None:
    held = gdl.loads("""dim b
placeholder x: f32[b, 3]
def two(x: f32[m, k]) -> f32[m, k] { require shape(x) == [2, 3]; return x }
test "right" { feed x = ones([2, 3]); expect shape(x) == [2, 3]; expect size(x) == 6; expect two(x) == 1 }
test "other" { feed x = ones([2, 3]); expect shape(x) != [4, 3]; expect shape(x)[0] < 3 }
test "wrong" { feed x = ones([2, 3]); expect shape(x) == [4, 3] }
""").test()
    assert [result.passed for result in held] == [True, True, False]
    assert held[2].failures[0].labels[0].text == "false for 1 of 2 elements, first at [0]: left 2, right 4"


def test_an_eval_of_a_fixed_number_of_records_still_knows_them(points: dict[str, np.ndarray]) -> None:
    told = gdl.loads(
        """data d = arrays("points")
placeholder x: f32[5, 3]
eval e { feed x = position from d batch 5; report x, mean(x, axis=1), mean(x, axis=0) }
""",
        arrays={"points": points},
    ).evaluate("e")
    mean = points["position"].astype(np.float64).mean(axis=0)
    assert told["x"] == pytest.approx(mean.mean()) and told["mean(x, axis=1)"] == pytest.approx(mean.mean())
    np.testing.assert_allclose(told["mean(x, axis=0)"], mean, rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "code"),
    [("zeros([m, 2])", "E0802"), ("sum(ones([2, m - 3]))", "E0802"), ("sum(softmax(zeros([2 ** 40, 2])))", "E0810")],
)
def test_what_fails_inside_the_library_is_told_at_the_users_call(value: str, code: str) -> None:
    with pytest.raises(gdl.RunError) as caught:
        gdl.loads(f"dim m\neval show {{ report {value} }}\n").evaluate("show")
    (told,) = caught.value.diagnostics
    assert told.code == code and told.span is not None
    assert told.span.source.name == "program" or told.span.source.path is None
    assert told.span.text in value and told.notes[-1].startswith("this arises inside the library: ")


def test_hypers(points: dict[str, np.ndarray]) -> None:
    session = gdl.loads(TEXT, arrays={"points": points}, scale=3)
    assert session.hypers == {"scale": 3.0}
    assert np.allclose(session.run("pred", x=X), expected(3.0))
    with pytest.raises(gdl.GdlError, match="E0215.*scal"):
        gdl.loads(TEXT, arrays={"points": points}, scal=3)
    with pytest.raises(gdl.GdlError, match="E0213"):
        gdl.loads(TEXT, arrays={"points": points}, scale=30)


def test_wrong_use_is_told(session: gdl.Session) -> None:
    with pytest.raises(gdl.UsageError, match="E0912: this program has no node `pret`"):
        session.run("pret", x=X)
    with pytest.raises(gdl.UsageError, match="E0913.*`y`"):
        session.run("loss", x=X)
    with pytest.raises(gdl.UsageError, match="E0912.*placeholder `z`"):
        session.run("pred", x=X, z=X)
    with pytest.raises(gdl.RunError, match="`x` is f32"):
        session.run("pred", x=X[:, :2])
    with pytest.raises(gdl.UsageError, match="E0916"):
        session.run("pred", x=["a", "b"])
    with pytest.raises(gdl.UsageError, match="E0916.*different lengths"):
        session.run("pred", x=[[1, 2, 3], [1, 2]])
    with pytest.raises(gdl.UsageError, match="E0917"):
        session.grad("pred", "w", x=X)
    with pytest.raises(gdl.UsageError, match="E0912"):
        session.grad("loss", "ww", x=X, y=Y)
    with pytest.raises(gdl.UsageError, match="E0912.*eval block `fitt`"):
        session.evaluate("fitt")


def test_parse_and_check() -> None:
    assert len(gdl.parse("x = 1\ny = x").items) == 2
    with pytest.raises(gdl.ProgramError):
        gdl.parse("x = = 1\n")
    diagnostics = gdl.check("gdl 1\nx = nope\n")
    assert [d.code for d in diagnostics] == ["E0101"]
    with pytest.raises(gdl.ProgramError, match="E0101"):
        gdl.loads("gdl 1\nx = nope\n")
    with pytest.raises(gdl.UsageError, match="E0902"):
        gdl.load("no/such/file.gdl")


def test_gradient_mistakes_show_at_check_time() -> None:
    text = "gdl 1\nvariable w: f32[3] = zeros()\nplaceholder x: f32[3]\nz = sum(x)\ng = grad(z, w)\n"
    (diagnostic,) = gdl.check(text)
    assert diagnostic.code.startswith("E05") and diagnostic.span is not None and diagnostic.span.line == 5


def test_importing_is_cheap_and_checking_needs_no_numpy() -> None:
    root = Path(gdl.__file__).parents[1]
    program = "import sys, gdl\nassert 'gdl.session' not in sys.modules\n"
    program += f"assert gdl.check({str(root / 'examples' / 'mnist.gdl')!r}) == []\nassert 'numpy' not in sys.modules"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, env=environment)


def test_the_public_names_are_all_there() -> None:
    for name in gdl.__all__:
        assert getattr(gdl, name) is not None and name in dir(gdl)
    with pytest.raises(AttributeError):
        gdl.nothing  # noqa: B018
