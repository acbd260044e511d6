"""E06xx: feeds, data, train, eval and test blocks."""

from __future__ import annotations

from collections.abc import Iterable

from gdl.diagnostics import Diagnostic, Edit, Label, Severity
from gdl.errors.names import closest, respelt
from gdl.source import Span


def not_fed(
    run: Span, root: str, name: str, needed: Span | None, feed: Span | None, bound: list[str], hint: str,
    fix: tuple[Edit, ...] = (),
) -> Diagnostic:  # fmt: skip
    labels = [Label(run, f"`{root}` is run here" if root else "")]
    if needed is not None:
        labels.append(Label(needed, f"`{root}` needs it" if root else "needed here"))
    if feed is not None:
        binds = ", ".join(f"`{b}`" for b in bound)
        labels.append(Label(feed, f"this feed binds only {binds}"))
    return Diagnostic("E0601", f"nothing feeds `{name}`", tuple(labels), (hint,), fix=fix)


def lossy_feed(span: Span, name: str, wanted: str, got: str) -> Diagnostic:
    return Diagnostic(
        "E0602", f"feeding `{name}` would turn {got} into {wanted} and could lose values", (Label(span),),
        (f"convert explicitly: {name} = {wanted}({span.text})",),
        fix=(Edit(span, f"{wanted}({span.text})"),) if wanted in ("f32", "f64") else (),
    )  # fmt: skip


def feed_shape(
    span: Span, name: str, declared: str, got: str, declared_span: Span | None, detail: str, *because: Label,
    meant: str = "",
) -> Diagnostic:  # fmt: skip
    """`meant` is what surely was to be fed."""
    labels = (Label(span, f"this is {got}"), *because)
    if declared_span is not None:
        labels += (Label(declared_span, f"`{name}` is {declared}"),)
    return Diagnostic("E0603", f"`{name}` must be fed {declared}, got {got}", labels, (detail,) if detail else (),
                      fix=(Edit(span, meant),) if meant else ())  # fmt: skip


def not_placeholder(span: Span, name: str, known: Iterable[str]) -> Diagnostic:
    known = sorted(known)
    similar = closest(name, known)
    help = f"did you mean `{similar}`?" if similar else "placeholders: " + (", ".join(known) or "none is declared")
    return Diagnostic("E0604", f"`{name}` is no placeholder, so it can't be fed", (Label(span),), (help,),
                      fix=respelt(span, name, known))  # fmt: skip


def unknown_field(span: Span, data: str, name: str, fields: str, known: Iterable[str]) -> Diagnostic:
    known = list(known)
    similar = closest(name, known)
    helps = ([f"did you mean `{similar}`?"] if similar else []) + [f"{data} has fields {fields}"]
    return Diagnostic("E0605", f"{data} has no field `{name}`", (Label(span),), tuple(helps),
                      fix=respelt(span, name, known))  # fmt: skip


def needs_split(span: Span, data: str, splits: list[str], block: str) -> Diagnostic:
    """`block`: the kind of block that feeds; that `train` trains and `eval` tests is not worth a question."""
    meant = {"train": "train", "eval": "test"}.get(block)
    fix = (Edit(span, f"{span.text}.{meant}"),) if meant in splits else ()
    return Diagnostic("E0606", f"{data} has the splits {', '.join(splits)}: say which", (Label(span),),
                      (f"from {data}.{meant if fix else splits[0]}",), fix=fix)  # fmt: skip


def train_block(span: Span, message: str, help: str, meant: str = "") -> Diagnostic:
    """`meant` is what surely was to stand there."""
    return Diagnostic("E0607", message, (Label(span),), (help,), fix=(Edit(span, meant),) if meant else ())


def unknown_eval(span: Span, name: str, known: list[str]) -> Diagnostic:
    similar = closest(name, known)
    help = f"did you mean `{similar}`?" if similar else "eval blocks of this file: " + (", ".join(known) or "none")
    return Diagnostic("E0608", f"there is no eval block `{name}`", (Label(span),), (help,),
                      fix=respelt(span, name, known))  # fmt: skip


def best_of_an_array(span: Span, name: str) -> Diagnostic:
    """The best of several numbers, none of which is a value per example."""
    help = f"report one number, as in mean({name}), and save the best of that"
    message = f"`save best {name}`: it is an array, and only numbers have a best one"
    return Diagnostic("E0609", message, (Label(span),), (help,))


def never_reported(span: Span, name: str, known: list[str]) -> Diagnostic:
    return Diagnostic(
        "E0609",
        f"`save best {name}`: no eval that this train block runs reports `{name}`",
        (Label(span),),
        (
            "choose one of what is reported: " + ", ".join(known)
            if known
            else "add `run NAME every epoch` with an eval that reports it",
        ),
    )


def not_an_optimizer(span: Span, got: str, known: list[str], is_rate: bool = False) -> Diagnostic:
    """`is_rate`: it is a number, or a schedule."""
    helps = (f"an optimizer takes that as its rate: Sgd({span.text})",) if is_rate else ()
    helps += ("optimizers: " + ", ".join(known),)
    return Diagnostic("E0620", f"`with` needs an optimizer, got {got}", (Label(span),), helps)


def no_update(span: Span, optimizer: str, variable: str) -> Diagnostic:
    return Diagnostic(
        "E0626",
        f"the optimizer {optimizer} never updates `{variable}`, the variable that it trains",
        (Label(span),),
        (f"end its body with the new value: update {variable} = {variable} - lr * g",),
    )


def nothing_to_train(span: Span, loss: str) -> Diagnostic:
    return Diagnostic("E0621", f"`{loss}` depends on no variable, so nothing can be trained", (Label(span),),
                      ("is a net or variable missing on the way to the loss?",))  # fmt: skip


def never_trained(span: Span | None, path: str) -> Diagnostic:
    return Diagnostic("W0622", f"variable `{path}` is never trained: no `minimize` reaches it",
                      (Label(span),) if span else (), ("use it in a loss, make it a state, or remove it",),
                      severity=Severity.WARNING)  # fmt: skip


def not_in_loss(span: Span, path: str, loss: str) -> Diagnostic:
    return Diagnostic(
        "E0623",
        f"`{loss}` does not depend on variable `{path}`",
        (Label(span, "asked to be trained here"),),
        ("minimize a loss that depends on it, or leave it out of `over`",),
    )


def unknown_source(span: Span, name: str, known: list[str]) -> Diagnostic:
    similar = closest(name, known)
    help = f"did you mean `{similar}`?" if similar else "data sources: " + ", ".join(known)
    return Diagnostic("E0624", f"there is no data source `{name}`", (Label(span),), (help,),
                      fix=respelt(span, name, known))  # fmt: skip


def expected_error(span: Span, code: str, got: list[str]) -> Diagnostic:
    what = f"got {', '.join(got)}" if got else "it is a correct program"
    return Diagnostic("E0625", f"expected error {code}, but {what}", (Label(span),))
