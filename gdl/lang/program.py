"""What the checker hands on: a checked program, its variables, and its procedures as graphs. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.graph.node import Graph, Guards, Node
from gdl.record import Record, record
from gdl.source import Source, Span
from gdl.types.record import DataHeader, SourceCall
from gdl.types.tensor import TensorType


@record
class Hyper(Record):
    """A knob. `kind` is ("int",), ("float",), ("bool",), ("string",) or the allowed strings of a choice."""

    name: str
    kind: tuple[str, ...]
    default: Any
    value: Any
    is_choice: bool = False
    low: float | None = None
    high: float | None = None
    closed: bool = False  # whether low and high belong to the range
    doc: str = ""
    span: Span | None = None


@record
class VariableInfo(Record):
    """A tensor that outlives a run: trained, or kept (`state`). Its sizes are integers.

    `initial` is the graph of its first value; random nodes in it are keyed by the variable's path.
    """

    path: str
    type: TensorType
    initial: Node
    trained: bool
    frozen: bool = False
    span: Span | None = None


@record
class LayerInfo(Record):
    """A net that is applied: its layer's name, and what its last application gives."""

    path: str
    layer: str
    results: tuple[TensorType, ...]
    span: Span | None = None


@record
class DataInfo(Record):
    """`data digit = mnist() or digits()`: the header of the first, and every alternative in order."""

    name: str
    header: DataHeader
    calls: tuple[SourceCall, ...]
    span: Span | None = None


@record
class Feed(Record):
    """Where a computation's inputs come from. The inputs are the record's fields under their own names, with a leading
    batch axis; what a program makes of them (`flatten(image) / 255`) is part of the graph.

    Without `data`, everything fed is constant and part of the graph; there are no inputs.
    """

    data: str | None = None
    split: str = ""
    fields: tuple[str, ...] = ()  # only those that are used
    batch: int | None = None  # None: the whole split at once
    shuffle: bool = False
    span: Span | None = None


@record
class Computation(Record):
    """A graph to run: `inputs` name its input leaves with their types; outputs of `graph` are named by `outputs`."""

    graph: Graph
    inputs: tuple[tuple[str, TensorType], ...]
    outputs: tuple[str, ...]


@record
class Every(Record):
    """unit is "steps" or "epochs"."""

    count: int
    unit: str


@record
class Minimize(Record):
    """Draw a batch, run, differentiate, update: one Computation whose graph holds the optimizer's updates.

    Its first output is the loss; the others are what reports and `stop when` want of this run.
    """

    index: int
    loss: str
    computation: Computation
    variables: tuple[str, ...]  # paths that it trains
    span: Span | None = None


@record
class Repeat(Record):
    count: int
    body: tuple[Action, ...]


Action = Minimize | Repeat


@record
class Report(Record):
    """Values averaged since the last report: (shown name, index of the Minimize, position among its outputs)."""

    values: tuple[tuple[str, int, int], ...]
    every: Every


@record
class RunEval(Record):
    eval: str
    every: Every
    span: Span | None = None


@record
class Save(Record):
    """`best` names a value that a run eval reports; `larger_is_better` holds for boolean metrics (shares)."""

    directory: str | None = None
    best: str | None = None
    best_eval: str | None = None
    larger_is_better: bool = False
    every: Every | None = None
    span: Span | None = None


@record
class StopWhen(Record):
    """Stop after a step in which this output is true."""

    text: str
    minimize: int
    output: int


@record
class Load(Record):
    """`load model from "f" map "old" -> "new" freeze`: `target` is a path prefix ("" is everything)."""

    target: str
    file: str
    maps: tuple[tuple[str, str], ...] = ()
    freeze: bool = False
    span: Span | None = None  # of the target
    file_span: Span | None = None


def covers(target: str, path: str) -> bool:
    """Whether a variable belongs to what a `load` names."""
    return target in ("", path) or path.startswith(target + "/")


@record
class Train(Record):
    name: str
    unit: str  # "epochs" or "steps": what `count` counts
    count: int
    feed: Feed
    body: tuple[Action, ...]
    reports: tuple[Report, ...] = ()
    runs: tuple[RunEval, ...] = ()
    saves: tuple[Save, ...] = ()
    stops: tuple[StopWhen, ...] = ()
    span: Span | None = None


@record
class Value(Record):
    """One thing that an eval reports. With data: the exact mean over all examples (what is no value per example is
    weighted by the number of examples in its batch). Without data: the value as it is."""

    name: str
    output: int
    is_share: bool  # boolean: a share of the examples
    is_array: bool = False  # reported as an array, for none of its axes are the examples


@record
class WriteImage(Record):
    """`write "digits-{epoch}.png" = value`: the value's node is output number `output`."""

    file: str
    output: int
    span: Span | None = None


@record
class Eval(Record):
    name: str
    feed: Feed
    computation: Computation
    values: tuple[Value, ...]
    writes: tuple[WriteImage, ...] = ()
    span: Span | None = None


@record
class Expectation(Record):
    """`expect a == b`: output `left` is a boolean tensor, all true (right is None). `expect a ~= b`: left near right.

    `sides` are outputs that show why a comparison does not hold; `known` says it where no output is needed for it.
    """

    text: str
    left: int
    right: int | None = None
    span: Span | None = None
    sides: tuple[int, int] | None = None
    known: str = ""
    is_finite: bool = False  # no condition: all elements of `left` have to be finite


@record
class Test(Record):
    name: str
    feed: Feed
    computation: Computation
    expectations: tuple[Expectation, ...]
    failures: tuple[Diagnostic, ...] = ()  # known at check time: an `expect error` that did not hold
    span: Span | None = None
    is_example: bool = False  # of a doc comment


@record
class Program(Record):
    """A checked program. `nodes` maps mode (training or not) to the top-level names and their nodes."""

    source: Source
    hypers: Mapping[str, Hyper] = field(default_factory=dict)
    data: Mapping[str, DataInfo] = field(default_factory=dict)
    placeholders: Mapping[str, TensorType] = field(default_factory=dict)
    variables: Mapping[str, VariableInfo] = field(default_factory=dict)  # trained and kept, optimizer state included
    layers: Mapping[str, LayerInfo] = field(default_factory=dict)
    loads: tuple[Load, ...] = ()
    trains: tuple[Train, ...] = ()
    evals: Mapping[str, Eval] = field(default_factory=dict)
    tests: tuple[Test, ...] = ()
    nodes: Mapping[bool, Mapping[str, Node]] = field(default_factory=dict)
    guards: Guards = ()  # all that were left open where the nodes of both modes were made
    files: tuple[Path, ...] = ()  # the program and everything it imports, stdlib excluded
