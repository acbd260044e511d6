"""The Pygments lexers: every character once, in the grammar's own kinds, by names that tools look for."""

from __future__ import annotations

from pathlib import Path

import pytest
from pygments.lexer import Lexer
from pygments.token import Comment, Generic, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

from gdl.highlighting import GdlConsoleLexer, GdlLexer
from tests.fuzz import inputs

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("examples/*.gdl"), *ROOT.glob("tests/repl/transcripts/*.gdls")])


def lexemes(lexer: Lexer, text: str) -> list[tuple[object, str]]:
    found = list(lexer.get_tokens_unprocessed(text))
    assert "".join(piece for _, _, piece in found) == text
    at = 0
    for start, _, piece in found:
        assert start == at
        at += len(piece)
    return [(kind, piece) for _, kind, piece in found if kind is not Whitespace]


def test_kinds_are_those_of_the_grammar() -> None:
    assert lexemes(GdlLexer(), '## Doc\ndata data = f("a", 1.5); x: f32[n]  # end\n') == [
        (String.Doc, "## Doc"), (Keyword, "data"), (Name, "data"), (Operator, "="), (Name, "f"), (Punctuation, "("),
        (String, '"a"'), (Punctuation, ","), (Number, "1.5"), (Punctuation, ")"), (Text, "; "), (Name, "x"),
        (Punctuation, ":"), (Keyword.Type, "f32"), (Punctuation, "["), (Name, "n"), (Punctuation, "]"),
        (Comment.Single, "# end"),
    ]  # fmt: skip


def test_sessions_are_inputs_and_answers() -> None:
    session = ">>> train {\n...   steps 3\n... }\ntrain: :train runs it\n...\n>>> :show x\n1.0  f32[]\n>>>"
    assert lexemes(GdlConsoleLexer(), session) == [
        (Generic.Prompt, ">>> "), (Keyword, "train"), (Punctuation, "{"), (Generic.Prompt, "... "), (Keyword, "steps"),
        (Number, "3"), (Generic.Prompt, "... "), (Punctuation, "}"), (Generic.Output, "train: :train runs it\n"),
        (Generic.Output, "...\n"), (Generic.Prompt, ">>> "), (Name.Builtin, ":show"), (Name, "x"),
        (Generic.Output, "1.0  f32[]\n"), (Generic.Prompt, ">>>"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_taken_apart_and_nothing_is_lost(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lexemes(GdlLexer() if path.suffix == ".gdl" else GdlConsoleLexer(), text)


def test_any_text_can_be_coloured() -> None:
    for number in range(60):
        text = inputs.text(3, number)
        lexemes(GdlLexer(), text)
        lexemes(GdlConsoleLexer(), text)


def test_a_program_is_known_by_its_first_line() -> None:
    assert GdlLexer.analyse_text("gdl 1\nx = 1\n") > 0.5 < GdlLexer.analyse_text("# mine\n\ngdl 1\n")
    assert GdlLexer.analyse_text("import gdl\n") == GdlLexer.analyse_text("gdl run x.gdl\n") == 0
