"""A plan with its arrays: what runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType, TracebackType
from typing import Any

import numpy as np

from gdl.errors import RunError
from gdl.errors import runtime as errors
from gdl.graph.node import Graph, Node
from gdl.runtime.arena import Arena
from gdl.runtime.arrays import BUFFER_ELEMENTS, DTYPES, place, read_only
from gdl.runtime.compiled.region import Compiled
from gdl.runtime.emit import Blocks, Function
from gdl.runtime.interpret import STOPS, trace
from gdl.runtime.loop import Loop, loop_kernel
from gdl.runtime.plan import Plan, plan
from gdl.runtime.pool import Pool
from gdl.runtime.random import Draws
from gdl.runtime.sharing import Share, Shared
from gdl.runtime.state import State
from gdl.runtime.statements import Owner, Value

_FILE = "<plan: {}>"


@dataclass(frozen=True, slots=True)
class Clock:
    """When a run takes place. `tick` counts the executions of graphs: random draws are keyed by it, besides the
    seed."""

    seed: int = 0
    step: int = 0
    epoch: int = 0
    tick: int = 0


class Step:
    """A prepared plan. A call runs it: it reads and writes the state, and returns the outputs.

    Arrays that it returns are valid until the next call, and can't be written; rank-0 outputs are NumPy scalars.
    Should a run fail, some variables may have their new values already.
    """

    __slots__ = ("plan", "run", "seed", "state")

    def __init__(self, plan: Plan, state: State, seed: int, run: Callable[..., tuple[Any, ...]]):
        self.plan, self.state, self.seed = plan, state, seed
        self.run = quiet(run)  # as a call, the arrays one by one, and errors as they come

    def __call__(self, inputs: Sequence[np.ndarray], step: int = 0, epoch: int = 0, tick: int = 0) -> tuple[Any, ...]:
        """The outputs for the fed arrays, which are given in the order of `plan.inputs`. Errors: E0809."""
        try:
            return self.run(*inputs, step, epoch, tick)
        except STOPS as error:
            raise blamed(self.plan, error) from None

    def trace(
        self, inputs: Sequence[np.ndarray], step: int = 0, epoch: int = 0, tick: int = 0
    ) -> Iterator[tuple[Node, Any]]:
        """Every node of the plan with its value, one after the other, slowly. Changes no state."""
        fed = dict(zip(self.plan.inputs, inputs))
        return trace(self.plan.graph, fed, self.state, self.seed, step, epoch, tick)


def prepare(plan: Plan, state: State, seed: int, arena: Arena | None = None, pool: Pool | None = None) -> Step:
    """The plan bound to the arrays of `state`, to an arena (its own, or one that several plans take turns to use), and
    to the threads that it was made for.

    Errors: E0807 or E0808 for a variable that `state` has not, or not of this type; E0810 without enough memory.
    """
    check_state(plan.graph, plan.order, state)
    lanes = (arena or Arena()).lanes(pool.threads if pool else 1, plan.arena_bytes)
    names = _bind(plan, state, seed, lanes, pool)
    for function in plan.code.functions:
        names[function.name] = _compile(function, names)
    return Step(plan, state, seed, names["run"])


def quiet(run: Callable[..., Any]) -> Callable[..., Any]:
    """The function run with short buffers and without NumPy's warnings: infinities and nans are values here, for the
    caller to look at.

    NumPy keeps what to warn of in a context variable. To enter a context made once costs a fifth of `numpy.errstate`.
    """
    with np.errstate(all="ignore"):
        usual = np.setbufsize(BUFFER_ELEMENTS)
        context = copy_context()
        np.setbufsize(usual)
    return partial(context.run, run)


def check_state(graph: Graph, nodes: Sequence[Node], state: State) -> None:
    """That every variable of the graph is there, of its type. Errors: E0807, E0808."""
    for node in (*nodes, *[variable for variable, _ in graph.updates]):
        if node.op != "variable":
            continue
        path = node.attrs["path"]
        if path not in state:
            raise errors.missing_state(path, node.origin)
        array = state[path]
        if array.dtype != DTYPES[node.type.dtype] or array.shape != node.type.shape:
            raise errors.wrong_state(path, node.type.dtype, node.type.shape, str(array.dtype), array.shape)


def _bind(plan: Plan, state: State, seed: int, lanes: Sequence[np.ndarray], pool: Pool | None) -> dict[str, Any]:
    """What every name of the generated code stands for, but the functions themselves."""
    code, block = plan.code, lanes[0]
    names: dict[str, Any] = {name: _ready(call, state, seed, block, pool) for name, call in code.calls.items()}
    names.update({name: Draws(seed, key) for name, key in code.draws.items()})
    made: dict[Value, Any] = {}
    for view in plan.views:
        of, kernel, attrs = view.view  # type: ignore[misc]
        made[view] = kernel(_array(of, made, state, block), **attrs)
    names.update({name: _array(value, made, state, block) for name, value in code.values.items()})
    names.update({name: _cut(blocks, made, state, lanes) for name, blocks in code.blocks.items()})
    names.update({name: read_only(names[array]) for name, array in code.given.items()})
    return names


def _ready(call: Any, state: State, seed: int, block: np.ndarray, pool: Pool | None) -> Any:
    """A function that the code calls; a loop gets the plan of its body, a shared one its threads, compiled statements
    their memory."""
    if isinstance(call, Compiled):
        return call.bind(state, block)
    if isinstance(call, (Shared, Share)):
        assert pool is not None, "a plan for several threads is prepared without any"
        return call.bound_to(pool)
    if not isinstance(call, Loop):
        return call
    body = prepare(plan(Graph(call.body.results), {}), State(), seed)
    return loop_kernel(call, body, body.plan.inputs)


def _cut(blocks: Blocks, made: Mapping[Value, Any], state: State, lanes: Sequence[np.ndarray]) -> list[Any]:
    """For each block its part of every array, and the slice that it is; a list of these for each of several threads. An
    array of one block serves for all of a thread."""
    chain = blocks.chain
    starts = range(0, chain.length, chain.rows)
    shares = []
    for number in range(chain.threads):
        arrays = [_array(value, made, state, lanes[0], lanes[number]) for value in blocks.values]
        parts = []
        mine = slice(len(starts) * number // chain.threads, len(starts) * (number + 1) // chain.threads)
        for start in starts[mine]:
            rows = slice(start, min(start + chain.rows, chain.length))
            first = slice(0, rows.stop - start)
            parts.append((*[a[rows if len(a) == chain.length else first] for a in arrays], rows))
        shares.append(parts)
    return shares if chain.threads > 1 else shares[0]


def _array(
    value: Value, made: Mapping[Value, Any], state: State, block: np.ndarray, lane: np.ndarray | None = None
) -> Any:
    """The array that a value lies in; a block of a chain in the thread's own lane."""
    if value in made:
        return made[value]
    storage = value.storage.root()  # type: ignore[union-attr]
    if storage.owner is Owner.CONSTANT:
        return value.literal
    if storage.owner is Owner.ARENA:
        if not storage.block_rows:
            return place(block, storage.offset, value.dtype, value.shape)
        shape = (storage.block_rows, *value.shape[1:])
        return place(block if lane is None else lane, storage.offset, value.dtype, shape)
    array = state[storage.path]
    return array if array.shape == value.shape else array.reshape(value.shape)


def _compile(function: Function, names: Mapping[str, Any]) -> FunctionType:
    """The function, its bound names being defaults of its parameters."""
    module = compile(function.text, _FILE.format(function.name), "exec")
    code = next(c for c in module.co_consts if isinstance(c, CodeType))
    return FunctionType(code, {"__builtins__": {}}, function.name, tuple([names[n] for n in function.bound]))


def blamed(plan: Plan, error: Exception) -> RunError:
    """The error with the place in the program whose statement raised it."""
    functions = {_FILE.format(f.name): f for f in plan.code.functions}
    node: Node | None = None
    at: TracebackType | None = error.__traceback__
    while at is not None:
        function = functions.get(at.tb_frame.f_code.co_filename)
        if function is not None:
            node = function.nodes[at.tb_lineno - 2] or node
        at = at.tb_next
    if node is None:
        raise error
    return errors.failed(node.op, str(error) or "not enough memory", [str(i.type) for i in node.inputs], node.origin)
