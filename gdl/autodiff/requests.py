"""`grad`, `vjp` and `jvp`, as programs write them, replaced by the gradients they ask for."""

from __future__ import annotations

from gdl.autodiff.blame import no_path, untouched_variable
from gdl.autodiff.fit import all_equal
from gdl.autodiff.gradient import gradient
from gdl.autodiff.reverse import gradient_or_none
from gdl.autodiff.words import name_of
from gdl.collection import uncollected
from gdl.diagnostics import Diagnostic
from gdl.errors import ProgramError, calls, gradients
from gdl.graph.node import LOOP, REQUESTS, Graph, Node, needed, place, replace_inputs, topological
from gdl.graph.scan import rebuild
from gdl.types.match import Mismatch
from gdl.types.sizes import MAX_PARTS, TooComplex

#: Nodes that all gradients of a graph may be taken of, together. Each order of a gradient makes the graph some times
#: larger.
MAX_NODES = 300_000


@uncollected
def expand(graph: Graph) -> Graph:
    """The graph without requests. Inner ones go first, so a gradient may be differentiated, to any order.

    Requests for gradients of the same value, with the same seed, share one backward pass.
    Errors: as `gradient`, of all requests that do not rest on one that is wrong; E0505 where `minimize` asked.
    """
    order = topological((*graph.roots, *[variable for variable, _ in graph.updates]))
    if not any(node.op in REQUESTS or node.op == LOOP for node in order):
        return graph
    groups = groups_of(order)
    watched = {node.inputs[1] for node in order if node.op in REQUESTS}
    new = {node: node for node in order if node.is_leaf}
    wrong: dict[Node, tuple[Diagnostic, ...]] = {}
    taken = 0
    for node in order:
        if wrong and (node in wrong or any(i not in new for i in node.inputs)):
            continue  # a request that is wrong, or what needs its value
        if node.op in REQUESTS and node not in new:
            taken += len(needed([new[node.inputs[0]]]))
            if taken > MAX_NODES:
                raise ProgramError(gradients.too_large(MAX_NODES, node.span))
        if node.op == "grad" and node not in new:
            ready = [r for r in groups[_group(node)] if r not in new and r not in wrong and r.inputs[1] in new]
            _expand_group(ready, new, wrong)
        elif node.op == "jvp":
            _expand_jvp(node, new, wrong)
        elif node not in new:
            new[node] = _rebuilt(node, new)
        if node in watched and node.op in REQUESTS and node in new:
            new[node] = _alone(new[node])
    if wrong:
        raise ProgramError(*dict.fromkeys([d for diagnostics in wrong.values() for d in diagnostics]))
    return Graph(
        tuple([new[n] for n in graph.outputs]), tuple([(new[v], new[n]) for v, n in graph.updates]), graph.guards
    )


def _rebuilt(node: Node, new: dict[Node, Node]) -> Node:
    """The node over the new inputs."""
    inputs = tuple([new[i] for i in node.inputs])
    rebuilt = node if inputs == node.inputs else replace_inputs(node, inputs)
    return _with_body_expanded(rebuilt) if node.op == LOOP else rebuilt


def _with_body_expanded(scan: Node) -> Node:
    """A scan whose body has no requests either."""
    body = scan.attrs["body"]
    expanded = expand(Graph(body.roots)).outputs
    if all(a is b for a, b in zip(expanded, body.roots)):
        return scan
    attrs = {**scan.attrs, "body": rebuild(body, expanded)}
    return Node(scan.op, scan.inputs, attrs, scan.type, scan.origin, scan.scope, scan.name)


def _group(request: Node) -> tuple[Node, Node | None]:
    """What one backward pass serves: the value and its seed."""
    return request.inputs[0], request.inputs[2] if len(request.inputs) > 2 else None


def groups_of(order: list[Node]) -> dict[tuple[Node, Node | None], list[Node]]:
    """The gradients asked for by what one backward pass serves."""
    groups: dict[tuple[Node, Node | None], list[Node]] = {}
    for node in order:
        if node.op == "grad":
            groups.setdefault(_group(node), []).append(node)
    return groups


def _expand_group(requests: list[Node], new: dict[Node, Node], wrong: dict[Node, tuple[Diagnostic, ...]]) -> None:
    """Gradients for requests of one group. Those whose variable isn't built yet wait: no path leads from it."""
    of, seed = _group(requests[0])
    value, weight = new[of], None if seed is None else new[seed]
    try:
        found = gradient_or_none(value, [new[r.inputs[1]] for r in requests], weight, origin=requests[0].origin)
    except (ProgramError, TooComplex, Mismatch) as error:
        wrong.update(dict.fromkeys(requests, _told(error, requests[0])))
        return
    for request, node in zip(requests, found):
        if node is None:
            missing = untouched_variable if request.attrs.get("minimize") else no_path
            wrong[request] = (missing(value, new[request.inputs[1]], request.origin),)
        else:
            new[request] = node


def _expand_jvp(request: Node, new: dict[Node, Node], wrong: dict[Node, tuple[Diagnostic, ...]]) -> None:
    try:
        new[request] = _jvp(request, *[new[i] for i in request.inputs])
    except (ProgramError, TooComplex, Mismatch) as error:
        wrong[request] = _told(error, request)


def _told(error: ProgramError | TooComplex | Mismatch, request: Node) -> tuple[Diagnostic, ...]:
    if isinstance(error, TooComplex):
        return (calls.size_too_complex(request.span, MAX_PARTS),)
    if isinstance(error, Mismatch):  # types fit where a program was right; but gradients may be larger than any array
        return (calls.requirement(request.span, error.text),)
    return error.diagnostics


def _jvp(request: Node, of: Node, wrt: Node, tangent: Node) -> Node:
    """Forward mode by two reverse passes: the product u -> u J is linear, and its own gradient, weighted by t, is J t.

    Reference: J. Townsend, "A new trick for calculating Jacobian vector products", 2017.
    """
    origin = request.origin
    if tangent.type.dtype != wrt.type.dtype or not all_equal(tangent.type, wrt.type):
        named = name_of(wrt, origin), str(wrt.type)
        raise ProgramError(
            gradients.weight_does_not_fit("jvp", str(tangent.type), *named, request.span or tangent.span)
        )
    zero = Node.build("full", (), {"shape": of.type.shape, "value": 0.0, "dtype": of.type.dtype})
    place([zero], set(), origin, request.scope)
    (product,) = gradient(of, [wrt], zero, origin=origin)
    (result,) = gradient(product, [zero], tangent, origin=origin)
    return result


def _alone(node: Node) -> Node:
    """The same value as a node of its own, where a gradient is asked for with respect to it: the node at hand may have
    other uses (the gradient of sum(a * b) at a is b itself), which are not meant."""
    same = Node.build("broadcast_to", (node,), {"shape": node.type.shape})
    return Node(same.op, same.inputs, same.attrs, same.type, node.origin, node.scope)
