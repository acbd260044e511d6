"""E093x: what is typed at the prompt and is no program: commands, assignments, values that are not there."""

from __future__ import annotations

from collections.abc import Iterable

from gdl.diagnostics import Diagnostic, Label
from gdl.errors.names import closest
from gdl.source import Span


def unknown_command(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    similar = closest(name, known)
    help = f"did you mean `:{similar}`?" if similar else "`:help` lists the commands"
    return Diagnostic("E0930", f"there is no command `:{name}`", (Label(span),), (help,))


def wrong_argument(span: Span, usage: str, why: str) -> Diagnostic:
    return Diagnostic("E0931", why, (Label(span),), (f"write {usage}",))


def not_assignable(span: Span, name: str, what: str, help: str) -> Diagnostic:
    message = f"only variables and states are assigned; `{name}` is {what}"
    return Diagnostic("E0932", message, (Label(span),), (help,))


def assigned_type(span: Span, path: str, wanted: str, got: str) -> Diagnostic:
    return Diagnostic("E0933", f"`{path}` is {wanted}, the new value {got}", (Label(span, f"this is {got}"),),
                      ("only a scalar is stretched; reshape or convert the value",))  # fmt: skip


def not_fed(span: Span, names: Iterable[str], block: str) -> Diagnostic:
    """`block` is a train or eval block that feeds something, "" where there is none."""
    names = list(names)
    message = f"nothing feeds {', '.join(f'`{name}`' for name in names)}"
    help = f"feed it: :feed {names[0]} = ..." + (f", or feed what `{block}` does: :feed {block}" if block else "")
    return Diagnostic("E0934", message, (Label(span, "needed to compute this"),), (help,))


def out_of_date(span: Span, name: str, causes: Iterable[Diagnostic]) -> Diagnostic:
    """A definition that no longer fits what it rests on."""
    why = "; ".join(f"{cause.code}: {cause.message}" for cause in causes)
    return Diagnostic("E0935", f"`{name}` is out of date: since something that it rests on was changed it is wrong",
                      (Label(span),), ("change it, or what it rests on, and it holds again",), (why,))  # fmt: skip


def no_value(span: Span, name: str) -> Diagnostic:
    return Diagnostic("E0940", f"nothing is assigned to `{name}`", (Label(span),), (f"write {name} := value",))


def no_last_value(span: Span) -> Diagnostic:
    return Diagnostic("E0936", "`_` is the last value, and there is none that it can stand for", (Label(span),),
                      ("`_` takes values of up to a million elements; give the expression a name",))  # fmt: skip


def not_an_image(span: Span, got: str) -> Diagnostic:
    return Diagnostic("E0937", f"this can't be shown as an image: it is {got}", (Label(span),),
                      ("images are [h, w], [n, h, w] or [n, h, w, 1 or 3]",))  # fmt: skip


def nothing_known(name: str, known: Iterable[str]) -> Diagnostic:
    similar = closest(name, known)
    told = "`?name` tells of ops, functions, layers, data sources and your own names"
    help = f"did you mean `?{similar}`?" if similar else told
    return Diagnostic("E0939", f"nothing is known of `{name}`", (), (help,))


def nothing_to_run(span: Span, what: str, example: str) -> Diagnostic:
    return Diagnostic("E0938", f"there is no {what} block", (Label(span),), (f"write one: {example}",))
