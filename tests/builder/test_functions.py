"""Everything of GDL can be called on nodes, and says what GDL says where a call is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gdl
from gdl import builder as ad
from gdl.graph.node import Graph as Nodes
from gdl.graph.node import Node as Plain
from gdl.lang.modules import PRELUDE, Loader
from gdl.ops.table import TABLE, apply
from gdl.render import render
from gdl.runtime.interpret import trace
from tests.ops.drawing import CASES, Case, arrays, types_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6))


@pytest.fixture(autouse=True)
def graph() -> Iterator[gdl.Graph]:
    with gdl.Graph() as graph:
        yield graph


def value(node: Any, **feeds: Any) -> Any:
    runtime = gdl.Runtime(ad.current_graph())
    return tuple([runtime.forward(n, feeds) for n in node]) if isinstance(node, tuple) else runtime.forward(node, feeds)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_op(case: Case) -> None:
    inputs = arrays(case)
    types = types_of(inputs)
    names = [f"x{i}" for i in range(len(inputs))]
    nodes = [ad.placeholder(n, type.shape, type.dtype) for n, type in zip(names, types)]
    if case.op.variadic and not nodes:
        return
    found = getattr(ad, case.op.name)(*nodes, **case.sample.attrs)
    fed = dict(zip(names, inputs))
    plain = apply(case.op.name, [Plain("input", (), {"name": n}, t) for n, t in zip(names, types)], case.sample.attrs)
    several = plain if isinstance(plain, tuple) else (plain,)
    for node, wanted in zip(found if isinstance(found, tuple) else (found,), several):
        assert node.ir.type == wanted.type
        if not case.op.random:
            expected = dict(trace(Nodes((wanted,)), fed, {}, 0))[wanted]
            np.testing.assert_allclose(value(node, **fed), expected, rtol=1e-12, atol=1e-12)


def test_every_name_of_the_library() -> None:
    loader = Loader()
    names = {n for module in (*PRELUDE, "nn") for n in loader.standard(module).names()}  # type: ignore[union-attr]
    assert {"softmax", "cross_entropy", "glorot_uniform", "Adam", "cosine", "normal", "TransformerBlock"} <= names
    for name in names | set(TABLE) - {"constant"}:
        function = ad.current_graph().function(name)
        assert function.name == name and function.doc.startswith(f"{name}(")


SOFTMAX = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
LIBRARY = [
    (lambda x: ad.softmax(x), SOFTMAX),
    (lambda x: ad.mean(x, axis=0), X.mean(0)),
    (lambda x: ad.mean(x, over="n"), X.mean(0)),
    (lambda x: ad.moments(x, axis=1), (X.mean(1), X.var(1))),
    (lambda x: ad.leaky_relu(x, slope=0.3), np.where(X > 0, X, 0.3 * X)),
    (lambda x: ad.cross_entropy(x, np.array([0, 1, 2, 5])), -np.log(SOFTMAX)[range(4), [0, 1, 2, 5]]),
    (lambda x: ad.mse(x, X / 2), (X**2 / 4).mean()),
    (lambda x: 3 * ad.l2(x), 1.5 * (X**2).sum()),
    (lambda x: ad.concat([x, -x], axis=1), np.concatenate([X, -X], 1)),
    (lambda x: ad.split(x, 3, axis=1), tuple(np.split(X, 3, 1))),
    (lambda x: ad.rearrange(x, "n (a b) -> n b a", a=2), X.reshape(4, 2, 3).transpose(0, 2, 1)),
    (lambda x: ad.where(x > 0, x, 0), np.maximum(X, 0)),
    (lambda x: ad.cast(x, "f32"), X.astype("f4")),
    (lambda x: ad.f32(x), X.astype("f4")),
    (lambda x: ad.zeros((x.shape[0], 2)) + 1, np.ones((4, 2))),
    (lambda x: ad.dropout(x, 0.5), X),
]


@pytest.mark.parametrize("at", range(len(LIBRARY)))
def test_functions_of_the_library(at: int) -> None:
    build, expected = LIBRARY[at]
    found = value(build(ad.placeholder("x", ("n", 6), "f64")), x=X)
    pairs = zip(found, expected) if isinstance(found, tuple) else [(found, expected)]
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_training_is_said_by_graph_or_call() -> None:
    with gdl.Graph(training=True):
        x = ad.placeholder("x", (1000,))
        dropped, whole = value((ad.dropout(x, 0.5), ad.dropout(x, 0.5, training=False)), x=np.ones(1000))
    assert 400 < np.count_nonzero(dropped) < 600 and set(dropped) == {0, 2} and (whole == 1).all()


def test_nets_share_their_variables() -> None:
    x, y = ad.placeholder("x", ("n", 3)), ad.placeholder("y", ("m", 3))
    fc = ad.net("fc", ad.Dense(2, act=ad.tanh))
    a, b = fc(x), fc(y)
    assert [v.name for v in fc.variables] == ["fc/w", "fc/b"] == [v.name for v in ad.variables(trainable=True)]
    assert fc.w is fc.variables[0] and fc.path == "fc"
    found = value((a, b), x=np.ones((1, 3)), y=np.ones((2, 3)))
    np.testing.assert_array_equal(found[0][0], found[1][1])
    with pytest.raises(AttributeError, match="fc has no 'kernel'; it has"):
        fc.kernel  # noqa: B018


def test_first_values() -> None:
    array = np.arange(6.0).reshape(2, 3)
    wanted: dict[str, Any] = {
        "a": (ad.glorot_uniform(), None), "b": (ad.glorot_uniform, None), "c": (ad.normal(std=0.1), None),
        "d": (array, array), "e": (0.5, np.full((2, 3), 0.5)), "f": (ad.ones(), np.ones((2, 3))),
        "g": (ad.full(value=3.0), np.full((2, 3), 3.0)), "h": (array.tolist(), array),
        "i": (ad.zeros([2, 3]) + 1, np.ones((2, 3))),
    }  # fmt: skip
    nodes = {name: ad.variable(name, (2, 3), initial) for name, (initial, _) in wanted.items()}
    runtime = gdl.Runtime(seed=5)
    for name, (_, expected) in wanted.items():
        found = runtime.value(nodes[name])
        assert found.dtype == np.float32 and found.shape == (2, 3)
        if expected is not None:
            np.testing.assert_array_equal(found, expected)
    program = gdl.loads("gdl 1\nvariable a: f32[2, 3] = glorot_uniform()\ny = sum(a)", seed=5)
    np.testing.assert_array_equal(program.variables["a"], runtime.variables["a"])  # the path seeds the draw
    assert not np.array_equal(runtime.variables["a"], runtime.variables["b"])


def test_text_of_a_graph_defines() -> None:
    text = "gdl 1\ndef twice(x: f[*s], n: int = 2) -> f[*s] { return n * x }"
    with gdl.Graph(text) as graph:
        x = ad.placeholder("x", (2,))
        assert list(value(ad.twice(x), x=[1, 2])) == [2, 4]
        assert list(value(graph.function("twice")(x, n=3), x=[1, 2])) == [3, 6]
    with pytest.raises(AttributeError, match="GDL has no 'twise'"):
        ad.twise  # noqa: B018
    for wrong, code in [("gdl 1\nx = 3", "E0107"), ("gdl 1\ndef f( {", "E0003")]:
        with pytest.raises(gdl.ProgramError, match=code):
            gdl.Graph(wrong)


# ---- mistakes ----------------------------------------------------------------------------------------------------


def told(make: Any) -> str:
    with pytest.raises(gdl.GdlError) as caught:
        make()
    return render(caught.value.diagnostics)


def test_a_mistake_is_told_as_in_a_program_at_the_python_line() -> None:
    x = ad.placeholder("x", ("batch", 784))
    W = ad.variable("W", (785, 10))
    text = told(lambda: x @ W + 1)
    assert "error[E0301]: `@` needs equal inner sizes, got 784 and 785" in text
    assert "test_functions.py:" in text and 'x = ad.placeholder("x", ("batch", 784))' in text
    assert "x is f32[batch, 784], W is f32[785, 10]" in text and "--- 785 comes from here" in text


@pytest.mark.parametrize("code, words, make", [
    ("E0401", "`+` cannot mix f32 and i64", lambda x: x + ad.constant([1, 2, 3])),
    ("E0203", "did you mean `axis`?", lambda x: ad.softmax(x, axsi=0)),
    ("E0302", "cannot broadcast 3 and 4", lambda x: x + np.zeros(4)),
    ("E0202", "reshape needs `shape`", lambda x: ad.reshape(x)),
    ("E0208", "dropout's p is a probability below 1, got 2", lambda x: ad.dropout(x, 2.0, training=True)),
    ("E0309", "index", lambda x: x[5]),
    ("E0212", "got a set", lambda x: ad.sum({1, 2})),
    ("E0212", "got a ndarray of <U1", lambda x: x + np.array(["a"])),
    ("E0102", "`x` is declared twice", lambda x: ad.placeholder("x", (3,))),
    ("E0102", "`w` is declared twice", lambda x: [ad.variable("w", (3,)) for _ in range(2)]),
    ("E0402", "only floats can be trained", lambda x: ad.variable("w", (3,), dtype="i64")),
    ("E0310", "first value is f32[2]", lambda x: ad.variable("w", (3,), np.zeros(2))),
    ("E0116", "has no fixed size", lambda x: ad.variable("w", ("n",))),
    ("E0212", "a size, got -3", lambda x: ad.placeholder("w", (-3,))),
    ("E0212", "a shape, got 3", lambda x: ad.placeholder("w", 3)),
    ("E0205", "got 'float32'", lambda x: ad.placeholder("w", (3,), "float32")),
    ("E0212", "depends on what is fed", lambda x: ad.variable("w", (3,), x)),
    ("E0212", "this needs a layer", lambda x: ad.net("f", ad.relu)),
    ("E0208", "needs a kernel", lambda x: ad.variable("w", (3,), ad.glorot_uniform())),
])  # fmt: skip
def test_mistakes(code: str, words: str, make: Any) -> None:
    x = ad.placeholder("x", (3,))
    text = told(lambda: make(x))
    assert code in text and words in text and "test_functions.py:" in text, text
    assert told(lambda: make(x)) == text or code == "E0102"  # said again when it is made again


def test_a_failed_variable_is_not_there() -> None:
    with pytest.raises(gdl.ProgramError):
        ad.variable("w", (3,), ad.glorot_uniform())
    assert ad.variables() == [] and ad.variable("w", (3, 2), ad.glorot_uniform()).shape == (3, 2)


def test_warnings_are_kept() -> None:
    x = ad.placeholder("x", ("n", 1))
    y = ad.placeholder("y", ("n",))
    for _ in range(2):
        x - y  # noqa: B018
    assert [d.code for d in ad.current_graph().diagnostics] == ["W0303"]
