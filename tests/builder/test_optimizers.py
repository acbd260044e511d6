"""Gradients computed and applied in two steps: what `train` does, bit for bit, with whatever comes between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gdl
from gdl import builder as ad

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 5)).astype("f4"), RNG.integers(0, 3, 8)
PROGRAM = """gdl 1
from nn import Dense, BatchNorm
dim batch
data d = arrays("d")
placeholder x: f32[batch, 5]
placeholder y: i64[batch]
h = x |> fc1: Dense(7, act=tanh) |> bn: BatchNorm() |> dropout(0.3)
logits = h |> fc2: Dense(3)
loss = mean(cross_entropy(logits, y)) + 1e-3 * l2(fc1.w)
train {
  steps 6
  feed x = x, y = y from d batch 8
  minimize loss with RULE
}
"""
RULES = {
    "Sgd(0.1)": lambda: ad.Sgd(0.1),
    "Momentum(0.1, momentum=0.8)": lambda: ad.Momentum(0.1, momentum=0.8),
    "Nesterov(0.1)": lambda: ad.Nesterov(0.1),
    "RmsProp(0.01)": lambda: ad.RmsProp(0.01),
    "Adagrad(0.1)": lambda: ad.Adagrad(0.1),
    "Adam(0.01)": lambda: ad.Adam(0.01),
    "AdamW(0.01)": lambda: ad.AdamW(0.01),
    "Lion(0.001)": lambda: ad.Lion(0.001),
    "Adam(cosine(0.1, 10))": lambda: ad.Adam(ad.cosine(0.1, 10)),
    "Sgd": lambda: ad.Sgd,
    "Sgd(0.1) clip 0.01": lambda: ad.Sgd(0.1),
}


class Model:
    """The program's model, built node by node."""

    def __init__(self, rule: str, seed: int = 3):
        with gdl.Graph(training=True) as self.graph:
            self.x, self.y = ad.placeholder("x", ("batch", 5)), ad.placeholder("y", ("batch",), "i64")
            fc1, bn, fc2 = [
                ad.net(name, layer)
                for name, layer in [("fc1", ad.Dense(7, act=ad.tanh)), ("bn", ad.BatchNorm()), ("fc2", ad.Dense(3))]
            ]
            logits = fc2(ad.dropout(bn(fc1(self.x)), 0.3))
            self.loss = ad.mean(ad.cross_entropy(logits, self.y)) + 1e-3 * ad.l2(fc1.w)
            self.runtime = gdl.Runtime(seed=seed)
            self.optimizer = gdl.Optimizer(RULES[rule](), self.runtime, "mine")

    def step(self) -> float:
        return self.optimizer.minimize(self.loss, {self.x: X, self.y: Y})

    def tensors(self) -> dict[str, np.ndarray]:
        return dict(self.runtime.variables)


@pytest.mark.parametrize("rule", [r for r in RULES if "clip" not in r])
def test_two_steps_are_train_bit_for_bit(rule: str) -> None:
    """With dropout, batch normalisation, schedules, and a variable that the loss uses twice."""
    session = gdl.loads(PROGRAM.replace("RULE", rule), arrays={"d": {"x": X, "y": Y}}, seed=3)
    model = Model(rule)
    for _ in range(6):
        loss = session.step()
        gradients = model.optimizer.compute_gradients(model.loss, {model.x: X, model.y: Y})
        assert model.runtime.value(model.loss) == loss
        model.optimizer.apply_gradients(gradients)
    for path, array in session.variables.items():
        _, memory, rest = path.partition("/0/")
        mine = f"optimizer/mine/{rest}" if memory else path
        np.testing.assert_array_equal(model.runtime.variables[mine], array, err_msg=path)
    assert len(model.runtime.variables) == len(session.variables)
    assert model.runtime.steps == {"mine": 6}


def test_clipping_between_the_steps() -> None:
    rule = "Sgd(0.1) clip 0.01"
    session = gdl.loads(PROGRAM.replace("RULE", rule), arrays={"d": {"x": X, "y": Y}}, seed=3)
    model = Model(rule)
    before = model.tensors()
    gradients = model.optimizer.compute_gradients(model.loss, {model.x: X, model.y: Y})
    assert [v.name for v in gradients] == ["fc1/w", "fc1/b", "bn/scale", "bn/shift", "fc2/w", "fc2/b"]
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients.values()))
    model.optimizer.apply_gradients({v: g * (0.01 / norm) for v, g in gradients.items()})
    session.step()
    for v in gradients:
        np.testing.assert_allclose(model.runtime.value(v), session.variables[v.name], rtol=1e-6, atol=1e-8)
        assert not np.array_equal(model.runtime.value(v), before[v.name])


