"""E02xx: calls, parameters, static values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gdl.diagnostics import Diagnostic, Edit, Label
from gdl.errors.names import closest, respelt
from gdl.source import Span


def not_callable(span: Span, what: str, is_tensor: bool) -> Diagnostic:
    text = " ".join(span.text.split())
    help = "a function, a layer or a net can be called"
    if is_tensor:
        help += f"; {text}[...] takes a part of a tensor, * and @ multiply"
    return Diagnostic("E0201", f"`{text}` can't be called: it is {what}", (Label(span),), (help,))


def missing_argument(span: Span, callee: str, name: str, kind: str, signature: str) -> Diagnostic:
    return Diagnostic(
        "E0202", f"{callee} needs `{name}`: {kind}", (Label(span, f"no `{name}` here"),), (), (signature,)
    )


def too_many_arguments(span: Span, callee: str, given: int, taken: int, signature: str) -> Diagnostic:
    noun = "argument" if taken == 1 else "arguments"
    return Diagnostic(
        "E0202", f"{callee} takes {taken} {noun}, got {given}", (Label(span, "one too many"),), (), (signature,)
    )


#: What parameters are called elsewhere, and here.
_ALIASES = {
    **dict.fromkeys(("dim", "dims", "axes"), "axis"), "keepdim": "keepdims",
    **dict.fromkeys(("features", "out_features"), "units"),
    "kernel_size": "size", "filters": "out", "out_channels": "out", "strides": "stride", "padding": "pad",
    "activation": "act", "use_bias": "bias", "negative_slope": "slope", "learning_rate": "lr", "epsilon": "eps",
    "num_embeddings": "vocab", "embedding_dim": "d", "num_heads": "heads", **dict.fromkeys(("prob", "rate"), "p"),
}  # fmt: skip


def unknown_parameter(span: Span, callee: str, name: str, known: Iterable[str], signature: str) -> Diagnostic:
    known = list(known)
    alias = _ALIASES.get(name)
    similar = alias if alias in known else closest(name, known)
    text = f"did you mean `{similar}`?" if similar else "no such parameter"
    return Diagnostic("E0203", f"{callee} has no parameter `{name}`", (Label(span, text),), (), (signature,),
                      fix=(Edit(span, alias),) if alias in known else respelt(span, name, known))  # fmt: skip


def given_twice(span: Span, callee: str, name: str) -> Diagnostic:
    return Diagnostic("E0204", f"{callee} gets `{name}` twice", (Label(span, "the second time"),),
                      ("leave out one of the two; positional arguments fill the parameters in order",))  # fmt: skip


def wrong_kind(
    span: Span, callee: str, name: str, wanted: str, got: str, signature: str = "", help: str = "", meant: str = ""
) -> Diagnostic:
    """`meant` is what surely was to stand there."""
    return Diagnostic(
        "E0205",
        f"`{name}` of {callee} must be {wanted}, got {got}",
        (Label(span),),
        (help,) if help else (),
        (signature,) if signature else (),
        fix=(Edit(span, meant),) if meant else (),
    )


def not_static(span: Span, what: str, got: str, help: str) -> Diagnostic:
    return Diagnostic("E0206", f"{what} must be known before running, got {got}", (Label(span),), (help,))


def waits_for_tensors(span: Span, name: str, missing: str, label: str = "") -> Diagnostic:
    """`label`: what a layer must be labelled with, or empty for a function."""
    text = " ".join(span.text.split())
    way = f"x |> {label}: {text}" if label else f"{name}(x, ...)" if "(" in text else f"{name}(x)"
    return Diagnostic("E0207", f"`{name}` still waits for `{missing}`", (Label(span, "used as a tensor here"),),
                      (f"apply it to a tensor: {way}",))  # fmt: skip


def requirement(
    span: Span, text: str, operands: str = "", origin: Span | None = None, because: Sequence[Label] = (), help: str = ""
) -> Diagnostic:
    labels = (Label(span, operands), *because) + ((Label(origin, "required here"),) if origin else ())
    return Diagnostic("E0208", text, labels, (help,) if help else ())


def no_value(span: Span, name: str, call: Span) -> Diagnostic:
    labels = (Label(span, "no `return` is reached in its body"),)
    if call != span:
        labels += (Label(call, "a value is needed here"),)
    return Diagnostic("E0209", f"{name} gives no value", labels, ("end the body with `return` and the result",))


def number_of_values(span: Span, wanted: int, got: int) -> Diagnostic:
    names, values = _plural(wanted, "name"), _plural(got, "value")
    return Diagnostic("E0210", f"{names} for {values}", (Label(span),), ("write as many names as there are values",))


def number_of_results(span: Span, name: str, declared: int, got: int) -> Diagnostic:
    message = f"`{name}` declares {_plural(declared, 'result')} but returns {got}"
    return Diagnostic("E0210", message, (Label(span),), ("several results are declared as -> (f32[b, d], f32[b])",))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def bad_static(span: Span, text: str, help: str = "") -> Diagnostic:
    return Diagnostic("E0211", text, (Label(span),), (help,) if help else ())


def wrong_value(span: Span, wanted: str, got: str, help: str = "", fix: tuple[Edit, ...] = ()) -> Diagnostic:
    return Diagnostic("E0212", f"this needs {wanted}, got {got}", (Label(span),), (help,) if help else (), fix=fix)


def hyper_out_of_range(span: Span, label: str, name: str, value: object, bounds: Span) -> Diagnostic:
    return Diagnostic(
        "E0213",
        f"hyper `{name}` is {value}, outside {bounds.text}",
        (Label(span, label), Label(bounds, "its range")),
        (f"choose a value in {bounds.text}",),
    )


_LIKE = {"a float": "0.5", "an int": "3", "a bool": "true or false", "a string": '"name"'}


def hyper_kind(span: Span, name: str, wanted: str, got: str) -> Diagnostic:
    like = _LIKE.get(wanted)
    help = f"as in hyper {name} = {like}" if like else f"write {wanted}"
    return Diagnostic("E0214", f"hyper `{name}` must be {wanted}, got {got}", (Label(span),), (help,))


def unknown_hyper(name: str, similar: str | None, known: list[str]) -> Diagnostic:
    help = f"did you mean `{similar}`?" if similar else "hypers of this program: " + (", ".join(known) or "none")
    return Diagnostic("E0215", f"this program has no hyper `{name}`", (), (help,))


def too_deep(span: Span, what: str, limit: int) -> Diagnostic:
    return Diagnostic(
        "E0901",
        f"{what} nested deeper than {limit}",
        (Label(span),),
        ("does a definition call itself without an end? a recurrence over an axis is a scan",),
    )


def size_too_complex(span: Span | None, limit: int) -> Diagnostic:
    return Diagnostic("E0904", f"the sizes here are made of more than {limit} parts", (Label(span),) if span else (),
                      ("give such a size a name of its own: dim n; what is fed binds it",))  # fmt: skip


def too_much(span: Span, limit: int) -> Diagnostic:
    help = "a `for` and every call is written out while checking: over an axis use a scan, over steps a train block"
    return Diagnostic(
        "E0903",
        f"this program needs more than {limit:,} evaluations to be checked",
        (Label(span, "the last one that was made"),),
        (help,),
    )
