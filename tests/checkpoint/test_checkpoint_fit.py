"""Which tensor of a file serves which variable, and what is said when they do not fit."""

from __future__ import annotations

import pytest

from gdl.errors.checkpoint import Extra, Missing, WrongSize, does_not_fit
from gdl.source import Source, Span
from gdl.train.checkpoint import fit
from gdl.types.record import FieldType

KERNEL, NARROW, HEAD, SCALAR = (FieldType("f32", shape) for shape in ((3, 3, 1, 32), (3, 3, 1, 16), (256, 10), ()))


def test_the_same_names_and_types_fit():
    program = {"model/a": KERNEL, "model/b": SCALAR, "other/c": HEAD}
    match = fit(program, {**program, "optimizer/model/a/m": KERNEL})
    assert match.is_complete and match.rows == () and match.pairs == {name: name for name in program}


def test_a_target_is_a_whole_part_of_a_path():
    program = {"model/a": SCALAR, "model2/a": SCALAR, "model": HEAD}
    match = fit(program, program, target="model")
    assert match.pairs == {"model/a": "model/a", "model": "model"} and match.total == 2


def test_missing_wrong_and_extra():
    program = {"model/head/w": HEAD, "model/b1/kernel": NARROW, "model/c": SCALAR}
    file = {"model/fc/w": HEAD, "model/b1/kernel": KERNEL, "model/c": SCALAR, "model/d/bias": NARROW, "else/x": SCALAR}
    match = fit(program, file, target="model")
    assert not match.is_complete and match.pairs == {"model/c": "model/c"} and match.total == 3
    assert match.rows == (
        Missing("model/head/w", "f32[256, 10]", "model/fc/w", "f32[256, 10]"),
        WrongSize("model/b1/kernel", "f32[3, 3, 1, 16]", "f32[3, 3, 1, 32]"),
        Extra("model/d/bias", "f32[3, 3, 1, 16]"),
    )


def test_more_in_the_file_does_no_harm():
    match = fit({"model/a": SCALAR}, {"model/a": SCALAR, "model/b": SCALAR})
    assert match.is_complete and match.rows == (Extra("model/b", "f32[]"),)


def test_another_dtype_does_not_fit():
    match = fit({"a": FieldType("f32", ())}, {"a": FieldType("f64", ())})
    assert match.rows == (WrongSize("a", "f32[]", "f64[]"),)


@pytest.mark.parametrize(
    "maps, file",
    [
        ([("encoder", "model")], "encoder/a"),
        ([("encoder/a", "model/a")], "encoder/a"),
        ([("x/y", "model")], "x/y/a"),
        ([("", "model")], "a"),
        ([("x/model", "model")], "x/model/a"),
        ([("e", "other"), ("encoder", "model"), ("encoder", "late")], "encoder/a"),
    ],
)
def test_maps_rename_by_whole_parts_first_come_first(maps, file):
    assert fit({"model/a": SCALAR}, {file: SCALAR}, maps, "model").pairs == {"model/a": file}


def test_a_map_may_take_the_front_away():
    assert fit({"a": SCALAR}, {"model/a": SCALAR}, [("model", "")]).pairs == {"a": "model/a"}


def test_a_renamed_tensor_wins_over_one_that_has_the_name():
    file = {"model/a": SCALAR, "new/a": SCALAR}
    for order in (file, dict(reversed(file.items()))):
        assert fit({"model/a": SCALAR}, order, [("new", "model")]).pairs == {"model/a": "new/a"}


def test_the_closest_is_of_the_same_type_or_of_a_similar_name():
    program = {"model/head/w": HEAD}
    same_type = fit(program, {"model/head/v": KERNEL, "quite/different": HEAD}).rows[0]
    assert same_type.closest == "quite/different"
    similar = fit(program, {"model/head/v": KERNEL}).rows[0]
    assert (similar.closest, similar.closest_type) == ("model/head/v", "f32[3, 3, 1, 32]")
    assert fit(program, {"zzz": KERNEL}).rows[0].closest == ""
    assert fit(program, {"optimizer/model/head/w": HEAD}).rows[0].closest == "", "not an optimizer's moments"


def test_the_message_is_the_language_pages():
    source = Source("net.gdl", 'load model from "runs/a.safetensors"')
    rows = (
        Missing("model/head/w", "f32[256, 10]", "model/fc/w", "f32[256, 10]"),
        WrongSize("model/b1/conv/kernel", "f32[3, 3, 1, 16]", "f32[3, 3, 1, 32]"),
    )
    found = does_not_fit(
        Span(source, 5, 10),
        "runs/a.safetensors",
        38,
        40,
        rows,
        target="model",
        program_hypers={"width": 16, "lr": 0.1},
        file_hypers={"width": 32, "lr": 0.1, "gone": 1},
    )
    assert found.code == "E0701"
    assert found.message == "checkpoint runs/a.safetensors does not fit this program"
    assert found.labels[0].text == "38 of 40 variables match" and found.span.text == "model"
    assert found.details == (
        "missing     model/head/w  f32[256, 10]  (program)     closest in file: model/fc/w f32[256, 10]",
        "wrong size  model/b1/conv/kernel  f32[3, 3, 1, 16] (program, width=16)  vs  "
        "f32[3, 3, 1, 32] (file, saved with width=32)",
    )
    assert found.helps == (
        'run with --set width=32, or rename with: load model from "..." map "model/fc" -> "model/head"',
    )


def test_the_message_without_a_place_and_without_a_reason():
    found = does_not_fit(None, "a", 0, 30, [Missing(f"v{i}", "f32[]") for i in range(30)])
    assert found.labels == () and found.details[0] == "0 of 30 variables match"
    assert found.details[-1] == "... and 10 more" and len(found.details) == 22
    assert found.helps == ("load the checkpoint of this program, or train anew",)
    (extra,) = does_not_fit(None, "a", 1, 1, [Extra("model/b", "f32[]")]).details[1:]
    assert extra == "extra       model/b  f32[]  (file)"


def test_hypers_that_differ_are_told_as_a_program_writes_them():
    row = WrongSize("w", "f32[2]", "f32[3]")
    found = does_not_fit(None, "a", 0, 1, [row], program_hypers={"bias": True}, file_hypers={"bias": False})
    assert found.helps == ("run with --set bias=false",)