def test_computing_alone_changes_nothing() -> None:
    model = Model("Adam(0.01)")
    before = model.tensors()
    model.optimizer.compute_gradients(model.loss, {model.x: X, model.y: Y})
    for path, array in model.tensors().items():
        np.testing.assert_array_equal(array, before[path])
    assert model.runtime.steps == {"mine": 0}


def test_chosen_variables_and_gradients_of_ones_own() -> None:
    model = Model("Sgd(0.1)")
    w, b = model.graph.variables(trainable=True)[:2]
    gradients = model.optimizer.compute_gradients(model.loss, {model.x: X, model.y: Y}, [w])
    assert list(gradients) == [w]
    before = model.tensors()
    model.optimizer.apply_gradients({b: np.ones(7)})
    np.testing.assert_array_equal(model.runtime.value(w), before["fc1/w"])
    np.testing.assert_array_equal(model.runtime.value(b), before["fc1/b"] - np.float32(0.1))


def test_stopped_variables_are_left_out() -> None:
    with gdl.Graph():
        w, v = ad.variable("w", (2,), 1.0), ad.variable("v", (2,), 1.0)
        h = 2 * w
        loss = ad.sum(h * v)
        runtime = gdl.Runtime()
        optimizer = gdl.Optimizer(ad.Sgd(0.5), runtime)
        runtime.stop(h)
        assert list(optimizer.compute_gradients(loss)) == [v]
        optimizer.apply_gradients(optimizer.compute_gradients(loss))
        assert runtime.value(v).tolist() == [0, 0]
        optimizer.minimize(loss)  # another pass, without stops
        assert runtime.value(w).tolist() == [1, 1] and runtime.value(v).tolist() == [-1, -1]
        with pytest.raises(gdl.ProgramError, match="E0505"):
            optimizer.compute_gradients(ad.sum(w), variables=[v])


def test_the_same_batch_again_is_another_pass_after_a_step() -> None:
    model = Model("Sgd(0.1)")
    losses = [model.step() for _ in range(3)]
    assert len(set(losses)) == 3
    assert model.runtime.value(model.loss) == losses[-1]  # of the last pass, still there
    with pytest.raises(gdl.UsageError, match="E0926: .* was not computed before the variables changed"):
        model.runtime.value(model.loss * 2)


def test_training_goes_on_from_a_checkpoint_bit_for_bit(tmp_path: Path) -> None:
    straight, first, second = [Model("Adam(cosine(0.1, 10))") for _ in range(3)]
    for _ in range(6):
        straight.step()
    for _ in range(3):
        first.step()
    first.runtime.save(tmp_path / "half.safetensors")
    second.runtime.restore(tmp_path / "half.safetensors")
    for _ in range(3):
        second.step()
    for path, array in straight.tensors().items():
        np.testing.assert_array_equal(second.runtime.variables[path], array, err_msg=path)


def test_two_optimizers_on_one_runtime() -> None:
    model = Model("Sgd(0.1)")
    with pytest.raises(gdl.UsageError, match="E0927"):
        gdl.Optimizer(ad.Adam(0.1), model.runtime, "mine")
    adam = gdl.Optimizer(ad.Adam(0.1), model.runtime)
    adam.minimize(model.loss, {model.x: X, model.y: Y}, model.graph.variables(trainable=True)[:1])
    memory = [path for path in model.runtime.variables if path.startswith("optimizer/adam/")]
    assert memory == [f"optimizer/adam/fc1/w/{name}" for name in "tmv"]
    assert model.runtime.steps == {"mine": 0, "adam": 1} and repr(adam) == "<Optimizer adam: Adam, 1 steps>"
    for wrong in (ad.relu, 3, ad.Dense(3)):
        with pytest.raises(gdl.UsageError, match="E0928"):
            gdl.Optimizer(wrong, model.runtime)


def test_an_optimizer_written_in_gdl() -> None:
    text = "gdl 1\noptimizer SignDescent(w: f[...], g: f[...], lr: float = 0.1) { update w = w - lr * sign(g) }"
    with gdl.Graph(text):
        w = ad.variable("w", (3,), np.array([1.0, -2.0, 0.0]))
        optimizer = gdl.Optimizer(ad.SignDescent(0.5), gdl.Runtime())
        assert optimizer.minimize(ad.l2(w)) == 2.5
        assert optimizer.runtime.value(w).tolist() == [0.5, -1.5, 0.0]
