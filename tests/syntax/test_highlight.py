"""What each word is, for editors."""

from __future__ import annotations

from gdl.syntax.highlight import tokens


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokens(text)]


def test_words_are_what_they_mean_where_they_stand() -> None:
    text = "## Doc.\ndata data = f(data=1) # end\nplaceholder x: f32[n]\ntrain { run train every epoch }"
    assert kinds(text) == [
        ("doc", "## Doc."),
        ("keyword", "data"), ("name", "data"), ("operator", "="), ("name", "f"), ("operator", "("), ("name", "data"),
        ("operator", "="), ("number", "1"), ("operator", ")"), ("comment", "# end"),
        ("keyword", "placeholder"), ("name", "x"), ("operator", ":"), ("type", "f32"), ("operator", "["), ("name", "n"),
        ("operator", "]"),
        ("keyword", "train"), ("operator", "{"), ("keyword", "run"), ("name", "train"), ("keyword", "every"),
        ("keyword", "epoch"), ("operator", "}"),
    ]  # fmt: skip


def test_wrong_texts_are_coloured_too() -> None:
    assert kinds('x = a b )\nvariable w "t') == [
        ("name", "x"), ("operator", "="), ("name", "a"), ("name", "b"), ("operator", ")"),
        ("keyword", "variable"), ("name", "w"), ("string", '"t"'),
    ]  # fmt: skip
    assert kinds("") == []


def test_pieces_are_cut_from_the_text() -> None:
    text = "x = f(1,\n  2) |> g # c\n"
    assert all(text[token.start : token.end] == token.text for token in tokens(text))
