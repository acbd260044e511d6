"""Samples of the op table as arrays, in every dtype that the signatures allow."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import gdl.ops  # noqa: F401  fills the table
from gdl.ops.dtypes import NUMPY_NAME
from gdl.ops.samples import Draw, Sample
from gdl.ops.table import TABLE, Op, bind_attrs
from gdl.types.match import Mismatch
from gdl.types.tensor import DTYPE_CLASSES, DTYPES, TensorType, tensor


@dataclass(frozen=True)
class Case:
    """One sample of one op."""

    op: Op
    at: int

    @property
    def sample(self) -> Sample:
        return self.op.samples[self.at]

    @property
    def attrs(self) -> dict[str, Any]:
        return bind_attrs(self.op, self.sample.attrs)

    def __str__(self) -> str:
        return f"{self.op.name}-{self.at}"


#: Every sample of every op.
CASES = [Case(entry, at) for entry in TABLE.values() for at in range(len(entry.samples))]


def arrays(case: Case, dtypes: tuple[str, ...] | None = None) -> list[np.ndarray]:
    """The sample's inputs: always the same numbers for the same sample; in the dtypes of its draws, unless given."""
    rng = np.random.default_rng(zlib.crc32(str(case).encode()))
    drawn = [_draw(d, which, rng) for which, d in enumerate(case.sample.inputs)]
    wanted = dtypes or [d.dtype for d in case.sample.inputs]
    return [np.asarray(_converted(np.asarray(a), dtype)) for a, dtype in zip(drawn, wanted)]


def types_of(inputs: list[np.ndarray]) -> list[TensorType]:
    names = {numpy: dtype for dtype, numpy in NUMPY_NAME.items()}
    return [tensor(names[a.dtype.name], *a.shape) for a in inputs]


def dtype_choices(case: Case) -> list[tuple[str, ...]]:
    """The dtypes that the op's inputs may have, by its signature and its `require`."""
    return [c for c in _signature_choices(case) if _accepted(case, c)]


def _signature_choices(case: Case) -> Iterator[tuple[str, ...]]:
    params = case.op.tensor_params
    patterns = [p.type.dtype or "f32" for p in params]  # type: ignore[union-attr]
    if case.op.variadic:
        patterns = patterns * len(case.sample.inputs)
    variables = sorted({p for p in patterns if p not in DTYPES})
    for chosen in itertools.product(*[DTYPE_CLASSES[v] for v in variables]):
        bound = dict(zip(variables, chosen))
        yield tuple([bound.get(p, p) for p in patterns])


def _accepted(case: Case, dtypes: tuple[str, ...]) -> bool:
    """Whether `require` lets these dtypes pass: some ops refuse one, which no dtype variable can say."""
    if case.op.requirement is not None:
        types = [t.with_dtype(d) for t, d in zip(types_of(arrays(case)), dtypes)]
        try:
            case.op.requirement(*types, **case.attrs)
        except Mismatch as mismatch:
            assert mismatch.kind == "dtype"
            return False
    return True


def _draw(draw: Draw, which: int, rng: np.random.Generator) -> np.ndarray:
    if draw.kind == "values":
        return np.asarray(draw.values, NUMPY_NAME[draw.dtype])
    if draw.kind == "integers":
        return rng.integers(int(draw.low), int(draw.high), draw.shape)
    if draw.kind == "booleans":
        return rng.integers(0, 2, draw.shape).astype(bool)
    if draw.kind == "between":
        return rng.uniform(draw.low, draw.high, draw.shape)
    if draw.kind == "normal":
        return rng.standard_normal(draw.shape)
    assert draw.kind == "distinct", draw.kind
    return _grid(draw.shape, which, rng)


def _grid(shape: tuple[int, ...], which: int, rng: np.random.Generator) -> np.ndarray:
    """Shuffled numbers 0.2 apart; those of a sample's other inputs lie between them, and none near a half or whole."""
    count = int(np.prod(shape))
    grid = 0.2 * (np.arange(count) - count // 2) + 0.05 + 0.1 * (which % 2)
    return rng.permutation(grid).reshape(shape)


def _converted(drawn: np.ndarray, dtype: str) -> np.ndarray:
    """In another dtype: real draws are scaled first, so that integers differ; what has no sign loses it."""
    if drawn.dtype.name == NUMPY_NAME[dtype]:
        return drawn
    if dtype in ("f32", "f64"):
        return drawn.astype(NUMPY_NAME[dtype])
    if dtype == "bool":
        return drawn > 0
    whole = np.rint(drawn * 4) if drawn.dtype.kind == "f" else drawn.astype("int64")
    return (np.abs(whole) if dtype == "u8" else whole).astype(NUMPY_NAME[dtype])

