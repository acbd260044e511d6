"""E02xx: calls, parameters, static values."""

from __future__ import annotations

from gdl.diagnostics import Diagnostic, Edit, Label
from gdl.source import Span


def not_callable(span: Span, what: str) -> Diagnostic:
    return Diagnostic("E0201", f"{what} can't be called", (Label(span),),
                      ("functions, layers and nets can be called; a missing operator between two operands reads as a call",))  # fmt: skip


def missing_argument(span: Span, callee: str, name: str, kind: str, signature: str) -> Diagnostic:
    return Diagnostic("E0202", f"{callee} needs `{name}`: {kind}", (Label(span, f"no `{name}` here"),), (), (signature,))


def too_many_arguments(span: Span, callee: str, given: int, taken: int, signature: str) -> Diagnostic:
    noun = "argument" if taken == 1 else "arguments"
    return Diagnostic("E0202", f"{callee} takes {taken} {noun}, got {given}", (Label(span, "one too many"),), (), (signature,))


def unknown_parameter(span: Span, callee: str, name: str, similar: str | None, signature: str) -> Diagnostic:
    text = f"did you mean `{similar}`?" if similar else "no such parameter"
    return Diagnostic("E0203", f"{callee} has no parameter `{name}`", (Label(span, text),), (), (signature,),
                      fix=(Edit(span, similar),) if similar else ())  # fmt: skip


def given_twice(span: Span, callee: str, name: str) -> Diagnostic:
    return Diagnostic("E0204", f"{callee} gets `{name}` twice", (Label(span, "the second time"),),
                      ("leave out one of the two; positional arguments fill the parameters in order",))  # fmt: skip


def wrong_kind(span: Span, callee: str, name: str, wanted: str, got: str, signature: str = "") -> Diagnostic:
    return Diagnostic("E0205", f"`{name}` of {callee} must be {wanted}, got {got}", (Label(span),), (),
                      (signature,) if signature else ())  # fmt: skip


def not_static(span: Span, what: str, got: str, help: str) -> Diagnostic:
    return Diagnostic("E0206", f"{what} must be known before running, got {got}", (Label(span),), (help,))


def waits_for_tensors(span: Span, name: str, missing: str) -> Diagnostic:
    return Diagnostic("E0207", f"`{name}` still waits for `{missing}`", (Label(span, "used as a tensor here"),),
                      (f"apply it: x |> {name}(...), or {name}(x, ...)",))  # fmt: skip


def requirement(span: Span, text: str, operands: str = "", origin: Span | None = None) -> Diagnostic:
    labels = (Label(span, operands),) + ((Label(origin, "required here"),) if origin else ())
    return Diagnostic("E0208", text, labels)


def no_value(span: Span, name: str) -> Diagnostic:
    return Diagnostic("E0209", f"{name} gives no value", (Label(span),), ("its body needs a `return`",))


def number_of_values(span: Span, wanted: int, got: int) -> Diagnostic:
    return Diagnostic("E0210", f"{wanted} names for {got} value{'s' if got != 1 else ''}", (Label(span),),
                      ("write as many names as there are values",))  # fmt: skip


def bad_static(span: Span, text: str, help: str = "") -> Diagnostic:
    return Diagnostic("E0211", text, (Label(span),), (help,) if help else ())


def wrong_value(span: Span, wanted: str, got: str, help: str = "") -> Diagnostic:
    return Diagnostic("E0212", f"this needs {wanted}, got {got}", (Label(span),), (help,) if help else ())


def hyper_out_of_range(span: Span, name: str, value: object, range: str) -> Diagnostic:
    return Diagnostic("E0213", f"hyper `{name}` is {value}, outside {range}", (Label(span, "its range"),),
                      (f"choose a value in {range}",))  # fmt: skip


def hyper_kind(span: Span, name: str, wanted: str, got: str) -> Diagnostic:
    return Diagnostic("E0214", f"hyper `{name}` must be {wanted}, got {got}", (Label(span),), ())


def unknown_hyper(name: str, similar: str | None, known: list[str]) -> Diagnostic:
    help = f"did you mean `{similar}`?" if similar else "hypers of this program: " + (", ".join(known) or "none")
    return Diagnostic("E0215", f"this program has no hyper `{name}`", (), (help,))


def too_deep(span: Span, what: str, limit: int) -> Diagnostic:
    return Diagnostic("E0901", f"{what} nested deeper than {limit}", (Label(span),),
                      ("does a definition call itself without an end? a recurrence over an axis is a scan",))  # fmt: skip
