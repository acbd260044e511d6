"""Names in the bodies of definitions, held against what is in scope, whether or not anything calls them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from gdl.lang.context import Context, Frame
from gdl.lang.lookup import BUILTINS, find_definition, not_found
from gdl.lang.values import Poisoned
from gdl.syntax import ast

_AMBIENT = {"training", "step", "epoch", "none"}


def check_names(cx: Context, definition: ast.Definition) -> None:
    """E0101 for every name in the body that nothing defines."""
    known = set(_AMBIENT) | set(cx.top.names) | set(cx.declared) | set(BUILTINS) | cx.broken
    for param in definition.params:
        known.add(param.name)
        if isinstance(param.type, ast.TypeExpr):
            known |= {name.name for axis in param.type.axes for name in _names(axis.size)}
    for result in definition.results or ():
        known |= {name.name for axis in result.axes for name in _names(axis.size)}
    known |= set(_bound(definition.body))
    for name in _names(definition.body):
        if name.name not in known and not _defined(cx, name.name):
            cx.report(not_found(cx, Frame(definition.what, cx.main, dict.fromkeys(known)), name.name, name.span))
            known.add(name.name)


def free_names(item: ast.Item) -> frozenset[str]:
    """The names that an item uses and does not bind itself: what it rests on."""
    found = {name.name for name in _names(item)}
    if isinstance(item, ast.Definition):
        found -= {param.name for param in item.params} | set(_bound(item.body))
    elif isinstance(item, (ast.Train, ast.Eval, ast.Test)):
        found -= set(_bound(item.body))
    if isinstance(item, ast.Load) and item.target is not None:
        found.add(item.target)
    return frozenset(found)


def _defined(cx: Context, name: str) -> bool:
    try:
        return find_definition(cx, cx.main, name) is not None
    except Poisoned:
        return True


def _bound(statements: Sequence[Any]) -> Iterator[str]:
    """Every name that statements bind, at any depth."""
    for node in _walk(statements):
        if isinstance(node, ast.Bind):
            yield from node.targets
        elif isinstance(node, (ast.Variable, ast.State, ast.Net, ast.For, ast.Next)):
            yield node.name
        elif isinstance(node, ast.Stage) and node.label:
            yield node.label
        elif isinstance(node, ast.Scan):
            yield from (*node.names, node.along, *[str(c.name) for c in node.carries])


def _names(root: Any) -> Iterator[ast.Name]:
    """Uses of names; labels in `over=` are none."""
    for node in _walk(root):
        if isinstance(node, (ast.Name, ast.Splice)):
            yield node  # type: ignore[misc]


def _walk(root: Any) -> Iterator[ast.Ast]:
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, (tuple, list)):
            todo += reversed(node)
        elif isinstance(node, ast.Argument) and node.name == "over":
            continue
        elif isinstance(node, ast.Ast):
            yield node
            todo += [getattr(node, name) for name in _parts(node.__class__)]


@cache
def _parts(form: type) -> tuple[str, ...]:
    """The fields of a form of the tree that hold no place, last first."""
    return tuple([f.name for f in reversed(dataclasses.fields(form)) if not f.name.endswith("span")])
