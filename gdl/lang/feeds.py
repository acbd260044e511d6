"""Feeds: what is bound to the placeholders, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gdl.diagnostics import Edit, Label
from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.errors import procedures as errors
from gdl.graph.node import Node, needed, topological
from gdl.lang.apply import apply_op, as_node
from gdl.lang.context import Context, Frame
from gdl.lang.program import Feed
from gdl.lang.values import POISON, Argument, DataValue, Poisoned, describe
from gdl.ops.table import TABLE
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.record import FieldType
from gdl.types.sizes import Size
from gdl.types.tensor import Dim, TensorType, bind_type

#: Conversions that lose no value.
_LOSSLESS = {
    "bool": ("u8", "i32", "i64", "f32", "f64"),
    "u8": ("i32", "i64", "f32", "f64"),
    "i32": ("i64", "f64"),
    "f32": ("f64",),
}


@dataclass(slots=True)
class Bound:
    """The feeds of one block: placeholder -> node, sizes bound by them, and the record fields that are the inputs."""

    feed: Feed = field(default_factory=Feed)
    inputs: tuple[tuple[str, TensorType], ...] = ()
    values: dict[Node, Node] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    guards: list[tuple[Guard, tuple[Span, ...]]] = field(default_factory=list)
    statements: list[ast.Feed] = field(default_factory=list)
    data: DataValue | None = None
    symbol: str = ""  # what the number of records that are fed at once is called
    batch: int | None = None
    batches: float = float("inf")  # how many of them are drawn

    @property
    def count(self) -> int:
        """The number of records; -1 where it is not known before they are read."""
        return self.data.header.splits.get(self.data.split or "", -1) if self.data is not None else -1

    def classes(self, name: str) -> int | None:
        """How many classes a field of the records has, where that is known."""
        field = self.data.header.fields.get(name) if self.data is not None else None
        return field.classes if field is not None and name in dict(self.inputs) else None

    def field_span(self, name: str) -> Span | None:
        """Where a field of the records is named first."""
        values = [binding.value for s in self.statements for binding in s.bindings]
        return next((n.span for value in values for n in _free_names(value) if n.name == name), None)

    def lengths(self) -> tuple[int, ...]:
        """How many records are fed at once: all numbers that are sure to come."""
        if self.count < 1:
            return (self.batch,) if self.batch else ()
        size = min(self.batch or self.count, self.count)
        is_short = self.count % size and self.batches >= -(-self.count // size)
        return (size, self.count % size) if is_short else (size,)

    def length_label(self, length: int) -> Label:
        """The place that such a number of records comes from."""
        (feed,) = [s for s in self.statements if s.source is not None]
        if length == self.batch:
            told = f"{length:,} records at once"
        elif length == self.count:
            told = f"all {length:,} records at once"
        else:
            told = f"{self.count:,} records in batches of {self.batch:,}: the last has {length:,}"
        return Label((feed.batch or feed.source).span, told)  # type: ignore[union-attr]


def lower_feeds(cx: Context, frame: Frame, statements: Sequence[Any]) -> Bound:
    """Everything that the `feed` statements among these bind."""
    bound = Bound(statements=[s for s in statements if isinstance(s, ast.Feed)])
    sourced = [s for s in bound.statements if s.source is not None]
    if len(sourced) > 1:
        cx.fail(
            errors.train_block(
                sourced[1].span, "a block feeds from one source", "bind everything in one `feed ... from ...`"
            ),
            frame,
        )
    for s in statements:
        if isinstance(s, (ast.If, ast.For)):
            _refuse_nested(cx, frame, s)
    failed = False
    for statement in bound.statements:
        try:
            _feed(cx, frame, statement, bound)
        except Poisoned:
            failed = True
    if failed:
        raise Poisoned
    return bound


def _refuse_nested(cx: Context, frame: Frame, s: ast.If | ast.For) -> None:
    """What a block is fed can't depend on an `if` in it: the sizes of everything else follow from it."""
    for inner in (*s.body, *(s.orelse if isinstance(s, ast.If) else ())):
        if isinstance(inner, ast.Feed):
            cx.fail(
                name_errors.misplaced(
                    inner.span,
                    "`feed`",
                    "inside `if` or `for`",
                    "feed once, at the top of the block; a value may be chosen: x = a if fast else b",
                ),
                frame,
            )
        if isinstance(inner, (ast.If, ast.For)):
            _refuse_nested(cx, frame, inner)


