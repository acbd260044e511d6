"""Statements to Python: one function of straight-line code, or several in a row where there are very many statements.

What is fed, and the clock, come as arguments. All else (buffers, variables, constants, ufuncs, kernels) are further
parameters, whose defaults are set when the plan is prepared: so every name is a local variable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from gdl.graph.node import Node
from gdl.ops.beside import beside
from gdl.runtime.chains import is_sliced
from gdl.runtime.sharing import Share
from gdl.runtime.statements import CLOCK, ROWS, SHARE, Chain, Form, Listing, Statement, Value

#: Ufuncs without a fast loop for a number beside an array.
AGAINST_NUMBERS = (np.maximum, np.minimum)
#: Statements of one function: Python compiles longer ones more slowly than in proportion.
CHUNK = 1000


class Line(NamedTuple):
    """One line of the code, and the names in it."""

    text: str
    node: Node | None
    statics: tuple[str, ...]  # names bound when the plan is prepared
    reads: tuple[str, ...] = ()  # names of local variables
    writes: tuple[str, ...] = ()
    inside: bool = False  # of a loop


@dataclass(frozen=True, slots=True)
class Function:
    """One generated function: its arguments, the names whose defaults are bound, its body and the place of each
    line."""

    name: str
    arguments: tuple[str, ...]
    bound: tuple[str, ...]
    body: tuple[str, ...]
    nodes: tuple[Node | None, ...]

    @property
    def text(self) -> str:
        head = f"def {self.name}({', '.join(self.arguments + self.bound)}):"
        return "\n".join([head, *[f"    {line}" for line in self.body]]) + "\n"

    @property
    def commented(self) -> str:
        """The text with the program's line beside each statement."""
        lines = [f"def {self.name}({', '.join(self.arguments)}):"]
        width = min(max((len(line) for line in self.body), default=0), 72)
        for line, node in zip(self.body, self.nodes):
            comment = place(node)
            lines.append(f"    {line:{width}}  # {comment}" if comment else f"    {line}")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a chain's loop runs over: for each block its rows of these values, and the slice that they are."""

    values: tuple[Value, ...]
    chain: Chain


@dataclass(frozen=True, slots=True)
class Code:
    """The generated functions, the last being the one to call, and what their bound names stand for."""

    functions: tuple[Function, ...]
    values: Mapping[str, Value]
    calls: Mapping[str, Any]
    draws: Mapping[str, str]  # name -> key of the random node
    given: Mapping[str, str]  # name of an output as it is given back -> name of its array
    blocks: Mapping[str, Blocks]


def emit(listing: Listing) -> Code:
    """The source of a listing whose memory is assigned."""
    writer = _Writer(listing)
    lines: list[Line] = []
    for chain, statements in groupby(listing.statements, _chain):
        group = list(statements)
        lines += writer.chain(chain, group) if chain else map(writer.statement, group)
    lines += [line for update in listing.updates if (line := writer.commit(*update))]
    last = writer.give_back(listing.outputs)
    arguments = (*[value.name for value in listing.fed.values()], *CLOCK)
    chunks = _chunks(lines)
    parts: list[Function] = []
    if len(chunks) > 1:
        parts, chunks = _parts(chunks, arguments, last, writer.allocated)
    run = _function("run", arguments, _freeing(chunks[0], last, writer.allocated), last)
    return Code((*writer.chains, *parts, run), writer.values, writer.calls, writer.draws, writer.given, writer.blocks)


def _chain(statement: Statement) -> Chain | None:
    return statement.chain


def _chunks(lines: Iterable[Line]) -> list[list[Line]]:
    """The lines in portions for one function each, loops untorn."""
    chunks: list[list[Line]] = [[]]
    for line in lines:
        if len(chunks[-1]) >= CHUNK and not line.inside:
            chunks.append([])
        chunks[-1].append(line)
    return chunks


def place(node: Node | None) -> str:
    """Where in the program a node comes from: `mnist.gdl:17  loss = ...`."""
    if node is None or node.span is None:
        return ""
    source, line = node.span.source, node.span.line
    return f"{source.name}:{line}  {source.line(line).strip()}"


