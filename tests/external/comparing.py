"""Values and gradients of an expression in GDL and of a function in PyTorch, held against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import gdl
from tests.stdlib.programs import DTYPES

torch = pytest.importorskip("torch", reason="compares with PyTorch")
torch.set_num_threads(1)


def agree(
    expression: str, function: Callable[..., Any], arrays: Mapping[str, np.ndarray], *, prelude: str = "",
    rtol: float = 1e-10,
) -> None:  # fmt: skip
    """The expression of the arrays, by name, equals the function of them, in order; so do gradients at all floats."""
    tensors = {n: torch.tensor(a, requires_grad=a.dtype.kind == "f") for n, a in arrays.items()}
    expected = function(*tensors.values())
    upstream = np.random.default_rng(7).standard_normal(tuple(expected.shape)).astype(arrays["x"].dtype)
    (expected * torch.tensor(upstream)).sum().backward()
    slopes = [f"{n}_slope = vjp(result, {n}, upstream)" for n, t in tensors.items() if t.requires_grad]
    fed = {**arrays, "upstream": upstream}
    declared = [f"placeholder {n}: {DTYPES[a.dtype.name]}[{', '.join(map(str, a.shape))}]" for n, a in fed.items()]
    session = gdl.loads("\n".join(["gdl 1", prelude, *declared, f"result = {expression}", *slopes, ""]))
    close(session.run("result", **arrays), expected, rtol, expression)
    for name, tensor in tensors.items():
        if tensor.requires_grad:
            close(session.run(f"{name}_slope", **fed), tensor.grad, rtol, f"{expression}: gradient at {name}")


def close(got: Any, expected: Any, rtol: float, what: str = "") -> None:
    """Equal relative to the largest element."""
    expected = expected.detach().numpy() if isinstance(expected, torch.Tensor) else np.asarray(expected)
    got = np.asarray(got)
    assert got.shape == expected.shape, what
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(got / scale, expected / scale, rtol=0, atol=rtol, err_msg=what)
