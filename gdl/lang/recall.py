"""Calls remembered: one like another, wherever it stands, is not evaluated again.

A body sees nothing but its arguments. So a call with arguments of the same types and the same static values makes the
same nodes, only upon other inputs, at other paths and other places: they are made again, which takes a hundredth of the
time. That serves layers used many times, optimizers, which do the same for each variable, and the second evaluation of
the program, with `training` false.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gdl.graph.node import LOOP, Guards, Node, topological
from gdl.lang.context import MAX_CALLS, Context, Frame, Owned, PendingUpdate
from gdl.lang.program import LayerInfo
from gdl.lang.values import Argument, Builtin, Function, Instance, InstanceList, Partial
from gdl.ops.table import Op
from gdl.record import Record, record
from gdl.source import Source, Span
from gdl.types.match import Guard
from gdl.types.sizes import Poly
from gdl.types.tensor import Dim, TensorType

Bound = Mapping[str, Argument]


@record
class _Call(Record):
    """What a call was given, where it stood, and all that it did."""

    given: tuple[Node, ...]
    places: tuple[Span, ...]
    scope: str
    calls: tuple[Span, ...]
    result: Any
    members: Mapping[str, Any]  # that it set
    order: tuple[Node, ...]  # what it made, inputs before users
    is_bound: bool  # to its place: what it made tells of it in ways that are not known here
    labelled: frozenset[Node]  # of these, arguments under other labels: their place is the argument's
    drawn: tuple[Node, ...]
    owned: tuple[Owned, ...]
    firsts: dict[Owned, tuple[Node, ...]]  # what first values are made of, of those that were made again
    updates: tuple[PendingUpdate, ...]
    guards: Guards
    applied: tuple[LayerInfo, ...]
    asked: bool  # for `training`
    cost: int
    depth: int  # of the calls in it
    unnamed: frozenset[Node]  # of the result: what the caller calls it is the caller's


def recalled(cx: Context, function: Function, bound: Bound, body: Frame, run: Callable[[], Any]) -> Any:
    """The value of a call, which `run` evaluates: made from what is remembered of one like it, where there is one."""
    seen = _Seen(cx.own_sources if function.module.is_standard else ())
    arguments = [(name, seen.value(argument.value)) for name, argument in bound.items()]
    if seen.is_own and seen.sources:
        seen = _Seen(())
        arguments = [(name, seen.value(argument.value)) for name, argument in bound.items()]
    if not seen.is_all:
        return run()
    kind = cx.kinds.setdefault((function, body.owner, *(body.members or ()), *arguments), len(cx.kinds))
    for home in (None, (body.scope, body.calls)):
        for training in (None, body.training):
            call = cx.remembered.get((kind, home, training))
            if call is not None:
                move = _Move.between(call, body, tuple(seen.places))
                if _is_possible(cx, call, move):
                    return _made_again(cx, call, bound, body, move)
    return _remembered(cx, kind, tuple(seen.places), bound, body, run)


# ---- what makes calls alike --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Seen:
    """What a body can tell of its arguments. A library's body makes no places in the program's text: those that types
    of arguments bring along are to it like one another, and told apart by number."""

    sources: Collection[Source]
    nodes: dict[Node, int] = field(default_factory=dict)
    places: dict[Span, int] = field(default_factory=dict)
    is_all: bool = True
    is_own: bool = False  # a function of the program is among them

    def value(self, value: Any) -> Any:
        """Values are alike where this is equal."""
        if isinstance(value, Node):
            if value.is_leaf and value.op not in ("input", "variable"):
                self.is_all = False  # a number may decide more than its type
            number = self.nodes.setdefault(value, len(self.nodes))
            return (number, value.op if value.is_leaf else "", bool(value.name), *self.type(value.type))
        if isinstance(value, float):
            return (float, repr(value))  # -0.0 is not 0.0
        if value is None or isinstance(value, (int, str, Poly)):
            return (value.__class__, value)
        if isinstance(value, tuple):
            return (tuple, *[self.value(each) for each in value])
        if isinstance(value, Partial) and not any(isinstance(a.value, Node) for a in value.args):
            return (self.value(value.callee), *[(a.name, a.span, self.value(a.value)) for a in value.args])
        if isinstance(value, Function):
            self.is_own |= not value.module.is_standard
        elif not isinstance(value, (Op, Builtin)):
            self.is_all = False
        return value

    def type(self, type: TensorType) -> Iterator[Any]:
        """A type with its labels and places, which do not make it another type, but travel along."""
        yield type.dtype
        yield self.place(type.origin)
        for dim in type.dims:
            yield dim.size
            yield dim.label
            yield self.place(dim.origin)

    def place(self, place: Span | None) -> Span | int | None:
        if place is None or place.source not in self.sources:
            return place
        return self.places.setdefault(place, len(self.places))


def _is_possible(cx: Context, call: _Call, move: _Move) -> bool:
    """Whether nothing stands in the way: limits, or variables of other types at the paths."""
    if call.is_bound and move.is_real:
        return False
    cost = call.cost
    for owned in call.owned:
        leaf = cx.leaves.get(move.path(owned.path))
        if leaf is None:
            if owned.first is None:
                return False
            cost += owned.first.cost
        type = move.type(owned.type) if leaf is None else leaf.type
        if not _is_same(type, move.type(owned.leaf.type)):
            return False
    return cx.evaluations + cost <= cx.max_evaluations and cx.depth + call.depth <= MAX_CALLS


def _is_same(a: TensorType, b: TensorType) -> bool:
    """Whether types agree in labels and places as well."""
    return a is b or list(_Seen(()).type(a)) == list(_Seen(()).type(b))


# ---- remembering -------------------------------------------------------------------------------------------------


def _remembered(
    cx: Context, kind: int, places: tuple[Span, ...], bound: Bound, body: Frame, run: Callable[[], Any]
) -> Any:
    given = tuple(_tensors(bound))
    unnamed = [node for node in given if not node.name]
    before, outer = dict(body.members or {}), cx.deepest
    steered, asked, said, cost = cx.steered, cx.asked, len(cx.diagnostics), cx.evaluations - cx.initial_cost
    made = [len(each) for each in (cx.drawn, cx.owned, cx.updates, cx.guards, cx.applied)]
    cx.deepest = cx.depth
    result = run()
    depth, cx.deepest = cx.deepest - cx.depth, max(cx.deepest, outer)
    if cx.steered != steered or len(cx.diagnostics) != said or any(node.name for node in unnamed):
        return result
    drawn, owned, updates, guards, applied = [
        tuple(each[start:]) for each, start in zip((cx.drawn, cx.owned, cx.updates, cx.guards, cx.applied), made)
    ]
    members = _kept({name: value for name, value in (body.members or {}).items() if before.get(name) is not value})
    roots = [*_nodes(result), *_nodes(members), *drawn, *[update.value for update in updates]]
    for update in updates:
        roots += update.anchors or ()
    order = _made([*roots], given)
    labelled = frozenset([node for node in order if _is_labelled(node, given)])
    is_bound = not all(_lies_in(node, body) for node in order if node not in labelled)
    if is_bound and drawn:
        return result
    home = (body.scope, body.calls) if is_bound else None
    training = body.training if cx.asked != asked else None
    cx.remembered[kind, home, training] = _Call(
        given, places, body.scope, body.calls, result, members, order, is_bound, labelled, drawn, owned,
        {}, updates, guards, applied,
        cx.asked != asked, cx.evaluations - cx.initial_cost - cost, depth,
        frozenset([node for node in _nodes(result) if not node.name]),
    )  # fmt: skip
    return result


def _tensors(bound: Bound) -> Iterator[Node]:
    for argument in bound.values():
        yield from _nodes(argument.value)


def _made(roots: Sequence[Node], given: Iterable[Node]) -> tuple[Node, ...]:
    """What roots rest on, up to what was given: what there is but once is not made."""
    return tuple([node for node in topological(roots, given) if node.op not in ("variable", "clock")])


def _is_labelled(node: Node, given: Sequence[Node]) -> bool:
    return node.op == "broadcast_to" and node.inputs[0] in given and node.origin is node.inputs[0].origin


def _lies_in(node: Node, body: Frame) -> bool:
    """Whether a node's place and path are those of the body, and what it holds has none of its own."""
    calls = len(body.calls)
    is_inside = not body.scope or node.scope == body.scope or node.scope.startswith(body.scope + "/")
    return is_inside and node.op != LOOP and node.origin[len(node.origin) - calls :] == body.calls


