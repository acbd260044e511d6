"""Nodes are frozen slotted dataclasses, however they are made."""

from __future__ import annotations

import dataclasses

import pytest

from gdl.source import Source, Span
from gdl.syntax.ast import Argument, Chain, Kind, Name, Term

PLACE = Span(Source("t", "abc"), 0, 1)


def test_a_node_is_a_dataclass() -> None:
    assert [f.name for f in dataclasses.fields(Argument)] == ["span", "value", "name", "name_span"]
    node = Argument(Name("a"), name="k", span=PLACE)
    assert dataclasses.replace(node, name="other") == Argument(Name("a"), "other")
    assert dataclasses.replace(node, name="other").span is PLACE
    assert repr(node) == "Argument(value=Name(name='a'), name='k')"
    match node:
        case Argument(Name(inner), name):
            assert (inner, name) == ("a", "k")
        case _:
            pytest.fail("does not match by position")


def test_places_are_no_content() -> None:
    assert Name("a", span=PLACE) == Name("a") != Name("b")
    assert hash(Name("a", span=PLACE)) == hash(Name("a"))
    assert Name("a") != Kind(("a",)) and Name("a") != "a"
    assert Chain(Name("a"), (Term("+", Name("b")),)) != Chain(Name("a"), (Term("-", Name("b")),))


def test_a_node_never_changes() -> None:
    node = Name("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.name = "b"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del node.name
    with pytest.raises(AttributeError):
        object.__setattr__(node, "other", 1)


def test_wrong_fields_are_refused() -> None:
    with pytest.raises(TypeError):
        Name()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Name("a", "b")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Name("a", place=PLACE)  # type: ignore[call-arg]
