"""Graphs built and run from Python: E0920 to E0929."""

from __future__ import annotations

from collections.abc import Iterable

from gdl.diagnostics import Diagnostic, Label
from gdl.errors import ProgramError, UsageError
from gdl.source import Span


def other_graph(at: Span, node: str, type: str, made: Span | None) -> ProgramError:
    labels = (Label(at, f"used with another graph here: {type}"), *([Label(made, "made here")] if made else []))
    helps = ("build both in one graph, or take the value over: constant(runtime.forward(node))",)
    return ProgramError(Diagnostic("E0920", f"`{node}` belongs to another graph", labels, helps))


def no_truth_value(at: Span, node: str, type: str) -> ProgramError:
    message = f"`{node}` ({type}) is neither true nor false: it has no value before a runtime computes it"
    helps = ("choose between values by where(condition, a, b), join conditions by & and |, compare nodes by `is`",)
    return ProgramError(Diagnostic("E0921", message, (Label(at),), helps))


def not_a_placeholder(node: str, placeholders: Iterable[str]) -> UsageError:
    known = ", ".join(placeholders) or "none"
    return UsageError(
        Diagnostic("E0922", f"`{node}` is no placeholder, so it can't be fed", helps=(f"placeholders: {known}",))
    )


def not_a_variable(node: str, variables: Iterable[str]) -> UsageError:
    known = ", ".join(variables) or "none"
    return UsageError(Diagnostic("E0923", f"`{node}` is no variable of this graph", helps=(f"variables: {known}",)))


def nothing_differentiated(node: str) -> UsageError:
    message = f"there is no gradient of `{node}` yet: nothing was differentiated in this pass"
    return UsageError(Diagnostic("E0924", message, helps=("call backward on the node to differentiate first",)))


def gradient_stopped(node: str, stopped: Iterable[str]) -> UsageError:
    names = ", ".join(f"`{name}`" for name in stopped)
    message = f"no gradient arrives at `{node}`: in this pass it is stopped at {names}"
    return UsageError(Diagnostic("E0925", message, helps=("reset() ends the pass and lets it through again",)))


def pass_is_over(node: str) -> UsageError:
    message = f"`{node}` was not computed before the variables changed, which ended the pass"
    helps = ("read it before, or compute it again: forward(node, feeds)",)
    return UsageError(Diagnostic("E0926", message, helps=helps))


def name_taken(name: str) -> UsageError:
    message = f"this runtime has an optimizer `{name}` already, whose memory lies under that name"
    return UsageError(Diagnostic("E0927", message, helps=(f'give this one a name: name="{name}_2"',)))


def not_an_optimizer(got: str) -> UsageError:
    helps = ("give a rule such as Adam(1e-3), or one of your own: an `optimizer` in the text of a graph",)
    return UsageError(Diagnostic("E0928", f"this needs an optimizer, got {got}", helps=helps))
