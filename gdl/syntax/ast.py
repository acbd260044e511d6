"""The syntax tree: frozen nodes, compared by content; where they stand (`span`) is not content.

Chains that a program can make long (`a + b + c ...`, `x |> f |> g ...`, `p and q and ...`) are flat here, and all other
nesting is limited by the parser (`MAX_NESTING`), so walking a tree needs no deep recursion.
"""

from __future__ import annotations

from dataclasses import field

from gdl.source import Span
from gdl.syntax.node import Node, node

MAX_NESTING = 200


def _span() -> Span:
    return field(compare=False, repr=False, kw_only=True, default=None)  # type: ignore[return-value]


@node
class Ast(Node):
    """What every node has: the place where it stands."""

    span: Span = _span()


# ---- expressions -------------------------------------------------------------------------------------------------


@node
class Name(Ast):
    name: str


@node
class Number(Ast):
    """An int where the text has neither point nor exponent, else a float."""

    value: int | float


@node
class String(Ast):
    value: str


@node
class Bool(Ast):
    value: bool


@node
class Array(Ast):
    """`[a, b, c]`"""

    items: tuple[Expr, ...]


@node
class Tuple(Ast):
    """`(a, b)`; one parenthesised expression without a comma is not a tuple."""

    items: tuple[Expr, ...]


@node
class Splice(Ast):
    """`*s`"""

    name: str


@node
class Unary(Ast):
    op: str  # "-" or "not"
    operand: Expr


@node
class Term(Ast):
    """One further operand of a chain; `op_span` is the operator's own place."""

    op: str
    operand: Expr
    op_span: Span = _span()


@node
class Chain(Ast):
    """Left-associative operators of one precedence, flat: `+ -`, `* / // % @`, `and`, `or`, one comparison, `**`.

    `a - b + c` is Chain(a, (Term("-", b), Term("+", c))). `**` and comparisons have exactly one term.
    """

    first: Expr
    rest: tuple[Term, ...]


@node
class Conditional(Ast):
    """`then if test else otherwise`"""

    then: Expr
    test: Expr
    otherwise: Expr


@node
class Attribute(Ast):
    value: Expr
    name: str
    name_span: Span = _span()


@node
class Argument(Ast):
    """`value`, or `name=value`."""

    value: Expr
    name: str | None = None
    name_span: Span | None = _span()


@node
class Call(Ast):
    callee: Expr
    args: tuple[Argument, ...]


@node
class Slice(Ast):
    start: Expr | None
    stop: Expr | None
    step: Expr | None = None


@node
class Ellipsis_(Ast):
    """`...` inside an index."""


@node
class Index(Ast):
    value: Expr
    items: tuple[Expr, ...]


@node
class Stage(Ast):
    """One `|> [label:] callee [(args)]` of a pipe. `label_index` is the `i` of `block[i]: Block()`."""

    callee: Expr  # Name or Attribute chain of names
    args: tuple[Argument, ...] | None = None  # None: written without parentheses
    label: str | None = None
    label_index: Expr | None = None
    label_span: Span | None = _span()


@node
class Pipe(Ast):
    source: Expr
    stages: tuple[Stage, ...]


@node
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


@node
class Axis(Ast):
    """`n`, `row: 28`, `*s` (size is a Splice) or `...` (size is an Ellipsis_)."""

    size: Expr
    label: str | None = None
    label_span: Span | None = _span()


@node
class TypeExpr(Ast):
    """`f32[batch, 784]`. `dtype` is None where it was left out, and a dtype variable (`f n i t`) in signatures."""

    dtype: str | None
    axes: tuple[Axis, ...]
    dtype_span: Span | None = _span()


@node
class Kind(Ast):
    """A static parameter's kind: ("int",), or the allowed strings of `"same" | "valid"` with `is_choice`."""

    names: tuple[str, ...]
    is_choice: bool = False


@node
class Param(Ast):
    name: str
    type: TypeExpr | Kind | None
    default: Expr | None = None
    name_span: Span = _span()


@node
class Signature(Ast):
    """`(x: f[*a], axis: int = 0) -> f[*a]`, as ops declare it; several results are a tuple of types."""

    params: tuple[Param, ...]
    results: tuple[TypeExpr, ...]


# ---- statements --------------------------------------------------------------------------------------------------


@node
class Variable(Ast):
    name: str
    type: TypeExpr
    init: Expr
    name_span: Span = _span()


@node
class State(Ast):
    name: str
    type: TypeExpr
    init: Expr
    name_span: Span = _span()


