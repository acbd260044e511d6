"""Calls of one mode remembered for the other: a body that does not ask for `training` is not evaluated twice.

A program is evaluated with `training` true, then false. Most bodies are the same in both, only upon other nodes: those
that the first evaluation made are made again upon these, which takes a hundredth of the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gdl.graph.node import Guards, Node, topological
from gdl.lang.context import Context, Frame, PendingUpdate
from gdl.lang.program import LayerInfo
from gdl.lang.values import Argument, Function, Instance, InstanceList
from gdl.types.sizes import Poly
from gdl.types.tensor import TensorType

Bound = Mapping[str, Argument]


@dataclass(frozen=True, slots=True)
class _Call:
    """What a call was given, and all that it did."""

    bound: Bound
    result: Any
    members: Mapping[str, Any]  # that it set
    updates: tuple[PendingUpdate, ...]
    guards: Guards
    applied: tuple[LayerInfo, ...]
    cost: int
    unnamed: frozenset[Node]  # of the result: what the caller calls it is the caller's


def recalled(cx: Context, function: Function, bound: Bound, body: Frame, run: Callable[[], Any]) -> Any:
    """The value of a call, which `run` evaluates: remembered in the first mode, made from that in the second."""
    key = (function, body.scope, body.owner, body.calls)
    if cx.training:
        return _remembered(cx, key, bound, body, run)
    calls = cx.remembered.get(key)
    call = calls.popleft() if calls else None  # the turns of a loop come in the same order
    if call is None or not _is_given(call, bound) or cx.evaluations + call.cost > cx.max_evaluations:
        return run()
    return _made_again(cx, call, bound, body)


def _remembered(cx: Context, key: Any, bound: Bound, body: Frame, run: Callable[[], Any]) -> Any:
    arguments = [a.value for a in bound.values() if isinstance(a.value, Node)]
    unnamed = [node for node in arguments if not node.name]
    before = dict(body.members or {})
    steered, said, cost = cx.steered, len(cx.diagnostics), cx.evaluations - cx.initial_cost
    updates, guards, applied = len(cx.updates), len(cx.guards), len(cx.applied)
    result = run()
    calls = cx.remembered.setdefault(key, deque())
    results = result if isinstance(result, tuple) else (result,)
    if cx.steered != steered or len(cx.diagnostics) != said or any(node.name for node in unnamed) or any(
        node is each for node in arguments for each in results
    ):  # fmt: skip
        calls.append(None)
        return result
    set_here = {name: value for name, value in (body.members or {}).items() if before.get(name) is not value}
    calls.append(_Call(
        bound, result, _kept(set_here), tuple(cx.updates[updates:]), tuple(cx.guards[guards:]),
        tuple(cx.applied[applied:]), cx.evaluations - cx.initial_cost - cost,
        frozenset([node for node in _nodes(result) if not node.name]),
    ))  # fmt: skip
    return result


def _kept(value: Any) -> Any:
    """A value as it is now: instances change when they are applied again."""
    if isinstance(value, dict):
        return {name: _kept(each) for name, each in value.items()}
    if isinstance(value, InstanceList):
        return InstanceList(_kept(value.items))
    if isinstance(value, Instance):
        return Instance(value.path, value.layer, value.args, value.span, _kept(value.members), value.applied)
    return value


def _is_given(call: _Call, bound: Bound) -> bool:
    return call.bound.keys() == bound.keys() and all(
        _alike(argument.value, bound[name].value) for name, argument in call.bound.items()
    )


def _alike(a: Any, b: Any) -> bool:
    """Whether a body can't tell two arguments apart: nodes by their types, static values by what they are."""
    if a is b:
        return True
    if a.__class__ is not b.__class__:
        return False
    if isinstance(a, Node):
        return not a.is_leaf and not b.is_leaf and _same_type(a.type, b.type)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, float):
        return repr(a) == repr(b)  # -0.0 is not 0.0
    return isinstance(a, (int, str, Poly)) and a == b


def _same_type(a: TensorType, b: TensorType) -> bool:
    """Whether types agree in what is only notation as well."""
    return a is b or (
        a == b
        and a.origin == b.origin
        and all(m is n or (m.label == n.label and m.origin == n.origin) for m, n in zip(a.dims, b.dims))
    )


def _made_again(cx: Context, call: _Call, bound: Bound, body: Frame) -> Any:
    """The call's nodes upon other arguments, and whatever else it did."""
    new = {a.value: bound[name].value for name, a in call.bound.items() if isinstance(a.value, Node)}
    roots = [*_nodes(call.result), *_nodes(call.members), *[update.value for update in call.updates]]
    for update in call.updates:
        roots += update.anchors or ()
    for node in topological(roots, new):
        if node.inputs:
            inputs = [new[i] for i in node.inputs]
            name = "" if node in call.unnamed else node.name
            new[node] = Node(node.op, inputs, node.attrs, node.type, node.origin, node.scope, name)
        else:
            new[node] = node
    for update in call.updates:
        anchors = None if update.anchors is None else tuple([new[n] for n in update.anchors])
        cx.updates.append(PendingUpdate(update.variable, new[update.value], anchors))
    cx.guards += call.guards
    cx.applied += call.applied
    cx.layers.update({info.path: info for info in call.applied})
    cx.evaluations += call.cost
    if body.members is not None:
        body.members.update(_upon(call.members, new))
    return _upon(call.result, new)


def _nodes(value: Any) -> Iterator[Node]:
    """The nodes in a result or in members."""
    if isinstance(value, Node):
        yield value
    for each in _parts(value):
        yield from _nodes(each)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, InstanceList):
        return value.items.values()
    return value.members.values() if isinstance(value, Instance) else ()


def _upon(value: Any, new: Mapping[Node, Node]) -> Any:
    """A result or members with the new nodes."""
    if isinstance(value, Node):
        return new[value]
    if isinstance(value, tuple):
        return tuple([_upon(each, new) for each in value])
    if isinstance(value, dict):
        return {name: _upon(each, new) for name, each in value.items()}
    if isinstance(value, InstanceList):
        return InstanceList(_upon(value.items, new))
    if isinstance(value, Instance):
        return Instance(value.path, value.layer, value.args, value.span, _upon(value.members, new), value.applied)
    return value