def _kept(value: Any) -> Any:
    """A value as it is now: instances change when they are applied again."""
    if isinstance(value, dict):
        return {name: _kept(each) for name, each in value.items()}
    if isinstance(value, InstanceList):
        return InstanceList(_kept(value.items))
    if isinstance(value, Instance):
        return Instance(value.path, value.layer, value.args, value.span, _kept(value.members), value.applied)
    return value


# ---- making again ------------------------------------------------------------------------------------------------


@record
class _Move(Record):
    """From one call to another: its path, the calls that led there, the places that types of arguments bring along."""

    is_real: bool
    start: int
    scope: str
    skip: int
    calls: tuple[Span, ...]
    places: Mapping[Span, Span]
    types: dict[int, TensorType] = field(default_factory=dict)  # by identity

    @classmethod
    def between(cls, call: _Call, body: Frame, places: tuple[Span, ...]) -> _Move:
        is_real = (call.scope, call.calls, call.places) != (body.scope, body.calls, places)
        moved = {old: new for old, new in zip(call.places, places) if old != new}
        return cls(is_real, len(call.scope), body.scope, len(call.calls), body.calls, moved)

    def path(self, path: str) -> str:
        return self.scope + path[self.start :]

    def origin(self, origin: tuple[Span, ...]) -> tuple[Span, ...]:
        return origin[: len(origin) - self.skip] + self.calls

    def type(self, type: TensorType) -> TensorType:
        if not self.places:
            return type
        found = self.types.get(id(type))
        if found is None:
            dims = tuple([self.dim(d) for d in type.dims])
            found = self.types[id(type)] = TensorType(type.dtype, dims, self.places.get(type.origin, type.origin))
        return found

    def dim(self, dim: Dim) -> Dim:
        return Dim(dim.size, dim.label, self.places.get(dim.origin, dim.origin))

    def guard(self, guard: Guard, origin: tuple[Span, ...]) -> tuple[Guard, tuple[Span, ...]]:
        return Guard(self.dim(guard.left), self.dim(guard.right)), self.origin(origin)

    def layer(self, info: LayerInfo) -> LayerInfo:
        return LayerInfo(self.path(info.path), info.layer, tuple(map(self.type, info.results)), info.span)


