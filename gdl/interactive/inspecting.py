"""What can be seen of a program under construction: gradients, values on the way, graphs, sizes, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gdl.autodiff import expand
from gdl.errors import GdlError
from gdl.errors import prompt as errors
from gdl.graph.node import Graph, Node, show, topological
from gdl.interactive.answers import Answer, Layers, Picture, Table, Text, Variables
from gdl.interactive.describing import describe_value
from gdl.session.summary import layer_rows, variable_rows
from gdl.source import Span
from gdl.syntax import ast
from gdl.train.images import are_images, tile, to_bytes

if TYPE_CHECKING:
    from gdl.interactive.session import Interactive


def node_of(session: Interactive, expr: ast.Expr) -> Node:
    """An expression as a node. Errors: GdlError."""
    value = session.evaluate(expr)
    if not isinstance(value, Node):
        why = f"this is {describe_value(value)}, not a tensor"
        raise GdlError(errors.wrong_argument(expr.span, "the name of a tensor", why))
    return value


def gradients(session: Interactive, expr: ast.Expr) -> Iterator[Answer]:
    """The gradient of a scalar at every variable that it rests on."""
    loss = node_of(session, expr)
    leaves = [n for n in topological([loss]) if n.op == "variable" and n.type.is_float and _is_trained(session, n)]
    if loss.type.rank or not leaves:
        why = f"it is {loss.type}" if loss.type.rank else "it rests on no variable"
        why = f"only a scalar made of variables has gradients; {why}"
        raise GdlError(errors.wrong_argument(expr.span, ":grad sum(...)", why))
    requests = [Node("grad", (loss, leaf), None, leaf.type, (expr.span,)) for leaf in leaves]
    values = session.compute([*requests, *leaves], expr.span)
    rows = []
    for leaf, grad, value in zip(leaves, values, values[len(leaves) :]):
        norm, size = float(np.linalg.norm(grad.astype(np.float64))), float(np.linalg.norm(value.astype(np.float64)))
        ratio = size / norm if norm else float("inf")
        zeros = f"{np.mean(grad == 0):.0%}" if grad.size else "-"
        low, high = (float(grad.min()), float(grad.max())) if grad.size else (0.0, 0.0)
        rows.append((leaf.attrs["path"], str(leaf.type), norm, low, high, zeros, ratio))
    yield Table(("path", "type", "norm", "min", "max", "zeros", "value/grad"), tuple(rows))


def _is_trained(session: Interactive, leaf: Node) -> bool:
    info = session.live.cx.variables.get(str(leaf.attrs["path"]))
    return info is None or info.trained


def trace(session: Interactive, expr: ast.Expr) -> Iterator[Answer]:
    """Statistics of every value on the way to an expression, and where the first is not finite."""
    node = node_of(session, expr)
    runner = session.prepare([node], expr.span)
    rows, first = [], ""
    for each, value in session.machine.trace(runner, session.fed):
        array = np.asarray(value)
        if each.op == "constant":
            continue
        rows.append((_called(each), _shape(array), *_statistics(array), _place(each)))
        if not first and array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = array[~np.isfinite(array)]
            first = f"first nan or inf: {_called(each)}, {bad.size:,} of {array.size:,} values, {_place(each)}"
    yield Table(("value", "shape", "min", "mean", "max", "source"), tuple(rows))
    yield Text((first or "every value is finite",))


def _called(node: Node) -> str:
    if node.is_leaf:
        return str(node.attrs.get("path") or node.attrs.get("name") or node.op)
    return f"{node.name} = {node.op}" if node.name else node.op


def _shape(array: np.ndarray) -> str:
    return f"[{', '.join(map(str, array.shape))}]"


def _statistics(array: np.ndarray) -> tuple[Any, Any, Any]:
    if not array.size:
        return "-", "-", "-"
    values = array.astype(np.float64)
    with np.errstate(all="ignore"):
        return float(values.min()), float(values.mean()), float(values.max())


def _place(node: Node) -> str:
    """Where a node stands: the innermost place that is not in the library."""
    own = [span for span in node.origin if span.source.path is None or span.source.path.parent.name != "stdlib"]
    span = (own or node.origin or (None,))[0]
    return "" if span is None else f"{span!r}  {_one_line(span)}"


def _one_line(span: Span) -> str:
    text = " ".join(span.text.split())
    return text if len(text) <= 40 else text[:37] + "..."


def graph(session: Interactive, expr: ast.Expr) -> Iterator[Answer]:
    """The graph of an expression, gradients worked out."""
    yield Text(tuple(show(expand(Graph((node_of(session, expr),)))).splitlines()))


def why(session: Interactive, expr: ast.Expr) -> Iterator[Answer]:
    """What a name rests on, directly and all in all, and the origin of each of its sizes."""
    name = expr.span.text.strip()
    owners = session.ledger.owners(name)
    if not owners:
        usage = ":why name, with a name defined here"
        raise GdlError(errors.wrong_argument(expr.span, usage, f"`{name}` is no name defined here"))
    value = session.live.names.get(name)
    yield Text((f"{name}: {describe_value(value)}", *[f"  {line}" for line in owners[-1].text.splitlines()]))
    if owners[-1].wrong:
        raise GdlError(errors.out_of_date(expr.span, name, owners[-1].wrong))
    if isinstance(value, Node) and value.type.rank:
        rows = [(f"axis {i}", str(d), _origin(d.origin)) for i, d in enumerate(value.type.dims)]
        yield Table(("axis", "size", "comes from"), tuple(rows))
    uses = sorted(name for name in owners[-1].uses if session.ledger.owners(name))
    rests = [e.shown for e in session.ledger.needed(owners) if e not in owners]
    serves = [e.shown for e in session.ledger.dependents([name]) if e not in owners]
    lines = [f"uses {', '.join(uses)}"] if uses else ["uses nothing that is defined here"]
    if set(rests) - set(uses):
        lines.append(f"rests in all on {', '.join(rests)}")
    if serves:
        lines.append(f"is needed by {', '.join(serves)}")
    yield Text(tuple(lines))


def _origin(span: Span | None) -> str:
    if span is None:
        return ""
    return f"{span!r}  {span.source.line(span.line).strip()}"


# ---- sizes -------------------------------------------------------------------------------------------------------


def summary(session: Interactive, expr: ast.Expr | None) -> Iterator[Answer]:
    """The variables with their sizes; of an expression, what each layer gives and costs."""
    cx = session.live.cx
    if expr is None:
        yield Variables(variable_rows(cx.variables))
        return
    node = node_of(session, expr)
    session.prepare([node], expr.span)
    yield Layers(tuple(layer_rows(expand(Graph((node,))).outputs, cx.layers, cx.variables, session.sizes())))


# ---- pictures ----------------------------------------------------------------------------------------------------


def picture(session: Interactive, expr: ast.Expr) -> Iterator[Answer]:
    """Images as bytes; several as one sheet. Numbers outside [0, 1] are scaled, from the least to the greatest."""
    node = node_of(session, expr)
    (array,) = session.compute([node], expr.span)
    if not are_images(array.shape):
        raise GdlError(errors.not_an_image(expr.span, str(node.type)))
    batch = array if array.ndim == 4 else array[..., None] if array.ndim == 3 else array[None, ..., None]
    said = f"{len(batch)} images {_shape(batch[0])}" if len(batch) > 1 else _shape(array)
    finite = batch[np.isfinite(batch)]
    if batch.dtype != np.uint8 and finite.size and (finite.min() < 0 or finite.max() > 1):
        low, high = float(finite.min()), float(finite.max())
        batch = (batch - low) / (high - low or 1.0)
        said += f"  black is {low:.4g}, white {high:.4g}" if low < high else f"  {low:.4g} throughout"
    yield Picture(tile(to_bytes(batch)), said)
