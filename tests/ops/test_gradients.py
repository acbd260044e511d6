"""Every gradient rule against differences: first, second and third order in f64, at every sample of the table."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pytest

from gdl.autodiff import gradient_or_none
from gdl.graph.node import Graph, Node
from gdl.graph.verify import verify
from gdl.ops.table import TABLE, infer
from gdl.types.match import Mismatch
from gdl.types.sizes import symbol
from gdl.types.tensor import TensorType, tensor
from tests.graph.evaluate import evaluate
from tests.ops import stencil
from tests.ops.drawing import CASES, Case, arrays, types_of

Values = dict[str, np.ndarray]
FIRST, HIGHER = 1e-8, 1e-6


class Problem:
    """An op on leaves, its result weighted by a further leaf `w`: everything whose derivatives are wanted."""

    def __init__(self, case: Case, inputs: Sequence[np.ndarray], types: Sequence[TensorType], shared: bool = False):
        names = ["x0"] * len(inputs) if shared else [f"x{i}" for i in range(len(inputs))]
        made = {name: Node("input", (), {"name": name}, type) for name, type in zip(names, types)}
        self.values: Values = dict(zip(names, inputs))
        results = case.op(*[made[n] for n in names], **case.sample.attrs)
        self.result: Node = next((r for r in _several(results) if r.type.is_float), _several(results)[0])
        self.leaves = {name: leaf for name, leaf in made.items() if leaf.type.is_float}
        self.weight = Node("input", (), {"name": "w"}, self.result.type)
        self.random = np.random.default_rng(zlib.crc32(str(case).encode()) + 1)
        shape = evaluate([self.result], self.values, _sizes(inputs))[0].shape
        self.values["w"] = self.random.standard_normal(shape)

    def first(self) -> dict[str, Node | None]:
        return dict(zip(self.leaves, gradient_or_none(self.result, list(self.leaves.values()), self.weight)))

    def mixed(self, parts: Mapping[str, Node | None]) -> Node | None:
        """A random combination of all elements of the parts: a scalar to differentiate again."""
        total = None
        for part in parts.values():
            if part is not None:
                name = f"v{len(self.values)}"
                self.values[name] = self.direction(part.type.shape)
                term = TABLE["sum"](part * Node("input", (), {"name": name}, part.type))
                total = term if total is None else total + term
        return total

    def direction(self, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers of either sign, none small."""
        return self.random.uniform(0.5, 1.0, shape) * self.random.choice([-1, 1], shape)

    def following(self, of: Node) -> dict[str, Node | None]:
        leaves = {**self.leaves, "w": self.weight}
        return dict(zip(leaves, gradient_or_none(of, list(leaves.values()))))


def _several(results: Node | tuple[Node, ...]) -> tuple[Node, ...]:
    return results if isinstance(results, tuple) else (results,)


def _sizes(inputs: Sequence[np.ndarray]) -> dict[str, int]:
    return {f"n{n}": n for x in inputs for n in x.shape}


def _has_gradient(case: Case) -> bool:
    """Whether there is anything to differentiate, in f64 throughout."""
    if case.op.random or case.op.name == "stop_gradient":  # which is not what its numbers say, on purpose
        return False
    types = types_of(arrays(case))
    result = infer(case.op, types, case.attrs)[0]
    results = result if isinstance(result, tuple) else (result,)
    return any(t.is_float for t in types) and all(t.dtype in ("f64", "i64") for t in results) and any(
        t.is_float for t in results
    )  # fmt: skip


SMOOTH = [case for case in CASES if case.sample.smooth and _has_gradient(case)]
STATED = [case for case in CASES if not case.sample.smooth]
TWINS = [c for c in SMOOTH if len(c.sample.inputs) == 2 and c.sample.inputs[0] == c.sample.inputs[1]]


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_first_order(case: Case) -> None:
    """Each element's derivative, to a relative error of 1e-8 (of the largest)."""
    problem = Problem(case, arrays(case), types_of(arrays(case)))
    _compare_elements(problem, problem.result, problem.first())


@pytest.mark.parametrize("case", TWINS, ids=str)
def test_same_node_twice(case: Case) -> None:
    """f(x, x): both parts arrive."""
    x = arrays(case)[0]
    problem = Problem(case, [x, x], types_of([x, x]), shared=True)
    _compare_elements(problem, problem.result, problem.first())


def _compare_elements(problem: Problem, result: Node, parts: Mapping[str, Node | None]) -> None:
    values = problem.values

    def weighted(name: str, index: tuple[int, ...], step: float) -> float:
        moved = values[name].copy()
        moved[index] += step
        return float(np.sum(values["w"] * evaluate([result], {**values, name: moved})[0]))

    for name, part in parts.items():
        found = np.zeros_like(values[name]) if part is None else evaluate([part], values)[0]
        assert found.shape == values[name].shape
        scale = np.abs(found).max(initial=0.0) or 1.0
        for index in np.ndindex(*found.shape):
            expected, error = stencil.along(partial(weighted, name, index))
            assert error <= FIRST * scale, f"the stencil itself is off by {error}"
            assert abs(found[index] - expected) <= FIRST * scale, (name, index, found[index], expected)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_second_and_third_order(case: Case) -> None:
    """Derivatives of derivatives along random directions, with respect to the upstream gradient too, to 1e-6."""
    problem = Problem(case, arrays(case), types_of(arrays(case)))
    parts = problem.first()
    for _ in range(2 if case.op.smooth else 1):
        scalar = problem.mixed(parts)
        if scalar is None:
            return
        parts = problem.following(scalar)
        _compare_direction(problem, scalar, parts)


