"""The tensors that a run starts with: each variable's own first value, then what the program loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gdl.errors import checkpoint as errors
from gdl.errors import training as training_errors
from gdl.lang.program import Program
from gdl.runtime.interpret import initialise
from gdl.runtime.state import State
from gdl.train import checkpoint
from gdl.train.variables import variable_types


def initial_state(program: Program, seed: int) -> State:
    """Every variable with the value that its declaration gives it."""
    state = State()
    state.allocate({path: (type.dtype, type.shape) for path, type in variable_types(program).items()})
    initialise({path: info.initial for path, info in program.variables.items()}, state, seed)
    return state


def load_into(state: State, path: Path, pairs: Mapping[str, str]) -> None:
    """Copies tensors of a checkpoint into variables; `pairs` is variable -> tensor."""
    tensors = checkpoint.load(path).tensors
    for variable, name in pairs.items():
        state.set(variable, np.asarray(tensors[name]))


def restore(state: State, path: Path, tensors: Mapping[str, np.ndarray]) -> None:
    """All tensors of a run's checkpoint. Errors: CheckpointError where they are not exactly the program's."""
    if tensors.keys() != state.keys():
        differing = ", ".join(sorted(tensors.keys() ^ state.keys())[:5])
        raise training_errors.other_program(path, f"these tensors are only on one side: {differing}")
    for name, array in tensors.items():
        here = state[name]
        if here.shape != array.shape or here.dtype != array.dtype:
            found = f"{array.dtype}{list(array.shape)}"
            raise errors.damaged(path, f"{name} as {here.dtype}{list(here.shape)}", found)
        state.set(name, array)
