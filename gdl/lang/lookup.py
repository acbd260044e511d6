"""Names: where the meaning of a name is found, and what to say when it is not."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from gdl.diagnostics import Diagnostic, Edit
from gdl.errors import names as errors
from gdl.graph.node import Node
from gdl.lang.context import Context, Frame
from gdl.lang.imports import import_of
from gdl.lang.modules import Library, is_missing
from gdl.lang.values import POISON, Builtin, Poisoned, is_static
from gdl.ops.table import TABLE
from gdl.source import Span
from gdl.syntax import ast
from gdl.types.tensor import DTYPES, tensor

#: Functions of the language itself; see `gdl.lang.builtins`.
BUILTINS = ("grad", "vjp", "jvp", "vars", "len", "rank", "size", "shape", "count", "dtype", "ceil_div", *DTYPES)
_BODIES = ("def", "layer", "optimizer")


def lookup(cx: Context, frame: Frame, name: str, span: Span) -> Any:
    """The value of a name. Nearest first: the body, then the module and its imports, then the library, then ops."""
    if name in frame.names:
        value = frame.names[name]
        if value is POISON:
            raise Poisoned
        return value
    if name in frame.pending:
        return _forward(cx, frame, name, span)
    for working, _ in frame.working:
        if name == working:
            _fail_cycle(cx, frame, name, span)
    if name == "training":
        cx.asked += 1
        return frame.training
    if name in ("step", "epoch") and frame.library.lookup(name) is None:
        return clock(name)
    if name == "none":
        return None
    found = find_definition(cx, frame.library, name)
    if found is not None:
        return found
    if frame.what in _BODIES:
        outer = _outer(cx, frame, name, span)
        if outer is not None:
            return outer
    raise _unknown(cx, frame, name, span)


def is_known(cx: Context, frame: Frame, name: str) -> bool:
    """Whether a name means anything beyond the frame's own names."""
    if name in ("training", "step", "epoch", "none"):
        return True
    try:
        return find_definition(cx, frame.library, name) is not None
    except Poisoned:
        return True


def find_definition(cx: Context, library: Library, name: str) -> Any:
    """A definition, import, library function, op or builtin."""
    found = library.lookup(name)
    if is_missing(found):
        raise Poisoned
    if found is not None:
        return found
    return standard(cx, name)


def standard(cx: Context, name: str) -> Any:
    """What a name means without a program's doing: a library function, op or builtin, else None."""
    if name not in cx.standard:
        cx.standard[name] = _standard(cx, name)
    return cx.standard[name]


def _standard(cx: Context, name: str) -> Any:
    for library in cx.prelude:
        found = library.lookup(name)
        if found is not None:
            return found
    return TABLE.get(name) or (Builtin(name) if name in BUILTINS else None)


def clock(name: str) -> Node:
    """`step` or `epoch` as a scalar."""
    return _CLOCKS[name]


_CLOCKS = {name: Node("clock", (), {"name": name}, tensor("i64"), name=name) for name in ("step", "epoch")}


def _outer(cx: Context, frame: Frame, name: str, span: Span) -> Any:
    """What a body may see of the file around it: static values, never tensors."""
    if frame.library is not cx.main:
        return cx.statics_of(frame.library).get(name)
    value = cx.top.names.get(name)
    if value is not cx.declared.get(name):
        cx.steered += 1
    if value is POISON:
        raise Poisoned
    if value is not None and (is_static(value) or not isinstance(value, Node)):
        return value
    if value is not None or name in cx.top.pending:
        cx.fail(errors.outer_tensor(span, name, frame.what, cx.top.spans.get(name)), frame)
    return None


def _forward(cx: Context, frame: Frame, name: str, span: Span) -> Any:
    """A name bound further down: evaluated now, unless that leads back here."""
    if any(name == working for working, _ in frame.working):
        _fail_cycle(cx, frame, name, span)
    statement = frame.pending[name][0]
    cx.execute(frame, statement)
    frame.done.add(id(statement))
    value = frame.names.get(name, POISON)
    if value is POISON:
        raise Poisoned
    return value


