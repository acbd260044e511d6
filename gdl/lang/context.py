"""The state of one check: what was found out so far, and what was said about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.errors.places import inside_library
from gdl.graph.node import Node
from gdl.lang.modules import Library, Loader
from gdl.lang.program import Hyper, LayerInfo, VariableInfo
from gdl.lang.values import DataValue, Function, Poisoned
from gdl.record import Entity, Record, record
from gdl.source import Span
from gdl.syntax import ast
from gdl.types import sizes
from gdl.types.match import Guard
from gdl.types.record import DataHeader, SourceCall
from gdl.types.tensor import TensorType

#: Calls (and the expressions in them) nested deeper than this are an error of their own.
MAX_CALLS = 200
#: Expressions evaluated while a program is checked, those in loops and definitions each time: what a file may cost.
MAX_EVALUATIONS = 1_000_000


@dataclass(eq=False, slots=True)
class Frame:
    """One body being evaluated: its names, and where it stands.

    `what` is "program", "def", "layer", "optimizer", "scan", "train", "eval" or "test". `calls` are the places of the
    calls that led here, innermost first. `pending` are statements further down that bind a name not bound yet.
    """

    what: str
    library: Library
    names: dict[str, Any]
    scope: str = ""
    training: bool = False
    calls: tuple[Span, ...] = ()
    owner: str = ""  # the outermost `def` called from the layer around: names random draws
    members: dict[str, Any] | None = None  # of the instance, so that `net.w` finds it
    updated: dict[str, Span] = field(default_factory=dict)
    pending: dict[str, list[ast.Statement]] = field(default_factory=dict)
    working: list[tuple[str, ast.Statement]] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    states: dict[str, Node] = field(default_factory=dict)  # what `update` may change, by name
    spans: dict[str, Span] = field(default_factory=dict)  # where names were bound
    paths: dict[str, Span] = field(default_factory=dict)  # of the instances made in this body
    dtypes: dict[str, str] = field(default_factory=dict)  # what the signature's dtype variables stand for
    labels: dict[str, str | None] = field(default_factory=dict)  # symbol that labels an axis -> the caller's label
    loop: Any = None  # of a scan: collects `next` and `yield`


@record
class PendingUpdate(Record):
    """`update v = expr` of one application of a layer: it takes part in a run that needs one of `anchors`."""

    variable: Node
    value: Node
    anchors: tuple[Node, ...] | None = None  # None: always


@record
class First(Record):
    """The first value of a variable, and what making it took."""

    node: Node
    drawn: tuple[Node, ...]
    cost: int


@record
class Owned(Entity):
    """What one `variable` or `state` declared."""

    leaf: Node
    path: str
    type: TensorType
    trained: bool
    span: Span
    calls: tuple[Span, ...]
    first: First | None  # None where there was one, or where it depends on more than the arguments of the call


class Context:
    """Everything that the stages of one check share. One per `check`."""

    #: Expressions, statements and calls need each other; they meet here. Set once, in `gdl.lang.check`.
    evaluate: Callable[[Frame, ast.Expr], Any]
    execute: Callable[[Frame, ast.Statement], None]
    condition: Callable[[Frame, ast.Expr, str], bool]
    make_instance: Callable[..., Any]
    require_statics: Callable[..., None]
    initialise: Callable[..., Any]
    is_known: Callable[[Frame, str], bool]
    #: What a field of a data source means outside a feed: at a prompt all of its records, in a file nothing.
    records: Callable[[DataValue, str, Span], Node] | None = None
    #: What expressions and names of the main file came to, by place, each value in turn: for editors, who ask for it.
    seen: dict[tuple[int, int], list[Any]] | None = None

    def __init__(
        self,
        main: Library,
        loader: Loader,
        hypers: Mapping[str, Any],
        describe: Callable[[SourceCall], DataHeader],
        sources: Mapping[str, Any],
    ):
        self.main, self.loader, self.prelude = main, loader, loader.prelude()
        self.given_hypers, self.describe, self.sources = hypers, describe, sources
        self.diagnostics: list[Diagnostic] = []
        self._said: set[tuple[str, int, int, str]] = set()
        self.hypers: dict[str, Hyper] = {}
        self.placeholders: dict[str, Node] = {}
        self.variables: dict[str, VariableInfo] = {}
        self.first_uses: dict[str, tuple[Span, ...]] = {}  # of variables: the calls that made them, innermost first
        self.leaves: dict[str, Node] = {}
        self.layers: dict[str, LayerInfo] = {}  # instances that were applied, by path
        self.broken: frozenset[str] = frozenset()  # names in statements that did not parse: nothing is said of them
        self.unparsed: list[Span] = []  # where the text is no program
        self.called: set[Function] = set()  # definitions whose body was evaluated
        self.axis_names: dict[Function, frozenset[str]] = {}  # what their bodies call axes by
        self.is_to_run = True  # else nothing need be made that says nothing new of what is right and wrong
        self.is_trial = False  # a definition that nothing calls is evaluated with made-up arguments
        self.depth = self.deepest = 0  # of calls; `deepest` since it was set last
        self.evaluations, self.max_evaluations = 0, MAX_EVALUATIONS
        #: Of the evaluations, those for first values of variables, which are made once.
        self.initial_cost = 0
        #: Counts what makes a body's value depend on more than its arguments: the program's own names, what variables
        #: there are. `asked` counts those that asked for `training`.
        self.steered = self.asked = 0
        self.remembers = False  # see `gdl.lang.recall`
        self.own_sources = frozenset([library.source for library in loader.own()])
        self.kinds: dict[Any, int] = {}
        self.remembered: dict[Any, Any] = {}
        self.owned: list[Owned] = []  # what was declared, each time
        self.applied: list[LayerInfo] = []  # as `layers`, each time
        self.declared: dict[str, Any] = {}  # dims, hypers and data of the main file
        self.standard: dict[str, Any] = {}  # what names mean that the library, the ops or the language define
        self._statics: dict[Library, Mapping[str, Any]] = {}
        self.start_mode(training=False)

    def start_mode(self, training: bool) -> None:
        """Forget what belongs to the evaluation of the program in one mode."""
        self.training = training
        self.evaluations = self.evaluations if self.evaluations > self.max_evaluations else 0
        self.top = Frame("program", self.main, dict(self.declared), training=training)
        self.updates: list[PendingUpdate] = []
        self.guards: list[tuple[Guard, tuple[Span, ...]]] = []
        self.keys: dict[str, int] = {}
        self.drawn: list[Node] = []  # random nodes, in the order they were made

    def note(self, span: Span | None, value: Any) -> None:
        """Remember what stands at a place of the main file, where that is asked for."""
        if self.seen is not None and span is not None and span.source is self.main.source:
            self.seen.setdefault((span.start, span.end), []).append(value)

    # ---- diagnostics

    def report(self, diagnostic: Diagnostic) -> None:
        """Say it, unless the same was said of the same place before (a program is evaluated once per mode)."""
        span = diagnostic.span
        if span is not None and any(place == span for place in self.unparsed):
            return  # the text is wrong there already
        key = (diagnostic.code, span.start if span else -1, span.end if span else -1, span.source.name if span else "")
        if key not in self._said:
            self._said.add(key)
            self.diagnostics.append(diagnostic)

    def is_broken(self, span: Span) -> bool:
        """Whether a part of this text did not parse: what it lacks may stand there."""
        return any(span.source is p.source and span.start <= p.start <= span.end for p in self.unparsed)

    def fail(self, diagnostic: Diagnostic, frame: Frame | None = None) -> NoReturn:
        """Say it and give up the statement."""
        self.report(blame_caller(diagnostic, frame.calls, self.body_of) if frame else diagnostic)
        raise Poisoned

    def body_of(self, span: Span) -> str:
        """The definition of the user's in which a place is."""
        for library in self.loader.own():
            if library.source is span.source:
                for name, function in library.parsed.items():
                    body = function.definition.span
                    if body.start <= span.start < body.end:
                        return f"`{name}`"
        return ""

    def warn(self, diagnostic: Diagnostic) -> None:
        if diagnostic.span is not None and self.is_users(diagnostic.span):
            self.report(diagnostic)

    def is_users(self, span: Span) -> bool:
        """Whether a place is in the user's own files, not in the standard library."""
        return not is_library(span)

    def count(self, span: Span, frame: Frame, cost: int = 1) -> None:
        """One more evaluation, or what costs as much. Beyond the limit everything is given up, which is said once."""
        before = self.evaluations
        self.evaluations += cost
        if self.evaluations > self.max_evaluations:
            if before <= self.max_evaluations:
                self.fail(call_errors.too_much(span, self.max_evaluations), frame)
            raise Poisoned

    @contextmanager
    def deeper(self, span: Span) -> Iterator[None]:
        if self.depth >= MAX_CALLS:
            self.fail(call_errors.too_deep(span, "calls", MAX_CALLS))
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        try:
            yield
        finally:
            self.depth -= 1

    # ---- nodes and names

    def statics_of(self, library: Library) -> Mapping[str, Any]:
        """What definitions of an imported file see of it besides definitions: its hypers, at their defaults."""
        if library not in self._statics:
            frame = Frame("program", library, {})
            self._statics[library] = frame.names
            for item in library.statements:
                if isinstance(item, ast.Hyper):
                    frame.names[item.name] = self.evaluate(frame, item.default)
        return self._statics[library]

    def leaf(self, info_path: str, type: TensorType, span: Span | None) -> Node:
        """The one node of a variable."""
        if info_path not in self.leaves:
            self.leaves[info_path] = Node(
                "variable",
                (),
                {"path": info_path},
                type,
                (span,) if span else (),
                info_path.rpartition("/")[0],
                info_path,
            )
        return self.leaves[info_path]

    def key(self, scope: str, name: str) -> str:
        """A name for a random draw, distinct within the program: its path."""
        path = join(scope, name)
        count = self.keys.get(path, 0)
        self.keys[path] = count + 1
        return path if count == 0 else f"{path}.{count}"

    def apply_layer(self, info: LayerInfo) -> None:
        self.layers[info.path] = info
        self.applied.append(info)

    def declare_variable(
        self, frame: Frame, name: str, type: TensorType, initial: Callable[[str], Node], trained: bool, span: Span
    ) -> Node:
        """The leaf of a variable at its path; made at first use, verified at every further one."""
        path = join(frame.scope, name)
        known = self.variables.get(path)
        if known is None:
            for dim in type.dims:
                if not isinstance(dim.size, int) and not self.is_trial:
                    symbol = sorted(sizes.symbols(dim.size))[0]
                    self.fail(name_errors.not_sized(span, path, str(type), symbol), frame)
        elif known.type != type:
            here, first = _users((*frame.calls, span)), _users(self.first_uses[path])
            self.fail(name_errors.variable_differs(here, path, str(type), str(known.type), first))
        return self.own(path, type, trained, span, frame.calls, lambda: initial(path))

    def own(
        self, path: str, type: TensorType, trained: bool, span: Span, calls: tuple[Span, ...],
        initial: Callable[[], Node],
    ) -> Node:  # fmt: skip
        """The leaf of a variable whose type is right; what it begins with is made where it is new."""
        first = None
        if path not in self.variables:
            steered, asked, spent, guarded = self.steered, self.asked, self.evaluations, len(self.guards)
            before, self.drawn = self.drawn, []
            try:
                node = self.leaf(path, type, span) if self.is_trial else initial()
                drawn = tuple(self.drawn)
            finally:
                self.drawn = before
            if self.steered == steered:
                first = First(node, drawn, self.evaluations - spent)
            self.steered, self.asked = steered + (len(self.guards) > guarded), asked
            self.initial_cost += self.evaluations - spent
            self.variables[path] = VariableInfo(path, type, node, trained, span=span)
            self.first_uses[path] = (*calls, span)
        leaf = self.leaf(path, type, span)
        self.owned.append(Owned(leaf, path, type, trained, span, calls, first))
        return leaf

    def guard(self, guards: list[Guard], frame: Frame, span: Span) -> None:
        self.guards += [(g, (span, *frame.calls)) for g in guards]