def _compare_direction(problem: Problem, scalar: Node, parts: Mapping[str, Node | None]) -> None:
    values = dict(problem.values)
    directions = {name: problem.direction(values[name].shape) for name in parts}
    known = {name: part for name, part in parts.items() if part is not None}
    found = dict(zip(known, evaluate(list(known.values()), values)))
    slope = sum([float(np.sum(g * directions[n])) for n, g in found.items()])
    scale = sum([float(np.sum(np.abs(g))) for g in found.values()]) or 1.0

    def moved(step: float) -> float:
        return float(evaluate([scalar], {**values, **{n: values[n] + step * d for n, d in directions.items()}})[0])

    expected, error = stencil.along(moved)
    assert error <= HIGHER * scale, f"the stencil itself is off by {error}"
    assert abs(slope - expected) <= HIGHER * scale, (slope, expected)


@pytest.mark.parametrize("case", STATED, ids=str)
def test_kinks_and_ties_have_the_stated_gradient(case: Case) -> None:
    """Where there is no derivative, the sample says what the gradient of the sum of the result is."""
    assert case.sample.gradients is not None
    problem = Problem(case, arrays(case), types_of(arrays(case)))
    problem.values["w"] = np.ones_like(problem.values["w"])
    for (name, part), stated in zip(problem.first().items(), case.sample.gradients, strict=True):
        assert part is not None
        np.testing.assert_array_equal(evaluate([part], problem.values)[0], stated, err_msg=name)


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradients_with_symbolic_sizes_and_in_f32(case: Case) -> None:
    """The same rules before sizes are bound give the same numbers, and legal graphs; and f32 stays f32."""
    inputs = arrays(case)
    symbolic = [tensor(t.dtype, *[symbol(f"n{s}") if s > 1 else s for s in t.shape]) for t in types_of(inputs)]  # type: ignore[operator]
    plain = Problem(case, inputs, types_of(inputs))
    expected = _first_two_orders(plain)
    single = [x.astype("float32") if x.dtype.kind == "f" else x for x in inputs]
    for actual, wanted in zip(_first_two_orders(Problem(case, single, types_of(single))), expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=2e-4, atol=2e-4 * np.abs(wanted).max(initial=0.1))
    try:
        open_sizes = Problem(case, inputs, symbolic)
    except Mismatch:
        return  # an attribute repeats a size: see test_type_with_symbols_is_the_type_without
    except (AssertionError, ValueError):
        _, guards = infer(case.op, symbolic, case.attrs)
        assert guards  # an attribute gives what the guards do not allow
        return
    for actual, wanted in zip(_first_two_orders(open_sizes), expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=1e-12 * np.abs(wanted).max(initial=0.1))


def _first_two_orders(problem: Problem) -> list[np.ndarray]:
    """Gradients, and gradients of the sum of their squares, by input."""
    sizes = _sizes([v for n, v in problem.values.items() if n != "w"])
    first = [g for g in problem.first().values() if g is not None]
    squares = None
    for g in first:
        term = TABLE["sum"](g * g)
        squares = term if squares is None else squares + term
    second = [] if squares is None else gradient_or_none(squares, list(problem.leaves.values()))
    roots = [*first, *[g for g in second if g is not None]]
    verify(Graph(tuple(roots)), lambda node: infer(TABLE[node.op], [i.type for i in node.inputs], node.attrs)[0])
    return evaluate(roots, problem.values, sizes)


def test_the_stencil_sees_a_wrong_rule() -> None:
    """A rule that is off by one part in ten million does not pass."""
    (case,) = [c for c in SMOOTH if str(c) == "exp-0"]
    problem = Problem(case, arrays(case), types_of(arrays(case)))
    parts = {name: part * (1 + 1e-7) for name, part in problem.first().items() if part is not None}
    with pytest.raises(AssertionError):
        _compare_elements(problem, problem.result, parts)


def test_second_order_sees_a_cut_path() -> None:
    """A first derivative with the right value that does not depend on x as it should does not pass."""
    (case,) = [c for c in SMOOTH if str(c) == "exp-0"]
    problem = Problem(case, arrays(case), types_of(arrays(case)))
    parts = {"x0": problem.weight * TABLE["stop_gradient"](problem.result) + 0.0 * problem.leaves["x0"]}
    _compare_elements(problem, problem.result, parts)
    scalar = problem.mixed(parts)
    assert scalar is not None
    with pytest.raises(AssertionError):
        _compare_direction(problem, scalar, problem.following(scalar))
