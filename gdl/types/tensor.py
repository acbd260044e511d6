"""Tensor types: a dtype and axes, each with its size, its label and the place in the text that it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from gdl.record import Record, record
from gdl.source import Span
from gdl.types import sizes
from gdl.types.sizes import Size

DTYPES = ("f32", "f64", "i32", "i64", "u8", "bool")
#: Dtype variables of signatures and the dtypes they stand for. u8 is for storage: arithmetic on it would wrap around.
DTYPE_CLASSES: Mapping[str, tuple[str, ...]] = {
    "f": ("f32", "f64"),
    "i": ("i32", "i64"),
    "n": ("f32", "f64", "i32", "i64"),
    "t": DTYPES,
}
ITEM_BYTES = {"f32": 4, "f64": 8, "i32": 4, "i64": 8, "u8": 1, "bool": 1}


@record
class Dim(Record):
    """One axis. Labels and origins are notation: they do not take part in equality."""

    size: Size
    label: str | None = field(default=None, compare=False)
    origin: Span | None = field(default=None, compare=False)

    def __eq__(self, other: object) -> bool:
        return self.size == other.size if isinstance(other, Dim) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.size)

    def __str__(self) -> str:
        if self.label and self.label != sizes.is_symbol(self.size):
            return f"{self.label}: {self.size}"
        return str(self.size)


@record
class TensorType(Record):
    """`f32[batch, row: 28]`"""

    dtype: str
    dims: tuple[Dim, ...] = ()
    origin: Span | None = field(default=None, compare=False)  # what decided the dtype

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TensorType):
            return NotImplemented
        return self.dtype == other.dtype and self.dims == other.dims

    def __hash__(self) -> int:
        return hash((self.dtype, self.dims))

    @property
    def shape(self) -> tuple[Size, ...]:
        return tuple([d.size for d in self.dims])

    @property
    def rank(self) -> int:
        return len(self.dims)

    @property
    def is_float(self) -> bool:
        return self.dtype in ("f32", "f64")

    def with_dtype(self, dtype: str, origin: Span | None = None) -> TensorType:
        return replace(self, dtype=dtype, origin=origin)

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join(map(str, self.dims))}]"

    __repr__ = __str__


#: NumPy has 64; nobody needs more than half of these.
MAX_RANK = 32
#: What counts the elements of an axis is an i64.
MAX_SIZE = 2**63 - 1


def beyond_limits(type: TensorType) -> str:
    """Why there can be no such tensor, whatever the memory; nothing where there can."""
    if len(type.dims) > MAX_RANK:
        return f"a tensor has at most {MAX_RANK} axes, this would have {type.rank}"
    for dim in type.dims:
        if isinstance(dim.size, int) and dim.size > MAX_SIZE:
            return f"an axis has fewer than 2 ** 63 elements, this would be {type}"
    return ""


def tensor(dtype: str, *shape: Size) -> TensorType:
    """A type without labels or origins: tensor("f32", 2, 3)."""
    return TensorType(dtype, tuple([Dim(s) for s in shape]))


def bind_type(type: TensorType, values: Mapping[str, Size]) -> TensorType:
    """The type with symbols replaced by sizes."""
    dims = [Dim(sizes.substitute(d.size, values), d.label, d.origin) for d in type.dims]
    return TensorType(type.dtype, tuple(dims), type.origin)


def broadcast_dims(packs: Iterable[tuple[Dim, ...]]) -> tuple[Dim, ...] | tuple[int, int, int]:
    """NumPy's broadcasting with GDL's guard: only a literal 1 stretches, a symbolic size never does.

    Where two sizes are certainly different, returns instead (axis from the right, index of one pack, index of the
    other). Undecided sizes pass: `equal_pairs` lists them for guards.
    """
    packs = list(packs)
    rank = max(map(len, packs), default=0)
    result: list[Dim] = []
    for back in range(1, rank + 1):
        chosen, who = None, -1
        for index, pack in enumerate(packs):
            if len(pack) < back:
                continue
            dim = pack[-back]
            if chosen is None or (chosen.size == 1 and dim.size != 1):
                label = dim.label or (chosen.label if chosen else None)
                chosen, who = dim if label == dim.label else replace(dim, label=label), index
            elif dim.size != 1 and chosen.size is not dim.size and sizes.equal(chosen.size, dim.size) is False:
                return back, who, index
            elif chosen.label is None and dim.label:
                chosen = replace(chosen, label=dim.label)
        assert chosen is not None
        result.append(chosen)
    return tuple(reversed(result))


def undecided_pairs(packs: Iterable[tuple[Dim, ...]]) -> list[tuple[Dim, Dim]]:
    """Pairs of axes that broadcasting takes as equal though that can't be decided yet."""
    packs = [p for p in packs if p]
    pairs: list[tuple[Dim, Dim]] = []
    if len(packs) < 2:
        return pairs
    for back in range(1, max(map(len, packs)) + 1):
        dims = [p[-back] for p in packs if len(p) >= back and p[-back].size != 1]
        for d in dims[1:]:
            if d.size is not dims[0].size and sizes.equal(dims[0].size, d.size) is None:
                pairs.append((dims[0], d))
    return pairs
