"""E01xx: names, scopes, imports, variables."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from gdl.diagnostics import Diagnostic, Edit, Label, Severity
from gdl.source import Span


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like a misspelt one, if any is like it at all."""
    known = list(known)
    folded = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.65)
    return folded[found[0]] if found else None


def slip(name: str, known: Iterable[str]) -> str | None:
    """The known name of which another is surely a misspelling: one letter off, or another case, and alone in that.

    Of seven letters and more, two may be off. A digit that differs is no slip: `fc2` is not `fc1`.
    """
    limit = 2 if len(name) >= 7 else 1 if len(name) >= 3 else 0
    folded = name.lower()
    found = [k for k in dict.fromkeys(known) if k.lower() == folded]
    for distance in range(1, limit + 1):
        if not found:
            found = [k for k in dict.fromkeys(known) if _letters_off(folded, k.lower(), limit) == distance]
    return found[0] if len(found) == 1 and re.findall(r"\d", found[0]) == re.findall(r"\d", name) else None


def _letters_off(a: str, b: str, limit: int) -> int:
    """How many letters are left out, put in, exchanged or swapped with their neighbour; beyond the limit just more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        previous, row = row, [i]
        for j, other in enumerate(b, 1):
            best = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before = previous
    return row[-1]


def respelt(span: Span, name: str, known: Iterable[str]) -> tuple[Edit, ...]:
    """The fix of a misspelt name, where it is certain what it was to be."""
    meant = slip(name, known)
    return (Edit(span, meant),) if meant else ()


def unknown_name(
    span: Span, name: str, similar: str | None, similar_span: Span | None, hint: str = "", fix: tuple[Edit, ...] = ()
) -> Diagnostic:
    labels = [Label(span, "not defined in this file or its imports")]
    helps = []
    if similar is not None:
        helps.append(f"did you mean `{similar}`?")
        if similar_span is not None and similar_span.source is span.source:
            labels.append(Label(similar_span, "a similar name is defined here"))
    if hint:
        helps.append(hint)
    if not helps:
        helps.append(f"define `{name}`, import it, or declare it as a placeholder, variable, hyper or dim")
    return Diagnostic("E0101", f"I cannot find `{name}`", tuple(labels), tuple(helps), fix=fix)


def declared_twice(span: Span, name: str, first: Span | None, help: str = "") -> Diagnostic:
    labels = (Label(span, "declared again here"),) + ((Label(first, "first declared here"),) if first else ())
    help = help or "give one of them another name; only plain bindings (`name = expr`) may be shadowed"
    return Diagnostic("E0102", f"`{name}` is declared twice", labels, (help,))


def same_path(span: Span, name: str, layer: str, first: Span | None) -> Diagnostic:
    if first == span:
        return declared_twice(span, name, None, f"number the nets of a `for`: {name}[i]: {layer}(...)")
    help = f"give it another name, or share one net: net {name} = {layer}(...), then {name}(x) wherever it is used"
    return declared_twice(span, name, first, help)


def unknown_size(span: Span, name: str, known: Sequence[str], declaration: Edit | None = None) -> Diagnostic:
    """`declaration`: the line that declares it, where it could be a dim."""
    similar = closest(name, known)
    help = f"did you mean `{similar}`? " if similar else ""
    declared = name if name != "none" else "batch"  # `none` is no name
    is_new = declaration is not None and similar is None and declared == name
    return Diagnostic(
        "E0103", f"the size `{name}` is not declared", (Label(span, "no dim, hyper or number by this name"),),
        (help + f"a symbolic size is declared by a line of its own: dim {declared}",),
        fix=(declaration,) if is_new else respelt(span, name, known),  # type: ignore[arg-type]
    )  # fmt: skip


def cycle(steps: list[tuple[str, Span, str]]) -> Diagnostic:
    """`steps`: each name with the place of its use of the next, which comes along; the last leads back to the first."""
    chain = " -> ".join([name for name, _, _ in steps] + [steps[0][0]])
    labels = []
    for i, (name, span, needs) in enumerate(steps):
        if len(steps) == 1:
            labels.append(Label(span, f"`{name}` needs itself: there is no earlier `{name}`"))
            break
        before, after = ("" if i == 0 else "... and "), (" ..." if i + 1 < len(steps) else "")
        labels.append(Label(span, f"{before}`{name}` needs `{needs}`{after}", is_primary=True))
    return Diagnostic(
        "E0105", f"these definitions form a cycle: {chain}", tuple(labels),
        ("a graph has no memory. For recurrence over time: scan x_t in xs along time carry "
         f"{steps[0][0]} = zeros([b, d]) {{ ... }}",),
    )  # fmt: skip


def no_member(span: Span, owner: str, name: str, members: Iterable[str], note: str = "") -> Diagnostic:
    members = sorted(members)
    similar = closest(name, members)
    helps = []
    if similar:
        helps.append(f"did you mean `{similar}`?")
    elif members:
        helps.append("it has " + ", ".join(f"`{m}`" for m in members[:12]))
    if note:
        helps.append(note)
    return Diagnostic(
        "E0106", f"{owner} has no `{name}`", (Label(span, "not found"),), tuple(helps),
        fix=respelt(span, name, members),
    )  # fmt: skip


def misplaced(span: Span, what: str, where: str, help: str, fix: tuple[Edit, ...] = ()) -> Diagnostic:
    return Diagnostic("E0107", f"{what} can't stand {where}", (Label(span),), (help,), fix=fix)


def updated_twice(span: Span, name: str, first: Span | None) -> Diagnostic:
    labels = (Label(span, "updated again here"),) + ((Label(first, "first update"),) if first else ())
    return Diagnostic(
        "E0108", f"`{name}` is updated twice in one body", labels,
        ("all updates take effect together when the step ends, so there can be one only: combine the two expressions",),
    )  # fmt: skip


def outer_tensor(span: Span, name: str, what: str, defined: Span | None) -> Diagnostic:
    labels = (Label(span, f"a {what} sees its arguments, hypers and definitions only"),)
    if defined is not None:
        labels += (Label(defined, f"`{name}` is defined here, outside"),)
    return Diagnostic(
        "E0109",
        f"`{name}` is a tensor outside this {what}",
        labels,
        (
            f"pass it in: add a parameter for `{name}`, so that the signature shows everything that goes in",
        ),
    )


def no_module(
    span: Span, name: str, label: str, similar: str | None, standard: Sequence[str], is_path: bool
) -> Diagnostic:
    """`standard`: the modules of the library. `is_path`: a file was asked for, not one of them."""
    known = ", ".join(standard)
    if is_path and name.removesuffix(".gdl") in standard:
        help = f"the library's module is named without quotes: import {name.removesuffix('.gdl')}"
    elif similar:
        help = f"did you mean `{similar}`?"
    elif known and not is_path:
        help = f'the library has {known}; a file of your own is imported by its name: import "{name}.gdl" as {name}'
    else:
        help = "name a file by its path from this one, or import from the library: from nn import Dense"
    shown = f'"{name}"' if is_path else f"`{name}`"
    return Diagnostic("E0110", f"there is no module {shown}", (Label(span, label),), (help,))


def not_in_module(span: Span, module: str, name: str, known: Iterable[str], is_everywhere: bool = False) -> Diagnostic:
    """`is_everywhere`: the name is in scope without an import."""
    known = sorted(known)
    similar = closest(name, known)
    if is_everywhere:
        help, known = f"`{name}` is in scope everywhere: leave it out", []
    elif similar:
        help = f"did you mean `{similar}`?"
    else:
        help = ELSEWHERE.get(name) or (f"it has {', '.join(known)}" if known else "it defines nothing")
    return Diagnostic(
        "E0111", f"{module} has no `{name}`", (Label(span),), (help,), fix=respelt(span, name, known)
    )


def import_cycle(span: Span, chain: list[str]) -> Diagnostic:
    return Diagnostic(
        "E0112", f"these files import each other: {' -> '.join(chain)}", (Label(span),),
        ("move what both need into a third file",),
    )  # fmt: skip


def not_updatable(span: Span, name: str, why: str, states: Iterable[str]) -> Diagnostic:
    states = list(states)
    similar = closest(name, states)
    help = (
        f"did you mean `{similar}`?"
        if similar
        else f"declare `{name}` as a state, if it should change by this rule and not be trained"
        if "a variable" in why
        else f"what lasts from step to step is a state of this body: state {name}: f32[] = 0"
    )
    return Diagnostic("E0113", f"`{name}` can't be updated: {why}", (Label(span),), (help,),
                      fix=respelt(span, name, states))  # fmt: skip


def is_stage(span: Span) -> bool:
    """Whether a place is right behind a `|>`."""
    return span.source.text[: span.start].rstrip().endswith("|>")


def hidden(name: str, place: Span | None) -> str:
    """The note that the program's own `name` hides a function of the library."""
    where = f", of line {place.line}," if place is not None else ""
    message = f"`{name}` is this program's own{where} and hides the library's function `{name}`"
    return f"{message}: give it another name to have both"