@node
class Net(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@node
class Bind(Ast):
    """`a, b = value`, or `name: type = value`."""

    targets: tuple[str, ...]
    value: Expr
    type: TypeExpr | None = None
    target_spans: tuple[Span, ...] = _span()  # type: ignore[assignment]


@node
class Update(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@node
class Return(Ast):
    values: tuple[Expr, ...]


@node
class For(Ast):
    name: str
    start: Expr
    stop: Expr
    body: tuple[Statement, ...]
    name_span: Span = _span()


@node
class If(Ast):
    test: Expr
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] = ()


@node
class Load(Ast):
    """`load model from "f" map "old" -> "new" freeze`"""

    target: str | None
    file: str
    maps: tuple[tuple[str, str], ...] = ()
    freeze: bool = False
    target_span: Span | None = _span()
    file_span: Span = _span()


@node
class Require(Ast):
    test: Expr
    message: str | None = None


@node
class Next(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@node
class Yield(Ast):
    values: tuple[Expr, ...]


# ---- declarations ------------------------------------------------------------------------------------------------


@node
class Import(Ast):
    """`import "file.gdl" as m` (names empty) or `from nn import Dense` (alias None)."""

    module: str
    is_path: bool  # written as a string: a file beside the importing one
    alias: str | None = None
    names: tuple[str, ...] = ()
    module_span: Span = _span()
    name_spans: tuple[Span, ...] = _span()  # type: ignore[assignment]


@node
class Dim(Ast):
    names: tuple[str, ...]
    value: Expr | None = None
    name_spans: tuple[Span, ...] = _span()  # type: ignore[assignment]


@node
class Hyper(Ast):
    """`hyper lr: float = 0.5 in (0, 10)`: `bounds` is a Tuple (open) or an Array (closed) of two numbers."""

    name: str
    kind: Kind | None
    default: Expr
    bounds: Expr | None = None
    doc: str = field(default="", compare=False)
    name_span: Span = _span()


@node
class Data(Ast):
    """`data d = mnist() or digits()`: `value` is a Chain of "or" or a single call."""

    name: str
    value: Expr
    name_span: Span = _span()


@node
class Placeholder(Ast):
    name: str
    type: TypeExpr
    name_span: Span = _span()


@node
class Metric(Ast):
    name: str
    value: Expr
    name_span: Span = _span()


@node
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


@node
class Every(Ast):
    """`every epoch`, `every 100 steps`, `every 2 epochs`: unit is "steps" or "epochs"."""

    count: Expr
    unit: str


@node
class Epochs(Ast):
    count: Expr


@node
class Steps(Ast):
    count: Expr


@node
class Feed(Ast):
    bindings: tuple[Argument, ...]  # each with a name
    source: Expr | None = None
    batch: Expr | None = None
    shuffle: bool = False


@node
class Minimize(Ast):
    loss: Expr
    optimizer: Expr
    over: Expr | None = None
    clip: Expr | None = None


@node
class Repeat(Ast):
    count: Expr
    body: tuple[Statement, ...]


@node
class Report(Ast):
    values: tuple[Expr, ...]
    every: Every | None = None


@node
class Run(Ast):
    name: str
    every: Every | None = None
    name_span: Span = _span()


@node
class Save(Ast):
    directory: str | None = None
    best: str | None = None
    every: Every | None = None
    best_span: Span | None = _span()


@node
class Stop(Ast):
    test: Expr


@node
class Write(Ast):
    file: str
    value: Expr


@node
class Expect(Ast):
    """`expect a == b` (close is None) or `expect a ~= b`."""

    value: Expr
    close: Expr | None = None


@node
class ExpectError(Ast):
    code: str
    body: tuple[Statement, ...]
    code_span: Span = _span()


@node
class Train(Ast):
    name: str | None
    body: tuple[Statement, ...]
    name_span: Span | None = _span()


@node
class Eval(Ast):
    name: str
    body: tuple[Statement, ...]
    name_span: Span = _span()


@node
class Test(Ast):
    name: str
    body: tuple[Statement, ...]


Statement = (
    Variable | State | Net | Bind | Update | Return | For | If | Load | Require | Next | Yield | Epochs | Steps
    | Feed | Minimize | Repeat | Report | Run | Save | Stop | Write | Expect | ExpectError
)  # fmt: skip
Item = (
    Import | Dim | Hyper | Data | Placeholder | Metric | Definition | Train | Eval | Test | Variable | State | Net
    | Bind | Update | Return | For | If | Load | Require
)  # fmt: skip


@node
class Comment(Ast):
    """A comment as it stands, `#` included; `own_line` if nothing but blanks precedes it on its line."""

    text: str
    own_line: bool


@node
class Module(Ast):
    """A file. `broken` holds the names in statements that could not be parsed, and of what holds such a statement: they
    may be declared there, so that they are missing or wrong elsewhere says nothing."""

    edition: str | None
    items: tuple[Item, ...]
    comments: tuple[Comment, ...] = field(default=(), compare=False)
    broken: frozenset[str] = field(default=frozenset(), compare=False)
