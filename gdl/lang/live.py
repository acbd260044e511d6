"""A program that grows item by item, as at a prompt: each item is checked among those before it, none twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.graph.node import Node
from gdl.lang.apply import as_node
from gdl.lang.check import check_module, deep_stack, open_context
from gdl.lang.context import Context, Frame
from gdl.lang.declarations import declare_one
from gdl.lang.names import check_names
from gdl.lang.program import DataInfo, Program
from gdl.lang.statements import execute
from gdl.lang.values import POISON, Argument, DataValue, Function, Poisoned
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.types.record import DataHeader, SourceCall

#: What the records of a field of a data source are, see `Context.records`.
Records = Callable[[DataValue, str, Span], Node]

_PROCEDURES = (ast.Train, ast.Eval, ast.Test, ast.Load)
_IN_CONTEXT = ("hypers", "placeholders", "variables", "first_uses", "leaves", "keys", "declared", "_said")
_IN_FRAME = ("names", "spans", "states", "paths", "updated")


class Live:
    """The items accepted so far, checked. Nothing is computed here; what an item that is wrong did is undone."""

    def __init__(
        self, folder: Path, hypers: Mapping[str, Any], describe: Callable[[SourceCall], DataHeader],
        sources: Mapping[str, Any], records: Records, training: bool = False,
    ):  # fmt: skip
        self._describe, self._sources, self._records = describe, sources, records
        self._source = Source("prompt", "", folder / "prompt")  # imports are found beside it
        self.cx, _ = open_context(self._source, hypers, describe, sources)
        self.cx.records = records
        self.cx.start_mode(training)
        self.data: dict[str, DataInfo] = {}

    @property
    def names(self) -> Mapping[str, Any]:
        """What the names of the program mean."""
        return self.cx.top.names

    def give(self, name: str, value: Any) -> None:
        """A name that means a value which no item binds."""
        self.cx.declared[name] = self.cx.top.names[name] = value

    def snapshot(self) -> dict[str, Any]:
        """What there is now, for `restore`."""
        cx = self.cx
        kept: dict[str, Any] = {name: getattr(cx, name).copy() for name in _IN_CONTEXT}
        kept |= {f"top.{name}": getattr(cx.top, name).copy() for name in _IN_FRAME}
        return kept | {"parsed": dict(cx.main.parsed), "imported": dict(cx.main.imported), "data": dict(self.data)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Back to what there was. A snapshot serves once."""
        cx = self.cx
        for name in _IN_CONTEXT:
            setattr(cx, name, kept[name])
        for name in _IN_FRAME:
            setattr(cx.top, name, kept[f"top.{name}"])
        cx.main.parsed, cx.main.imported, self.data = kept["parsed"], kept["imported"], kept["data"]

    # ---- items

    def accept(self, item: ast.Item) -> tuple[list[Diagnostic], list[str]]:
        """Checks one more item: what there is to say, and the names that it binds. With errors, nothing is bound."""
        cx = self.cx
        before, known = self.snapshot(), set(cx.top.names)
        with _listening(cx) as said:
            self._execute(item)
        if any(d.is_error for d in said):
            self.restore(before)
            return said, []
        return said, [name for name in cx.top.names if name not in known]

    def _execute(self, item: ast.Item) -> None:
        cx = self.cx
        if isinstance(item, ast.Definition):
            cx.main.parsed[item.name] = Function(item, cx.main)
            check_names(cx, item)
        elif isinstance(item, ast.Import):
            heard = len(cx.loader.diagnostics)
            cx.loader.add_import(cx.main, item)
            for problem in cx.loader.diagnostics[heard:]:
                cx.report(problem)
        elif isinstance(item, (ast.Dim, ast.Hyper, ast.Data)):
            declare_one(cx, Frame("program", cx.main, cx.declared), item, self.data)
            for name in item.names if isinstance(item, ast.Dim) else (item.name,):
                cx.top.names[name] = cx.declared[name]
        elif not isinstance(item, _PROCEDURES):
            cx.main.statements = (item,)
            execute(cx, cx.top, item)

    def forget(self, names: Sequence[str]) -> list[str]:
        """Removes names with all that they own; the paths of their variables, which are no more."""
        cx = self.cx
        for name in names:
            for table in (*[getattr(cx.top, field) for field in _IN_FRAME], cx.placeholders, cx.hypers, cx.declared):
                table.pop(name, None)
            cx.main.parsed.pop(name, None)
            cx.main.imported.pop(name, None)
            self.data.pop(name, None)
        lost = [path for path in cx.variables if owner(path) in names]
        for path in lost:
            del cx.variables[path], cx.leaves[path]
        return lost

    # ---- expressions

    def evaluate(self, expr: ast.Expr) -> tuple[Any, list[Diagnostic]]:
        """What an expression means, None where it is wrong. Only the variables that it needs remain of it."""
        return self._trial(lambda cx: cx.evaluate(cx.top, expr))

    def evaluate_as(self, expr: ast.Expr, dtype: str) -> tuple[Node | None, list[Diagnostic]]:
        """An expression as a tensor, its literals of this dtype."""
        return self._trial(lambda cx: as_node(cx, cx.top, Argument(cx.evaluate(cx.top, expr), expr.span), dtype))

    def _trial(self, work: Callable[[Context], Any]) -> tuple[Any, list[Diagnostic]]:
        cx, value = self.cx, None
        before = self.snapshot()
        with _listening(cx) as said:
            value = work(cx)
        variables, leaves = cx.variables, cx.leaves
        self.restore(before)
        if any(d.is_error for d in said):
            return None, said
        for path in variables:  # of nets that were applied for the first time
            if path not in cx.variables:
                cx.variables[path], cx.leaves[path] = variables[path], leaves[path]
        return value, said

    def drop_strangers(self) -> None:
        """Forgets variables of nets that only an expression named."""
        strangers = [path for path in self.cx.variables if owner(path) not in self.cx.top.names]
        for path in strangers:
            del self.cx.variables[path], self.cx.leaves[path]

    # ---- procedures

    def program(self, items: Sequence[ast.Item], text: str) -> tuple[Program | None, list[Diagnostic]]:
        """The program of some of the items, its procedures lowered; None where it is wrong."""
        source = Source("session", text, self._source.path)
        module = ast.Module(None, tuple(items), span=Span(source, 0, len(text)))
        hypers = {name: self.cx.given_hypers[name] for name in self.cx.given_hypers if name in self.cx.hypers}
        given = {name: value for name, value in self.cx.declared.items() if name.startswith("_")}
        return check_module(source, module, given, hypers=hypers, describe=self._describe, sources=self._sources)


def owner(path: str) -> str:
    """The top-level name that a variable belongs to: `block` of block.0/attn/w."""
    return path.partition("/")[0].partition(".")[0]


@contextmanager
def _listening(cx: Context) -> Iterator[list[Diagnostic]]:
    """Collects what is said meanwhile. A mistake ends the work."""
    said: list[Diagnostic] = []
    cx.diagnostics, cx._said = said, set()
    cx.evaluations = 0
    try:
        with deep_stack():
            yield said
    except Poisoned:
        if not said:
            raise
    finally:
        cx.top.working.clear()
        cx.top.pending.clear()
    for name in [name for name, value in cx.top.names.items() if value is POISON]:
        del cx.top.names[name]
