"""What a text that is not GDL is told: E0001 to E0023."""

from __future__ import annotations

from gdl.diagnostics import Diagnostic, Edit, Label
from gdl.source import Span

# What stands between backquotes is text of the program or to be written into it.


def _fix(span: Span, text: str) -> tuple[Edit, ...]:
    return (Edit(span, text),)


# ---- characters --------------------------------------------------------------------------------------------------


def unexpected_character(span: Span) -> Diagnostic:
    text = span.text
    helps = ("a backslash does not continue a line here; lines inside () and [] continue by themselves",) if text == "\\" else ()
    return Diagnostic("E0001", f"`{text}` (U+{ord(text[0]):04X}) has no meaning here", (Label(span),), helps)


def hidden_character(span: Span) -> Diagnostic:
    codes = ", ".join(f"U+{ord(c):04X}" for c in dict.fromkeys(span.text[:3]))
    return Diagnostic("E0001", f"a control character ({codes}) stands here", (Label(span),), ("delete it",), fix=_fix(span, ""))


def odd_space(span: Span) -> Diagnostic:
    message = f"this space is U+{ord(span.text):04X}, which only looks like one"
    return Diagnostic("E0001", message, (Label(span),), ("write a plain space",), fix=_fix(span, " "))


def symbol(span: Span, meant: str) -> Diagnostic:
    return Diagnostic("E0001", f"`{span.text}` is written `{meant}` in GDL", (Label(span),), fix=_fix(span, meant))


def letters(span: Span) -> Diagnostic:
    return Diagnostic("E0001", f"the name `{span.text}` has a letter outside A-Z, a-z", (Label(span),))


def unterminated_string(span: Span) -> Diagnostic:
    return Diagnostic("E0002", 'this string has no closing `"` on its line', (Label(span),))


def unclosed(opener: Span, seen_at: Span) -> Diagnostic:
    return Diagnostic("E0003", f"this `{opener.text}` is never closed", (Label(opener),))


def stray_closer(span: Span) -> Diagnostic:
    return Diagnostic("E0004", f"this `{span.text}` closes nothing", (Label(span),))


def wrong_closer(opener: Span, closer: Span) -> Diagnostic:
    return Diagnostic("E0004", f"`{opener.text}` is closed by `{closer.text}`", (Label(closer), Label(opener, "opened here")))


def too_deep(span: Span) -> Diagnostic:
    return Diagnostic("E0010", "nested too deeply: the limit is 200 levels", (Label(span),))


def quotes(span: Span) -> Diagnostic:
    return Diagnostic("E0015", 'strings stand in double quotes `"`', (Label(span),))


def malformed_number(span: Span) -> Diagnostic:
    return Diagnostic("E0011", f"`{span.text}` is not a number", (Label(span),))


def number_out_of_range(span: Span) -> Diagnostic:
    return Diagnostic("E0011", "this number is too large", (Label(span),))


def unknown_escape(span: Span) -> Diagnostic:
    return Diagnostic("E0018", f"`{span.text}` is no escape", (Label(span),))


def foreign_word(span: Span, meant: str) -> Diagnostic:
    return Diagnostic("E0015", f"`{span.text}` is written `{meant}` in GDL", (Label(span),), fix=_fix(span, meant))


def foreign_operator(span: Span) -> Diagnostic:
    return Diagnostic("E0015", f"`{span.text}` is not an operator of GDL", (Label(span),))


def unexpected(span: Span, found: str, expected: str) -> Diagnostic:
    return Diagnostic("E0006", f"{found} cannot stand here; expected {expected}", (Label(span),))