def net_hides(span: Span, name: str, place: Span, layer: str) -> Diagnostic:
    """A stage is named like a function of the library, and that name is called."""
    return Diagnostic(
        "W0119",
        f"`{name}` is the net of line {place.line} here, not the library's function",
        (Label(span, f"the {layer} is applied again"), Label(place, "named here")),
        (f"for the function, name the stage otherwise; to share the net, declare it: net {name} = {layer}(...)",),
        severity=Severity.WARNING,
    )


def path_collision(span: Span, path: str, now: str, layer: str) -> Diagnostic:
    return Diagnostic(
        "W0114",
        f"two unnamed instances of {layer} would share the path `{path}`; this one is `{now}`",
        (Label(span, "named by its layer and number"),),
        (f"name it, so that its path stays when layers are added: |> my_name: {layer}(...)",),
        fix=(Edit(Span(span.source, span.start, span.start), f"{now}: "),) if is_stage(span) else (),
        severity=Severity.WARNING,
    )


def unused(span: Span, what: str, name: str, without: Edit) -> Diagnostic:
    """`what`: "import" or "dim"."""
    message = f"`{name}` is imported and never used" if what == "import" else f"the dim `{name}` is never used"
    return Diagnostic("W0118", message, (Label(span),), ("take it out",), fix=(without,), severity=Severity.WARNING)


