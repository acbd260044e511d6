"""E00xx: a text that is not GDL."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from gdl.diagnostics import Diagnostic, Edit, Label
from gdl.errors.names import respelt
from gdl.source import Span

# How each statement is written: the help of a mistake inside one.
FORMS = {
    "gdl": "gdl 1",
    "import": 'import "file.gdl" as m',
    "from": "from nn import Dense, Conv",
    "dim": "dim batch",
    "hyper": "hyper lr: float = 0.5 in (0, 10)",
    "data": "data digit = mnist() or digits()",
    "placeholder": "placeholder x: f32[batch, 784]",
    "metric": "metric accuracy = argmax(logits, axis=-1) == y",
    "def": "def name(x: f32[*s], p: float = 0.1) -> f32[*s] { return ... }",
    "layer": "layer Name(x: f32[b, d], units: int) -> f32[b, units] { ... }",
    "optimizer": "optimizer Name(w: f32[...], g: f32[...], lr: float = 0.1) { ... }",
    "variable": "variable w: f32[d, units] = glorot_uniform()",
    "state": "state mean: f32[c] = zeros()",
    "net": "net f = Dense(10)",
    "update": "update mean = 0.9 * mean + 0.1 * m",
    "return": "return a, b",
    "for": "for i in 0..n { ... }",
    "if": "if bias { ... } else { ... }",
    "load": 'load model from "file.safetensors" map "old" -> "new" freeze',
    "require": 'require d % heads == 0 : "width {d} does not split into {heads} heads"',
    "next": "next h = h1",
    "yield": "yield h1",
    "train": "train { ... }",
    "eval": "eval test { ... }",
    "test": 'test "what holds" { ... }',
    "epochs": "epochs 5",
    "steps": "steps 10000",
    "feed": "feed x = image, y = label from digit.train batch 100 shuffle",
    "minimize": "minimize loss over vars(f) with Adam(lr) clip 1.0",
    "repeat": "repeat 5 { ... }",
    "report": "report loss, accuracy every 100 steps",
    "run": "run test every epoch",
    "save": 'save "dir" best accuracy every epoch',
    "stop": "stop when loss < 0.5",
    "write": 'write "image-{epoch}.png" = expression',
    "expect": "expect a ~= b",
    "error": "expect error E0301 { ... }",
    "scan": "scan x in xs along t carry h = h0 { ... next h = ...  yield h }",
}

# Where a statement that stands in the wrong block belongs.
HOMES = {
    "train": ("epochs", "steps", "minimize", "repeat", "run", "save", "stop"),
    "train, eval or test": ("feed",),
    "train or eval": ("report",),
    "eval": ("write",),
    "test": ("expect",),
    "scan": ("next", "yield"),
    "def or layer": ("return",),
    "layer": ("net",),
    "layer or optimizer": ("update", "state"),
}


def _error(code: str, message: str, span: Span, label: str = "", *helps: str, **more: object) -> Diagnostic:
    return Diagnostic(code, message, (Label(span, label),), tuple(h for h in helps if h), **more)  # type: ignore[arg-type]


def _fix(span: Span, text: str) -> tuple[Edit, ...]:
    return (Edit(span, text),)


# ---- E0001: characters -------------------------------------------------------------------------------------------


def unexpected_character(span: Span) -> Diagnostic:
    helps = {
        "\\": "lines inside () and [] continue by themselves, and a line may start with |>",
        "`": "text stands in double quotes, names stand bare",
    }
    message = f"`{span.text}` (U+{ord(span.text[0]):04X}) means nothing in GDL"
    return _error("E0001", message, span, "", helps.get(span.text, ""))


def hidden_character(span: Span) -> Diagnostic:
    codes = ", ".join(f"U+{ord(c):04X}" for c in dict.fromkeys(span.text[:3]))
    message = f"there is a character here that cannot be seen: {codes}"
    return _error("E0001", message, span, "", "delete it; inside a text, write it as \\u{...}", fix=_fix(span, ""))


def odd_space(span: Span) -> Diagnostic:
    name = unicodedata.name(span.text[0], "").lower() or "not a space"
    message = f"U+{ord(span.text[0]):04X} ({name}) only looks like a space"
    return _error("E0001", message, span, "", "write a plain space", fix=_fix(span, " "))


def symbol(span: Span, meant: str) -> Diagnostic:
    return _error("E0001", f"GDL has no `{span.text}`", span, "", f"write `{meant}`", fix=_fix(span, meant))


def letters(span: Span) -> Diagnostic:
    message = f"`{span.text}` cannot be a name: names are made of A-Z, a-z, 0-9 and _"
    words = unicodedata.name(span.text[0], "").split()
    plain = words[-1].lower() if len(span.text) == 1 and words[:1] == ["GREEK"] else ""
    return _error("E0001", message, span, "", plain and f"write `{plain}`")


# ---- E0002 to E0004: quotes and brackets -------------------------------------------------------------------------


def unterminated_string(span: Span) -> Diagnostic:
    return _error("E0002", "this text has no closing quote", span, 'opened here, and the line ends without a `"`',
                  'close it with `"`; a line break inside a text is written \\n')  # fmt: skip


def unclosed(openers: Sequence[Span], seen_at: Span, closer: str) -> Diagnostic:
    """`openers`: innermost first; `seen_at`: what shows that they should have been closed before."""
    labels = [Label(openers[0], "opened here"), *(Label(span, "nor is this closed") for span in openers[1:3])]
    if seen_at.source.text[seen_at.start : seen_at.start + 1].strip():
        labels.append(Label(seen_at, f"`{closer}` is missing before this"))
    return Diagnostic("E0003", f"this `{openers[0].text}` is never closed", tuple(labels), (f"add `{closer}`",))


def stray_closer(span: Span) -> Diagnostic:
    opener = {")": "(", "]": "[", "}": "{"}[span.text]
    return _error("E0004", f"this `{span.text}` closes nothing", span, f"no `{opener}` is open here",
                  "delete it", fix=_fix(span, ""))  # fmt: skip


def wrong_closer(opener: Span, closer: Span, wanted: str) -> Diagnostic:
    labels = (Label(closer, f"`{wanted}` belongs here"), Label(opener, "opened here"))
    message = f"`{opener.text}` is closed by `{closer.text}`"
    return Diagnostic("E0004", message, labels, (f"write `{wanted}`",), fix=_fix(closer, wanted))


# ---- E0005: statements that do not exist -------------------------------------------------------------------------


def unknown_statement(span: Span, similar: str | None, hint: str) -> Diagnostic:
    helps = (f"did you mean `{similar}`?",) if similar else ()
    if hint:
        helps += (hint,)
    if not helps:
        helps = ("a statement is `name = expression`, or begins with a keyword such as variable, net or train",)
    fix = respelt(span, span.text, [similar]) if similar else ()
    return Diagnostic("E0005", f"no statement begins with `{span.text}`", (Label(span),), helps, fix=fix)


def clause_alone(span: Span, statement: str) -> Diagnostic:
    """`with Adam(lr)` on a line of its own."""
    hint = f"it goes on with a `{statement}`, on the same line: `{FORMS[statement]}`"
    return Diagnostic("E0005", f"no statement begins with `{span.text}`", (Label(span),), (hint,))


def count_first(span: Span, right: str) -> Diagnostic:
    """`5 epochs`"""
    message = f"no statement begins with the number `{span.text}`"
    return Diagnostic("E0005", message, (Label(span),), (f"write `{right}`",))


def statement_as_example(span: Span) -> Diagnostic:
    """`Example: y = f(x)` in a doc comment."""
    hint = "write what holds, as in f(1) == 2, or what can be computed, as in x |> f(2)"
    return Diagnostic("E0005", "an example is an expression, and this is a statement", (Label(span),), (hint,))


def value_without_name(span: Span, text: str) -> Diagnostic:
    return _error("E0019", "this line computes something and drops it", span, "",
                  f"give it a name: `y = {text}`, or `report` it in an eval block")  # fmt: skip


def assignment_to_part(span: Span) -> Diagnostic:
    return _error("E0020", f"`{span.text}` cannot be assigned to: values never change", span,
                  "only names can stand left of `=`",
                  "bind a new name; a tensor with some entries replaced is `where(mask, new, old)`")  # fmt: skip


# ---- E0006 to E0008: something else was expected -----------------------------------------------------------------


def unexpected(span: Span, found: str, expected: str, help: str) -> Diagnostic:
    return _error("E0006", f"{found} cannot stand here", span, f"expected {expected}", help)


def one_value(span: Span) -> Diagnostic:
    return _error("E0006", f"a binding has one value and one `=`, so `{span.text}` cannot stand here", span, "",
                  "write one line per value; `a, b = f(x)` takes apart what a function returns")  # fmt: skip


def missing(span: Span, what: str, before: str, form: str, gap: Span | None = None) -> Diagnostic:
    """`=`, `:`, `with` ... left out; `before` says what stands in its place, `gap` where it surely belongs."""
    fix = _fix(gap, ": " if what == ":" else f" {what} ") if gap is not None else ()
    return _error("E0007", f"`{what}` is missing before {before}", span, "", form, fix=fix)


def missing_default(name: Span, keyword: str) -> Diagnostic:
    what, example = {
        "hyper": ("a default value", "= 0.1"),
        "net": ("its layer", "= Dense(10)"),
        "data": ("its source", "= digits()"),
        "metric": ("its value", "= argmax(logits, axis=-1) == y"),
    }.get(keyword, ("an initial value", "= zeros()"))
    return _error("E0007", f"`{keyword} {name.text}` needs {what}", name, "", f"add `{example}`")


def typed_without_value(name: Span) -> Diagnostic:
    hint = f"a tensor that is fed is `placeholder {name.text}: ...`, a trained one `variable {name.text}: ... = ...`"
    return _error("E0007", f"`{name.text}` has a type but no value", name, "", hint)


def missing_comma(span: Span, before: Span, is_all: bool) -> Diagnostic:
    """`is_all`: nothing else is wrong with the statement."""
    here = Span(before.source, before.end, before.end)
    hint = "write `,` between them" if before.text in ")]}" else f"write `{_short(before.text)}, {_short(span.text)}`"
    labels = (Label(span), Label(before))
    return Diagnostic("E0008", "a comma is missing between these two", labels, (hint,),
                      fix=_fix(here, ",") if is_all else ())  # fmt: skip


def line_too_short(span: Span, what: str, after: str, expected: str, form: str) -> Diagnostic:
    return _error("E0017", f"the {what} ends after {after}", span, f"expected {expected} here", form)


def untyped_parameter(name: Span) -> Diagnostic:
    hint = f"write `{name.text}: f32[n]` for a tensor, `{name.text}: int` for a number known before the run"
    return _error("E0007", f"the parameter `{name.text}` needs a type", name, "", hint)


def missing_brace(span: Span, keyword: str) -> Diagnostic:
    return _error("E0007", f"the block of this `{keyword}` does not begin", span, "expected `{`",
                  f"the form is `{FORMS[keyword]}`")  # fmt: skip


LONG_LINE = "put parentheses around an expression that takes several lines; only |> may begin a line"


def line_starts_with(span: Span) -> Diagnostic:
    return _error("E0017", f"a line cannot begin with `{span.text}`", span, "", LONG_LINE)


# ---- E0009, E0010: places ----------------------------------------------------------------------------------------


def misplaced(span: Span, block: str, block_span: Span | None) -> Diagnostic:
    """A statement in a block (or, with block "", at the top of a file) that does not take it."""
    word = span.text
    homes = [home for home, words in HOMES.items() if word in words]
    shown = "`" + block.replace(" or ", "` or `") + "` block"
    where = f"in {_a(shown)}" if block else "at the top level of a file"
    labels = [Label(span)]
    if block_span is not None:
        labels.append(Label(block_span, "this block is open"))
    if word in ("variable", "state", "net", "update", "load") and block == "def":
        hint = "a `def` is a pure function; write `layer` instead of `def` if it owns something"
    elif word in ("variable", "placeholder") and block == "optimizer":
        hint = "what an optimizer keeps is a `state`; the variable that it trains is its first parameter"
    elif homes:
        hint = f"it belongs in {_a(homes[0])} block"
    elif block:
        hint = f"move it to the top level of the file, before this `{block}`"
    else:
        hint = "it belongs inside a block"
    return Diagnostic("E0009", f"`{word}` cannot stand {where}", tuple(labels), (hint,))


def too_deep(span: Span, limit: int) -> Diagnostic:
    return _error("E0010", f"nested more than {limit} levels deep", span, f"level {limit + 1} begins here",
                  "give the inner parts names of their own, one line each")  # fmt: skip


# ---- E0011, E0012: numbers ---------------------------------------------------------------------------------------


def malformed_number(span: Span) -> Diagnostic:
    text = span.text
    hint, meant = "a name cannot begin with a digit; for a product write `*`", ""
    if text.startswith("."):
        hint = f"write 0{text}"
        meant = f"0{text}" if text[1:].isdigit() else ""
    elif text.endswith(".") and text[:-1].isdigit():
        hint = f"write {text}0 for a float or {text[:-1]} for an integer"
        meant = f"{text}0"
    elif text.count(".") > 1 and text.replace(".", "").isdigit():
        hint = "a number has one decimal point"
    elif "_" in text and text.replace("_", "").isdigit():
        meant = text.replace("_", "")
        hint = f"write {meant}"
    elif text[:2].lower() in ("0x", "0b", "0o"):
        hint = "integers are written in decimal"
    return _error("E0011", f"`{_short(text)}` is not a number", span, "", hint, fix=_fix(span, meant) if meant else ())


def number_out_of_range(span: Span) -> Diagnostic:
    if span.text.isdigit():
        message = "this integer does not fit in 64 bits"
        hint = "the largest is 9223372036854775807; a float has an exponent: 1e30"
    else:
        message = "this number does not fit in a 64-bit float"
        hint = "floats reach from 5e-324 to 1.8e308"
    return _error("E0011", message, span, "", hint)


def unknown_edition(span: Span, known: str) -> Diagnostic:
    return _error("E0012", f"this GDL knows edition {known}, not {span.text}", span, "",
                  f"write `gdl {known}`, or install a newer version of GDL")  # fmt: skip


def late_edition(span: Span) -> Diagnostic:
    return _error("E0012", "the edition belongs on the first line", span, "", "move it above everything but comments")


# ---- E0013 to E0016: words ---------------------------------------------------------------------------------------


def reserved_word(span: Span) -> Diagnostic:
    return _error("E0013", f"`{span.text}` is a keyword and cannot be a name", span, "", f"call it `{span.text}_`")


def assignment_in_test(span: Span) -> Diagnostic:
    return _error("E0014", "`=` gives a name to a value; it does not compare", span, "", "to compare, write `==`",
                  fix=_fix(span, "=="))  # fmt: skip


def foreign_word(span: Span, meant: str) -> Diagnostic:
    return _error("E0015", f"GDL has no `{span.text}`", span, "", f"write `{meant}`", fix=_fix(span, meant))


def open_axis(span: Span, indexed: str) -> Diagnostic:
    """`None` as an axis of a type, or in the index of a tensor."""
    hint = "an axis that the data decide has a name: a line `dim batch`, then f32[batch, 10]"
    if indexed:
        hint = f"for a new axis write expand({indexed}, axis=0)"
    return _error("E0015", f"GDL has no `{span.text}`", span, "", hint)


def foreign_operator(span: Span, name: str = "x") -> Diagnostic:
    text = span.text
    meant = {"&&": "and", "||": "or", "&": "and", "!": "not", "===": "==", "!==": "!=", ":=": "=", "^": "**"}.get(text)
    fix = _fix(span, f"{meant} " if meant == "not" else meant) if meant else ()
    if meant:
        hint = f"write `{meant}`"
    elif text.startswith('"""'):
        text, hint = '"""', "documentation stands above its definition, on lines that begin with ##"
    elif text == "=>":
        hint = "a result type follows `->`"
    elif text.endswith("="):
        hint = f"values never change; bind the name anew: `{name} = {name} {text[:-1]} ...`"
    elif text == "?":
        hint = "a choice is written `a if test else b`"
    else:
        hint = "names and operators need no sign before them"
    return _error("E0015", f"GDL has no `{text}`", span, "", hint, fix=fix)