def _feed(cx: Context, frame: Frame, s: ast.Feed, bound: Bound) -> None:
    inner = frame
    leaves: dict[str, Node] = {}
    if s.source is not None:
        leaves = _open(cx, frame, s, bound)
        inner = Frame(frame.what, frame.library, {**frame.names, **leaves}, frame.scope, frame.training, frame.calls)
    failed = False
    for binding in s.bindings:
        try:
            _bind(cx, inner, binding, bound)
        except Poisoned:
            failed = True
    if failed:
        raise Poisoned
    if s.source is not None and bound.data is not None:
        used = needed(bound.values.values())
        fields = tuple([name for name, leaf in leaves.items() if leaf in used])
        bound.inputs = tuple([(name, leaves[name].type) for name in fields])
        bound.feed = Feed(bound.data.name, bound.data.split or "", fields, bound.batch, s.shuffle, s.span)


def _open(cx: Context, frame: Frame, s: ast.Feed, bound: Bound) -> dict[str, Node]:
    """The record's fields as inputs with a leading batch axis."""
    assert s.source is not None
    data = cx.evaluate(frame, s.source)
    if not isinstance(data, DataValue):
        cx.fail(
            call_errors.wrong_value(s.source.span, "a data source", describe(data), "declare one: data d = mnist()"),
            frame,
        )
    splits = [name for name in data.header.splits if name]
    if data.split is None and splits:
        cx.fail(errors.needs_split(s.source.span, data.name, splits, frame.what), frame)
    bound.data = data
    bound.batch = _batch(cx, frame, s)
    bound.symbol = _leading_symbol(cx, s)
    leading = Dim(sizes.symbol(bound.symbol), bound.symbol, s.source.span)
    return {
        name: Node(
            "input",
            (),
            {"name": name},
            TensorType(t.dtype, (leading, *[Dim(n) for n in t.shape]), s.source.span),
            (s.source.span,),
            "",
            name,
        )
        for name, t in data.header.fields.items()
    }


def _leading_symbol(cx: Context, s: ast.Feed) -> str:
    """The records' axis goes by the name that the placeholders give it."""
    for binding in s.bindings:
        leaf = cx.placeholders.get(binding.name or "")
        if leaf is not None and leaf.type.rank:
            name = sizes.is_symbol(leaf.type.dims[0].size)
            if name:
                return name
    return "records"


def _batch(cx: Context, frame: Frame, s: ast.Feed) -> int | None:
    if s.batch is None:
        return None
    value = cx.evaluate(frame, s.batch)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        cx.fail(
            call_errors.wrong_value(
                s.batch.span,
                "a positive number of examples",
                describe(value),
                "as in batch 100; without `batch` all records are fed at once",
            ),
            frame,
        )
    return value


def _bind(cx: Context, frame: Frame, binding: ast.Argument, bound: Bound) -> None:
    name = binding.name or ""
    span = binding.name_span or binding.span
    leaf = cx.placeholders.get(name)
    if leaf is None or cx.top.names.get(name) is POISON:
        if cx.top.names.get(name) is POISON:
            raise Poisoned
        cx.fail(errors.not_placeholder(span, name, cx.placeholders), frame)
    if leaf in bound.values:
        cx.fail(call_errors.given_twice(span, "the feed", name), frame)
    _explain_fields(cx, frame, binding.value, bound)
    value = as_node(cx, frame, Argument(cx.evaluate(frame, binding.value), binding.value.span), None, "t")
    _refuse_placeholders(cx, frame, binding, value)
    value = _converted(cx, frame, binding, leaf, value)
    _match(cx, frame, binding, leaf, value, bound)
    if value in bound.values.values():
        value = apply_op(cx, frame, TABLE["stop_gradient"], [Argument(value, span)], {}, span)  # a node of its own
    bound.values[leaf] = value


def _refuse_placeholders(cx: Context, frame: Frame, binding: ast.Argument, value: Node) -> None:
    """What is fed comes from records and numbers: a placeholder in it would have to be fed first."""
    placeholders = set(cx.placeholders.values())
    used = next((node for node in topological([value]) if node in placeholders), None)
    if used is not None:
        named = next((n.span for n in _free_names(binding.value) if n.name == used.attrs["name"]), binding.value.span)
        help = "feed it from the record's fields, and compute with it outside of the feed"
        cx.fail(name_errors.misplaced(named, f"the placeholder `{used.attrs['name']}`", "in what is fed", help), frame)