class _Writer:
    """Words statements, and remembers which names must be bound."""

    def __init__(self, listing: Listing) -> None:
        self.names = listing.names
        self._fed = {value.storage for value in listing.fed.values()}
        self.blocks: dict[str, Blocks] = {}
        self.chains: list[Function] = []
        self._rows: dict[str, Value] | None = None  # in a chain: the name of each block -> what it is a block of
        self._block_names: dict[str, str] = {}
        self._shape: tuple[int, ...] = ()
        self._repeated: dict[tuple[str, tuple[int, ...]], str] = {}  # the names of numbers as arrays
        self.values: dict[str, Value] = {}
        self.calls: dict[str, Any] = {}
        self.draws: dict[str, str] = {}
        self.given: dict[str, str] = {}
        self.allocated: set[str] = set()

    def statement(self, s: Statement) -> Line:
        if s.form is Form.REGION:
            return self.region(s)
        statics = [s.call] if s.function is not None else []
        if s.function is not None:
            self.calls[s.call] = s.function
        reads: list[str] = []
        names = [self._use(v, statics, reads) for v in s.operands]
        if s.function in AGAINST_NUMBERS:
            names = [self._beside(v, s, name, statics) for v, name in zip(s.operands, names)]
        if s.result.in_run and s.result.storage is not None and s.result.storage not in self._fed:
            self.allocated.add(s.result.name)
        if s.form is Form.OPERATOR:
            return Line(
                f"{s.result.name} = {s.call.format(*names)}", s.node, tuple(statics), tuple(reads), (s.result.name,)
            )
        if s.draws is not None:
            names.insert(0, self._draw(s.draws, statics, reads))
        words = names + [f"{key}={self._literal(value, statics)}" for key, value in s.attrs.items()]
        writes: tuple[str, ...] = (s.result.name,) if s.result.in_run else ()
        into = s.result.name if writes else self._use(s.result, statics, reads)
        if s.scratch is not None:
            into = f"{into}, {self._use(s.scratch, statics, reads)}"
        text = s.form.value.format(call=s.call, operands=", ".join(words), into=into).replace("(, ", "(")
        return Line(text, s.node, tuple(statics), tuple(reads), writes)

    def region(self, s: Statement) -> Line:
        """A call of compiled statements. What is fed they find by its object."""
        self.calls[s.call] = s.function
        statics, reads = [s.call], []
        names = [self._use(v, statics, reads) for v in s.operands]
        if names:
            self.calls["id"] = id
            statics.append("id")
        ids = ", ".join([f"id({name})" for name in names])
        return Line(s.form.value.format(call=s.call, operands=ids), s.node, tuple(statics), tuple(reads))

    def chain(self, chain: Chain, statements: Sequence[Statement]) -> list[Line]:
        """A loop over blocks of rows. What is known only in the run is cut there, block by block."""
        self._rows, self._shape = {}, statements[0].result.shape
        body = [self.statement(s) for s in statements]
        fixed = {block: value for block, value in self._rows.items() if not value.in_run}
        cut = [f"{block} = {value.name}[rows]" for block, value in self._rows.items() if value.in_run]
        self._rows = None
        blocks = self.names.take("blocks")
        self.blocks[blocks] = Blocks(tuple(fixed.values()), chain)
        shared = chain.threads > 1
        lines = [Line(f"for {', '.join([*fixed, 'rows'])} in {blocks}:", None, () if shared else (blocks,))]
        lines += [Line(f"    {text}", None, (), inside=True) for text in cut]
        lines += [Line(f"    {line.text}", line.node, line.statics, inside=True) for line in body]
        reads = tuple({name: None for line in body for name in line.reads})
        if shared:
            return [self._shared(blocks, reads, lines)]
        lines[-1] = lines[-1]._replace(reads=reads)  # so that nothing is let go before the loop ends
        return lines

    def _shared(self, blocks: str, reads: tuple[str, ...], lines: Sequence[Line]) -> Line:
        """The loop as a function that each thread calls with blocks of its own."""
        name = self.names.take("chain")
        self.calls[SHARE] = Share()
        self.chains.append(_function(name, (blocks, *reads), lines, Line("return", None, ())))
        return Line(f"{SHARE}({', '.join([name, blocks, *reads])})", None, (SHARE, name, blocks), reads)

    def commit(self, variable: Value, new: Value) -> Line | None:
        """The new value copied into its variable, where it was not written there already."""
        if new.storage is not None and new.storage.root() is variable.storage:
            return None
        statics: list[str] = []
        reads: list[str] = []
        target, source = self._use(variable, statics, reads), self._use(new, statics, reads)
        return Line(f"{target}[...] = {source}", None, tuple(statics), tuple(reads))

    def give_back(self, outputs: Sequence[Value]) -> Line:
        statics: list[str] = []
        reads: list[str] = []
        names = []
        for output in outputs:
            name = output.name
            if output.in_run or not output.shape:
                name = self._use(output, statics, reads)
            else:
                name = f"{output.name}_given"
                self.values[output.name] = output
                self.given[name] = output.name
                statics.append(name)
            names.append(name)
        inside = ", ".join(names) + ("," if len(names) == 1 else "")
        return Line(f"return ({inside})", None, tuple(statics), tuple(reads))

    def _use(self, value: Value, statics: list[str], reads: list[str]) -> str:
        if self._rows is not None and is_sliced(value, self._shape):
            if value.name not in self._block_names:
                self._block_names[value.name] = self.names.take(f"{value.name}_{ROWS}")
            block = self._block_names[value.name]
            self._rows[block] = value
            reads += [value.name] if value.in_run else []
            return block
        if value.in_run:
            reads.append(value.name)
        else:
            statics.append(value.name)
            self.values.setdefault(value.name, value)
        return value.name

    def _beside(self, value: Value, s: Statement, name: str, statics: list[str]) -> str:
        """An operand of a ufunc that is slow against a number: an array of the number, where that pays."""
        if value.literal is None or value.shape:
            return name
        shape = s.result.shape if self._rows is None else s.result.shape[1:]
        array = beside(value.literal.item(), shape, value.literal.dtype)
        if not array.ndim:
            return name
        key = value.name, array.shape
        if key not in self._repeated:
            self._repeated[key] = self.names.take(f"{name}_{'x'.join(map(str, array.shape))}")
            self.calls[self._repeated[key]] = array
        statics.append(self._repeated[key])
        return self._repeated[key]

    def _draw(self, key: str, statics: list[str], reads: list[str]) -> str:
        name = f"draw_{len(self.draws)}"
        self.draws[name] = key
        statics.append(name)
        reads.append("tick")
        return f"{name}(tick)"

    def _literal(self, value: Any, statics: list[str]) -> str:
        """A static attribute as Python text; what has none is bound to a name."""
        if _has_text(value):
            return repr(value)
        name = f"attr_{len(self.calls)}"
        self.calls[name] = value
        statics.append(name)
        return name


