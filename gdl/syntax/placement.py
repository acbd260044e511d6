"""Which statement may stand in which block. The grammar takes every statement anywhere, so that this can say more."""

from __future__ import annotations

# Keyword that a block can belong to -> what the block is ("": what it stands in).
BLOCKS = {
    "DEF": "def",
    "LAYER": "layer",
    "OPTIMIZER": "optimizer",
    "TRAIN": "train",
    "EVAL": "eval",
    "TEST": "test",
    "REPEAT": "repeat",
    "SCAN": "scan",
    "ERROR": "expect error",
    "IF": "",
    "ELSE": "",
    "FOR": "",
    "": "",
}
# Tokens after which the parser takes account of blocks and statements.
TURNS = frozenset({"END", "LBRACE", "RBRACE", *BLOCKS} - {""})

_PURE = {"FOR", "IF", "REQUIRE"}
_OWNING = {"VARIABLE", "STATE", "NET", "UPDATE"}
_PROCEDURE = {"FEED", "REPORT"}
_ITEMS = {
    "GDL", "IMPORT", "FROM", "DIM", "HYPER", "DATA", "PLACEHOLDER", "METRIC", "DEF", "LAYER", "OPTIMIZER", "TRAIN",
    "EVAL", "TEST",
}  # fmt: skip

_TAKES: dict[str, frozenset[str]] = {
    "file": frozenset({*_ITEMS, *_PURE, *_OWNING, "LOAD"}),
    "if or for": frozenset(_PURE | _OWNING),
    "def": frozenset({"RETURN", *_PURE}),
    "layer": frozenset({"RETURN", *_PURE, *_OWNING}),
    "optimizer": frozenset({"STATE", "UPDATE", *_PURE}),
    "scan": frozenset({"NEXT", "YIELD", *_PURE, *_OWNING}),
    "train": frozenset({"EPOCHS", "STEPS", "MINIMIZE", "REPEAT", "RUN", "SAVE", "STOP", "LOAD", *_PROCEDURE}),
    "repeat": frozenset({"MINIMIZE", "REPEAT"}),
    "eval": frozenset({"WRITE", *_PROCEDURE, *_PURE}),
    "test": frozenset({"FEED", "EXPECT", *_PURE, *_OWNING}),
    "expect error": frozenset({"PLACEHOLDER", "METRIC", *_PURE, *_OWNING}),
}
_PLACED = frozenset().union(*_TAKES.values())


def block_of(header: str, outer: str) -> str:
    """What the block of a statement is, by the last keyword before its `{` and the block that it stands in."""
    return BLOCKS[header] or (outer if outer != "file" else "if or for")


def may_stand(kind: str, block: str) -> bool:
    """Whether a statement that begins with a token of this kind may stand in the block."""
    return kind not in _PLACED or kind in _TAKES.get(block, _PLACED)