def _explain_fields(cx: Context, frame: Frame, expr: ast.Expr, bound: Bound) -> None:
    """A name that is nothing but could be a field misspelt gets the fields listed."""
    if bound.data is None:
        return
    fields = bound.data.header.fields
    for name in _free_names(expr):
        if name.name in frame.names or name.name in frame.pending or cx.is_known(frame, name.name):
            continue
        shown = f"{bound.data.name}.{bound.data.split}" if bound.data.split else bound.data.name
        listed = ", ".join(f"{k}: {t}" for k, t in fields.items())
        cx.fail(errors.unknown_field(name.span, shown, name.name, listed, fields), frame)


def _free_names(expr: Any) -> list[ast.Name]:
    found: list[ast.Name] = []
    todo = [expr]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            found.append(node)
        elif isinstance(node, (tuple, list)):
            todo += reversed(node)
        elif isinstance(node, ast.Call):
            todo += [node.args]
        elif isinstance(node, ast.Argument):
            todo += [] if node.name == "over" else [node.value]
        elif isinstance(node, ast.Chain):
            todo += [t.operand for t in reversed(node.rest)] + [node.first]
        elif isinstance(node, (ast.Index, ast.Attribute)):
            todo.append(node.value)
        elif isinstance(node, ast.Pipe):
            todo.append(node.source)
        elif isinstance(node, ast.Unary):
            todo.append(node.operand)
    return found


def _converted(cx: Context, frame: Frame, binding: ast.Argument, leaf: Node, value: Node) -> Node:
    wanted, got = leaf.type.dtype, value.type.dtype
    if wanted == got:
        return value
    if value.op == "constant":
        static = Argument(value.attrs["value"], binding.value.span)
        return as_node(cx, frame, static, wanted)
    if wanted not in _LOSSLESS.get(got, ()):
        cx.fail(errors.lossy_feed(binding.value.span, binding.name or "", wanted, got), frame)
    return apply_op(
        cx, frame, TABLE["cast"], [Argument(value, binding.value.span)], {"dtype": wanted}, binding.value.span
    )


def _match(cx: Context, frame: Frame, binding: ast.Argument, leaf: Node, value: Node, bound: Bound) -> None:
    """Sizes bound by what is fed; certain mismatches are errors, undecided ones guards."""
    declared, got, span = leaf.type, value.type, binding.value.span

    def fail(detail: str, meant: str = "") -> None:
        found = errors.feed_shape(
            span, binding.name or "", str(declared), str(got), leaf.span, detail, meant=meant
        )  # fmt: skip
        cx.fail(found, frame)

    if declared.rank != got.rank:
        fail(_rank_help(span, declared.rank, value), _of_rank(span, declared, got))
    for want, have in zip(declared.dims, got.dims):
        name = sizes.is_symbol(want.size)
        if name is not None and name not in bound.sizes:
            bound.sizes[name] = have.size
            continue
        expected = sizes.substitute(want.size, bound.sizes)
        verdict = sizes.equal(expected, have.size)
        if verdict is False:
            fail(f"`{name}` is {expected} by what is fed to the others, and {have} here" if name else
                 f"an axis of size {want.size} is declared, one of size {have.size} is fed")  # fmt: skip
        elif verdict is None:
            bound.guards.append((Guard(Dim(expected, want.label, want.origin), have), (span,)))


def hold_records_against(cx: Context, frame: Frame, bound: Bound) -> None:
    """E0603 where a placeholder declares another number of records than are fed at once."""
    for binding in [b for s in bound.statements if s.source is not None for b in s.bindings]:
        leaf = cx.placeholders[binding.name or ""]
        for length in bound.lengths():
            at_once = {bound.symbol: length}
            declared = bind_type(bind_type(leaf.type, bound.sizes), at_once)
            got = bind_type(bound.values[leaf].type, at_once)
            if declared.shape != got.shape:
                any_number = str(replace(got, dims=(Dim(sizes.symbol("batch")), *got.dims[1:])))
                help = f"a dim takes any number of records: dim batch, then placeholder {binding.name}: {any_number}"
                found = errors.feed_shape(
                    binding.value.span, leaf.attrs["name"], str(declared), str(got), leaf.span, help,
                    bound.length_label(length),
                )  # fmt: skip
                cx.fail(found, frame)


def _of_rank(span: Span, wanted: TensorType, got: TensorType) -> str:
    """What is fed, with the axes that are declared, where all sizes are numbers that say so."""
    want, have = wanted.shape[1:], got.shape[1:]
    if not wanted.rank or not all(isinstance(size, int) for size in (*want, *have)):
        return ""
    if len(want) == 1 < len(have) and sizes.product(have) == want[0]:
        return f"flatten({span.text})"
    return f"expand({span.text}, axis=-1)" if want == (*have, 1) else ""


