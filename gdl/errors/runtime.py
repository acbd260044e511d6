"""What can go wrong when a graph is run: E0804 to E0819. Sizes and guards (E0801 to E0803) are in `sizes`."""

from __future__ import annotations

from collections.abc import Sequence

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import RunError
from gdl.errors.places import told
from gdl.source import Span


def show_type(dtype: str, shape: Sequence[object]) -> str:
    return f"{dtype}[{', '.join(map(str, shape))}]"


def missing_input(name: str, given: Sequence[str]) -> RunError:
    have = ", ".join(f"`{g}`" for g in given) or "nothing"
    return RunError(Diagnostic("E0804", f"`{name}` is needed and not fed; fed is {have}", helps=(f"feed `{name}`",)))


def wrong_input(
    name: str, expected: str, dtype: str, shape: Sequence[int], origin: Span | None, way_out: str
) -> RunError:
    labels = (Label(origin, f"{expected} comes from here"),) if origin else ()
    message = f"`{name}` is {expected}, and was fed {show_type(dtype, shape)}"
    return RunError(Diagnostic("E0805", message, labels, helps=(way_out,)))


def sizes_disagree(symbol: str, first: str, size: int, second: str, other: int) -> RunError:
    message = f"`{symbol}` is {size} in `{first}` and {other} in `{second}`"
    return RunError(Diagnostic("E0806", message, helps=(f"feed arrays that agree in `{symbol}`",)))


def wrong_state(path: str, dtype: str, shape: Sequence[int], new_dtype: str, new_shape: Sequence[int]) -> RunError:
    message = f"`{path}` is {show_type(dtype, shape)}, and was given {show_type(new_dtype, new_shape)}"
    return RunError(
        Diagnostic("E0807", message, helps=("a variable keeps its type: convert or reshape the new value",))
    )


def missing_state(path: str, origin: Sequence[Span]) -> RunError:
    message = f"`{path}` has no value yet"
    return told("E0808", message, origin, "initialise the variables, or load a checkpoint")


def failed(op: str, why: str, types: Sequence[str], origin: Sequence[Span]) -> RunError:
    """A kernel refused its values, an index out of range for instance."""
    way_out = "look at the values that are fed: indices and labels count from 0"
    return told("E0809", f"{op}: {why}", origin, way_out, f"its inputs: {', '.join(types)}" if types else "")


def out_of_memory(nbytes: int | None = None, origin: Sequence[Span] = ()) -> RunError:
    """`nbytes` is what was asked for, `origin` where, as far as that is known."""
    message = "this needs more memory than there is"
    if nbytes is not None:
        message = f"a run of this graph needs {nbytes:,} bytes at once, more than there are"
    return told("E0810", message, origin, "take a smaller batch, or a smaller model")
