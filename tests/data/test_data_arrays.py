"""Data given from Python."""

from __future__ import annotations

import numpy as np
import pytest

from gdl.errors import DataError
from gdl.train.data import NotToBeHad, data_options, open_data
from gdl.types.record import FieldType, SourceCall

CALL = SourceCall("arrays", ("d",))


def opened(given):
    return open_data([CALL], data_options(arrays={"d": given}, environ={}))


def test_arrays_keep_their_dtype_and_are_not_copied():
    x = np.arange(6, dtype=np.float64).reshape(3, 2)
    found = opened({"x": x, "y": np.array([1, 2, 3], np.int16)})
    assert found.header.fields == {"x": FieldType("f64", (2,)), "y": FieldType("i32", ())}
    assert found.header.splits == {"": 3}
    assert np.shares_memory(found.split()["x"], x)
    assert x.flags.writeable and not found.split()["x"].flags.writeable


def test_records_from_a_list_or_a_one_shot_iterator():
    records = [{"x": [1.0, 2.0], "y": i, "b": True} for i in range(4)]
    for given in (records, iter(records), (dict(r) for r in records)):
        found = opened(given)
        assert found.header.fields == {
            "x": FieldType("f32", (2,)),
            "y": FieldType("i64", ()),
            "b": FieldType("bool", ()),
        }
        assert found.split()["y"].tolist() == [0, 1, 2, 3]


def test_records_of_arrays_keep_their_dtype():
    found = opened([{"x": np.zeros(2)}, {"x": np.ones(2)}])
    assert found.header.fields == {"x": FieldType("f64", (2,))}


def test_splits_of_either_form():
    found = opened({"train": [{"x": 1}, {"x": 2}], "test": {"x": [3]}})
    assert found.header.splits == {"train": 2, "test": 1}
    assert found.split("test")["x"].tolist() == [3]
    assert opened({"easy": {"x": [1]}, "hard": {"x": [2]}}).header.splits == {"easy": 1, "hard": 1}


def test_fields_that_are_called_like_splits_are_fields():
    assert set(opened({"train": np.zeros(3), "test": [1.0, 2.0, 3.0]}).header.fields) == {"train", "test"}


@pytest.mark.parametrize(
    "given, code, says",
    [
        ({}, "E0619", "there are no fields"),
        ([], "E0619", "there are no fields"),
        (3, "E0619", "expected arrays or records, got int"),
        ("abc", "E0619", "expected arrays or records, got str"),
        ([1, 2], "E0619", "record 0 is of type int"),
        ([{"x": 1}, {"y": 1}], "E0619", "record 1 has the fields ['y'], record 0 ['x']"),
        ([{"x": [1]}, {"x": [1, 2]}], "E0619", "`x` does not make an array"),
        ({"x": 3}, "E0619", "`x` is one value"),
        ({"x": ["a", "b"]}, "E0619", "`x` has the dtype <U1"),
        ({"x": np.array([object()])}, "E0619", "`x` has the dtype object"),
        ({"x": [1, 2], "y": [1]}, "E0617", "the fields have different numbers of records"),
        ({"train": {"x": [1]}, "test": {"x": [1.0]}}, "E0617", "the splits have different fields"),
    ],
)
def test_what_is_neither(given, code, says):
    with pytest.raises(DataError) as error:
        opened(given)
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == code and says in diagnostic.message and diagnostic.helps


def test_nothing_given_lets_another_source_serve():
    with pytest.raises(NotToBeHad, match=r'no arrays of the name "d" \(given: e\)'):
        open_data([CALL], data_options(arrays={"e": {"x": [1]}}, environ={}))
    served = open_data([CALL, SourceCall("spiral")], data_options(environ={}))
    assert served.header.name == "spiral()"
