"""Why a statement could not be parsed, in words: the first rule of RULES that knows the case makes the diagnostic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from gdl.diagnostics import Diagnostic
from gdl.errors import syntax as errors
from gdl.errors.names import closest
from gdl.source import Source, Span
from gdl.syntax.ast import MAX_NESTING
from gdl.syntax.expected import describe, found
from gdl.syntax.lalr import Failure, Reduction, accepted, would_fit
from gdl.syntax.table import Table
from gdl.syntax.tokens import (
    DTYPE_NAMES,
    DTYPE_VARIABLES,
    DTYPES,
    ENDS_OPERAND,
    RESERVED,
    STARTS_OPERAND,
    STATEMENT_WORDS,
    Token,
)

# Words that begin statements in other languages, and what is said of them.
_ELSEWHERE = {
    "elif": "write `} else if test { ... }`",
    "while": "a file describes a graph and cannot loop forever; `for i in 0..n` unrolls, `scan` runs along an axis",
    "class": "a layer is declared with `layer Name(x: f32[b, d]) { ... }`",
    "model": "a model is a `layer`, and `net m = Model()` is one of it",
    "fn": "a function is declared with `def`",
    "func": "a function is declared with `def`",
    "function": "a function is declared with `def`",
    "let": "a binding needs no keyword: `name = expression`",
    "var": "a binding needs no keyword: `name = expression`; a trained tensor is a `variable`",
    "const": "a binding needs no keyword: `name = expression`",
    "param": "a trained tensor is a `variable`, a knob a `hyper`",
    "parameter": "a trained tensor is a `variable`, a knob a `hyper`",
    "input": "a tensor that is fed is a `placeholder`",
    "print": "values are shown by `report` in a train or eval block",
    "assert": "write `require test : \"message\"`, or `expect` in a test",
    "optimize": "write `minimize loss with Adam(lr)` in a train block",
    "export": "every definition of a file can be imported",
}  # fmt: skip


#: Words that go on with a statement of a train block, and that statement.
CLAUSES = {
    "with": "minimize", "over": "minimize", "clip": "minimize", "from": "feed", "batch": "feed", "shuffle": "feed",
    "when": "stop", "best": "save", "every": "report",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A failure with what the rules ask of it."""

    failure: Failure
    source: Source
    table: Table
    rules: list[Reduction]

    @cached_property
    def expected(self) -> frozenset[str]:
        return accepted(self.table, self.rules, self.failure)

    def would_fit(self, kind: str) -> bool:
        return would_fit(self.table, self.rules, self.failure, kind)

    @property
    def token(self) -> Token:
        return self.failure.token

    @property
    def kind(self) -> str:
        return self.failure.kinds[self.failure.index]

    @property
    def first(self) -> Token:
        return self.failure.tokens[self.failure.start]

    @property
    def is_first(self) -> bool:
        return self.failure.index == self.failure.start

    @property
    def previous(self) -> Token:
        return self.failure.tokens[max(self.failure.index - 1, 0)]

    @property
    def keyword(self) -> str:
        """The keyword that the statement begins with, "" for a binding."""
        is_keyword = self.failure.kinds[self.failure.start] != "NAME" and not self.is_first
        return self.first.text if is_keyword and self.first.text in errors.FORMS else ""

    @property
    def form(self) -> str:
        is_error = "ERROR" in self.read_kinds or (self.keyword == "expect" and self.previous.text == "error")
        keyword = "scan" if "SCAN" in self.read_kinds else "error" if is_error else self.keyword
        if not keyword:
            return ""
        clauses = CLAUSES.keys() & errors.FORMS[keyword].split()[1:]
        is_late = self.token.text in clauses and "ASSIGN" not in self.expected
        is_early = self.previous.text in clauses and self.kind not in ("END", "ASSIGN")
        return f"{'the order is' if is_late or is_early else 'the form is'} `{errors.FORMS[keyword]}`"

    @property
    def read_kinds(self) -> list[str]:
        return self.failure.kinds[self.failure.start : self.failure.index]

    @property
    def read(self) -> list[Token]:
        return self.failure.tokens[self.failure.start : self.failure.index]

    @property
    def in_block(self) -> bool:
        return len(self.failure.blocks) > 1

    @property
    def in_brackets(self) -> bool:
        depth = 0
        for token in self.read:
            depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        return depth > 0

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def rest_of_line(self) -> list[Token]:
        end = self.failure.index
        while self.failure.tokens[end].kind not in ("END", "$END", "RBRACE"):
            end += 1
        return self.failure.tokens[self.failure.start : end]


