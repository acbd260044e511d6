"""What can be wrong with a gradient that is asked for: E0501 to E0506."""

from __future__ import annotations

from collections.abc import Sequence

from gdl.diagnostics import Diagnostic, Label
from gdl.record import Record, record
from gdl.source import Span

_SHOWN = 5  # places or names listed before "and N more"


@record
class Cut(Record):
    """A place where a path from the variable ends for gradients."""

    op: str
    reason: str
    span: Span | None = None


@record
class Surroundings(Record):
    """What lies around two values that no path connects."""

    depends_on: Sequence[str] = ()  # names that the differentiated value is computed from
    reversed_: bool = False  # the variable is computed from the differentiated value
    shadowed: Span | None = None  # where an earlier value of the variable's name was made, which does lead there


def no_path(of: str, wrt: str, at: Span | None, cuts: Sequence[Cut]) -> Diagnostic:
    """All paths from `wrt` to `of` are cut."""
    message = f"the gradient of `{of}` with respect to `{wrt}` is zero: every path between them is cut"
    return Diagnostic("E0501", message, (*_here(at), *_cut_labels(cuts)), _cut_helps(of, cuts), _cut_notes(cuts))


def not_connected(of: str, wrt: str, at: Span | None, around: Surroundings) -> Diagnostic:
    """`of` is not computed from `wrt` at all."""
    labels, helps, notes = list(_here(at)), [], []
    if around.reversed_:
        helps.append(f"`{wrt}` depends on `{of}`: did you mean grad({wrt}, {of})?")
    if around.shadowed is not None:
        labels.append(Label(around.shadowed, f"`{of}` is computed from this earlier `{wrt}`"))
        helps.append(f"give the later `{wrt}` a name of its own, and differentiate by the one that is used")
    if not helps:
        helps.append(f"compute `{of}` from `{wrt}`, or differentiate with respect to what it is computed from")
    if around.depends_on:
        notes.append(f"`{of}` depends on {_names(around.depends_on)}")
    else:
        notes.append(f"`{of}` depends on no variable and no input")
    message = f"the gradient of `{of}` with respect to `{wrt}` is zero: `{of}` does not depend on `{wrt}`"
    return Diagnostic("E0501", message, tuple(labels), tuple(helps), tuple(notes))


def too_large(limit: int, at: Span | None) -> Diagnostic:
    """Gradients of gradients, or very many of them."""
    message = f"the gradients of this program are taken of more than {limit:,} nodes"
    way_out = "each gradient of a gradient makes the graph some times larger: use a lower order, or fewer of them"
    return Diagnostic("E0507", message, _here(at), (way_out,))


def not_scalar(of: str, type: str, wrt: str, at: Span | None, made: Span | None) -> Diagnostic:
    """`grad` of a tensor."""
    labels = (*_here(at), *([Label(made, f"`{of}` is {type}")] if made and made != at else []))
    way_out = f"differentiate a scalar, such as mean({of}) or sum({of}), or weigh its elements: vjp({of}, {wrt}, v)"
    return Diagnostic("E0502", f"`grad` needs a scalar, `{of}` is {type}", labels, (way_out,))


def no_rule(op: str, through: str, at: Span | None, used: Span | None) -> Diagnostic:
    """An op without a gradient rule lies on the path."""
    labels = (*_here(at), *([Label(used, f"the gradient at `{through}` would have to pass here")] if used else []))
    way_out = f"if no gradient is wanted through it, say so: stop_gradient({through})"
    return Diagnostic("E0503", f"`{op}` has no gradient rule", labels, (way_out,))


def not_float(wrt: str, type: str, at: Span | None, made: Span | None) -> Diagnostic:
    """The variable of differentiation is not a float tensor."""
    labels = (*_here(at), *([Label(made, f"`{wrt}` is {type}")] if made and made != at else []))
    message = f"no gradient exists with respect to `{wrt}`, which is {type}: only f32 and f64 values change smoothly"
    way_out = f"convert before use, and differentiate with respect to the result: {wrt}_float = f32({wrt})"
    return Diagnostic("E0504", message, labels, (way_out,))


def untouched_variable(loss: str, path: str, at: Span | None, declared: Span | None, cuts: Sequence[Cut]) -> Diagnostic:
    """`minimize` of a loss with a variable that no gradient reaches."""
    labels = [*_here(at)] + ([Label(declared, f"`{path}` is declared here")] if declared and declared != at else [])
    if cuts:
        message = f"loss `{loss}` gives variable `{path}` no gradient: every path between them is cut"
    else:
        message = f"loss `{loss}` does not depend on variable `{path}`"
    helps = _cut_helps(loss, cuts) or (
        f"use `{path}` in `{loss}`, or leave it out: minimize {loss} over vars(...) with the nets that `{loss}` uses",
    )
    return Diagnostic("E0505", message, (*labels, *_cut_labels(cuts)), helps, _cut_notes(cuts))


def weight_does_not_fit(request: str, given: str, of: str, needed: str, at: Span | None) -> Diagnostic:
    """The third argument of `vjp` or `jvp` has another type than the value it belongs to."""
    wanted = {"vjp": "a weight for each element of", "jvp": "a direction of the shape of"}[request]
    message = f"`{request}` needs {wanted} `{of}`, which is {needed}; it got {given}"
    return Diagnostic("E0506", message, _here(at), (f"give a tensor of type {needed}",))


def _here(at: Span | None) -> tuple[Label, ...]:
    return (Label(at),) if at is not None else ()


def _cut_labels(cuts: Sequence[Cut]) -> tuple[Label, ...]:
    return tuple([Label(c.span, f"the path is cut here: {c.reason}") for c in cuts[:_SHOWN] if c.span is not None])


def _cut_notes(cuts: Sequence[Cut]) -> tuple[str, ...]:
    placeless = [f"the path is cut by `{c.op}`: {c.reason}" for c in cuts[:_SHOWN] if c.span is None]
    return (*placeless, *([f"and {len(cuts) - _SHOWN} more places"] if len(cuts) > _SHOWN else []))


def _cut_helps(of: str, cuts: Sequence[Cut]) -> tuple[str, ...]:
    ops = {c.op for c in cuts}
    if "stop_gradient" in ops:
        return (f"remove the stop_gradient, or leave this gradient out: it is zero whatever `{of}` is",)
    if ops:
        return ("differentiate a smooth stand-in: probabilities instead of argmax, a sigmoid instead of a comparison",)
    return ()


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{n}`" for n in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
