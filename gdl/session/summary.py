"""What a program is made of and what it costs, as data: nothing is run, a step's memory comes from its plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from gdl.autodiff import expand
from gdl.errors import command as errors
from gdl.graph.node import LOOP, Graph, Node, topological
from gdl.lang.program import Computation, Feed, LayerInfo, Program, VariableInfo
from gdl.ops.table import TABLE, flops
from gdl.passes.bind_sizes import bind_sizes, sizes_in
from gdl.runtime.plan import plan
from gdl.train.checkpoint import OPTIMIZER_PREFIX
from gdl.train.step import minimizes
from gdl.types import sizes as sizes_
from gdl.types.tensor import ITEM_BYTES, TensorType, bind_type

#: What the counts mean.
FLOPS = "a multiplication and the addition of its result are two; an elementwise op is one per element; moving is none"
ACTIVATIONS = "all that the forward pass as written computes, views apart; a step keeps less, see peak memory"


OUTSIDE, ALL = "(outside layers)", "(all)"


@dataclass(frozen=True, slots=True)
class VariableRow:
    """A tensor that lasts."""

    path: str
    type: TensorType
    is_trained: bool

    @property
    def elements(self) -> int:
        return _elements(self.type)

    @property
    def nbytes(self) -> int:
        return _nbytes(self.type)


@dataclass(slots=True)
class LayerRow:
    """An instance with all that is inside it; `path` is OUTSIDE for what belongs to no layer, and ALL for the total.

    `gives` are its results as declared, `shapes` the same with the sizes that are bound. `trained` and `kept` count
    elements, `flops` and `activation_bytes` belong to the forward pass; where a step has several, its flops are the sum
    and its bytes those of the largest.
    """

    path: str
    layer: str = ""
    gives: tuple[TensorType, ...] = ()
    shapes: tuple[TensorType, ...] = ()
    trained: int = 0
    kept: int = 0
    flops: int = 0
    activation_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step of a train block takes, or one batch of an eval: its plans, all `minimize` statements together.

    `sizes` are those of the symbols, `assumed` the symbols among them that nothing decides. `arena_bytes` is the memory
    of everything computed on the way, `batch_bytes` that of the records.
    """

    kind: str
    name: str
    sizes: Mapping[str, int]
    assumed: tuple[str, ...]
    flops: int
    arena_bytes: int
    batch_bytes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it. `optimizer_bytes` is what optimizers remember; `peak_bytes` the memory of the most expensive step."""

    program: str
    layers: tuple[LayerRow, ...]
    total: LayerRow
    variables: tuple[VariableRow, ...]
    costs: tuple[Cost, ...]
    optimizer_bytes: int

    @property
    def variable_bytes(self) -> int:
        return sum(row.nbytes for row in self.variables)

    @property
    def peak_bytes(self) -> int:
        """Variables, what optimizers remember, the batch, and the arena that all procedures share."""
        moving = max((cost.arena_bytes + cost.batch_bytes for cost in self.costs), default=0)
        return self.variable_bytes + self.optimizer_bytes + moving


def summarize(program: Program, sizes: Mapping[str, int]) -> Summary:
    """The summary of a checked program. `sizes` bind symbols; other ones take what the blocks feed, else 1.

    The layers are those of the train blocks, or of the evals where there is no training.
    Errors: UsageError for a size that the program does not have; RunError where sizes do not fit together.
    """
    procedures = list(_procedures(program))
    known = {s for each in procedures for s in _symbols(each.graphs)}
    for name in sizes:
        if name not in known:
            raise errors.unknown_part("size", name, sorted(known))
    own = {p: v for p, v in program.variables.items() if not p.startswith(OPTIMIZER_PREFIX)}
    remembered = {p: v for p, v in program.variables.items() if p.startswith(OPTIMIZER_PREFIX)}
    rows: dict[str, LayerRow] = {}
    costs = []
    for procedure in procedures:
        bound, assumed = _bound(program, procedure, sizes)
        costs.append(_cost(procedure, bound, assumed))
        for row in _layers_of(procedure, program, own, bound):  # what several blocks have is told of the first
            rows.setdefault(row.path, row)
    outside, total = rows.pop(OUTSIDE, None), rows.pop(ALL, LayerRow(ALL))
    variables = variable_rows(own)
    total.trained = sum(row.elements for row in variables if row.is_trained)
    total.kept = sum(row.elements for row in variables if not row.is_trained)
    return Summary(
        program.source.name, (*rows.values(), *([outside] if outside else [])), total, variables, tuple(costs),
        sum(row.nbytes for row in variable_rows(remembered)),
    )  # fmt: skip


def _layers_of(
    procedure: _Procedure, program: Program, variables: Mapping[str, VariableInfo], sizes: Mapping[str, int]
) -> list[LayerRow]:
    rows: dict[str, LayerRow] = {}
    told = {
        outputs: layer_rows(outputs, program.layers, variables, sizes) for outputs in dict.fromkeys(procedure.forward)
    }
    for outputs in procedure.forward:
        for row in told[outputs]:
            whole = rows.setdefault(row.path, replace(row, flops=0))
            whole.flops += row.flops
            whole.activation_bytes = max(whole.activation_bytes, row.activation_bytes)
    return list(rows.values())


# ---- procedures --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Procedure:
    kind: str
    name: str
    feed: Feed
    runs: tuple[Computation, ...]  # of one step, each as often as it is run
    forward: tuple[tuple[Node, ...], ...]  # what each of these computes without gradients

    @property
    def graphs(self) -> list[Graph]:
        return [run.graph for run in dict.fromkeys(self.runs)]


def _procedures(program: Program) -> Iterator[_Procedure]:
    for train in program.trains:
        runs = tuple([m.computation for m in minimizes(train.body)])
        forward = tuple([m.computation.graph.outputs[:1] for m in minimizes(train.body)])
        yield _Procedure("train", train.name, train.feed, runs, forward)
    if program.trains:
        return
    for block in program.evals.values():
        yield _Procedure("eval", block.name, block.feed, (block.computation,), (block.computation.graph.outputs,))
    if not program.evals:
        graph = expand(Graph(tuple(program.nodes.get(False, {}).values())))
        yield _Procedure("program", "", Feed(), (Computation(graph, (), ()),), (graph.outputs,))


def _cost(procedure: _Procedure, sizes: Mapping[str, int], assumed: tuple[str, ...]) -> Cost:
    plans = {run: plan(run.graph, sizes) for run in dict.fromkeys(procedure.runs)}
    work = {run: sum(map(operations, made.order)) for run, made in plans.items()}
    inputs = {name: type for run in plans for name, type in run.inputs}
    return Cost(
        procedure.kind, procedure.name, sizes, assumed, sum(work[run] for run in procedure.runs),
        max(made.arena_bytes for made in plans.values()),
        sum(_nbytes(bind_type(type, sizes)) for type in inputs.values()),
    )  # fmt: skip


def _bound(
    program: Program, procedure: _Procedure, given: Mapping[str, int]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The sizes of all symbols of a procedure, and the symbols among them that nothing decides."""
    sizes, feed = {}, procedure.feed
    if feed.data is not None:
        there = program.data[feed.data].header.splits.get(feed.split, -1)
        count = min(feed.batch or there, there) if there >= 0 else feed.batch
        for _, type in (pair for run in procedure.runs for pair in run.inputs):
            symbol = sizes_.is_symbol(type.shape[0])
            if symbol is not None and count is not None:
                sizes[symbol] = count
    sizes |= given
    assumed = [symbol for symbol in _symbols(procedure.graphs) if symbol not in sizes]
    return sizes | dict.fromkeys(assumed, 1), tuple(assumed)