def _users(places: tuple[Span, ...]) -> Span:
    """The innermost of the places that is in the user's own text."""
    return next((p for p in places if not is_library(p)), places[-1])


def join(scope: str, name: str) -> str:
    return f"{scope}/{name}" if scope else name


def is_library(span: Span) -> bool:
    """Whether a place is in a module of the standard library."""
    return span.source.is_library


#: Mistakes that a body has however it is called: names, arity, keywords.
_OWN_MISTAKES = ("E010", "E011", "E0202", "E0203", "E0204", "E0209", "E0210")
_ARGUMENTS_MATTER = ("E0115", "E0116")


def blame_caller(diagnostic: Diagnostic, calls: tuple[Span, ...], body_of: Callable[[Span], str]) -> Diagnostic:
    """The diagnostic with the calls that led there: where it arose in the library, the user's own call is to blame.

    `body_of` names the definition that a place is in.
    """
    span = diagnostic.span
    if span is None or not calls:
        return diagnostic
    own = [c for c in calls if not is_library(c)]
    if not is_library(span):
        if diagnostic.code.startswith(_OWN_MISTAKES) and diagnostic.code not in _ARGUMENTS_MATTER:
            return diagnostic
        return replace(diagnostic, labels=diagnostic.labels + _chain([span, *own], body_of))
    if not own:
        return diagnostic
    labels = (
        Label(own[0], diagnostic.labels[0].text),
        *[each for each in diagnostic.labels[1:] if not is_library(each.span)],
    )
    notes = [note for note in diagnostic.notes if not _SIGNATURE.match(note)]  # of what the user has not called
    called = ([span, *calls])[calls.index(own[0])]  # the place in the library that the user's call led to
    return replace(
        diagnostic, message=_as_called(diagnostic.message, called),
        labels=labels + _chain(own, body_of), notes=(*notes, inside_library(span)), fix=(),
        helps=(type_errors.CONVERT_AN_ARGUMENT,) if diagnostic.code == "E0401" else diagnostic.helps,
    )  # fmt: skip


