"""The interactive session: each input is checked among those before it, and answered as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gdl.columns import counted
from gdl.diagnostics import Diagnostic
from gdl.errors import GdlError
from gdl.errors import prompt as errors
from gdl.errors.procedures import feed_shape, not_placeholder
from gdl.errors.runtime import out_of_memory
from gdl.graph.node import Node, constant, topological
from gdl.interactive import reading
from gdl.interactive.answers import Answer, Bound, Documentation, Said, Text, Value
from gdl.interactive.commands import describe_command, run_command
from gdl.interactive.defining import define, define_all
from gdl.interactive.describing import describe_item, describe_value, kind_of
from gdl.interactive.ledger import Ledger
from gdl.interactive.machine import Machine
from gdl.interactive.training import Trainer
from gdl.lang.live import Live
from gdl.lang.values import DataValue
from gdl.resources import open_source
from gdl.runtime.arrays import DTYPES, dtype_name
from gdl.session.reference import entries
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.parser import parse
from gdl.train.data import SOURCES, Dataset, data_options, describe, open_data
from gdl.types.record import DataHeader, SourceCall
from gdl.types.tensor import tensor

_LARGEST_LAST = 1_000_000  # elements that `_` may have


class Interactive:
    """A program under construction, with its tensors. Two sessions share nothing.

    `submit` takes what a person types; all else here is what commands are made of.
    """

    def __init__(
        self, *, folder: Path | None = None, data: Path | None = None, seed: int = 0, training: bool = False,
        backend: str = "numpy",
    ):  # fmt: skip
        self.folder, self._data_dir = folder or Path.cwd(), data
        self.machine = Machine(seed, backend)
        self.training = training
        self.hypers: dict[str, Any] = {}
        self.clear()

    def clear(self) -> None:
        """Forgets all definitions. Tensors stay, so that what is defined again finds them."""
        self.options = data_options(self._data_dir, self.folder)
        self.ledger = Ledger()
        self.live = Live(self.folder, self.hypers, self._header, SOURCES, self._records, self.training)
        self.fed: dict[str, np.ndarray] = {}
        self.last: Any = None
        self._datasets: dict[str, Dataset] = {}
        self._inputs = 0
        self._kept = 0
        self.trainer = Trainer(self)

    # ---- inputs

    def submit(self, text: str) -> Iterator[Answer]:
        """Answers an input, answer by answer as they come. Mistakes are answers too."""
        self._inputs += 1
        source = Source(f"input {self._inputs}", text)
        found = reading.read(source)
        try:
            match found.input:
                case reading.Command():
                    yield from run_command(self, found.input)
                case reading.Help(name):
                    yield from self.documentation(name)
                case reading.Wrong(diagnostics):
                    yield Said(diagnostics)
                case reading.Assignment():
                    yield from self.assign(found.input)
                case reading.Expression(value):
                    yield from self.show(value, found.muted)
                case reading.Items(items):
                    for item in items:
                        yield from self._without_echo(self.define(item), found.muted)
        except GdlError as error:
            yield Said(error.diagnostics)
        except MemoryError:  # what was there before is there still
            yield Said(out_of_memory().diagnostics)

    @staticmethod
    def _without_echo(answers: Iterator[Answer], muted: bool) -> Iterator[Answer]:
        for answer in answers:
            if not (muted and isinstance(answer, Bound) and not answer.updated and not answer.out_of_date):
                yield answer

    # ---- definitions

    def define(self, item: ast.Item) -> Iterator[Answer]:
        """Accepts an item: it replaces what declared its names before, and what rests on them is updated."""
        if isinstance(item, ast.Load):
            return self.trainer.load(item)
        return define(self, self._with_last(item))

    def _with_last(self, item: ast.Item) -> ast.Item:
        """The item with `_` standing for the value that it has now, for good."""
        if not reading.mentions_last(item.span.text):
            return item
        self._kept += 1
        name = f"_{self._kept}"
        self.live.give(name, self._last_value(item.span))
        return reading.renamed(item, "_", name)

    def _last_value(self, span: Span) -> Any:
        value = self.last
        if isinstance(value, np.ndarray):
            if value.size > _LARGEST_LAST or not value.size:
                raise _error(errors.no_last_value(span))
            return constant(_nested(value.tolist()), dtype_name(value.dtype), value.shape, origin=(span,))
        if value is None:
            raise _error(errors.no_last_value(span))
        return value

    def explained(self, said: Sequence[Diagnostic], uses: frozenset[str]) -> Iterator[Diagnostic]:
        """Names that are unknown because what declared them is out of date are told as that."""
        unknown = any(d.code == "E0101" for d in said)
        stale = {name: e for e in self.ledger if e.wrong for name in e.names} if unknown else {}
        for diagnostic in said:
            name = diagnostic.span.text if diagnostic.span is not None and diagnostic.code == "E0101" else ""
            if name in stale and name in uses and diagnostic.span is not None:
                yield errors.out_of_date(diagnostic.span, name, stale[name].wrong)
            else:
                yield diagnostic

    # ---- expressions

    def evaluate(self, expr: ast.Expr) -> Any:
        """What an expression means: a node, or a plain value. Errors: GdlError."""
        if reading.mentions_last(expr.span.text):
            self.live.give("_", self._last_value(expr.span))
        value, said = self.live.evaluate(expr)
        if any(d.is_error for d in said):
            raise _error(*self.explained(said, reading.names_in(expr)))
        return value

    def show(self, expr: ast.Expr, muted: bool = False) -> Iterator[Answer]:
        """The value of an expression, kept as `_`."""
        value = self.evaluate(expr)
        answers = list(self.values_of(value, expr.span))
        if answers and isinstance(answers[-1], Value):
            self.last = answers[-1].value if len(answers) == 1 else None
        yield from [] if muted else answers

    def values_of(self, value: Any, span: Span) -> Iterator[Answer]:
        if isinstance(value, Node):
            (array,) = self.compute([value], span)
            path = str(value.attrs["path"]) if value.op == "variable" else ""
            yield Value(array, str(tensor(dtype_name(array.dtype), *array.shape)), path)
        elif isinstance(value, tuple) and any(isinstance(v, Node) for v in value):
            nodes = [v for v in value if isinstance(v, Node)]
            for node, array in zip(nodes, self.compute(nodes, span)):
                path = str(node.attrs["path"]) if node.op == "variable" else ""
                yield Value(array, str(tensor(dtype_name(array.dtype), *array.shape)), path)
        elif kind_of(value):
            yield Value(value, kind_of(value))
        else:
            yield Text((describe_value(value),))

    def compute(self, nodes: Sequence[Node], span: Span) -> list[np.ndarray]:
        """The values of nodes, on what is fed. Errors: GdlError."""
        return self.machine.run(self.prepare(nodes, span), self.fed)

    def prepare(self, nodes: Sequence[Node], span: Span) -> Any:
        """The nodes ready to be computed, with all that they need. Errors: GdlError."""
        self.machine.sync(self.live.cx.variables)
        self.live.drop_strangers()
        missing = [n.attrs["name"] for n in topological(nodes) if n.op == "input" and n.attrs["name"] not in self.fed]
        if missing:
            feeding = [e.names[0].removeprefix("eval ").strip() for e in self.ledger if reading.feeds(e.item)]
            raise _error(errors.not_fed(span, missing, feeding[-1] if feeding else ""))
        return self.machine.runner(nodes, self.sizes(), tuple(self.live.cx.guards))

    def sizes(self) -> dict[str, int]:
        """The sizes that what is fed gives to symbols."""
        found: dict[str, int] = {}
        for name, array in self.fed.items():
            node = self.live.cx.placeholders.get(name)
            for dim, size in zip(node.type.dims if node is not None else (), array.shape):
                symbol = str(dim.size)
                if not isinstance(dim.size, int) and symbol.isidentifier():
                    found.setdefault(symbol, size)
        return found

    def assign(self, given: reading.Assignment) -> Iterator[Answer]:
        """`w := value`: a variable's tensor is overwritten."""
        node = self._assigned(given)
        path = str(node.attrs["path"])
        if reading.mentions_last(given.value.span.text):
            self.live.give("_", self._last_value(given.value.span))
        value, said = self.live.evaluate_as(given.value, node.type.dtype)
        if any(d.is_error for d in said) or value is None:
            raise _error(*self.explained(said, reading.names_in(given.value)))
        (array,) = self.compute([value], given.value.span)
        here = self.machine.state[path]
        got = str(tensor(dtype_name(array.dtype), *array.shape))
        if array.dtype != here.dtype or array.shape not in ((), here.shape):
            raise _error(errors.assigned_type(given.value.span, path, str(node.type), got))
        self.machine.state.set(path, np.broadcast_to(array, here.shape))

        yield Bound(path, str(node.type))

    def _assigned(self, given: reading.Assignment) -> Node:
        """The variable that is assigned to: by name, as a member of a net, or by path."""
        name, span = given.target, given.target_span
        self.machine.sync(self.live.cx.variables)
        if name in self.live.cx.leaves:
            return self.live.cx.leaves[name]
        value = self.evaluate(reading.expression_at(span))
        if isinstance(value, Node) and value.op == "variable":
            if value.attrs["path"] not in self.machine.state:
                help = "say again what makes it, without its mistake"
                raise _error(errors.not_assignable(span, name, "a variable that a mistake kept from being made", help))
            return value
        is_input = isinstance(value, Node) and value.op == "input"
        help = f"feed a placeholder: :feed {name} = ..." if is_input else f"bind it anew: {name} = ..."
        raise _error(errors.not_assignable(span, name, "a placeholder" if is_input else describe_value(value), help))

    def feed(self, name: str, span: Span, expr: ast.Expr) -> Iterator[Answer]:
        """`:feed x = value`: what a placeholder stands for from now on."""
        node = self.live.cx.placeholders.get(name)
        if node is None:
            raise _error(not_placeholder(span, name, self.live.cx.placeholders))
        value, said = self.live.evaluate_as(expr, node.type.dtype)
        if any(d.is_error for d in said) or value is None:
            raise _error(*self.explained(said, reading.names_in(expr)))
        (array,) = self.compute([value], expr.span)
        array = self.fed[name] = self._fitting(name, node, array, expr.span)
        yield Bound(name, f"fed {tensor(dtype_name(array.dtype), *array.shape)}")

    def feed_as(self, block: ast.Train | ast.Eval, count: int | None, span: Span) -> Iterator[Answer]:
        """`:feed block n`: the placeholders as a train or eval block feeds them, with the first n records of its data;
        a batch of them unless n is given."""
        given = next((s for s in block.body if isinstance(s, ast.Feed)), None)
        if given is None:
            raise _error(errors.wrong_argument(span, ":feed x = ...", "this block feeds nothing"))
        before, lent = self.live.snapshot(), []
        try:
            if given.source is not None:
                for name, node, array in self._first_records(given, count, span):
                    self.fed[node.attrs["name"]] = array
                    lent.append(node.attrs["name"])
                    self.live.give(name, node)
            answers = [a for b in given.bindings for a in self.feed(b.name or "", b.name_span or b.span, b.value)]
        finally:
            self.live.restore(before)
            for name in lent:
                del self.fed[name]
        yield from answers

    def _first_records(self, given: ast.Feed, count: int | None, span: Span) -> Iterator[tuple[str, Node, np.ndarray]]:
        """Each field of a feed's data: its name, what stands for its first records, and those."""
        data = self.evaluate(given.source)  # type: ignore[arg-type]
        if count is None and given.batch is not None:
            count = self.evaluate(given.batch)
        records = self.dataset(data.name).split(data.split or "")
        for field in records:
            array = np.asarray(records[field][:count])
            type = tensor(dtype_name(array.dtype), *array.shape)
            yield field, Node("input", (), {"name": f"the first records of {field}"}, type, (span,)), array

    def _fitting(self, name: str, node: Node, array: np.ndarray, span: Span) -> np.ndarray:
        wanted, type = node.type, DTYPES[node.type.dtype]
        fits = len(wanted.dims) == array.ndim and all(
            not isinstance(d.size, int) or d.size == n for d, n in zip(wanted.dims, array.shape)
        )
        converted = array.astype(type)
        if not fits or not (np.can_cast(array.dtype, type, "same_kind") or np.array_equal(converted, array)):
            got = str(tensor(dtype_name(array.dtype), *array.shape))
            raise _error(feed_shape(span, name, str(wanted), got, node.span, ""))
        return converted

    # ---- data

    def _header(self, call: SourceCall) -> DataHeader:
        return describe(call, self.options)

    def dataset(self, name: str) -> Dataset:
        """The data source of this name, open. Errors: DataError."""
        calls = self.live.data[name].calls
        key = " or ".join(map(str, calls))
        if key not in self._datasets:
            self._datasets[key] = open_data(calls, self.options)
        return self._datasets[key]

    def _records(self, value: DataValue, field: str, span: Span) -> Node:
        """All records of a field, as a tensor that is fed."""
        split = value.split or ""
        name = f"{value.name}.{split}.{field}" if split else f"{value.name}.{field}"
        array = self.fed[name] = self.dataset(value.name).split(split)[field]
        return Node("input", (), {"name": name}, tensor(dtype_name(array.dtype), *array.shape), (span,), "", name)

    # ---- files

    def load(self, path: Path) -> Iterator[Answer]:
        """`:load FILE`: the file's program instead of what was defined. Where it is wrong, nothing changes."""
        source = open_source(path)
        module, said = parse(source)
        if any(d.is_error for d in said):
            yield Said(tuple(said))
            return
        before = self.__dict__.copy()
        self.folder = path.resolve().parent
        self.clear()
        wrong = [d for answer in define_all(self, module.items) for d in answer.diagnostics]
        if any(d.is_error for d in wrong):
            self.__dict__.update(before)
            yield Said(tuple(wrong))
            return
        self.file = path
        if wrong or said:
            yield Said((*said, *wrong))
        counts = counted(len(self.ledger), "definition"), counted(len(self.live.cx.variables), "variable")
        yield Text((f"{path.name}: {', '.join(counts)}",))

    file: Path | None = None

    # ---- settings

    def set_hyper(self, name: str, value: Any) -> Iterator[Answer]:
        """A hyper's value; what rests on it is updated."""
        before = dict(self.hypers)
        self.hypers[name] = value
        for answer in self.define(self.ledger.owners(name)[-1].item):
            if isinstance(answer, Said) and any(d.is_error for d in answer.diagnostics):
                self.hypers.clear()
                self.hypers.update(before)
            yield answer

    def set_mode(self, training: bool) -> None:
        """What `training` is: all is checked again."""
        self.training = training
        given = {name: value for name, value in self.live.cx.declared.items() if name.startswith("_")}
        self.live = Live(self.folder, self.hypers, self._header, SOURCES, self._records, training)
        for name, value in given.items():
            self.live.give(name, value)
        for entry in self.ledger:
            self.live.accept(entry.item)
        self.trainer.forget()

    def text(self) -> str:
        """The session's definitions as a program."""
        return "gdl 1\n" + "".join(f"{entry.text}\n" for entry in self.ledger)

    def documentation(self, name: str) -> Iterator[Answer]:
        """`?name`"""
        if not name or name.startswith(":"):
            yield from describe_command(name)
            return
        found = tuple([entry for entry in entries() if entry.name == name])
        if found:
            yield Documentation(found)
        for owner in self.ledger.owners(name)[-1:]:
            doc = getattr(owner.item, "doc", "")
            what = describe_item(owner.item, name, self.live.names.get(name))
            yield Text((f"{name}: {what}", *doc.splitlines(), owner.text))
        if not found and not self.ledger.owners(name):
            raise _error(errors.nothing_known(name, [entry.name for entry in entries()]))


def _nested(value: Any) -> Any:
    return tuple([_nested(v) for v in value]) if isinstance(value, list) else value


def _error(*diagnostics: Diagnostic) -> GdlError:
    return GdlError(*diagnostics)
