"""The syntax tree: frozen nodes, compared by content; where they stand (`span`) is not content.

Chains that a program can make long (`a + b + c ...`, `x |> f |> g ...`, `p and q and ...`) are flat here, and all other
nesting is limited by the parser (`MAX_NESTING`), so walking a tree needs no deep recursion.
"""

from __future__ import annotations

from dataclasses import field

from gdl.record import Record, record
from gdl.source import Span

MAX_NESTING = 200


def _span() -> Span:
    return field(compare=False, repr=False, kw_only=True, default=None)  # type: ignore[return-value]


@record
class Ast(Record):
    """What every node has: the place where it stands."""

    span: Span = _span()


# ---- expressions -------------------------------------------------------------------------------------------------


@record
class Name(Ast):
    name: str


@record
class Number(Ast):
    """An int where the text has neither point nor exponent, else a float."""

    value: int | float


@record
class String(Ast):
    value: str


@record
class Bool(Ast):
    value: bool


@record
class Array(Ast):
    """`[a, b, c]`"""

    items: tuple[Expr, ...]


@record
class Tuple(Ast):
    """`(a, b)`; one parenthesised expression without a comma is not a tuple."""

    items: tuple[Expr, ...]


@record
class Splice(Ast):
    """`*s`"""

    name: str


@record
class Unary(Ast):
    op: str  # "-" or "not"
    operand: Expr


@record
class Term(Ast):
    """One further operand of a chain; `op_span` is the operator's own place."""

    op: str
    operand: Expr
    op_span: Span = _span()


@record
class Chain(Ast):
    """Left-associative operators of one precedence, flat: `+ -`, `* / // % @`, `and`, `or`, one comparison, `**`.

    `a - b + c` is Chain(a, (Term("-", b), Term("+", c))). `**` and comparisons have exactly one term.
    """

    first: Expr
    rest: tuple[Term, ...]


@record
class Conditional(Ast):
    """`then if test else otherwise`"""

    then: Expr
    test: Expr
    otherwise: Expr


@record
class Attribute(Ast):
    value: Expr
    name: str
    name_span: Span = _span()


@record
class Argument(Ast):
    """`value`, or `name=value`."""

    value: Expr
    name: str | None = None
    name_span: Span | None = _span()


@record
class Call(Ast):
    callee: Expr
    args: tuple[Argument, ...]


@record
class Slice(Ast):
    start: Expr | None
    stop: Expr | None
    step: Expr | None = None


@record
class Ellipsis_(Ast):
    """`...` inside an index."""


@record
class Index(Ast):
    value: Expr
    items: tuple[Expr, ...]


@record
class Stage(Ast):
    """One `|> [label:] callee [(args)]` of a pipe. `label_index` is the `i` of `block[i]: Block()`."""

    callee: Expr  # Name or Attribute chain of names
    args: tuple[Argument, ...] | None = None  # None: written without parentheses
    label: str | None = None
    label_index: Expr | None = None
    label_span: Span | None = _span()


@record
class Pipe(Ast):
    source: Expr
    stages: tuple[Stage, ...]


@record
class Scan(Ast):
    """`scan x in xs along t carry h = h0, c = c0 { ... }`; `over` is a Tuple for `scan x, y in xs, ys ...`."""

    names: tuple[str, ...]
    over: Expr
    along: str
    carries: tuple[Argument, ...]  # each with a name
    body: tuple[Statement, ...]
    name_spans: tuple[Span, ...] = _span()  # type: ignore[assignment]
    along_span: Span = _span()


Expr = (
    Name | Number | String | Bool | Array | Tuple | Splice | Unary | Chain | Conditional | Attribute | Call | Slice
    | Ellipsis_ | Index | Pipe | Scan
)  # fmt: skip


# ---- types -------------------------------------------------------------------------------------------------------


@record
class Axis(Ast):
    """`n`, `row: 28`, `*s` (size is a Splice) or `...` (size is an Ellipsis_)."""

    size: Expr
    label: str | None = None
    label_span: Span | None = _span()


@record
class TypeExpr(Ast):
    """`f32[batch, 784]`. `dtype` is None where it was left out, and a dtype variable (`f n i t`) in signatures."""

    dtype: str | None
    axes: tuple[Axis, ...]
    dtype_span: Span | None = _span()


@record
class Kind(Ast):
    """A static parameter's kind: ("int",), or the allowed strings of `"same" | "valid"` with `is_choice`."""

    names: tuple[str, ...]
    is_choice: bool = False


@record
class Param(Ast):
    name: str
    type: TypeExpr | Kind | None
    default: Expr | None = None
    name_span: Span = _span()


@record
class Signature(Ast):
    """`(x: f[*a], axis: int = 0) -> f[*a]`, as ops declare it; several results are a tuple of types."""

    params: tuple[Param, ...]
    results: tuple[TypeExpr, ...]


# ---- statements --------------------------------------------------------------------------------------------------


@record
class Variable(Ast):
    name: str
    type: TypeExpr
    init: Expr
    name_span: Span = _span()


@record
class State(Ast):
    name: str
    type: TypeExpr
    init: Expr
    name_span: Span = _span()