def _made_again(cx: Context, call: _Call, bound: Bound, body: Frame, move: _Move) -> Any:
    """The call's nodes upon other arguments, and whatever else it did."""
    new = dict(zip(call.given, _tensors(bound)))
    for owned in call.owned:
        _owned_again(cx, call, owned, new, move)
    _nodes_again(cx, call.order, call.drawn, new, move, call.unnamed, call.labelled)
    for update in call.updates:
        anchors = None if update.anchors is None else tuple([new[n] for n in update.anchors])
        cx.updates.append(PendingUpdate(new.get(update.variable, update.variable), new[update.value], anchors))
    cx.guards += [move.guard(*guard) for guard in call.guards]
    for info in call.applied:
        cx.apply_layer(move.layer(info))
    cx.evaluations += call.cost
    cx.asked += call.asked
    cx.deepest = max(cx.deepest, cx.depth + call.depth)
    if body.members is not None:
        body.members.update(_upon(call.members, new, move))
    return _upon(call.result, new, move)


def _owned_again(cx: Context, call: _Call, owned: Owned, new: dict[Node, Node], move: _Move) -> None:
    """The variable at its other path, with its first value where it is new."""

    def initial() -> Node:
        assert owned.first is not None
        first = dict(new)
        if owned not in call.firsts:
            call.firsts[owned] = _made([owned.first.node], call.given)
        _nodes_again(cx, call.firsts[owned], owned.first.drawn, first, move)
        cx.evaluations += owned.first.cost
        return first.get(owned.first.node, owned.first.node)

    type, calls = move.type(owned.type), move.origin(owned.calls)
    new[owned.leaf] = cx.own(move.path(owned.path), type, owned.trained, owned.span, calls, initial)


def _nodes_again(
    cx: Context, nodes: Sequence[Node], drawn: Sequence[Node], new: dict[Node, Node], move: _Move,
    unnamed: frozenset[Node] = frozenset(), labelled: frozenset[Node] = frozenset(),
) -> None:  # fmt: skip
    keys = {node: cx.key(move.path(node.scope), _owner_of_draw(node)) for node in drawn}
    get = new.get
    start, above, skip, calls = move.start, move.scope, move.skip, move.calls  # as move.path and move.origin have it
    for node in nodes:
        attrs, type, origin, scope = node.attrs, node.type, node.origin, node.scope
        if move.is_real:
            origin, scope = origin[: len(origin) - skip] + calls, above + scope[start:]
            if move.places:
                type = move.type(type)
        if node in labelled:
            origin, scope = new[node.inputs[0]].origin, new[node.inputs[0]].scope
        if node in keys:
            attrs = {**attrs, "key": keys[node]}
        inputs = node.inputs
        name = "" if node in unnamed else node.name
        new[node] = Node(node.op, tuple(map(get, inputs, inputs)), attrs, type, origin, scope, name)
    cx.drawn += [new[node] for node in drawn]


def _owner_of_draw(node: Node) -> str:
    """What named a draw, see `Context.key`."""
    key = node.attrs["key"]
    return (key[len(node.scope) + 1 :] if node.scope else key).partition(".")[0]


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


def _upon(value: Any, new: Mapping[Node, Node], move: _Move) -> Any:
    """A result or members with the new nodes."""
    if isinstance(value, Node):
        return new.get(value, value)
    if isinstance(value, tuple):
        return tuple([_upon(each, new, move) for each in value])
    if isinstance(value, dict):
        return {name: _upon(each, new, move) for name, each in value.items()}
    if isinstance(value, InstanceList):
        return InstanceList(_upon(value.items, new, move))
    if isinstance(value, Instance):
        members = _upon(value.members, new, move)
        return Instance(move.path(value.path), value.layer, value.args, value.span, members, value.applied)
    return value
