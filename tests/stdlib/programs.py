"""Expressions of the language evaluated on arrays, and their gradients held against differences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import gdl

DTYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "uint8": "u8", "bool": "bool"}

#: Weights of f(x + k h), k = 1, 2, 3, in the sixth-order central difference (f(x - k h) has the opposite sign).
STENCIL = (3 / 4, -3 / 20, 1 / 60)


def program(results: Mapping[str, str], inputs: Mapping[str, np.ndarray], prelude: str = "") -> gdl.Session:
    """A session of the program whose placeholders are `inputs` (but for those that `prelude` declares) and whose nodes
    are `results`."""
    declared = [
        f"placeholder {name}: {DTYPES[array.dtype.name]}[{', '.join(map(str, array.shape))}]"
        for name, array in inputs.items()
        if f"placeholder {name}:" not in prelude
    ]
    nodes = [f"{name} = {expression}" for name, expression in results.items()]
    return gdl.loads("\n".join(["gdl 1", prelude, *declared, *nodes, ""]))


def value(expression: str, prelude: str = "", **inputs: np.ndarray) -> np.ndarray:
    """What an expression gives for these inputs."""
    return np.asarray(program({"result": expression}, inputs, prelude).run("result", **inputs))


def gradient(expression: str, wrt: str, upstream: np.ndarray, prelude: str = "", **inputs: np.ndarray) -> np.ndarray:
    """The gradient of sum(upstream * expression) at one input."""
    session = program(
        {"result": expression, "slope": f"vjp(result, {wrt}, upstream)"}, {**inputs, "upstream": upstream}, prelude
    )
    return np.asarray(session.run("slope", **inputs, upstream=upstream))


def check_gradient(
    expression: str, wrt: str, prelude: str = "", rtol: float = 1e-7, step: float = 1e-3, **inputs: np.ndarray
) -> None:
    """The gradient in float64 against a sixth-order difference, with a random upstream."""
    rng = np.random.default_rng(7)
    session = program({"result": expression}, inputs, prelude)
    upstream = rng.standard_normal(np.shape(session.run("result", **inputs)))

    def at(x: np.ndarray) -> float:
        return float(np.sum(upstream * session.run("result", **{**inputs, wrt: x})))

    x = inputs[wrt]
    expected = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        for k, weight in enumerate(STENCIL, 1):
            for sign in (1, -1):
                moved = x.copy()
                moved[index] += sign * k * step
                expected[index] += sign * weight * at(moved) / step
    got = gradient(expression, wrt, upstream, prelude, **inputs)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(got / scale, expected / scale, rtol=0, atol=rtol, err_msg=expression)