def _symbols(graphs: Iterable[Graph]) -> list[str]:
    found = [sizes_.symbols(size) for graph in graphs for node in topological(graph.roots) for size in sizes_in(node)]
    return sorted(set().union(*found))


# ---- variables ---------------------------------------------------------------------------------------------------


def variable_rows(variables: Mapping[str, VariableInfo]) -> tuple[VariableRow, ...]:
    """The tensors that last, in the order in which the program makes them."""
    return tuple([VariableRow(path, info.type, info.trained and not info.frozen) for path, info in variables.items()])


# ---- layers ------------------------------------------------------------------------------------------------------


def layer_rows(
    outputs: Sequence[Node], layers: Mapping[str, LayerInfo], variables: Mapping[str, VariableInfo],
    sizes: Mapping[str, int],
) -> list[LayerRow]:  # fmt: skip
    """A row for each layer that the outputs need, outer ones first; OUTSIDE, if anything is; ALL.

    Errors: RunError where a size has no value.
    """
    nodes = topological(bind_sizes(Graph(tuple(outputs)), sizes).outputs)
    rows: dict[str, LayerRow] = {}
    for node in nodes:
        if not node.is_leaf:
            is_view = node.op in TABLE and TABLE[node.op].view
            for row in _around(rows, node.scope):
                row.flops += operations(node)
                row.activation_bytes += 0 if is_view else _nbytes(node.type)
    read = {node.attrs["path"] for node in nodes if node.op == "variable"}
    for path, info in variables.items():
        if path in read or _owner(path) in rows:  # of a layer in use all, running means too
            is_trained = info.trained and not info.frozen
            for row in _around(rows, _owner(path)):
                row.trained += _elements(info.type) if is_trained else 0
                row.kept += 0 if is_trained else _elements(info.type)
    for path, row in rows.items():
        if path in layers:
            row.layer, row.gives = layers[path].layer, layers[path].results
            row.shapes = tuple([bind_type(type, sizes) for type in row.gives])
    last = [rows.pop(path) for path in (OUTSIDE, ALL) if path in rows]
    return [*rows.values(), *last]


def _owner(path: str) -> str:
    return path.rpartition("/")[0]


def _around(rows: dict[str, LayerRow], scope: str) -> list[LayerRow]:
    """The rows that something in a scope counts for: all layers that it is inside of, and the total."""
    parts = scope.split("/") if scope else []
    paths = ["/".join(parts[: i + 1]) for i in range(len(parts))] or [OUTSIDE]
    return [rows.setdefault(path, LayerRow(path)) for path in (*paths, ALL)]


def operations(node: Node) -> int:
    """The operations on numbers that a node takes, its sizes being bound; of a scan, those of all its steps."""
    if node.is_leaf:
        return 0
    if node.op == LOOP:
        return int(node.attrs["length"]) * sum(map(operations, topological(node.attrs["body"].results)))
    return flops(TABLE[node.op], node.type, [i.type for i in node.inputs], node.attrs)


def _elements(type: TensorType) -> int:
    return prod(type.shape)  # type: ignore[arg-type]


def _nbytes(type: TensorType) -> int:
    return _elements(type) * ITEM_BYTES[type.dtype]
