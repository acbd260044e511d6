"""The order of a run: depth first from the roots, but whatever frees at least the memory that it takes comes at once.

So a weight's gradient is computed as soon as the activations that it needs are otherwise done with, rather than when
its update asks for it, and a chain runs to its end while its data is in the cache.
"""

from __future__ import annotations

from gdl.graph.node import Graph, Node, topological
from gdl.ops.table import TABLE
from gdl.runtime.arrays import nbytes_of


def schedule(graph: Graph) -> list[Node]:
    """Every node that the graph needs, inputs before users, in linear time. Sizes must be bound."""
    return _Schedule(graph).run()


class _Schedule:
    """Nodes are numbers here. A view is no step of its own: it comes just before what reads it, and counts as its
    base."""

    def __init__(self, graph: Graph):
        self.nodes = topological(graph.roots)
        self.number = {node: i for i, node in enumerate(self.nodes)}
        self.views = [n.op in TABLE and TABLE[n.op].view for n in self.nodes]
        self.reads = self._bases()
        self.nbytes = [0 if n.is_leaf else nbytes_of(n.type.dtype, n.type.shape) for n in self.nodes]  # type: ignore[arg-type]
        self.done = [False] * len(self.nodes)
        self.order: list[Node] = []
        self._count_users(graph)
        self._price_updates(graph)

    def _bases(self) -> list[tuple[int, ...]]:
        """For each node the nodes, each once, whose memory it reads."""
        base: list[int] = []
        reads: list[tuple[int, ...]] = []
        for i, node in enumerate(self.nodes):
            inputs = [base[self.number[n]] for n in node.inputs]
            base.append(inputs[0] if self.views[i] else i)
            reads.append(tuple(dict.fromkeys(inputs)) if not self.views[i] else ())
        self.base = base
        return reads

    def _count_users(self, graph: Graph) -> None:
        leaf = [n.is_leaf for n in self.nodes]
        self.waiting = [sum(not leaf[r] for r in reads) for reads in self.reads]  # reads that are not computed yet
        self.users_left = [0] * len(self.nodes)
        self.users_sum = [0] * len(self.nodes)  # of the numbers of the users left: when one is left, it is that one
        self.users: list[list[int]] = [[] for _ in self.nodes]
        for i, reads in enumerate(self.reads):
            for r in reads:
                self.users_left[r] += 1
                self.users_sum[r] += i
                self.users[r].append(i)
        for output in graph.outputs:
            self.users_left[self.base[self.number[output]]] += 1  # never freed

    def _price_updates(self, graph: Graph) -> None:
        """A variable's new value takes no memory if it comes last: until then it must wait for the old value's
        readers."""
        self.replaces: dict[int, int] = {}
        variables = {n.attrs["path"]: i for i, n in enumerate(self.nodes) if n.op == "variable"}
        for variable, new in graph.updates:
            i, old = self.base[self.number[new]], variables.get(variable.attrs["path"], -1)
            if not self.nodes[i].is_leaf:
                self.replaces[i] = old
                self.nbytes[i] = 0

    def run(self) -> list[Node]:
        for i in range(len(self.nodes)):
            if not self.views[i] and not (self.users[i] and self._waits(i)):
                eager = [i]
                while eager:
                    self._compute(eager.pop(), eager)
        for i in range(len(self.nodes)):  # views that only the outputs and updates read
            self._emit(i)
        return self.order

    def _compute(self, i: int, eager: list[int]) -> None:
        if self.done[i]:
            return
        for r in self.reads[i]:
            if not self.done[r]:
                self._compute(r, eager)  # that waited; its own reads are leaves
        for node in self.nodes[i].inputs:
            self._emit(self.number[node])
        self._emit(i)
        if not self.nodes[i].is_leaf:
            for user in self.users[i]:
                self.waiting[user] -= 1
        for r in self.reads[i]:
            self.users_left[r] -= 1
            self.users_sum[r] -= i
        for r in (*self.reads[i], i):
            if self.users_left[r] == 1 and self._pays(self.users_sum[r]):
                eager.append(self.users_sum[r])

    def _waits(self, i: int) -> bool:
        """Whether a node reads nothing but leaves: computed only when it is needed, it keeps no memory longer."""
        return bool(self.reads[i]) and all(self.nodes[r].is_leaf for r in self.reads[i])

    def _emit(self, i: int) -> None:
        """Puts a node in the order, and before it the views that lead to it."""
        chain = []
        while not self.done[i]:
            chain.append(i)
            self.done[i] = True
            if not self.views[i]:
                break
            i = self.number[self.nodes[i].inputs[0]]
        self.order += [self.nodes[j] for j in reversed(chain)]

    def _pays(self, user: int) -> bool:
        """Whether computing a node now frees at least as much as it takes."""
        if self.done[user] or self.waiting[user] or self.views[user]:
            return False
        old = self.replaces.get(user, -1)
        if old >= 0 and self.users_left[old] > (old in self.reads[user]):
            return False
        return sum(self.nbytes[r] for r in self.reads[user] if self.users_left[r] == 1) >= self.nbytes[user]