@record
class Net(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@record
class Bind(Ast):
    """`a, b = value`, or `name: type = value`."""

    targets: tuple[str, ...]
    value: Expr
    type: TypeExpr | None = None
    target_spans: tuple[Span, ...] = _span()  # type: ignore[assignment]


@record
class Update(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@record
class Return(Ast):
    values: tuple[Expr, ...]


@record
class For(Ast):
    name: str
    start: Expr
    stop: Expr
    body: tuple[Statement, ...]
    name_span: Span = _span()


@record
class If(Ast):
    test: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


@record
class Load(Ast):
    """`load model from "f" map "old" -> "new" freeze`"""

    target: str | None
    file: str
    maps: tuple[tuple[str, str], ...] = ()
    freeze: bool = False
    target_span: Span | None = _span()
    file_span: Span = _span()


@record
class Require(Ast):
    test: Expr
    message: str | None = None


@record
class Next(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@record
class Yield(Ast):
    values: tuple[Expr, ...]


# ---- declarations ------------------------------------------------------------------------------------------------


@record
class Import(Ast):
    """`import "file.gdl" as m` (names empty) or `from nn import Dense` (alias None)."""

    module: str
    is_path: bool  # written as a string: a file beside the importing one
    alias: str | None = None
    names: tuple[str, ...] = ()
    module_span: Span = _span()
    name_spans: tuple[Span, ...] = _span()  # type: ignore[assignment]


@record
class Dim(Ast):
    names: tuple[str, ...]
    value: Expr | None = None
    name_spans: tuple[Span, ...] = _span()  # type: ignore[assignment]


@record
class Hyper(Ast):
    """`hyper lr: float = 0.5 in (0, 10)`: `bounds` is a Tuple (open) or an Array (closed) of two numbers."""

    name: str
    kind: Kind | None
    default: Expr
    bounds: Expr | None = None
    doc: str = field(default="", compare=False)
    name_span: Span = _span()


@record
class Data(Ast):
    """`data d = mnist() or digits()`: `value` is a Chain of "or" or a single call."""

    name: str
    value: Expr
    name_span: Span = _span()


@record
class Placeholder(Ast):
    name: str
    type: TypeExpr
    name_span: Span = _span()


@record
class Metric(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@record
class Definition(Ast):
    """`def`, `layer` or `optimizer` (see `what`)."""

    what: str
    name: str
    params: tuple[Param, ...]
    results: tuple[TypeExpr, ...] | None
    body: tuple[Statement, ...]
    doc: str = field(default="", compare=False)
    name_span: Span = _span()


# ---- procedures --------------------------------------------------------------------------------------------------


@record
class Every(Ast):
    """`every epoch`, `every 100 steps`, `every 2 epochs`: unit is "steps" or "epochs"."""

    count: Expr
    unit: str


@record
class Epochs(Ast):
    count: Expr


@record
class Steps(Ast):
    count: Expr


@record
class Feed(Ast):
    bindings: tuple[Argument, ...]  # each with a name
    source: Expr | None = None
    batch: Expr | None = None
    shuffle: bool = False


@record
class Minimize(Ast):
    loss: Expr
    optimizer: Expr
    over: Expr | None = None
    clip: Expr | None = None


@record
class Repeat(Ast):
    count: Expr
    body: tuple[Statement, ...]


@record
class Report(Ast):
    values: tuple[Expr, ...]
    every: Every | None = None


@record
class Run(Ast):
    name: str
    every: Every | None = None
    name_span: Span = _span()


@record
class Save(Ast):
    directory: str | None = None
    best: str | None = None
    every: Every | None = None
    best_span: Span | None = _span()


@record
class Stop(Ast):
    test: Expr


@record
class Write(Ast):
    file: str
    value: Expr


@record
class Expect(Ast):
    """`expect a == b` (close is None) or `expect a ~= b`."""

    value: Expr
    close: Expr | None = None


@record
class Example(Ast):
    """What an `Example:` of a doc comment says: no statement of a program's text, but run like one of a test."""

    value: Expr


@record
class ExpectError(Ast):
    code: str
    body: tuple[Statement, ...]
    code_span: Span = _span()


@record
class Train(Ast):
    name: str | None
    body: tuple[Statement, ...]
    name_span: Span | None = _span()


@record
class Eval(Ast):
    name: str
    body: tuple[Statement, ...]
    name_span: Span = _span()


@record
class Test(Ast):
    name: str
    body: tuple[Statement, ...]


Statement = (
    Variable | State | Net | Bind | Update | Return | For | If | Load | Require | Next | Yield | Epochs | Steps
    | Feed | Minimize | Repeat | Report | Run | Save | Stop | Write | Expect | Example | ExpectError
)  # fmt: skip
Item = (
    Import | Dim | Hyper | Data | Placeholder | Metric | Definition | Train | Eval | Test | Variable | State | Net
    | Bind | Update | Return | For | If | Load | Require
)  # fmt: skip


@record
class Comment(Ast):
    """A comment as it stands, `#` included; `own_line` if nothing but blanks precedes it on its line."""

    text: str
    own_line: bool


@record
class Module(Ast):
    """A file. `broken` holds the names in statements that could not be parsed, and of what holds such a statement: they
    may be declared there, so that they are missing or wrong elsewhere says nothing."""

    edition: str | None
    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    broken: frozenset[str] = field(default=frozenset(), compare=False)