def explain(failure: Failure, source: Source, table: Table, rules: list[Reduction]) -> Diagnostic:
    """The diagnostic for a statement that was given up."""
    case = Case(failure, source, table, rules)
    return next(diagnostic for rule in RULES if (diagnostic := rule(case)) is not None)


# ---- places ------------------------------------------------------------------------------------------------------


def _too_deep(case: Case) -> Diagnostic | None:
    deep = case.failure.too_deep
    if deep is None:
        return None
    first = next((t for t in case.read if t.start == deep.start), case.token)
    return errors.too_deep(case.span(first), MAX_NESTING)


def _misplaced(case: Case) -> Diagnostic | None:
    if not case.failure.is_refused:
        return None
    if case.kind == "DTYPE":
        return _dtype(case.span(case.token))
    if case.token.text in RESERVED and case.failure.tokens[case.failure.index + 1].kind == "ASSIGN":
        return errors.reserved_word(case.span(case.token))
    blocks, starts = case.failure.blocks, case.failure.statements
    block = blocks[-1]
    if block == "file":
        return errors.misplaced(case.span(case.token), "", None)
    inner = next((n for n, name in enumerate(reversed(blocks)) if name != block), 0)  # `if` and `for` in it count to it
    return errors.misplaced(case.span(case.token), block, case.span(case.failure.tokens[starts[-inner - 1]]))


def _dtype(span: Span) -> Diagnostic:
    if span.text in DTYPE_VARIABLES:
        return errors.dtype_variable(span, DTYPE_VARIABLES[span.text])
    return errors.unknown_dtype(span, DTYPE_NAMES.get(span.text) or closest(span.text, DTYPES), DTYPES)


# ---- what other languages write ----------------------------------------------------------------------------------


def _comment(case: Case) -> Diagnostic | None:
    if case.is_first and case.token.kind in ("DOUBLE_SLASH", "SLASH"):
        following = case.failure.tokens[case.failure.index + 1]
        end = following.end if following.text == "*" else case.token.end
        return errors.slash_comment(Span(case.source, case.token.start, end))
    slashes = [t for t in case.read if t.kind == "DOUBLE_SLASH"]
    if slashes and case.kind in STARTS_OPERAND | {"END"} and case.previous.kind in ENDS_OPERAND | {"DOUBLE_SLASH"}:
        if not case.in_brackets:
            return errors.slash_comment(case.span(slashes[0]))
    return None


def _python_block(case: Case) -> Diagnostic | None:
    if case.kind != "COLON" or "LBRACE" not in case.expected:
        return None
    return errors.python_block(case.span(case.token), case.keyword or "if")


def _lambda(case: Case) -> Diagnostic | None:
    if case.previous.text == "lambda" and not case.is_first and case.kind in ("NAME", "COLON"):
        return errors.no_lambda(case.span(case.previous))
    return None


def _wildcard(case: Case) -> Diagnostic | None:
    if case.keyword == "from" and case.kind == "STAR":
        return errors.no_wildcard(case.span(case.token))
    return None


# ---- names and keywords ------------------------------------------------------------------------------------------


def _reserved(case: Case) -> Diagnostic | None:
    token = case.token
    if case.failure.index == case.failure.start + 1 and case.kind == "ASSIGN" and case.first.text in RESERVED:
        return errors.reserved_word(case.span(case.first))
    if token.text in RESERVED and "NAME" in case.expected and "NUMBER" not in case.expected and not case.is_first:
        return errors.reserved_word(case.span(token))
    return None


def _clause(case: Case) -> Diagnostic | None:
    """`with Adam(lr)` on a line of its own."""
    statement = CLAUSES.get(case.first.text) if case.in_block and case.kind != "COLON" else None
    if statement is None or case.failure.index != case.failure.start + 1:
        return None
    return errors.clause_alone(case.span(case.first), statement)


def _count(case: Case) -> Diagnostic | None:
    """`5 epochs`"""
    if not case.is_first or case.kind != "NUMBER" or not case.in_block:
        return None
    unit = case.failure.tokens[case.failure.index + 1].text
    if unit.rstrip("s") not in ("epoch", "step"):
        return None
    return errors.count_first(case.span(case.token), f"{unit.rstrip('s')}s {case.token.text}")


