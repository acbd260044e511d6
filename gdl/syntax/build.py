"""Builds the parse table from grammar/gdl.lark: `python -m gdl.syntax.build` writes grammar/gdl.table.json."""

from __future__ import annotations

import json
from typing import Any

import lark
from lark.grammar import NonTerminal, Rule
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import Shift

from gdl.resources import resource
from gdl.syntax.table import grammar_hash

STARTS = ("file", "expression", "signature")


def build_table(grammar: str) -> dict[str, Any]:
    """The LALR table as plain data: terminals, rules, and per state what each symbol leads to.

    In a state's row a number >= 0 is the next state (shift or goto) and ~r stands for "reduce by rule r".
    """
    parser: Any = lark.Lark(grammar, parser="lalr", start=list(STARTS), maybe_placeholders=True)
    lalr = parser.parser.parser._parse_table
    number = {rule: index for index, rule in enumerate(parser.rules)}
    rows: list[dict[str, int]] = []
    for state in range(len(lalr.states)):
        row = {}
        for symbol, (action, argument) in lalr.states[state].items():
            row[str(symbol)] = argument if action is Shift else ~number[argument]
        rows.append(row)
    return {
        "grammar": grammar_hash(grammar),
        "strings": {t.name: t.pattern.value for t in parser.terminals if isinstance(t.pattern, PatternStr)},
        "patterns": {t.name: t.pattern.value for t in parser.terminals if not isinstance(t.pattern, PatternStr)},
        "starts": {start: lalr.start_states[start] for start in STARTS},
        "ends": {start: lalr.end_states[start] for start in STARTS},
        "bodies": _bodies(rows, parser.rules),
        "rules": [_rule(rule) for rule in parser.rules],
        "rows": rows,
    }


def _bodies(rows: list[dict[str, int]], rules: list[Rule]) -> dict[str, int]:
    """State -> reduction, for states that can only complete a `body`.

    They do so whatever follows, so that nothing wrong after a statement can cost the statement.
    """
    found = {}
    for state, row in enumerate(rows):
        actions = {action for symbol, action in row.items() if symbol.isupper()}
        if len(actions) == 1 and (action := actions.pop()) < 0 and rules[~action].origin.name == "body":
            found[str(state)] = action
    return found


def _rule(rule: Rule) -> list[Any]:
    """[origin, length, builder, plan]: the builder is called with the children that the plan names.

    In the plan `n` is the n-th child, null an optional part left out, [n] a list whose members are children. The
    builder is null where the one child stands for the whole, "list" for the lists behind `*` and `+`.
    """
    name = rule.origin.name
    plan: list[Any] = []
    missing = list(rule.options.empty_indices)
    for index, symbol in enumerate(rule.expansion):
        while missing and missing[0]:
            plan.append(None)
            missing.pop(0)
        if missing:
            missing.pop(0)
        if isinstance(symbol, NonTerminal) and symbol.name.startswith("_"):
            plan.append([index])
        elif not getattr(symbol, "filter_out", False):
            plan.append(index)
    plan += [None] * sum(missing)
    builder = rule.alias or ("list" if name.startswith("_") else name)
    if rule.options.expand1 and not rule.alias and plan == [0]:
        return [name, len(rule.expansion), None, plan]
    return [name, len(rule.expansion), builder, plan]


def main() -> None:
    path = resource("grammar/gdl.lark")
    table = build_table(path.read_text(encoding="utf-8"))
    rows = ",\n".join(json.dumps(row, sort_keys=True, separators=(",", ":")) for row in table.pop("rows"))
    head = json.dumps(table, indent=0, sort_keys=True)
    path.with_name("gdl.table.json").write_text(f'{head[:-2]},\n"rows": [\n{rows}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