def _has_text(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_has_text, value))
    if isinstance(value, float):
        return value - value == 0  # finite
    return value is None or isinstance(value, (bool, int, str))


def _parts(
    chunks: Sequence[Sequence[Line]], arguments: tuple[str, ...], last: Line, allocated: set[str]
) -> tuple[list[Function], list[list[Line]]]:
    """A function for each chunk, and the lines that call them; local variables that several need go from one to the
    next."""
    final_use = {name: len(chunks) for name in last.reads}
    for number in reversed(range(len(chunks))):
        for line in chunks[number]:
            for name in line.reads:
                final_use.setdefault(name, number)
    functions, calls = [], []
    known = set(arguments)
    for number, chunk in enumerate(chunks):
        made = {name: None for line in chunk for name in line.writes}
        taken = tuple({name: None for line in chunk for name in line.reads if name in known})
        out = tuple([name for name in made if final_use.get(name, -1) > number])
        known |= set(made)
        give = Line(f"return ({', '.join(out)}{',' if len(out) == 1 else ''})", None, (), out)
        functions.append(_function(f"part_{number}", taken, _freeing(chunk, give, allocated), give))
        call = f"part_{number}({', '.join(taken)})"
        text = f"{', '.join(out)}{',' if len(out) == 1 else ''} = {call}" if out else call
        calls.append(Line(text, None, (f"part_{number}",), taken, out))
    return functions, [calls]


def _freeing(lines: Sequence[Line], last: Line, allocated: set[str]) -> list[Line]:
    """The lines, with what a kernel allocated let go after its last use."""
    needed = set(last.reads)
    result: list[Line] = []
    for line in reversed(lines):
        dead = {name: None for name in (*line.writes, *line.reads) if name in allocated and name not in needed}
        if dead:
            result.append(Line(f"del {', '.join(dead)}", None, ()))
        needed.update(line.reads)
        result.append(line)
    return result[::-1]


def _function(name: str, arguments: tuple[str, ...], lines: Sequence[Line], last: Line) -> Function:
    lines = [*lines, last]
    bound: Iterable[str] = {n: None for line in lines for n in line.statics}
    return Function(
        name, arguments, tuple(bound), tuple([line.text for line in lines]), tuple([line.node for line in lines])
    )
