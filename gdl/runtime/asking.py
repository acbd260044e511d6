"""A call made short: code that takes what is fed by name, verifies it, runs a prepared plan and gives plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from gdl.runtime.interpret import STOPS
from gdl.runtime.step import Step, blamed
from gdl.types.tensor import TensorType

#: ask(feeds, tick): the outputs as numbers and arrays of their own; None, and nothing is done, for feeds that it is not
#: made for.
Ask = Callable[[Mapping[str, Any], int], "list[Any] | None"]


def never(feeds: Mapping[str, Any], tick: int) -> None:
    """Takes no feeds: before the first run."""
    return


def asking(step: Step, names: Sequence[str], arrays: Sequence[np.ndarray]) -> Ask:
    """The call for feeds of these names that are just like these arrays."""
    fed = {name: f"fed_{i}" for i, name in enumerate(names)}
    bound: dict[str, Any] = {"run": step.run, "plan": step.plan, "blamed": blamed, "STOPS": STOPS}
    bound |= {"ndarray": np.ndarray, "array": np.array}
    lines = [f"if len(feeds) != {len(names)}: return None"]
    for (name, word), like in zip(fed.items(), arrays):
        bound[f"{word}_dtype"] = like.dtype
        lines.append(f"{word} = feeds.get({name!r})")
        if like.ndim == 0 and like.dtype.kind == "f":
            lines.append(f"if type({word}) is float: {word} = array({word}, {word}_dtype)")
        lines.append(f"if type({word}) is not ndarray or {word}.dtype is not {word}_dtype: return None")
        unlike = f"{word}.shape != {like.shape} or not {word}.flags.c_contiguous" if like.ndim else f"{word}.ndim"
        lines.append(f"if {unlike}: return None")
    outputs = [f"out_{i}" for i in range(len(step.plan.graph.outputs))]
    plain = [_plain(name, node.type) for name, node in zip(outputs, step.plan.graph.outputs)]
    arguments = "".join([f"{fed[name]}, " for name in step.plan.inputs])
    lines += [
        f"try: [{', '.join(outputs)}] = run({arguments}0, 0, tick)",
        "except STOPS as error: raise blamed(plan, error) from None",
        f"return [{', '.join(plain)}]",
    ]
    text = "\n    ".join([f"def ask(feeds, tick, {', '.join(bound)}):", *lines])
    scope: dict[str, Any] = {}
    exec(text, scope)
    ask = scope["ask"]
    ask.__defaults__ = tuple(bound.values())
    return ask


def _plain(name: str, type: TensorType) -> str:
    """An output as a number (a NumPy scalar's own `item` takes six times as long) or an array of its own."""
    if type.rank:
        return f"{name}.copy()"
    return f"{'float' if type.is_float else 'bool' if type.dtype == 'bool' else 'int'}({name})"
