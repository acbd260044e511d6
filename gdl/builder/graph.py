"""A graph under construction: nodes made one by one, by the same rules and with the same messages as in a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from gdl.builder.arrays import beside, is_numeric, natural
from gdl.builder.functions import Function, Net
from gdl.builder.node import Node
from gdl.builder.places import Place, Places
from gdl.builder.shapes import check_dtype, tensor_type
from gdl.diagnostics import Diagnostic
from gdl.errors import ProgramError, building
from gdl.errors import calls as call_errors
from gdl.errors import names as name_errors
from gdl.errors import types as type_errors
from gdl.graph import node as ir
from gdl.lang.bind import is_initializer, parameters
from gdl.lang.calls import call_values, make_instance
from gdl.lang.check import deep_stack, open_context
from gdl.lang.context import Frame
from gdl.lang.expressions import binary
from gdl.lang.lookup import find_definition
from gdl.lang.minimize import optimize_variable
from gdl.lang.tensors import initial_value
from gdl.lang.values import Argument, Builtin, Instance, Partial, Poisoned, VariableSet, describe
from gdl.lang.values import Function as Definition
from gdl.ops.table import TABLE, Op
from gdl.runtime.arrays import DTYPES, dtype_name
from gdl.source import Source, Span
from gdl.syntax import ast
from gdl.types.match import Guard
from gdl.types.sizes import Poly
from gdl.types.tensor import TensorType, tensor

#: Paths of what optimizers remember, which is no part of the model.
OPTIMIZER = "optimizer"
_NO_MORE = "a graph's text holds definitions and imports; a whole program is opened by gdl.load or gdl.loads"


class Graph:
    """Placeholders, variables and what is computed from them. It holds no numbers: a `Runtime` does.

    Inside `with graph:` it is the graph of all that is made without nodes. `text` may define functions, layers and
    optimizers in GDL; `training` is what they see as `training`, where a call does not say otherwise.
    """

    def __init__(self, text: str = "", *, training: bool = False):
        self.context, module = open_context(Source("<graph>", text), {}, _no_data, {})
        self.context.top.training = training
        self._places = Places()
        self._leaves: dict[ir.Node, Node] = {}
        self._guards: dict[ir.Node, list[tuple[Guard, tuple[Span, ...]]]] = {}
        self.arrays: dict[str, np.ndarray] = {}  # of array constants: fed in every run
        self.first_values: dict[str, np.ndarray] = {}  # of variables that start as a given array
        for item in self.context.main.statements:
            word = f"`{item.span.text.split(None, 1)[0]}`"
            self.context.report(name_errors.misplaced(item.span, word, "in the text of a graph", _NO_MORE))
        self._raise(self.context.diagnostics)

    # ---- the graph that calls without nodes belong to

    def __enter__(self) -> Graph:
        _ENTERED.set((*_ENTERED.get(), self))
        return self

    def __exit__(self, *raised: object) -> None:
        _ENTERED.set(_ENTERED.get()[:-1])

    # ---- leaves

    def placeholder(self, name: str, shape: Sequence[Any] = (), dtype: str = "f32") -> Node:
        """A node that is fed. Sizes are integers, names ("batch", "row: 28"), or None for one that has no name."""
        place = self._places.here()
        known = self.context.placeholders
        if name in known:
            raise ProgramError(name_errors.declared_twice(place.span, name, known[name].span))
        type = tensor_type(place, name, shape, dtype)
        known[name] = ir.Node("input", (), {"name": name}, type, (place.span,), "", name)
        return self.wrapped(known[name])

    def variable(
        self, name: str, shape: Sequence[Any] = (), initial: Any = 0.0, *, dtype: str = "f32", trainable: bool = True
    ) -> Node:
        """A tensor that outlives a run. Its first value is an initializer such as `glorot_uniform()`, a number, an
        array of its shape, or a node. The name is its path in checkpoints, and seeds its draws."""
        place = self._places.here()
        type = tensor_type(place, name, shape, dtype)
        if name in self.context.variables:
            raise ProgramError(name_errors.declared_twice(place.span, name, self.context.variables[name].span))
        if trainable and not type.is_float:
            help = "only floats can be trained; trainable=False keeps a tensor that is not"
            raise ProgramError(type_errors.wrong_dtype(place.span, f"variable `{name}`", ("f32", "f64"), type, help))
        array = initial if isinstance(initial, np.ndarray) and initial.ndim else None
        if array is not None:
            array, initial = self._first_value(place, name, type, array), 0.0

        def declare() -> ir.Node:
            first = self._initial(name, type, initial, place)
            return self.context.declare_variable(self._frame(), name, type, lambda _: first, trainable, place.span)

        leaf = self._told(declare)
        if array is not None:
            self.first_values[name] = array
        return self.wrapped(leaf)

    def constant(self, value: Any, shape: Sequence[int] | None = None, dtype: str | None = None) -> Node:
        """A number or an array as a node; with a shape, one number throughout. A number is f32 where nothing else is
        said, and so are the elements of an array of floats."""
        place, array = self._places.here(), np.asarray(value)
        check_dtype(place, "constant", dtype or "f32")
        if isinstance(value, Node) or not is_numeric(array):
            self._refuse(place.part(0), value)
        own = natural(array) if array.ndim or array.dtype.kind == "b" else "f32"
        node = self._array(array.astype(DTYPES[dtype or own]), place)
        return node if shape is None else self.call("broadcast_to", (node, shape))

    def net(self, name: str, layer: Function) -> Net:
        """An instance of a layer, its variables at paths below the name: net("fc1", Dense(10))."""
        span = self._places.here().span
        value = getattr(layer, "value", layer)
        value = Partial(value, (), span) if isinstance(value, Definition) else value
        callee = value.callee if isinstance(value, Partial) else None
        if not isinstance(callee, Definition) or callee.definition.what != "layer":
            raise ProgramError(call_errors.wrong_value(span, "a layer", describe(value), 'as in net("fc1", Dense(10))'))
        top, cx = self.context.top, self.context
        return self.wrapped(self._told(lambda: make_instance(cx, top, callee, value.args, name, span)))

    # ---- what there is

    @property
    def placeholders(self) -> list[Node]:
        return [self.wrapped(node) for node in self.context.placeholders.values()]

    def variables(self, *, trainable: bool | None = None) -> list[Node]:
        """All variables of the model, or those that are (not) trained."""
        found = [(path, info) for path, info in self.context.variables.items() if not path.startswith(f"{OPTIMIZER}/")]
        return [self.wrapped(self.context.leaves[p]) for p, i in found if trainable in (None, i.trained)]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings, such as of a broadcast that makes something larger than both operands."""
        return tuple(self.context.diagnostics)

    def function(self, name: str) -> Function:
        """An op, a function or layer of the library or of this graph's text. Errors: AttributeError."""
        nn = self.context.loader.standard("nn")
        found = find_definition(self.context, self.context.main, name) or (nn and nn.lookup(name))
        if not isinstance(found, (Op, Definition, Builtin)):
            known = [*TABLE, *[n for library in (*self.context.prelude, nn) if library for n in library.names()]]
            similar = name_errors.closest(name, known)
            raise AttributeError(f"GDL has no {name!r}" + (f"; did you mean {similar!r}?" if similar else ""))
        return Function(found)

    # ---- building

    def operate(self, op: str, left: Any, right: Any) -> Node:
        """`left op right`, one of them a node of this graph."""
        place = self._places.here()
        like = (left if isinstance(left, Node) else right).dtype
        first, second = [
            Argument(self._value(value, place, i, like), place.part(i)) for i, value in enumerate((left, right))
        ]
        cx = self.context
        return self.wrapped(self._told(lambda: binary(cx, cx.top, op, first, second, place.span)))

    def call(self, callee: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        """A call of what a `Function` or `Net` stands for, or of an op by its name."""
        place = self._places.here()
        keywords = dict(kwargs or {})
        over = keywords.pop("over", None)
        near = next((v.dtype for v in (*args, *keywords.values()) if isinstance(v, Node) and v.ir.type.is_float), None)

        def argument(value: Any, part: int | str) -> Argument:
            is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"  # whole numbers may be indices
            known = self._value(value, place, part, near if is_float else None)
            if isinstance(part, str):
                return Argument(known, place.part(part), part, place.part(f"{part}="))
            return Argument(known, place.part(part))

        arguments = [argument(value, i) for i, value in enumerate(args)]
        arguments += [argument(value, name) for name, value in keywords.items()]
        if over is not None:
            labels = tuple([ast.Name(n, span=place.part("over")) for n in ([over] if isinstance(over, str) else over)])
            arguments.append(Argument(ast.Tuple(labels, span=place.span), place.span, "over", place.span))
        callee = TABLE[callee] if isinstance(callee, str) else callee
        if is_initializer(callee) and not _tells_shape(callee, arguments):
            return Function(Partial(callee, tuple(arguments), place.span))
        cx = self.context
        return self.wrapped(self._told(lambda: call_values(cx, cx.top, callee, arguments, place.span)))

    def index(self, node: Node, key: Any) -> Node:
        """`node[key]`, as NumPy writes it."""
        place = self._places.here()
        names: dict[str, Any] = {"x": node.ir}

        def named(value: Any) -> ast.Expr:
            name = f"i{len(names)}"
            names[name] = self._value(value, place, 1)
            return ast.Name(name, span=place.part(1))

        def item(value: Any) -> ast.Expr:
            if value is Ellipsis:
                return ast.Ellipsis_(span=place.part(1))
            if isinstance(value, slice):
                bounds = [None if b is None else named(b) for b in (value.start, value.stop, value.step)]
                return ast.Slice(*bounds, span=place.part(1))
            return named(value)

        items = tuple([item(value) for value in (key if isinstance(key, tuple) else (key,))])
        written = ast.Index(ast.Name("x", span=place.part(0)), items, span=place.span)
        return self.wrapped(self._told(lambda: self.context.evaluate(self._frame(names), written)))

    def wrapped(self, value: Any) -> Any:
        """What the language gives, as Python sees it. A leaf is always the same object."""
        if isinstance(value, ir.Node):
            return self._leaves.setdefault(value, Node(self, value)) if value.is_leaf else Node(self, value)
        if isinstance(value, VariableSet):
            return [self.wrapped(self.context.leaves[path]) for path in value.paths]
        if isinstance(value, Instance):
            return Net(self, value)
        if isinstance(value, tuple):
            return tuple([self.wrapped(v) for v in value])
        return Function(value) if isinstance(value, (Op, Definition, Builtin, Partial)) else value

    def here(self) -> Span:
        """Where the code that called GDL stands."""
        return self._places.here().span

    def no_truth_value(self, node: Node) -> ProgramError:
        return building.no_truth_value(self.here(), node.name, str(node.ir.type))

    def guards_of(self, nodes: Sequence[ir.Node]) -> tuple[tuple[Guard, tuple[Span, ...]], ...]:
        """What must hold of sizes where these nodes are computed, and could not be decided when they were made."""
        return tuple([guard for node in nodes for guard in self._guards.get(node, ())])

    def optimized(self, rule: Partial, paths: Sequence[str], scope: str) -> list[tuple[ir.Node, ir.Node]]:
        """What an optimizer's rule does to variables, each as (variable, new value). Gradients are inputs called
        "gradient of PATH"; what the rule remembers lies below the scope."""
        cx, span = self.context, self.here()

        def updates() -> list[tuple[ir.Node, ir.Node]]:
            found = []
            for leaf in [cx.leaves[path] for path in paths]:
                path = leaf.attrs["path"]
                gradient = ir.Node("input", (), {"name": f"gradient of {path}"}, leaf.type, leaf.origin)
                found += optimize_variable(cx, cx.top, rule, leaf, gradient, f"{scope}/{path}", span)
            return [(update.variable, update.value) for update in found]

        return self._told(updates)

    # ---- values

    def _value(self, value: Any, place: Place, part: int | str, like: str | None = None) -> Any:
        """A Python value as the language knows it. An array beside a node takes the node's dtype, as literals do."""
        if isinstance(value, Node):
            if value.graph is not self:
                raise building.other_graph(place.part(part), value.name, str(value.ir.type), value.ir.span)
            return value.ir
        if isinstance(value, (Function, Net)):
            return value.value
        if isinstance(value, (np.generic, np.ndarray)) and not np.ndim(value):
            return value.item()
        if isinstance(value, np.ndarray):
            if not is_numeric(value):
                self._refuse(place.part(part), value)
            return self._array(beside(value, like), place).ir
        if isinstance(value, (list, tuple)):
            return tuple([self._value(v, place, part, like) for v in value])
        if value is None or isinstance(value, (bool, int, float, str, Poly, ir.Node)):
            return value
        self._refuse(place.part(part), value)

    def _refuse(self, span: Span, value: Any) -> NoReturn:
        got = f"a {type(value).__name__}" + (f" of {value.dtype}" if isinstance(value, np.ndarray) else "")
        raise ProgramError(call_errors.wrong_value(span, "a node, an array or a number", got))

    def _array(self, array: np.ndarray, place: Place) -> Node:
        """An array as a leaf: a number as a literal, anything larger as an input that every run is fed."""
        dtype = dtype_name(array.dtype)
        if not array.ndim:
            return self.wrapped(ir.constant(array.item(), dtype, origin=(place.span,)))
        name = f"<array {len(self.arrays)}>"
        self.arrays[name] = array.copy()
        type = replace(tensor(dtype, *array.shape), origin=place.span)
        return self.wrapped(ir.Node("input", (), {"name": name}, type, (place.span,), "", ""))

    def _initial(self, name: str, type: TensorType, initial: Any, place: Place) -> ir.Node:
        """The graph of a first value, by the rules of `variable name: type = initial`."""
        value = self._value(initial, place, "initial" if "initial" in place.parts else 2)
        names = {"initial": value.callee if isinstance(value, Partial) else value}
        written: ast.Expr = ast.Name("initial", span=place.span)
        if isinstance(value, Partial):
            args = []
            for i, argument in enumerate(value.args):
                names[f"a{i}"] = argument.value
                args.append(ast.Argument(ast.Name(f"a{i}", span=place.span), argument.name, span=place.span))
            written = ast.Call(written, tuple(args), span=place.span)
        statement = ast.Variable(name, ast.TypeExpr(None, (), span=place.span), written, span=place.span)
        first = initial_value(self.context, self._frame(names), statement, type, name)
        if any(node.op == "input" for node in ir.topological([first])):
            text = call_errors.wrong_value(place.span, "a first value", "one that depends on what is fed")
            raise ProgramError(text)
        return first

    def _first_value(self, place: Place, name: str, type: TensorType, array: np.ndarray) -> np.ndarray:
        if not is_numeric(array):
            self._refuse(place.span, array)
        if array.shape != type.shape:
            given = tensor(natural(array), *array.shape)
            raise ProgramError(type_errors.declared_type(place.span, name, type, given, "its first value is"))
        return array.astype(DTYPES[type.dtype])

    # ---- evaluation

    def _frame(self, names: dict[str, Any] | None = None) -> Frame:
        return Frame("program", self.context.main, names or {}, training=self.context.top.training)

    def _told(self, evaluate: Callable[[], Any]) -> Any:
        """What the language makes of something; mistakes are raised, warnings kept, guards put to what they are of."""
        cx = self.context
        warned, cx.diagnostics, cx._said, cx.guards = cx.diagnostics, [], set(), []
        result = None
        try:
            with deep_stack():
                result = evaluate()
        except Poisoned:
            pass
        finally:
            said, cx.diagnostics = cx.diagnostics, warned
        self._raise(said)
        cx.diagnostics += [warning for warning in said if warning not in warned]
        for node in result if isinstance(result, tuple) else (result,):
            if cx.guards and isinstance(node, ir.Node):
                self._guards.setdefault(node, []).extend(cx.guards)
        return result

    def _raise(self, said: Sequence[Diagnostic]) -> None:
        wrong = [diagnostic for diagnostic in said if diagnostic.is_error]
        if wrong:
            raise ProgramError(*wrong)


def current_graph() -> Graph:
    """The innermost graph entered by `with`, else the default graph, which is made when it is first wanted."""
    if not _ENTERED.get():
        _ENTERED.set((Graph(),))
    return _ENTERED.get()[-1]


_ENTERED: ContextVar[tuple[Graph, ...]] = ContextVar("gdl.builder.graphs", default=())
Function.new_graph, Function.current_graph = Graph, staticmethod(current_graph)


def _no_data(call: Any) -> NoReturn:
    raise AssertionError(f"the text of a graph declares no data: {call}")


def _tells_shape(callee: Any, arguments: Sequence[Argument]) -> bool:
    names = [p.name for p in parameters(callee)]
    positional = dict(zip(names, [a.value for a in arguments if a.name is None]))
    return isinstance(positional.get("shape"), tuple) or any(a.name == "shape" for a in arguments)
