"""Everything that a program can call, as data: what the reference pages, `gdl doc` and their tests read.

It is told in three places and gathered here: the op table, the standard library's text, the data sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from inspect import getdoc

import gdl.ops  # noqa: F401  (fills the table)
from gdl.errors import ProgramError
from gdl.lang.builtins import SIGNATURES
from gdl.ops.table import TABLE, Op
from gdl.resources import resource
from gdl.source import Source
from gdl.syntax import ast
from gdl.syntax.docs import PARTS, parts_of
from gdl.syntax.parser import parse
from gdl.train.data import SOURCES

#: Modules of the standard library in the order of the reference -> what their definitions are.
_MODULES: Mapping[str, str] = {
    "functions": "function", "losses": "loss", "random": "random draw", "initializers": "initializer",
    "optimizers": "optimizer", "schedules": "schedule", "nn": "layer",
}  # fmt: skip
#: Sections in their order -> title.
SECTIONS: Mapping[str, str] = {
    "language": "Of the language itself", "ops": "Ops", "functions": "Functions", "losses": "Losses",
    "random": "Random draws", "initializers": "Initializers", "optimizers": "Optimizers", "schedules": "Schedules",
    "nn": "Layers", "data": "Data sources",
}  # fmt: skip
_IMPORTED = ("nn",)  # what is not in scope everywhere
_UNDIFFERENTIATED = ("initializer", "optimizer", "schedule")
#: What the language itself answers, x being the f32[3] of [1.0, 2.0, 3.0].
_BUILTIN_EXAMPLES = {
    "grad": "grad(sum(x * x), x) == 2 * x",
    "vjp": "vjp(x * x, x, [1.0, 0.0, 10.0]) == [2.0, 0.0, 60.0]",
    "jvp": "jvp(sum(x * x), x, [1.0, 0.0, 10.0]) == 62.0",
    "vars": "grad(sum(x |> fc: Dense(2)), vars(fc))[1] == [1.0, 1.0]",
    "len": "len([4, 5]) == 2",
    "rank": "rank(x) == 1",
    "size": "size(x) == 3",
    "shape": "shape(x) == [3]",
    "count": "count(x, 0) == 3",
    "dtype": 'dtype(x) == "f32"',
    "ceil_div": "ceil_div(7, 2) == 4",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One name that can be called.

    `kind` is builtin, op, composite, function, loss, random draw, initializer, optimizer, schedule, layer or data
    source. `section` is the page and `group` the part of it where the name is told. `text` is what it does, by
    paragraphs. `shapes` and `errors` are "" where the signature says all. `gradient` says how a gradient passes, ""
    where none is ever asked for. An example is a comparison that holds, a call, or a declaration. `imported` is the
    module to import it from, "" where it is in scope everywhere; `place` the file that defines it.
    """

    name: str
    kind: str
    section: str
    group: str
    signature: str
    text: tuple[str, ...]
    shapes: str = ""
    errors: str = ""
    references: tuple[str, ...] = ()
    gradient: str = ""
    examples: tuple[str, ...] = ()
    imported: str = ""
    place: str = ""

    @property
    def summary(self) -> str:
        """The first sentence of the text, "" where nothing is told."""
        return "" if not self.text else re.split(r"(?<=[^.\s][.:;]) ", self.text[0], maxsplit=1)[0].rstrip(".:;")

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What else is known, each under its word, in the order in which it is told."""
        facts = [("Shapes", self.shapes), ("Gradient", self.gradient), ("Errors", self.errors)]
        return [(word, text) for word, text in facts if text] + [("Reference", text) for text in self.references]


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """All entries, in the order of the reference. A name may occur twice: `normal` draws and initializes."""
    return (*_builtins(), *_ops(), *_definitions(), *_sources())


def find(name: str) -> Entry | None:
    """What is told under a name."""
    return next((entry for entry in entries() if entry.name == name), None)


def search(words: str, among: Iterable[Entry]) -> list[Entry]:
    """The entries that mention all of the words, those first that have one in their name."""
    wanted = words.lower().split()

    def mentions(text: str) -> bool:
        return all(word in text.lower() for word in wanted)

    found = [e for e in among if mentions(" ".join((e.name, e.kind, e.group, *e.text, *[t for _, t in e.facts])))]
    return sorted(found, key=lambda e: not any(word in e.name.lower() for word in wanted))


def entries_of(source: Source) -> tuple[Entry, ...]:
    """What a program or a module defines: its functions, layers and optimizers.

    Errors: ProgramError where the text does not parse.
    """
    module, diagnostics = parse(source)
    wrong = [d for d in diagnostics if d.is_error]
    if wrong:
        raise ProgramError(*wrong)
    kinds = {"def": "function"}
    return tuple([
        _definition(item, kinds.get(item.what, item.what), source.name, source.name)
        for item in module.items if isinstance(item, ast.Definition)
    ])  # fmt: skip


def introductions() -> dict[str, str]:
    """What is said of a section or group as a whole, by its name; where nothing is, the name is missing."""
    told = {group: rest for group, rest in map(_title, dict.fromkeys(_home(op) for op in TABLE.values())) if rest}
    for module in _MODULES:
        lines = _module(module).text.partition("\n\n")[0].splitlines()[1:]
        told[module] = "\n".join(line.removeprefix("##").strip() for line in lines)
    return told


# ---- the language's own ------------------------------------------------------------------------------------------


def _builtins() -> Iterator[Entry]:
    for name, (signature, doc) in SIGNATURES.items():
        if doc.split()[0] not in re.findall(r"\w+", signature):  # a parameter's name stays as it is
            doc = doc[0].upper() + doc[1:]
        doc = f"{doc}.\nExample: {_BUILTIN_EXAMPLES[name]}"
        yield _entry(name, "builtin", "language", "", name + signature, doc)


# ---- ops ---------------------------------------------------------------------------------------------------------


def _ops() -> Iterator[Entry]:
    for op in TABLE.values():
        home = _home(op)
        signature = op.name + op.signature_text.replace(', key: string = ""', "")  # the language fills in the key
        kind = "composite" if op.expand is not None else "op"
        place = home.replace(".", "/") + ".py"
        yield _entry(op.name, kind, "ops", _title(home)[0], signature, op.doc, gradient=_op_gradient(op), place=place)


def _home(op: Op) -> str:
    return str((op.kernel or op.expand).__module__)


def _title(module: str) -> tuple[str, str]:
    """The title of a module of ops, and what else its docstring says."""
    first, _, rest = (getdoc(import_module(module)) or "").partition("\n")
    title, *more = re.split(r"[:;.] ", first.rstrip("."), maxsplit=1)
    more = [f"{text[0].upper()}{text[1:]}." for text in more]
    return title, "\n\n".join([*more, rest.strip()]).strip()


def _op_gradient(op: Op) -> str:
    if op.flat is not None:
        return f"zero: {op.flat}"
    if op.expand is not None:
        return "through the ops that it stands for"
    if op.gradient is None:
        return "none: to differentiate it is an error"
    whole = [p.name for p in op.tensor_params if getattr(p.type, "dtype", None) in ("i", "i32", "i64", "u8", "bool")]
    return "its own rule" + (f"; none for {' and '.join(f'`{name}`' for name in whole)}" if whole else "")


# ---- the standard library ----------------------------------------------------------------------------------------


def _module(name: str) -> Source:
    path = resource("stdlib") / f"{name}.gdl"
    return Source(path.name, path.read_text(encoding="utf-8"), path)


def _definitions() -> Iterator[Entry]:
    for name, kind in _MODULES.items():
        for item in parse(_module(name))[0].items:
            if isinstance(item, ast.Definition):
                own = "function" if kind == "layer" and item.what == "def" else kind
                yield _definition(item, own, name, f"stdlib/{name}.gdl", name if name in _IMPORTED else "")


def _definition(item: ast.Definition, kind: str, section: str, place: str, imported: str = "") -> Entry:
    entry = _entry(
        item.name, kind, section, "", _signature(item), item.doc, gradient=_gradient(item, kind), imported=imported,
        place=place,
    )  # fmt: skip
    refused = [require.message or require.test.span.text for require in _requires(item.body)]
    return replace(entry, errors="; ".join([*filter(None, [entry.errors.rstrip(".")]), *refused])) if refused else entry


def _requires(body: Iterable[ast.Statement]) -> Iterator[ast.Require]:
    for statement in body:
        if isinstance(statement, ast.Require):
            yield statement
        for part in ("body", "orelse"):
            yield from _requires(getattr(statement, part, None) or ())


def _signature(item: ast.Definition) -> str:
    """The head of a definition, on one line."""
    head = " ".join(item.span.text.partition("{")[0].split()).removeprefix(item.what).strip()
    return head.replace("( ", "(").replace(" )", ")")


def _gradient(item: ast.Definition, kind: str) -> str:
    dtypes = [result.dtype for result in item.results or ()]
    if kind in _UNDIFFERENTIATED:
        return ""
    if any(dtype in ("bool", "i64") for dtype in dtypes):
        return "zero: the result moves in steps"
    return "a draw is a constant" if kind == "random draw" else "through its definition"


# ---- data sources ------------------------------------------------------------------------------------------------


def _sources() -> Iterator[Entry]:
    for name, source in SOURCES.items():
        place = source.prepare.__module__.replace(".", "/") + ".py"
        yield _entry(name, "data source", "data", "", str(source), source.doc, place=place)


# ---- docs --------------------------------------------------------------------------------------------------------


def _entry(name: str, kind: str, section: str, group: str, signature: str, doc: str, **facts: str) -> Entry:
    told: dict[str, list[str]] = {key: [] for key in ("", *PARTS)}
    for part in parts_of(doc):
        told[part.section].append(part.text)
    return Entry(
        name, kind, section, group, signature, tuple(told[""]), " ".join(told["Shapes"]), " ".join(told["Errors"]),
        tuple(told["Reference"]), examples=tuple(told["Example"]), **facts,
    )  # fmt: skip
