"""What names and values are, in words."""

from __future__ import annotations

from typing import Any

from gdl.graph.node import Node
from gdl.lang.values import DataValue, Function, Instance, InstanceList, ModuleValue, VariableSet, describe
from gdl.ops.table import Op, show_static
from gdl.syntax import ast


def describe_item(item: ast.Item, name: str, value: Any) -> str:
    """What an item made of a name."""
    if isinstance(item, ast.Definition):
        return " ".join(item.span.text.partition("{")[0].split())
    if isinstance(item, ast.Import):
        return f"from {item.module}" if item.names else f"module {item.module}"
    if isinstance(item, (ast.Train, ast.Eval)):
        return f":{type(item).__name__.lower()} runs it"
    if isinstance(item, ast.Hyper):
        return f"hyper, {describe_value(value)}"
    if isinstance(item, ast.Dim):
        return f"size {value}"
    if isinstance(item, (ast.Variable, ast.State, ast.Placeholder, ast.Metric)):
        return f"{type(item).__name__.lower()}, {value.type}"
    return describe_value(value)


def describe_value(value: Any) -> str:
    """What a value is, with the value itself where it is known before running."""
    if isinstance(value, Node):
        return str(value.type)
    if isinstance(value, Instance):
        return f"net, a {value.layer.name}"
    if isinstance(value, DataValue):
        return f"data, {describe_data(value)}"
    if isinstance(value, (Function, Op, InstanceList, ModuleValue)):
        return describe(value)
    if isinstance(value, VariableSet):
        return f"variables {', '.join(value.paths)}"
    kind = kind_of(value)
    return f"{kind} {show_static(value)}" if kind else describe(value)


def kind_of(value: Any) -> str:
    """The kind of a plain value, "" for anything else."""
    kinds = {bool: "bool", int: "int", float: "float", str: "string", tuple: "list", type(None): "none"}
    return kinds.get(type(value), "")


def describe_data(value: DataValue) -> str:
    header = value.header
    fields = ", ".join(f"{name}: {type}" for name, type in header.fields.items())
    splits = header.splits if value.split is None else {value.split: header.splits[value.split]}
    counts = ", ".join(f"{name or 'records'} {count:,}" for name, count in splits.items() if count >= 0)
    return f"fields {fields}" + (f"; {counts}" if counts else "")