def _unknown_statement(case: Case) -> Diagnostic | None:
    if case.failure.kinds[case.failure.start] != "NAME" or case.failure.index != case.failure.start + 1:
        return None
    if case.kind in STARTS_OPERAND - {"LPAR", "LSQB", "MINUS"} or case.kind == "LBRACE":
        word = case.first.text
        hint = _ELSEWHERE.get(word, "")
        return errors.unknown_statement(case.span(case.first), None if hint else closest(word, STATEMENT_WORDS), hint)
    line = case.rest_of_line()
    if not line or case.kind in ("END", "COLON", "COMMA"):
        word = closest(case.first.text, STATEMENT_WORDS)
        if case.kind == "END" and word:
            return errors.unknown_statement(case.span(case.first), word, "")
    assigned = next((n for n, token in enumerate(line) if token.kind == "ASSIGN"), None)
    if case.kind in ("DOT", "LSQB") and assigned and line[assigned - 1].text not in ("(", ","):
        target = Span(case.source, line[0].start, line[assigned - 1].end)
        if target.text.count("(") == target.text.count(")"):
            return errors.assignment_to_part(target)
    if case.kind in ("END", "STRING") or case.table.rows[case.failure.states[-1]].get(case.kind) is None:
        whole = Span(case.source, line[0].start, line[-1].end)
        if case.kind in _CONTINUES_VALUE:
            if case.kind == "LPAR" and case.first.text in _ELSEWHERE:
                return errors.unknown_statement(case.span(case.first), None, _ELSEWHERE[case.first.text])
            return errors.value_without_name(whole, whole.text if "\n" not in whole.text else "...")
    return None


_CONTINUES_VALUE = frozenset(
    "END LPAR LSQB DOT PIPE PLUS MINUS STAR SLASH DOUBLE_SLASH PERCENT AT DOUBLE_STAR EQUAL UNEQUAL LESS MORE AT_MOST"
    " AT_LEAST AND OR IF".split()
)


# ---- things left out ---------------------------------------------------------------------------------------------


def _assignment_in_test(case: Case) -> Diagnostic | None:
    is_compared = case.keyword in _TESTING or (case.keyword == "metric" and "ASSIGN" in case.read_kinds)
    if case.kind != "ASSIGN" or "EQUAL" not in case.expected or not is_compared:
        return None
    return errors.assignment_in_test(case.span(case.token))


_TESTING = frozenset({"if", "require", "expect", "stop", "return", "report"})


def _untyped_parameter(case: Case) -> Diagnostic | None:
    if case.keyword not in ("def", "layer", "optimizer") or case.kind not in ("RPAR", "COMMA"):
        return None
    if case.previous.kind == "NAME" and {"COLON", "ASSIGN"} <= case.expected:
        return errors.untyped_parameter(case.span(case.previous))
    return None


def _type(case: Case) -> Diagnostic | None:
    if "DTYPE" not in case.expected or case.kind == "END" or "NUMBER" in case.expected:
        return None
    if case.kind in ("NAME", "STRING", "NUMBER") or case.token.text in RESERVED:
        dtype = case.token.text if case.token.text in DTYPES else DTYPE_NAMES.get(case.token.text)
        return errors.not_a_type(case.span(case.token), dtype)
    return None


def _missing_value(case: Case) -> Diagnostic | None:
    """A declaration that ends before its `=`."""
    if case.kind != "END" or "ASSIGN" not in case.expected or len(case.read) < 2:
        return None
    if case.keyword in ("variable", "state", "hyper", "net", "data", "metric"):
        return errors.missing_default(case.span(case.read[1]), case.keyword)
    if case.read_kinds[:2] == ["NAME", "COLON"]:
        return errors.typed_without_value(case.span(case.first))
    return None


# What is worth naming when it is missing, the most likely first.
_MARKS = {
    "ARROW": "->", "COLON": ":", "ASSIGN": "=", "RANGE": "..", "WITH": "with", "FROM": "from", "IN": "in",
    "WHEN": "when", "ALONG": "along", "CARRY": "carry", "IMPORT": "import", "AS": "as", "LBRACE": "{", "LPAR": "(",
}  # fmt: skip


