"""What ops refuse, and how: every wrong attribute, dtype or shape is a Mismatch with the numbers, no Python error."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from gdl.graph.node import Node
from gdl.ops.table import TABLE, apply, bind_attrs, infer
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.types.match import Mismatch
from gdl.types.sizes import symbol
from gdl.types.tensor import DTYPE_CLASSES, Dim, TensorType, tensor
from tests.ops.drawing import CASES, Case, arrays, types_of

FIRST = [case for case in CASES if case.at == 0]
N = symbol("n")
#: Something of every kind, hardly ever what is meant.
JUNK = [
    0, -1, 1, 2, 7, 10**400, 1.5, -2.5, float("nan"), float("inf"), True, "f16", "same", "", None, N, 2 * N - 3,
    (), (0,), (0, 0), (-1, -1), (9,),
    (N, 2), ("a",), ((1, 2),), ((0, 0), (0, 0)), ("new",), ("...", "..."), ("slice",), ("slice", 0, 1, 0),
    (("slice", 0, 1, 0),), (("slice", None, None, None),), [1, [2, [3]]], {}, {"a": -1},
]  # fmt: skip
STRANGE = [
    tensor("f64"), tensor("f64", 0), tensor("f64", 5, 7, 2, 3), tensor("bool", 2), tensor("f64", N),
    tensor("i64", 3, 3),
]  # fmt: skip


def attempt(case: Case, types: list[TensorType], attrs: dict[str, Any]) -> Any:
    leaves = [Node("input", (), {"name": str(i)}, t) for i, t in enumerate(types)]
    try:
        found = apply(case.op.name, leaves, attrs)
        infer(case.op, types, bind_attrs(case.op, attrs))
        return found
    except Mismatch as mismatch:
        assert str(mismatch)
        return mismatch


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_junk_is_refused_or_understood(case: Case) -> None:
    """Every attribute set to anything, every input to anything."""
    types, attrs = types_of(arrays(case)), dict(case.sample.attrs)
    for param, junk in itertools.product(case.op.static_params, JUNK):
        attempt(case, types, {**attrs, param.name: junk})
    for i, strange in itertools.product(range(len(types)), STRANGE):
        attempt(case, [*types[:i], strange, *types[i + 1 :]], attrs)
    for strange in STRANGE:
        attempt(case, [strange] * len(types), attrs)
        attempt(case, [*types, strange], attrs)
    attempt(case, types[1:], attrs)
    attempt(case, [], attrs)


@pytest.mark.parametrize("case", [c for c in FIRST if c.op.rest is None], ids=str)
def test_unknown_attribute(case: Case) -> None:
    mismatch = attempt(case, types_of(arrays(case)), {**case.sample.attrs, "strid": 2})
    assert (mismatch.kind, mismatch.left) == ("attr", "strid")
    assert mismatch.text == f"{case.op.name} has no parameter `strid`"


@pytest.mark.parametrize("case", [c for c in FIRST if any(p.default is None for p in c.op.static_params)], ids=str)
def test_missing_attribute(case: Case) -> None:
    for param in case.op.static_params:
        if param.default is None:
            left = {name: value for name, value in case.sample.attrs.items() if name != param.name}
            mismatch = attempt(case, types_of(arrays(case)), left)
            assert (mismatch.kind, mismatch.text) == ("attr", f"{case.op.name} needs `{param.name}`")


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_attribute_of_another_kind(case: Case) -> None:
    """The text names the attribute, the kinds it takes and what it got."""
    wrong = {"int": "7", "ints": 1.5, "float": "x", "bool": 1, "string": 3, "shape": 2.5, "none": "x"}
    for param in case.op.static_params:
        assert isinstance(param.type, ast.Kind)
        if "any" in param.type.names:
            continue
        value = wrong[param.type.names[0]]
        mismatch = attempt(case, types_of(arrays(case)), {**case.sample.attrs, param.name: value})
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        assert mismatch.kind == "attr"
        assert mismatch.text == f"`{param.name}` must be {' or '.join(param.type.names)}, got {shown}"


@pytest.mark.parametrize("case", [c for c in FIRST if any(p.name == "axis" for p in c.op.static_params)], ids=str)
def test_axis_out_of_range(case: Case) -> None:
    types = types_of(arrays(case))
    for axis in (6, -7):
        mismatch = attempt(case, types, {**case.sample.attrs, "axis": axis})
        assert (mismatch.kind, mismatch.left) == ("axis", axis)
    symbolic = attempt(case, types, {**case.sample.attrs, "axis": N})
    assert symbolic.text == "an axis is a whole number, got n"


@pytest.mark.parametrize("case", [c for c in FIRST if any(p.name == "dtype" for p in c.op.static_params)], ids=str)
def test_unknown_dtype(case: Case) -> None:
    mismatch = attempt(case, types_of(arrays(case)), {**case.sample.attrs, "dtype": "f16"})
    assert "f16" in mismatch.text and "f32" in mismatch.text


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_dtypes_outside_the_signature(case: Case) -> None:
    """A class says what it takes; one variable is one dtype."""
    types, attrs = types_of(arrays(case)), dict(case.sample.attrs)
    patterns = [p.type.dtype for p in case.op.tensor_params] * (len(types) if case.op.variadic else 1)  # type: ignore[union-attr]
    for i, (type, pattern) in enumerate(zip(types, patterns)):
        allowed = DTYPE_CLASSES.get(pattern, (pattern,))  # type: ignore[arg-type, call-overload]
        for dtype in DTYPE_CLASSES["t"]:
            mismatch = attempt(case, [*types[:i], type.with_dtype(dtype), *types[i + 1 :]], attrs)
            if dtype not in allowed:
                assert mismatch.kind in ("dtype", "dtypes")
            elif patterns.count(pattern) > 1 and pattern in DTYPE_CLASSES and dtype != type.dtype:
                assert mismatch.kind == "dtypes"
                assert {mismatch.left.dtype, mismatch.right.dtype} == {dtype, type.dtype}


# ---- by name -------------------------------------------------------------------------------------------------------


def refused(name: str, *types: TensorType, **attrs: Any) -> Mismatch:
    with pytest.raises(Mismatch) as caught:
        infer(TABLE[name], types, bind_attrs(TABLE[name], attrs))
    return caught.value


def placed(size: Any, place: int) -> Dim:
    text = "x: f32[3, 4]"
    return Dim(size, origin=Span(Source("a.gdl", text), place, place + 1))


def test_matmul_names_both_sizes_and_where_they_come_from() -> None:
    left, right = placed(784, 3), placed(785, 7)
    mismatch = refused("matmul", TensorType("f32", (Dim(N), left)), TensorType("f32", (right, Dim(10))))
    assert (mismatch.kind, mismatch.args_named) == ("size", ("x", "y"))
    assert mismatch.left is left and mismatch.right is right
    vectors = refused("matmul", TensorType("f32", (left,)), TensorType("f32", (right,)))
    assert vectors.left is left and vectors.right is right


def test_matmul_of_a_scalar_and_of_unequal_batches() -> None:
    scalar = refused("matmul", tensor("f32", 2, 3), tensor("f32"))
    assert scalar.text == "matmul needs at least one axis on each side, but y is f32[]"
    batches = refused("matmul", tensor("f32", 2, 1, 3), tensor("f32", 4, 3, 1))
    assert (batches.kind, batches.left, batches.right) == ("broadcast", Dim(2), Dim(4))


def test_matmul_guards_what_is_open() -> None:
    type, guards = infer(TABLE["matmul"], [tensor("f32", 2, 3, N), tensor("f32", symbol("m"), 5, 4)], {})
    assert type == tensor("f32", 2, 3, 4)
    assert [(str(g.left), str(g.right)) for g in guards] == [("2", "m"), ("n", "5")]


def test_broadcasting_says_which_axes_and_never_stretches_a_symbol() -> None:
    left, right = placed(3, 3), placed(4, 7)
    mismatch = refused("add", TensorType("f32", (left,)), TensorType("f32", (Dim(2), right)))
    assert (mismatch.kind, mismatch.args_named) == ("broadcast", ("x", "y"))
    assert mismatch.left is left and mismatch.right is right
    _, guards = infer(TABLE["add"], [tensor("f32", N), tensor("f32", 4)], {})
    assert [(str(g.left), str(g.right)) for g in guards] == [("n", "4")]
    assert infer(TABLE["add"], [tensor("f32", N), tensor("f32", 1)], {}) == (tensor("f32", N), [])


@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_no_extreme_of_nothing(name: str) -> None:
    mismatch = refused(name, tensor("f32", 2, 0), axis=1)
    assert mismatch.text == f"{name} of nothing has no value: axis 1 of f32[2, 0] has size 0"


def test_no_division_of_truth() -> None:
    mismatch = refused("divide", tensor("bool", 2), tensor("bool", 2))
    assert (mismatch.kind, mismatch.left) == ("dtype", ("f32", "f64", "i32", "i64", "u8"))


def test_an_axis_named_twice() -> None:
    assert "twice" in refused("sum", tensor("f32", 2, 3), axis=(0, -2)).text


# ---- labels and origins --------------------------------------------------------------------------------------------


def test_labels_travel() -> None:
    image = TensorType("f32", (Dim(N, "batch"), Dim(28, "row"), Dim(28, "col")))
    plain = tensor("f32", 28, 28)

    def labels(name: str, *types: TensorType, **attrs: Any) -> list[str | None]:
        return [d.label for d in infer(TABLE[name], types, bind_attrs(TABLE[name], attrs))[0].dims]  # type: ignore[union-attr]

    assert labels("exp", image) == ["batch", "row", "col"]
    assert labels("add", image, plain) == labels("add", plain, image) == ["batch", "row", "col"]
    assert labels("less", image, plain) == labels("cast", image, dtype="f64") == ["batch", "row", "col"]
    assert labels("sum", image, axis=1) == labels("argmax", image, axis=1) == ["batch", "col"]
    assert labels("max", image, axis=1, keepdims=True) == ["batch", "row", "col"]
    assert labels("cumsum", image, axis=1) == ["batch", "row", "col"]
    assert labels("matmul", image, TensorType("f32", (Dim(28), Dim(10, "unit")))) == ["batch", "row", "unit"]
    assert labels("matmul", image, tensor("f32", 28)) == ["batch", "row"]


def test_the_result_knows_what_decided_its_dtype() -> None:
    span = Span(Source("a.gdl", "x: f64[2]"), 3, 6)
    x = TensorType("f64", (Dim(2),), span)
    assert infer(TABLE["exp"], [x], {})[0].origin is span  # type: ignore[union-attr]
    assert infer(TABLE["matmul"], [x, tensor("f64", 2)], {})[0].origin is span  # type: ignore[union-attr]
