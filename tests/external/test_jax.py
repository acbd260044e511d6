"""What PyTorch has no word for, against JAX where it is installed: `scan`, third derivatives, "same" by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gdl
from tests.session.test_scan import COUPLED
from tests.stdlib.programs import value

jax = pytest.importorskip("jax", reason="compares with JAX")
jax.config.update("jax_enable_x64", True)
jnp, lax = jax.numpy, jax.lax
RNG = np.random.default_rng(0)
X = RNG.uniform(0.4, 1.6, (3, 4))

# ---- third derivatives -----------------------------------------------------------------------------------------------

SMOOTH = {
    "exp(x)": jnp.exp, "log(x)": jnp.log, "log1p(x)": jnp.log1p, "expm1(x)": jnp.expm1, "sqrt(x)": jnp.sqrt,
    "rsqrt(x)": lax.rsqrt, "sin(x)": jnp.sin, "cos(x)": jnp.cos, "tanh(x)": jnp.tanh, "sigmoid(x)": jax.nn.sigmoid,
    "erf(x)": jax.scipy.special.erf, "softplus(x)": jax.nn.softplus, "elu(-x)": lambda x: jax.nn.elu(-x),
    "gelu(x)": lambda x: jax.nn.gelu(x, approximate=False), "silu(x)": jax.nn.silu, "x ** 2.5": lambda x: x**2.5,
    "2.0 ** x": lambda x: 2.0**x, "x ** x": lambda x: x**x, "1 / x": lambda x: 1 / x, "softmax(x)": jax.nn.softmax,
    "logsumexp(x, axis=1)": lambda x: jax.nn.logsumexp(x, axis=1),
    "norm(x, axis=1)": lambda x: jnp.linalg.norm(x, axis=1),
    "prod(x, axis=1)": lambda x: jnp.prod(x, axis=1), "variance(x) * x": lambda x: jnp.var(x) * x,
    "layer_norm(x, ones_like(x[0]), zeros_like(x[0]))": lambda x: jax.nn.standardize(x, epsilon=1e-5),
    "cumsum(x, axis=0) ** 3": lambda x: jnp.cumsum(x, 0) ** 3,
    "matmul(x, transpose(x)) ** 2": lambda x: (x @ x.T) ** 2,
}  # fmt: skip


@pytest.mark.parametrize("expression", SMOOTH)
def test_third_derivatives(expression: str) -> None:
    """Of sum(sin(f)), three times along one direction."""
    direction = RNG.standard_normal(X.shape)

    def loss(x: Any) -> Any:
        return jnp.sum(jnp.sin(SMOOTH[expression](x)))

    def along(function: Any) -> Any:
        return lambda x: jnp.vdot(jax.grad(function)(x), direction)

    expected = jax.jit(along(along(along(loss))))(X)
    text = f"sum(sin({expression}))"
    for _ in range(3):
        text = f"sum(grad({text}, x) * v)"
    np.testing.assert_allclose(value(text, x=X, v=direction), expected, rtol=1e-9)


# ---- scan ------------------------------------------------------------------------------------------------------------


def coupled(x: Any, y: Any, w: Any) -> Any:
    """The loss of COUPLED."""

    def step(carry: Any, each: Any) -> Any:
        (h, energy), (u, v) = carry, each
        following = jnp.tanh(h @ w + u * v) + 0.1 * energy, 0.5 * energy + jnp.sum(h * u)
        return following, (h, energy * v)

    start = jnp.array([0.1, -0.2, 0.3])
    _, (hs, es) = lax.scan(step, (start, jnp.sum(start)), (x, y))
    return jnp.sum(jnp.sin(hs)) + jnp.sum(es * es)


@pytest.mark.parametrize("length", [1, 3, 40])
def test_scan(length: int) -> None:
    session = gdl.loads(COUPLED)
    w = session.variables["w"] = RNG.standard_normal((3, 3)) * 0.4
    x, y = RNG.standard_normal((length, 3)), RNG.standard_normal(length)

    def slope(x: Any, y: Any, w: Any) -> Any:
        at_x, at_w = jax.grad(coupled, (0, 2))(x, y, w)
        return jnp.sum(at_x**2) + jnp.sum(at_w**2)

    for name, function in (("loss", coupled), ("slope", slope)):
        np.testing.assert_allclose(session.run(name, x=x, y=y), jax.jit(function)(x, y, w), rtol=1e-10)
        expected = jax.jit(jax.grad(function, (0, 1, 2)))(x, y, w)
        for got, wanted in zip(session.grad(name, ["x", "y", "w"], x=x, y=y), expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-8, atol=1e-8 * np.max(np.abs(wanted)))


# ---- convolution -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pad", ["same", "valid"])
@pytest.mark.parametrize(("stride", "dilation", "groups"), [(1, 1, 1), (2, 1, 1), (3, 2, 1), (1, 2, 2), (2, 1, 2)])
def test_conv2d_to_second_order(stride: int, dilation: int, groups: int, pad: str) -> None:
    """Values, and the gradient at the kernel of the squared gradient at the images, which uses all three ops."""
    x, kernel = RNG.standard_normal((2, 8, 9, 4)), RNG.standard_normal((3, 2, 4 // groups, 6))

    def convolve(x: Any, kernel: Any) -> Any:
        return lax.conv_general_dilated(
            x, kernel, (stride, stride), pad.upper(), rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
        )  # fmt: skip

    def penalty(x: Any, kernel: Any) -> Any:
        return jnp.sum(jax.grad(lambda x: jnp.sum(jnp.sin(convolve(x, kernel))))(x) ** 2)

    text = f'conv2d(x, kernel, stride={stride}, dilation={dilation}, groups={groups}, pad="{pad}")'
    np.testing.assert_allclose(value(text, x=x, kernel=kernel), convolve(x, kernel), rtol=1e-10, atol=1e-12)
    got = value(f"grad(sum(square(grad(sum(sin({text})), x))), kernel)", x=x, kernel=kernel)
    expected = jax.jit(jax.grad(penalty, 1))(x, kernel)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * float(jnp.max(jnp.abs(expected))))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("window", [2, 3, 5])
def test_conv2d_transpose_is_the_adjoint(stride: int, window: int) -> None:
    """Of the "SAME" convolution of an image of stride times the size."""
    y, kernel = RNG.standard_normal((2, 4, 3, 6)), RNG.standard_normal((window, window, 4, 6))
    image = np.zeros((2, 4 * stride, 3 * stride, 4))

    def convolve(x: Any) -> Any:
        return lax.conv_general_dilated(x, kernel, (stride,) * 2, "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    (expected,) = jax.vjp(convolve, image)[1](jnp.asarray(y))
    got = value(f"conv2d_transpose(x, kernel, stride={stride})", x=y, kernel=kernel)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)