_SIGNATURE = re.compile(r"\w+\(")
_DEFINITION = re.compile(r"^(?:def|layer|optimizer) (?P<name>\w+)\((?P<parameters>.*?)\)", re.MULTILINE | re.DOTALL)


def _as_called(message: str, place: Span) -> str:
    """A message about an op or function inside the library, told of the one around `place`, which the user called."""
    inner = re.match(r"`\w+`(?:: | (?=needs|cannot mix))|`(?P<parameter>\w+)` of `\w+`", message)
    around = [found for found in _DEFINITION.finditer(place.source.text) if found.start() <= place.start]
    if inner is None or not around:
        return message
    name, rest, parameter = around[-1]["name"], message[inner.end() :], inner["parameter"]
    if parameter is None:
        return f"`{name}`{': ' if inner[0].endswith(': ') else ' '}{rest}"
    return f"`{parameter}` of `{name}`{rest}" if re.search(rf"\b{parameter}:", around[-1]["parameters"]) else message


def _chain(places: list[Span], body_of: Callable[[Span], str]) -> tuple[Label, ...]:
    """Where the body around each place is called, the next of the places."""
    bodies = {
        outer: inner for inner, outer in reversed(list(zip(places, places[1:]))) if inner != outer
    }  # each place once
    links = list(reversed(bodies.items()))
    shown = links if len(links) <= _MAX_CHAIN else [*links[: _MAX_CHAIN - 1], links[-1]]
    return tuple([Label(outer, f"{body_of(inner) or 'it'} is called here") for outer, inner in shown])


_MAX_CHAIN = 4