def variable_differs(span: Span, path: str, now: str, before: str, first: Span | None) -> Diagnostic:
    labels = (Label(span, f"this use needs {now}"),) + (
        (Label(first, f"first made here, as {before}"),) if first else ()
    )
    return Diagnostic(
        "E0115", f"shared variable `{path}` would need two types: {before} and {now}", labels,
        ("a net used twice shares its variables, so both inputs must have the same size; make two nets for two sizes",),
    )  # fmt: skip


def not_sized(span: Span, path: str, type: str, symbol: str) -> Diagnostic:
    return Diagnostic(
        "E0116",
        f"variable `{path}` has no fixed size: {type}",
        (Label(span, f"`{symbol}` is not known before data is fed"),),
        ("a variable outlives the batch: give its axes numbers, hypers, or sizes of axes that are numbers",),
    )


def reserved(span: Span, name: str) -> Diagnostic:
    return Diagnostic(
        "E0117",
        f"`{name}` has a meaning of its own and can't be another name",
        (Label(span),),
        (f"every body knows `{name}` without being given it; something else needs another name",),
    )


#: Names that people bring along from elsewhere, and what to write here.
ELSEWHERE = {
    **dict.fromkeys(
        ("np", "numpy", "torch", "tf", "jnp", "math", "F"), "functions need no prefix here: exp(x), sum(x, axis=0)"
    ),
    "self": "names of a body need no prefix: w, not self.w",
    "print": "values are shown by `report` in an eval block; at the prompt, an expression alone shows its value",
    **dict.fromkeys(("help", "quit", "exit"), "a command of the prompt begins with a colon: :help, :quit"),
    "range": "write for i in 0..n",
    "Linear": "it is called Dense here: from nn import Dense",
    **dict.fromkeys(("Conv2d", "Conv2D"), "it is called Conv here: from nn import Conv"),
    **dict.fromkeys(
        ("ConvTranspose2d", "Conv2DTranspose"), "it is called ConvTranspose here: from nn import ConvTranspose"
    ),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d"), "it is called BatchNorm here: from nn import BatchNorm"),
    "Sequential": "layers are joined by |>: x |> a: Dense(10) |> relu |> b: Dense(10)",
    "ReLU": "write relu(x), or act=relu",
    **dict.fromkeys(("CrossEntropyLoss", "softmax_cross_entropy"), "write cross_entropy(logits, labels)"),
    **dict.fromkeys(("MSELoss", "mean_squared_error"), "write mse(prediction, target)"),
    "SGD": "write Sgd",
    "RMSprop": "write RmsProp",
    "AdaGrad": "write Adagrad",
    "concatenate": "write concat([a, b], axis=0)",
    "cat": "write concat([a, b], axis=0)",
    **dict.fromkeys(("float32", "float", "astype"), "write f32(x)"),
    **dict.fromkeys(("int64", "int"), "write i64(x)"),
    **dict.fromkeys(("dot", "mm", "bmm"), "write a @ b"),
    **dict.fromkeys(("view", "resize"), "write reshape(x, [2, 3])"),
    **dict.fromkeys(("T", "permute", "swapaxes"), "write transpose(x)"),
    "unsqueeze": "write expand(x, axis=0)",
    **dict.fromkeys(("backward", "gradient", "gradients", "autograd"), "write grad(loss, x)"),
    **dict.fromkeys(("reduce_mean", "avg", "average"), "write mean(x, axis=0)"),
    "reduce_sum": "write sum(x, axis=0)",
    **dict.fromkeys(("xavier", "xavier_uniform", "xavier_normal"), "write glorot_uniform() or glorot_normal()"),
    **dict.fromkeys(("kaiming", "kaiming_uniform", "kaiming_normal"), "write he_uniform() or he_normal()"),
    "detach": "write stop_gradient(x)",
    "item": "a scalar needs no conversion",
    "randn": "write normal([2, 3])",
    "rand": "write uniform([2, 3])",
}