def quotes(span: Span, text: str) -> Diagnostic:
    hint = f"write `{text}`" if span.text[0] != "`" else f"write `{text[1:-1]}` for a name, `{text}` for text"
    fix = _fix(span, text) if span.text[0] != "`" and len(span.text) > 1 and span.text[-1] in _CLOSING else ()
    return _error("E0015", "text stands in double quotes", span, "", hint if len(text) < 60 else 'write "..."', fix=fix)


_CLOSING = "'\u2019\u201d\u201c"


def python_block(colon: Span, keyword: str) -> Diagnostic:
    return _error("E0015", "blocks stand in braces, not after a colon", colon, "expected `{`",
                  f"write `{FORMS.get(keyword, FORMS['if'])}`")  # fmt: skip


def slash_comment(span: Span) -> Diagnostic:
    fix = _fix(span, "#") if span.text == "//" else ()
    return _error("E0015", f"`{span.text}` does not begin a comment", span, "", "comments begin with #", fix=fix)


def no_lambda(span: Span) -> Diagnostic:
    return _error("E0015", "GDL has no lambda", span, "",
                  "write `def f(x: f32[*s]) -> f32[*s] { return ... }` and pass `f`")  # fmt: skip


def no_wildcard(span: Span) -> Diagnostic:
    return _error("E0015", "an import names what it takes", span, "", "write `from nn import Dense, Conv`")


