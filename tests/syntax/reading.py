"""Texts read in tests, and what is made of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from gdl.diagnostics import Diagnostic
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.syntax.parser import parse, parse_expression


def module(text: str) -> ast.Module:
    """The tree of a text without mistakes."""
    found, diagnostics = parse(Source("test.gdl", text))
    assert not diagnostics, [d.message for d in diagnostics]
    return found


def item(text: str) -> Any:
    """The only item of a text."""
    (found,) = module(text).items
    return found


def expression(text: str) -> Any:
    found, diagnostics = parse_expression(Source("test", text))
    assert not diagnostics, [d.message for d in diagnostics]
    return found


def mistakes(text: str) -> list[Diagnostic]:
    return parse(Source("test.gdl", text))[1]


def codes(text: str) -> list[str]:
    return [diagnostic.code for diagnostic in mistakes(text)]


def nodes(root: object) -> list[ast.Ast]:
    """Every node of a tree."""
    found: list[ast.Ast] = []
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, tuple) and not isinstance(node, Span):
            todo += node
        elif isinstance(node, ast.Ast):
            found.append(node)
            todo += [getattr(node, field.name) for field in fields(node)]
    return found
