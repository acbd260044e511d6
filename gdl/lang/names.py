"""Names in the bodies of definitions, held against what is in scope, whether or not anything calls them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from gdl.lang.context import Context, Frame
from gdl.lang.lookup import BUILTINS, find_definition, not_found
from gdl.lang.values import Poisoned
from gdl.syntax import ast

_AMBIENT = {"training", "step", "epoch", "none"}


def check_names(cx: Context, definition: ast.Definition) -> None:
    """E0101 for every name in the body that nothing defines."""
    body = list(_walk(definition.body))
    own = {param.name for param in definition.params} | set(_bound(body))
    types = [p.type for p in definition.params if isinstance(p.type, ast.TypeExpr)] + [*(definition.results or ())]
    own |= {name.name for type in types for axis in type.axes for name in _names(_walk(axis.size))}
    known = (own, cx.top.names, cx.declared, BUILTINS, cx.broken, _AMBIENT)
    for name in _names(body):
        if not any(name.name in names for names in known) and not _defined(cx, name.name):
            frame = Frame(definition.what, cx.main, dict.fromkeys(set().union(*known)))
            cx.report(not_found(cx, frame, name.name, name.span))
            own.add(name.name)


def free_names(item: ast.Item) -> frozenset[str]:
    """The names that an item uses and does not bind itself: what it rests on."""
    found = {name.name for name in _names(_walk(item))}
    if isinstance(item, ast.Definition):
        found -= {param.name for param in item.params} | set(_bound(_walk(item.body)))
    elif isinstance(item, (ast.Train, ast.Eval, ast.Test)):
        found -= set(_bound(_walk(item.body)))
    if isinstance(item, ast.Load) and item.target is not None:
        found.add(item.target)
    return frozenset(found)


def _defined(cx: Context, name: str) -> bool:
    try:
        return find_definition(cx, cx.main, name) is not None
    except Poisoned:
        return True


def _bound(parts: Iterable[ast.Ast]) -> Iterator[str]:
    """Every name that parts of the tree bind."""
    for node in parts:
        if isinstance(node, ast.Bind):
            yield from node.targets
        elif isinstance(node, (ast.Variable, ast.State, ast.Net, ast.For, ast.Next)):
            yield node.name
        elif isinstance(node, ast.Stage) and node.label:
            yield node.label
        elif isinstance(node, ast.Scan):
            yield from (*node.names, node.along, *[str(c.name) for c in node.carries])


def axis_names(body: Sequence[Any]) -> frozenset[str]:
    """What statements call axes by: the names in `over=` and behind `along`."""
    found: set[str] = set()
    for part in _walk(body):
        if isinstance(part, ast.Argument) and part.name == "over":
            found.update([name.name for name in _walk(part.value) if isinstance(name, ast.Name)])
        elif isinstance(part, ast.Scan):
            found.add(part.along)
    return frozenset(found)


def _names(parts: Iterable[ast.Ast]) -> Iterator[ast.Name | ast.Splice]:
    """Uses of names."""
    return (part for part in parts if isinstance(part, (ast.Name, ast.Splice)))


def _walk(root: Any) -> Iterator[ast.Ast]:
    """Every part of a tree or of several, in the order of the text, but for what stands in an `over=`, which is no use
    of names."""
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, (tuple, list)):
            todo += reversed(node)
        elif isinstance(node, ast.Ast):
            yield node
            if not (isinstance(node, ast.Argument) and node.name == "over"):
                todo += [getattr(node, name) for name in _parts(node.__class__)]


@cache
def _parts(form: type) -> tuple[str, ...]:
    """The fields of a form of the tree that hold no place, last first."""
    return tuple([f.name for f in reversed(dataclasses.fields(form)) if not f.name.endswith("span")])
