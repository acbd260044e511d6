"""What the lexer hands to the parser."""

from __future__ import annotations

from typing import NamedTuple

BROKEN = "BROKEN"  # stands for text that has been reported: the parser gives up the statement without another word
STOP = "$END"  # after the last token

OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS = {closer: opener for opener, closer in OPENERS.items()}
PARTNER = {"(": ")", "[": "]", "{": "}", ")": "(", "]": "[", "}": "{"}
ENDS_OPERAND = frozenset({"NAME", "NUMBER", "STRING", "RPAR", "RSQB", "RBRACE"})
STARTS_OPERAND = frozenset({"NAME", "NUMBER", "STRING", "LPAR", "LSQB", "MINUS", "NOT", "TRUE", "FALSE", "SCAN"})

# Words that can't be names where an expression or a declaration is read; other keywords can.
RESERVED = frozenset("and or not if else for in true false return def layer import yield".split())

# What may start a statement, and of these what starts an item of a file only.
ITEM_WORDS = frozenset("import from dim hyper data placeholder metric def layer optimizer train eval test".split())
STATEMENT_WORDS = ITEM_WORDS | frozenset(
    "gdl variable state net update return for if load require next yield epochs steps feed minimize repeat report run"
    " save stop write expect".split()
)
DTYPES = ("f32", "f64", "i32", "i64", "u8", "bool")
DTYPE_NAMES = {  # what others call them
    "float": "f32", "float32": "f32", "single": "f32", "double": "f64", "float64": "f64", "int": "i64", "int32": "i32",
    "int64": "i64", "long": "i64", "uint8": "u8", "byte": "u8", "boolean": "bool", "f16": "f32", "half": "f32",
}  # fmt: skip
DTYPE_VARIABLES = {"f": "any float", "n": "any numeric", "i": "any integer", "t": "any"}


class Token(NamedTuple):
    """A terminal of the grammar. A word has kind NAME until the parser knows whether it is a keyword there."""

    kind: str
    text: str
    start: int
    end: int