def _missing_mark(case: Case) -> Diagnostic | None:
    """One mark or word that had to come, where something stands that could follow it."""
    if case.is_first or case.kind in ("END", "$END"):
        return None
    wanted = [mark for mark in _MARKS if mark in case.expected]
    if "PLUS" in case.expected:  # after a value, where much may come: only what must come
        wanted = [mark for mark in wanted if mark not in ("LPAR", "COLON", "ASSIGN") and "END" not in case.expected]
        if case.kind != "LBRACE" or wanted != ["RANGE"]:
            return None
    if wanted == ["LPAR"] and len(case.expected) > 1:
        return None
    if not wanted or "NUMBER" in case.expected or (wanted[0] == "ARROW" and case.kind not in _STARTS_TYPE):
        return None
    mark = wanted[0]
    if mark == "COLON" and "ASSIGN" in wanted and case.kind not in _STARTS_TYPE:
        mark = "ASSIGN"
    help = case.form
    if mark == "COLON" and len(case.read) > 1 and case.read[-2].kind == "PIPE":
        help = f"a stage with a name is `|> {case.previous.text}: {case.token.text}(...)`"
    is_word_or_sign = mark not in ("LBRACE", "LPAR")  # these need a closer as well
    gap = Span(case.source, case.previous.end, case.token.start) if is_word_or_sign and case.would_fit(mark) else None
    return errors.missing(case.span(case.token), _MARKS[mark], found(case.token, case.kind), help, gap)


_STARTS_TYPE = frozenset({"NAME", "DTYPE", "LSQB", "LPAR"})


def _missing_comma(case: Case) -> Diagnostic | None:
    listing = case.in_brackets or case.keyword in ("dim", "from")
    if listing and "COMMA" in case.expected and case.kind in STARTS_OPERAND - {"MINUS", "LPAR"}:
        if case.previous.kind in ENDS_OPERAND:
            return errors.missing_comma(case.span(case.token), case.span(case.previous), case.would_fit("COMMA"))
    return None


def _several_values(case: Case) -> Diagnostic | None:
    is_binding = not case.keyword and not case.is_first and "ASSIGN" in case.read_kinds and not case.in_brackets
    if is_binding and case.kind in ("COMMA", "ASSIGN"):
        return errors.one_value(case.span(case.token))
    return None


def _chained_comparison(case: Case) -> Diagnostic | None:
    if case.kind not in _COMPARISONS or case.previous.kind not in ENDS_OPERAND:
        return None
    before = [t for t, kind in zip(case.read, case.read_kinds, strict=True) if kind in _COMPARISONS]
    if not before:
        return None
    return errors.chained_comparison(case.span(case.token), case.span(before[-1]))


_COMPARISONS = frozenset({"EQUAL", "UNEQUAL", "LESS", "MORE", "AT_MOST", "AT_LEAST"})


def _short_line(case: Case) -> Diagnostic | None:
    if case.kind not in ("END", "$END") or not case.read:
        return None
    place = Span(case.source, case.previous.end, case.previous.end)
    after = found(case.previous, "", quoted=True)
    what = {";": "statement", "": "block"}.get(case.token.text, "line") if case.in_block else "line"
    return errors.line_too_short(place, what, after, describe(case.expected, case.table), case.form)


def _line_start(case: Case) -> Diagnostic | None:
    if case.is_first and case.token.kind not in ("NAME", "NUMBER", "STRING", "LBRACE", "END"):
        if case.token.text not in ("(", "[", "@", "..."):
            return errors.line_starts_with(case.span(case.token))
    return None


def _unexpected(case: Case) -> Diagnostic:
    expected = describe(case.expected, case.table)
    help = case.form
    if case.is_first:
        expected = "a statement: `name = expression`, or a keyword such as variable, net or train"
    elif case.keyword == "from" and case.token.text == "as":
        help = 'what is imported keeps its name; a module can have another: `import "file.gdl" as m`'
    elif case.kind == "IF":
        help = "a choice is written `this if test else that`"
    elif case.kind == "NAME" and any(token.text == "~=" for token in case.read):
        help = "`~=` allows for rounding; for a tolerance of your own: `expect abs(a - b) < 0.1`"
    elif case.kind == "NAME" and case.previous.kind in ("NUMBER", "RPAR") and "STAR" in case.expected:
        help = "a product is written with `*`"
    elif case.kind == "COMMA" and case.previous.text.isdigit() and case.previous.end == case.token.start:
        help = "a decimal point is written `.`"
    return errors.unexpected(case.span(case.token), found(case.token, case.kind), expected, help)


RULES: tuple[Callable[[Case], Diagnostic | None], ...] = (
    _too_deep,
    _misplaced,
    _comment,
    _python_block,
    _lambda,
    _wildcard,
    _reserved,
    _clause,
    _count,
    _unknown_statement,
    _chained_comparison,
    _several_values,
    _assignment_in_test,
    _untyped_parameter,
    _type,
    _missing_value,
    _missing_comma,
    _missing_mark,
    _short_line,
    _line_start,
    _unexpected,
)