def _fail_cycle(cx: Context, frame: Frame, name: str, span: Span) -> None:
    """E0105, told from the first use of the name round to itself."""
    names = [working for working, _ in frame.working]
    ring = frame.working[names.index(name) :]
    steps = []
    for i, (each, statement) in enumerate(ring):
        needed = ring[i + 1][0] if i + 1 < len(ring) else name
        place = span if i + 1 == len(ring) else _use_of(statement, needed)
        steps.append((each, place, needed))
    first = min(range(len(steps)), key=lambda i: steps[i][1].start)
    cx.fail(errors.cycle(steps[first:] + steps[:first]), frame)


def _use_of(statement: ast.Statement, name: str) -> Span:
    """The first place in a statement's value that names `name`."""
    todo: list[Any] = [statement.value]  # type: ignore[union-attr]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name) and node.name == name:
            return node.span
        if isinstance(node, (tuple, list)):
            todo += reversed(node)
        elif isinstance(node, ast.Ast):
            todo += [getattr(node, f) for f in reversed(_fields(node)) if f != "span"]
    return statement.span


def _fields(node: ast.Ast) -> list[str]:
    return [f.name for f in dataclasses.fields(node)]


def _declared_by(statement: Any) -> tuple[str, ...]:
    return getattr(statement, "targets", None) or (getattr(statement, "name", None),)


def _unknown(cx: Context, frame: Frame, name: str, span: Span) -> Poisoned:
    if name in cx.broken and frame.library is cx.main:
        return Poisoned()
    try:
        cx.fail(not_found(cx, frame, name, span), frame)
    except Poisoned as poisoned:
        return poisoned


def not_found(cx: Context, frame: Frame, name: str, span: Span) -> Diagnostic:
    """E0101, with what was probably meant."""
    hint = _hint(cx, frame, name)
    known: dict[str, Span | None] = {n: frame.spans.get(n) for n in frame.names}
    known |= {n: None for n in (*frame.pending, *frame.library.names(), *BUILTINS, "training", "step")}
    for library in cx.prelude:
        known |= {n: None for n in library.names()}
    known |= {n: None for n in TABLE}
    if frame.what in _BODIES:
        known |= {n: None for n, v in cx.top.names.items() if is_static(v)}
    similar = None if hint else errors.closest(name, known)
    fix = _fix(cx, frame, name, span) or (() if hint and name not in _OTHER_CASE else errors.respelt(span, name, known))
    return errors.unknown_name(span, name, similar, known.get(similar) if similar else None, hint, fix)


#: What is called so elsewhere, and here in other letters only.
_OTHER_CASE = ("SGD", "RMSprop", "AdaGrad")
#: What a name is prefixed by elsewhere, and not here.
_PREFIXES = ("self", "np", "numpy", "torch", "tf", "jnp", "math", "F")


def _fix(cx: Context, frame: Frame, name: str, span: Span) -> tuple[Edit, ...]:
    """The import of a layer, or the prefix of a name taken away."""
    if span.source is not cx.main.source:
        return ()
    if _is_layer(cx, name):
        return (import_of(span.source, "nn", name),)
    member = _MEMBER.match(span.source.text, span.end) if name in _PREFIXES else None
    if member and (member[1] in frame.names or member[1] in frame.pending or is_known(cx, frame, member[1])):
        return (Edit(Span(span.source, span.start, member.start(1)), ""),)
    return ()


_MEMBER = re.compile(r"\.(\w+)")


def _is_layer(cx: Context, name: str) -> bool:
    layers = cx.loader.standard("nn")
    return layers is not None and name in set(layers.names())


def _hint(cx: Context, frame: Frame, name: str) -> str:
    """What to write for a name that is known, though not here."""
    if _is_layer(cx, name):
        return f"it is a layer of the standard library: from nn import {name}"
    if frame.names is cx.declared and any(name in _declared_by(s) for s in cx.main.statements):
        return f"dims, hypers and data are read before anything is computed, so `{name}` is not known here"
    labelled = (value for value in frame.names.values() if isinstance(value, Node))
    if any(name == dim.label for value in labelled for dim in value.type.dims):
        return f"it labels an axis: write over={name} for axis=..."
    return errors.ELSEWHERE.get(name, "")