def _rank_help(span: Span, wanted: int, value: Node) -> str:
    """How what is fed gets the number of axes that is declared."""
    text, rank = " ".join(span.text.split()), value.type.rank
    if value.op == "constant":
        return (
            f"the placeholder has {wanted} axes: lists, {wanted} deep"
            if wanted
            else "the placeholder is a scalar: a number"
        )
    if rank == wanted + 1 == 1:
        return f"take one element: ({text})[0]"
    if wanted == 2 and rank > 2:
        return f"flatten({text}) makes one axis of all but the first"
    if rank + 1 == wanted:
        return f"expand({text}, axis=-1) adds an axis of size 1"
    return "reshape what is fed, or declare the placeholder with as many axes"


def explain_unfed(cx: Context, frame: Frame, leaf: Node, roots: Sequence[tuple[str, Span, Node]], bound: Bound) -> None:
    """E0601: nothing feeds a placeholder that something needs, unless the text of the block is wrong."""
    blocks = [s.span for s in cx.main.statements if any(s.span.start <= r[1].start < s.span.end for r in roots)]
    if any(cx.is_broken(block) for block in blocks):
        raise Poisoned
    for text, span, root in roots:
        order = topological([root])
        if leaf not in order:
            continue
        user = next((n for n in order if leaf in n.inputs and n.span is not None), None)
        cx.fail(
            errors.not_fed(
                span,
                text,
                leaf.attrs["name"],
                _place_of_use(user, leaf),
                _feed_label(bound),
                [v.attrs["name"] for v in bound.values],
                _feed_hint(cx, frame, leaf, bound),
                _feed_fix(leaf, bound),
            ),
            frame,
        )


def _place_of_use(user: Node | None, leaf: Node) -> Span | None:
    """Where the text names the placeholder, in the innermost place of the user's file that uses it."""
    for span in user.origin if user is not None else ():
        if leaf.span is None or span.source is not leaf.span.source:
            continue
        found = re.search(rf"(?<![\w.]){re.escape(leaf.attrs['name'])}\b", span.text)
        if found:
            return Span(span.source, span.start + found.start(), span.start + found.end())
    return None


def _feed_label(bound: Bound) -> Span | None:
    if not bound.statements:
        return None
    first = bound.statements[0]
    name = first.bindings[0].name_span
    return Span(first.span.source, first.span.start, name.end if name else first.span.start + 4)


def _feed_hint(cx: Context, frame: Frame, leaf: Node, bound: Bound) -> str:
    name = leaf.attrs["name"]
    if bound.data is None:
        sources = [value for value in cx.declared.values() if isinstance(value, DataValue)]
        split = next((f".{s}" for value in sources[:1] for s in value.header.splits if s), "")
        origin = f" from {sources[0].name}{split}" if sources and frame.what != "test" and not bound.statements else ""
        return f"feed it: feed {name} = ...{origin}"
    shown = f"{bound.data.name}.{bound.data.split}" if bound.data.split else bound.data.name
    listed = ", ".join(f"{k}: {t}" for k, t in bound.data.header.fields.items())
    fitting = _fitting(leaf, bound)
    return f"{shown} has fields {listed}; add `, {name} = {fitting[0] if len(fitting) == 1 else '...'}`"


def _fitting(leaf: Node, bound: Bound) -> list[str]:
    """The fields that nothing is fed from and that could be fed to a placeholder as they are."""
    fields = bound.data.header.fields if bound.data is not None else {}
    return [f for f, type in fields.items() if f not in bound.feed.fields and _may_fill(leaf.type, type)]


def _feed_fix(leaf: Node, bound: Bound) -> tuple[Edit, ...]:
    """One more binding, where only one field can be meant."""
    fitting = _fitting(leaf, bound)
    if len(fitting) != 1:
        return ()
    last = next(s for s in bound.statements if s.source is not None).bindings[-1].value.span
    return (Edit(Span(last.source, last.end, last.end), f", {leaf.attrs['name']} = {fitting[0]}"),)


def _may_fill(wanted: TensorType, field: FieldType) -> bool:
    """Whether a field could be fed as it is."""
    fits = wanted.dtype == field.dtype or wanted.dtype in _LOSSLESS.get(field.dtype, ())
    sizes_fit = all(sizes.equal(d.size, n) is not False for d, n in zip(wanted.dims[1:], field.shape))
    return fits and wanted.rank == len(field.shape) + 1 and sizes_fit
