"""The types of the tensors that outlive a run, as checkpoints know them."""

from __future__ import annotations

from gdl.lang.program import Program
from gdl.train.checkpoint import OPTIMIZER_PREFIX
from gdl.types.record import FieldType


def variable_types(program: Program) -> dict[str, FieldType]:
    """Every variable and state by path, what optimizers remember included."""
    return {path: FieldType(info.type.dtype, _sizes(info.type.shape)) for path, info in program.variables.items()}


def model_types(program: Program) -> dict[str, FieldType]:
    """The tensors that are the model: trained and kept, without what belongs to optimizers."""
    return {path: type for path, type in variable_types(program).items() if not path.startswith(OPTIMIZER_PREFIX)}


def _sizes(shape: tuple[object, ...]) -> tuple[int, ...]:
    """The checker admits no variable without fixed sizes."""
    assert all(isinstance(size, int) for size in shape)
    return tuple([size for size in shape if isinstance(size, int)])
