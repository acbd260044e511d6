"""Programs that are right and smooth: any of their values changes little where what it is made of does.

So what passes and plans make of one must agree with the plain walk over its graph, gradients included, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

Shape = tuple[int, ...]

SHAPES: tuple[Shape, ...] = ((), (3,), (4,), (4, 3), (4, 1), (1, 3), (1,), (2, 4, 3), (2, 1, 3), (2, 4, 1), (3, 4))
UNARY = (
    "-{x}", "tanh({x})", "sigmoid({x})", "sin({x})", "cos({x})", "exp(tanh({x}))", "log(1 + {x} ** 2)", "{x} ** 2",
    "sqrt(1 + {x} ** 2)", "rsqrt(1 + {x} * {x})", "1 / (1 + {x} ** 2)", "softplus({x})", "gelu({x})", "silu({x})",
    "erf({x})", "expm1(tanh({x}))", "log1p({x} ** 2)", "square({x})", "2 * {x}", "{x} / 2", "1 - {x}", "{x} - 0.5",
    "{x} ** 3 / 3", "relu({x}) ** 2", "elu({x})", "stop_gradient({x})", "{x} * {x}", "0.5 * ({x} + {x})",
)  # fmt: skip
BINARY = (
    "{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} / (1 + {y} ** 2)", "logaddexp({x}, {y})", "{x} * tanh({y})",
    "({x} - {y}) ** 2", "({x} + {y}) * {x}", "{x} * {y} + {x}", "where({k} > 0, {x}, {y})", "tanh({x}) ** 2 * {y}",
    "{x} - {y} / 3", "exp(-({x} - {y}) ** 2)",
)  # fmt: skip
REDUCING = ("sum", "mean", "logsumexp", "variance", "norm(1 + {x} ** 2")
ALONG = ("softmax({x}, axis={a})", "log_softmax({x}, axis={a})", "flip({x}, axis={a})", "cumsum({x}, axis={a})",
         "concat([{x}, 2 * {x}], axis={a})", "{x} - mean({x}, axis={a}, keepdims=true)",
         "{x} / sqrt(1 + sum({x} ** 2, axis={a}, keepdims=true))")  # fmt: skip


_RUNNING = """\
def running(x: f[t, d]) -> f[t, d] {
  y = scan z in x along t carry h = zeros([d], dtype="f64") { h1 = tanh(h * z + 0.5); next h = h1; yield h1 + z }
  return y
}"""


class _Program:
    """A text under way: what its names stand for, by their shapes."""

    def __init__(self, random: Random):
        self.random, self.lines = random, ["gdl 1"]
        self.shapes: dict[str, Shape] = {}
        self.leaves: list[str] = []
        for number in range(4):
            shape = random.choice(SHAPES)
            kind = "variable" if number < 3 else "placeholder"
            given = ' = normal(dtype="f64")' if number < 3 else ""
            self.lines.append(f"{kind} v{number}: f64[{', '.join(map(str, shape))}]{given}")
            self.shapes[f"v{number}"] = shape
            self.leaves.append(f"v{number}")

    def pick(self, fits: Callable[[Shape], bool] = lambda shape: True) -> str:
        """A name, rather a recent one; none where no shape fits."""
        names = [name for name, shape in self.shapes.items() if fits(shape)] or [""]
        return self.random.choice(names[-4:] if self.random.random() < 0.6 else names)

    def add(self, text: str, shape: Shape) -> None:
        name = f"h{len(self.shapes)}"
        self.lines.append(f"{name} = {text}")
        self.shapes[name] = shape

    def grow(self) -> None:
        ways = (
            self.unary, self.unary, self.binary, self.binary, self.binary, self.reduced, self.along, self.moved,
            self.product, self.recurrent if self.random.random() < 0.2 else self.binary,
        )  # fmt: skip
        self.random.choice(ways)()

    def unary(self) -> None:
        x = self.pick()
        self.add(self.random.choice(UNARY).format(x=x), self.shapes[x])

    def binary(self) -> None:
        x = self.pick()
        y = self.pick(lambda shape: broadcast(shape, self.shapes[x]) is not None) or x
        shape = broadcast(self.shapes[x], self.shapes[y])
        k = self.random.choice([n for n in self.leaves if broadcast(self.shapes[n], shape) == shape] or [None])
        form = self.random.choice([form for form in BINARY if k is not None or "{k}" not in form])
        if self.random.random() < 0.5:
            x, y = y, x
        self.add(form.format(x=x, y=y, k=k), shape)

    def reduced(self) -> None:
        x = self.pick(lambda shape: len(shape) > 0)
        if not x:
            return
        shape, rank = self.shapes[x], len(self.shapes[x])
        axes = self.random.sample(range(rank), self.random.randint(1, rank))
        keeps = self.random.random() < 0.4
        form = self.random.choice(REDUCING)
        call = form.format(x=x) if "(" in form else f"{form}({x}"
        written = axes[0] if len(axes) == 1 else f"({', '.join(map(str, axes))})"
        if self.random.random() < 0.3:
            written, axes = "none", list(range(rank))
        left = tuple(1 if a in axes else size for a, size in enumerate(shape) if keeps or a not in axes)
        self.add(f"{call}, axis={written}{', keepdims=true' if keeps else ''})", left)

    def along(self) -> None:
        x = self.pick(lambda shape: len(shape) > 0)
        if not x:
            return
        shape = list(self.shapes[x])
        axis = self.random.randrange(-len(shape), len(shape))
        form = self.random.choice([form for form in ALONG if "concat" not in form or shape[axis] < 5])
        shape[axis] *= 2 if "concat" in form else 1
        self.add(form.format(x=x, a=axis), tuple(shape))

    def moved(self) -> None:
        x = self.pick(lambda shape: len(shape) > 0)
        if not x:
            return
        shape, rank = self.shapes[x], len(self.shapes[x])
        size = math.prod(shape)
        order = self.random.sample(range(rank), rank)
        forms = [
            (f"transpose({x}, axes=({', '.join(map(str, order))},))", tuple(shape[a] for a in order)),
            (f"reshape({x}, shape=[{size}])", (size,)),
            (f"reshape({x}, shape=[1, {size}])", (1, size)),
            (f"reshape({x}, shape=[{size}, 1])", (size, 1)),
            (f"{x}[0]", shape[1:]), (f"{x}[-1:]", (1, *shape[1:])),
            (f"broadcast_to({x}, shape=[2, {', '.join(map(str, shape))}])", (2, *shape)),
            (f"pad({x}, [{', '.join(['[1, 0]', *['[0, 0]'] * (rank - 1)])}])", (shape[0] + 1, *shape[1:])),
            (f"stack([{x}, sin({x})], axis=-1)", (*shape, 2)), (f"expand({x}, axis=0)", (1, *shape)),
            (f"swapaxes({x}, 0, -1)", (shape[-1], *shape[1:-1], shape[0]) if rank > 1 else shape),
            (f"tile({x}, [{', '.join(['2', *['1'] * (rank - 1)])}])", (2 * shape[0], *shape[1:])),
            (f"gather({x}, [0, {shape[0] - 1}, 0], axis=0)", (3, *shape[1:])),
            (f"rearrange({x}, \"{' '.join('abcd'[:rank])} -> ({' '.join('abcd'[:rank])})\")", (size,)),
        ]  # fmt: skip
        self.add(*self.random.choice(forms))

    def recurrent(self) -> None:
        x = self.pick(lambda shape: len(shape) == 2)
        if x:
            self.lines[1:1] = [] if any("def running" in line for line in self.lines) else [_RUNNING]
            self.add(f"running({x})", self.shapes[x])

    def product(self) -> None:
        x = self.pick(lambda shape: len(shape) > 1)
        if not x:
            return
        shape = self.shapes[x]
        y = self.pick(lambda other: len(other) == 2 and other[0] == shape[-1])
        if y and self.random.random() < 0.7:
            self.add(f"{x} @ {y}", (*shape[:-1], self.shapes[y][1]))
        elif len(shape) == 2 and self.random.random() < 0.3:
            pattern, left = self.random.choice((("i j, i j -> i", shape[:1]), ("i j, i k -> k j", (shape[1],) * 2),
                                                ("i j, i j ->", ()), ("i j, k j -> k i", (shape[0],) * 2)))  # fmt: skip
            self.add(f"einsum(\"{pattern}\", {x}, tanh({x}))", left)
        elif len(shape) == 2:
            left = self.random.random() < 0.5
            self.add(f"{x} @ transpose({x})" if left else f"transpose({x}) @ {x}", (shape[not left],) * 2)


def broadcast(x: Shape, y: Shape) -> Shape | None:
    """The shape of x + y, None where they don't fit, or grow large."""
    rank = max(len(x), len(y))
    pairs = list(zip((1,) * (rank - len(x)) + x, (1,) * (rank - len(y)) + y))
    shape = tuple(max(pair) for pair in pairs)
    fits = all(a == b or 1 in (a, b) for a, b in pairs) and math.prod(shape) <= max(200, math.prod(x), math.prod(y))
    return shape if fits else None


def smooth(seed: int, lines: int = 14) -> str:
    """A program of variables v0 to v2, a placeholder v3, values h4 and so on, and a `loss` of the last four."""
    program = _Program(Random(seed))
    for _ in range(lines):
        program.grow()
    values = [name for name in program.shapes if name not in program.leaves][-4:]
    program.lines.append("loss = " + " + ".join(f"mean(tanh({name}))" for name in values))
    return "\n".join(program.lines) + "\n"