def unknown_dtype(span: Span, meant: str | None, dtypes: Sequence[str]) -> Diagnostic:
    known = ", ".join(dtypes)
    hint = f"write `{meant}`" if meant else f"the dtypes are {known}"
    fix = _fix(span, meant) if meant else ()
    return _error("E0016", f"there is no dtype `{span.text}`", span, "", hint, fix=fix)


def dtype_variable(span: Span, stands_for: str) -> Diagnostic:
    message = f"`{span.text}` stands for {stands_for} dtype; only a def, layer or optimizer can leave that open"
    return _error("E0016", message, span, "", "write the dtype: `f32`")


def not_a_type(span: Span, dtype: str | None) -> Diagnostic:
    hint = f"a scalar is `{dtype}[]`, a vector `{dtype}[n]`" if dtype else "a type looks like f32[batch, 10]"
    return _error("E0016", f"`{span.text}` is not a tensor's type", span, "the axes are missing" if dtype else "", hint)


# ---- E0018, E0021, E0022 -----------------------------------------------------------------------------------------


def unknown_escape(span: Span) -> Diagnostic:
    return _error("E0018", f"`{span.text}` means nothing inside a text", span, "",
                  'the escapes are \\n \\t \\" \\\\ and \\u{3b1}; for a backslash write \\\\')  # fmt: skip


def not_a_code(span: Span) -> Diagnostic:
    return _error("E0021", f"`{span.text}` is not the code of an error", span, "", "a code looks like E0301 or W0303")


def semicolon(span: Span, opener: Span) -> Diagnostic:
    labels = (Label(span), Label(opener, "opened here"))
    message = f"inside `{opener.text}` a comma separates, not `;`"
    return Diagnostic("E0008", message, labels, ("write `,`",), fix=_fix(span, ","))


def chained_comparison(span: Span, first: Span) -> Diagnostic:
    labels = (Label(span), Label(first))
    return Diagnostic("E0022", "comparisons do not chain", labels, ("write `a < b and b < c`",))


def _a(noun: str) -> str:
    return f"an {noun}" if noun.lstrip("`")[0] in "aeiou" else f"a {noun}"


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:20] + "..."
