"""Training by hand: gradients computed in one step, applied in another, by any optimizer written in GDL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gdl.builder.functions import Function
from gdl.builder.graph import OPTIMIZER
from gdl.builder.node import Node
from gdl.builder.runtime import Feeds, Runtime
from gdl.errors import building
from gdl.lang.values import Function as Definition
from gdl.lang.values import Partial, describe
from gdl.runtime.exchange import as_fed
from gdl.runtime.runner import Runner


class Optimizer:
    """An optimizer such as `Adam(1e-3)` on a runtime, where what it remembers lies under `optimizer/NAME/`."""

    def __init__(self, rule: Function, runtime: Runtime, name: str = ""):
        value = rule.value if isinstance(rule, Function) else rule
        value = Partial(value, ()) if isinstance(value, Definition) else value
        callee = value.callee if isinstance(value, Partial) else None
        if not isinstance(callee, Definition) or callee.definition.what != "optimizer":
            raise building.not_an_optimizer(describe(value))
        self.rule, self.runtime = value, runtime
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", callee.name).lower()
        if self.name in runtime.optimizers:
            raise building.name_taken(self.name)
        runtime.optimizers.add(self.name)
        runtime.steps.setdefault(self.name, 0)
        self._runners: dict[tuple[str, ...], Runner] = {}

    def compute_gradients(
        self, loss: Node, feeds: Feeds | None = None, variables: Sequence[Node] | None = None
    ) -> dict[Node, Any]:
        """The gradient of a scalar at each variable: those given, else all trained ones that it depends on."""
        return self.runtime.differentiate(loss, feeds, variables)

    def apply_gradients(self, gradients: Mapping[Node, Any]) -> None:
        """One step along these gradients, changed or not since they were computed. Layers keep what they wanted to (a
        running mean), and the pass ends."""
        runtime = self.runtime
        paths = tuple([runtime.path_of(variable) for variable in gradients])
        if paths not in self._runners:
            updates = runtime.graph.optimized(self.rule, paths, f"{OPTIMIZER}/{self.name}")
            self._runners[paths] = runtime.prepared((), updates)
        fed = {}
        for path, (variable, value) in zip(paths, gradients.items()):
            fed[f"gradient of {path}"] = as_fed(f"gradient of {path}", value, variable.dtype)
        self._runners[paths](fed, runtime.steps[self.name], runtime.epoch)
        runtime.steps[self.name] += 1
        runtime.keep()

    def minimize(self, loss: Node, feeds: Feeds | None = None, variables: Sequence[Node] | None = None) -> float:
        """Both in one: a step that lowers the loss, whose value before the step is given back."""
        self.apply_gradients(self.compute_gradients(loss, feeds, variables))
        return self.runtime.value(loss)

    def __repr__(self) -> str:
        return f"<Optimizer {self.name}: {self.rule.name}, {self.runtime.steps[self.name]} steps>"
