"""A program's graph as boxes and arrows, as data: what `gdl graph` draws and editors may.

Boxes lie in groups: one for each application of a layer, and one for each call of a function of the library or of the
program that made several of them. Small constants are no boxes but part of what uses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gdl.autodiff import expand
from gdl.errors import command as command_errors
from gdl.errors import tools as errors
from gdl.graph.node import LOOP, Graph, Node, topological
from gdl.lang.program import Program
from gdl.ops.table import show_static
from gdl.source import Source, Span
from gdl.train.step import statements

GRADIENT = "gradient"
_INLINE = ("constant", "size", "clock")  # leaves that are part of what uses them
_LEAVES = {"input": "input", "variable": "variable"}
_REQUEST = re.compile(r"(?:grad|vjp|jvp)\s*\(")
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a source by its name, 1-based lines and columns, the end not included."""

    source: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Group:
    """What can be folded into one box. `kind` is layer, function or gradient; `parent` another group's id or ""."""

    id: str
    label: str
    kind: str
    parent: str = ""
    layer: str = ""  # the layer's name, of a layer
    path: str = ""
    place: Place | None = None  # of the call
    gives: str = ""  # what the program calls the result, of a function


@dataclass(frozen=True, slots=True)
class Box:
    """One node. `kind` is input, variable, op, output or, folded, group; `places` lead from its own place to the call
    in the program."""

    id: str
    label: str
    op: str
    kind: str
    type: str
    group: str = ""
    path: str = ""
    details: tuple[tuple[str, str], ...] = ()  # arguments that are no boxes, and attributes
    places: tuple[Place, ...] = ()
    is_gradient: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A tensor that one box gives to another; `label` is its shape."""

    tail: str
    head: str
    label: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it. `sources` are the texts that places lead to."""

    title: str
    groups: tuple[Group, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    sources: Mapping[str, str]


def draw_program(program: Program, of: str | None = None, with_gradient: bool = False) -> Drawing:
    """The graph of a named node, or of all that the program defines; with its gradients at every trained variable.

    Errors: UsageError where there is no such name, or nothing to differentiate; ProgramError as of gradients.
    """
    names = program.nodes.get(True) or program.nodes.get(False) or {}
    if of is not None and of not in names:
        raise command_errors.unknown_part("node", of, names)
    if with_gradient:
        of = of or _minimized(program, names)
    roots = list(names.values()) if of is None else [names[of]]
    title = Path(program.source.name).name
    title = title if of is None else f"{of} in {title}"
    drawn = _Drawn(program, sources={program.source: program.source.name})
    outputs = expand(Graph(tuple(roots))).outputs
    drawn.add(outputs, False)
    drawn.name(dict(zip(outputs, names if of is None else [of])))
    if with_gradient:
        gradients = _gradients(program, str(of), outputs[0])
        drawn.add(tuple(gradients.values()), True)
        for path, gradient in gradients.items():
            drawn.result(f"d {of} / d {path}", gradient)
    return drawn.finished(title)


def _gradients(program: Program, of: str, value: Node) -> dict[str, Node]:
    """The gradient of a scalar at every trained variable that it rests on, by path."""
    if value.type.rank or not value.type.is_float:
        raise command_errors.not_scalar(of, str(value.type))
    leaves = [node for node in topological([value]) if node.op == "variable" and node.type.is_float]
    leaves = [leaf for leaf in leaves if program.variables[leaf.attrs["path"]].trained]
    if not leaves:
        raise errors.nothing_trained(of)
    requests = tuple([Node("grad", (value, leaf), None, leaf.type) for leaf in leaves])
    return dict(zip([str(leaf.attrs["path"]) for leaf in leaves], expand(Graph(requests)).outputs))


def _minimized(program: Program, names: Mapping[str, Node]) -> str:
    """The first named value that a train block minimizes."""
    losses = [m.loss for train in program.trains for m in statements(train.body)]
    named = [loss for loss in losses if loss in names]
    if not named:
        raise errors.nothing_minimized(program.source.name, names)
    return named[0]


# ---- building ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Drawn:
    """The drawing so far. A node is known by its number; groups by the places of the calls that made them."""

    program: Program
    numbers: dict[Node, str] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    groups: dict[Key, Group] = field(default_factory=dict)
    sources: dict[Source, str] = field(default_factory=dict)  # each with a name of its own

    def add(self, roots: Sequence[Node], is_gradient: bool) -> None:
        """The nodes that the roots need and that are not there yet."""
        for node in topological(roots):
            if node in self.numbers or node.op in _INLINE and not node.type.rank:
                continue
            id = self.numbers[node] = f"n{len(self.numbers)}"
            self.boxes[id] = self._box(id, node, is_gradient or bool(_split(node.origin)[1]))
            for tail in dict.fromkeys(i for i in node.inputs if i in self.numbers):
                self._place_leaf(tail, node)
                self.arrows.append(Arrow(self.numbers[tail], id, shape_of(tail)))

    def name(self, results: Mapping[Node, str]) -> None:
        """Says what the program calls what functions give."""
        given = {self.boxes[self.numbers[node]].group: name for node, name in results.items() if node in self.numbers}
        for key, group in self.groups.items():
            if group.id in given and group.kind == "function":
                self.groups[key] = replace(group, gives=given[group.id])

    def result(self, label: str, node: Node) -> None:
        """A box for what comes out."""
        id = f"r{len(self.boxes)}"
        group = self.boxes[self.numbers[node]].group if node in self.numbers else self._gradient()
        self.boxes[id] = Box(id, label, "", "output", str(node.type), group=group, is_gradient=True)
        if node in self.numbers:  # not of a constant
            self.arrows.append(Arrow(self.numbers[node], id, shape_of(node)))

    def _box(self, id: str, node: Node, is_gradient: bool) -> Box:
        kind = _LEAVES.get(node.op, "op")
        path = str(node.attrs.get("path") or node.attrs.get("name") or "") if node.is_leaf else node.scope
        label = (path if node.is_leaf else node.name) or node.op
        group = "" if node.is_leaf else self._group(node, is_gradient)
        places = tuple([self._place(span) for span in node.origin])
        return Box(id, label, node.op, kind, str(node.type), group, path, _details(node), places, is_gradient)

    def _place(self, span: Span) -> Place:
        source = span.source
        if source not in self.sources:
            number = [other.name for other in self.sources].count(source.name) + 1
            self.sources[source] = source.name if number == 1 else f"{source.name} ({number})"
        return Place(self.sources[source], *source.position(span.start), *source.position(span.end))

    # ---- groups

    def _group(self, node: Node, is_gradient: bool) -> str:
        """The id of the innermost group that a node belongs to."""
        own, request = _split(node.origin)
        parent = self._gradient() if is_gradient and not request else ""
        key: Key = (parent,)
        if request:
            key = (parent, *request)
            parent = self._known(key, _one_line(request[0]), GRADIENT, parent, place=self._place(request[0]))
        parts = node.scope.split("/") if node.scope else []
        calls = list(reversed(own[1:]))  # outermost first
        for i, part in enumerate(parts):
            path = "/".join(parts[: i + 1])
            key = (*key, part, *calls[i : i + 1])
            info = self.program.layers.get(path)
            place = self._place(calls[i]) if i < len(calls) else None
            parent = self._known(key, part, "layer", parent, info.layer if info else "", path, place)
        if len(calls) > len(parts):
            called = calls[len(parts)]
            name = called.text.partition("(")[0].strip()
            name = name if name.isidentifier() else "call"
            parent = self._known((*key, called), name, "function", parent, place=self._place(called))
        return parent

    def _gradient(self) -> str:
        return self._known((GRADIENT,), GRADIENT, GRADIENT, "")

    def _known(
        self, key: Key, label: str, kind: str, parent: str, layer: str = "", path: str = "", place: Place | None = None
    ) -> str:
        if key not in self.groups:
            self.groups[key] = Group(f"g{len(self.groups)}", label, kind, parent, layer, path, place)
        return self.groups[key].id

    def _place_leaf(self, leaf: Node, user: Node) -> None:
        """A variable lies in its layer's group, where it is used first."""
        id = self.numbers[leaf]
        box = self.boxes[id]
        if leaf.op != "variable" or box.group or self.boxes[self.numbers[user]].is_gradient:
            return
        owner = str(leaf.attrs["path"]).rpartition("/")[0]
        by_id = {group.id: group for group in self.groups.values()}
        at = by_id.get(self.boxes[self.numbers[user]].group)
        while at is not None and not (at.kind == "layer" and f"{owner}/".startswith(f"{at.path}/")):
            at = by_id.get(at.parent)
        if at is not None:
            self.boxes[id] = replace(box, group=at.id)

    def finished(self, title: str) -> Drawing:
        """The drawing, without function groups that hold a single box."""
        groups, boxes = list(self.groups.values()), list(self.boxes.values())
        counts: dict[str, int] = {}
        for member in (*boxes, *groups):
            parent = member.group if isinstance(member, Box) else member.parent
            counts[parent] = counts.get(parent, 0) + 1
        lone = {group.id: group.parent for group in groups if group.kind == "function" and counts.get(group.id, 0) < 2}
        boxes = [replace(box, group=lone[box.group]) if box.group in lone else box for box in boxes]
        kept = [group for group in groups if group.id not in lone and counts.get(group.id, 0)]
        texts = {name: source.text for source, name in self.sources.items()}
        return Drawing(title, tuple(kept), tuple(boxes), tuple(self.arrows), texts)


def _split(origin: tuple[Span, ...]) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The places of what is differentiated, then those of the `grad` in the program that asked for it, if one did."""
    asked = [i for i, span in enumerate(origin) if _REQUEST.match(span.text)]
    return (origin[: asked[0]], origin[asked[0] :]) if asked and asked[0] else (origin, ())


def _one_line(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 30 else f"{text[:27]}..."


def shape_of(node: Node) -> str:
    """`batch × 10`, with the dtype where that is not f32."""
    sizes = " × ".join(str(size) for size in node.type.shape) or "scalar"
    return sizes if node.type.dtype == "f32" else f"{node.type.dtype} {sizes}"


def _details(node: Node) -> tuple[tuple[str, str], ...]:
    """What a reader wants to know of a node besides its inputs that are boxes."""
    told: list[tuple[str, str]] = []
    if any(i.op in _INLINE and not i.type.rank for i in node.inputs):
        told.append(("arguments", ", ".join(_inline(i) for i in node.inputs)))
    hidden = ("path", "key", "body") if node.op != "constant" else ("value",)
    told += [(name, show_static(value)) for name, value in node.attrs.items() if name not in hidden]
    if node.op == LOOP:
        told.append(("body", f"{len(topological(node.attrs['body'].results))} nodes, run for each place"))
    return tuple(told)


def _inline(node: Node) -> str:
    if node.op == "constant" and not node.type.rank:
        value = node.attrs["value"]
        return f"{value:.6g}" if isinstance(value, float) else show_static(value)
    return str(node.attrs.get("size") or node.attrs.get("name")) if node.op in _INLINE else "."


# ---- folding -----------------------------------------------------------------------------------------------------


def folded(drawing: Drawing, depth: int) -> Drawing:
    """The drawing with every group below `depth` levels of them as one box."""
    groups = {group.id: group for group in drawing.groups}
    inside: dict[str, list[Box]] = {}
    shown: dict[str, str] = {}
    for box in drawing.boxes:
        chain = _chain(box.group, groups)
        shown[box.id] = chain[depth] if len(chain) > depth else box.id
        inside.setdefault(shown[box.id], []).append(box)
    boxes = [
        boxes[0] if id == boxes[0].id else _as_box(groups[id], boxes) for id, boxes in inside.items()
    ]
    between: dict[tuple[str, str], list[str]] = {}
    for arrow in drawing.arrows:
        ends = shown[arrow.tail], shown[arrow.head]
        if ends[0] != ends[1]:
            between.setdefault(ends, []).append(arrow.label)
    arrows = [Arrow(*ends, _together(labels)) for ends, labels in between.items()]
    kept = [group for group in drawing.groups if len(_chain(group.id, groups)) <= depth]
    return replace(drawing, groups=tuple(kept), boxes=tuple(boxes), arrows=tuple(arrows))


def _chain(group: str, groups: Mapping[str, Group]) -> list[str]:
    """The ids of a group and of those around it, outermost first."""
    chain: list[str] = []
    while group:
        chain.insert(0, group)
        group = groups[group].parent
    return chain


def _as_box(group: Group, inside: Iterable[Box]) -> Box:
    inside = list(inside)
    label = titled(group)
    details = (("nodes", str(len(inside))),)
    return Box(group.id, label, group.kind, "group", "", group.parent, group.path, details, (), inside[0].is_gradient)


def titled(group: Group) -> str:
    """What a folded group is called: `model: ConvNet`, `loss: mean`."""
    if group.gives:
        return f"{group.gives}: {group.label}"
    return f"{group.label}: {group.layer}" if group.layer else group.label


def _together(labels: Sequence[str]) -> str:
    different = list(dict.fromkeys(labels))
    return different[0] if len(different) == 1 else f"{different[0]} and {len(different) - 1} more"
