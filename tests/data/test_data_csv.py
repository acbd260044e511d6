"""Tables of numbers as text."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from gdl.errors import DataError
from gdl.train.data import describe, open_data
from gdl.types.record import FieldType, SourceCall

IRIS = "sepal length (cm),n,kind\n5.1,3,setosa\n4.9,-2,virginica\n6,+7,setosa\n"


def table(options, text: str | bytes, **keywords):
    content = text if isinstance(text, bytes) else text.encode()
    (options.data_dir / "a.csv").write_bytes(content)
    return open_data([SourceCall("csv", ("a.csv",), keywords)], options)


def fails(options, text: str | bytes, **keywords) -> str:
    with pytest.raises(DataError) as error:
        table(options, text, **keywords)
    (diagnostic,) = error.value.diagnostics
    assert "a.csv" in diagnostic.message and diagnostic.helps
    return f"{diagnostic.code} {diagnostic.message.split('a.csv', 1)[1]}"


def test_columns_become_fields(options):
    opened = table(options, IRIS, classes="kind")
    assert opened.header.fields == {
        "sepal_length_cm": FieldType("f32", ()),
        "n": FieldType("i64", ()),
        "kind": FieldType("i64", ()),
    }
    assert opened.header.splits == {"": 3} and opened.header.attributes == {"kind_classes": 2}
    rows = opened.split()
    assert rows["sepal_length_cm"].tolist() == np.float32([5.1, 4.9, 6]).tolist()
    assert rows["n"].tolist() == [3, -2, 7] and rows["kind"].tolist() == [0, 1, 0]


def test_classes_that_are_numbers_are_sorted_as_numbers(options):
    opened = table(options, "c\n10\n9\n10\n-1\n", classes="c")
    assert opened.split()["c"].tolist() == [2, 1, 2, 0]


@pytest.mark.parametrize(
    "text",
    ["a;b\r\n1;2\r\n3;4", "\ufeffa;b\n1;2\n\n3;4\n\n", '"a";"b"\n"1";"2"\n 3 ;4\n', gzip.compress(b"a;b\n1;2\n3;4\n")],
)
def test_line_ends_marks_quotes_blank_lines_and_gzip(options, text):
    rows = table(options, text, sep=";").split()
    assert rows["a"].tolist() == [1, 3] and rows["b"].tolist() == [2, 4] and rows["a"].dtype == np.int64


def splitmix64(row: int) -> int:
    """Output number `row` of the generator started at 0, in Python's own whole numbers."""
    z = (row + 1) * 0x9E3779B97F4A7C15 % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def test_the_fraction_for_testing_is_drawn_once_and_for_all(options):
    text = "a\n" + "".join(f"{i}\n" for i in range(100))
    opened = table(options, text, test=0.2)
    assert opened.header.splits == {"train": 80, "test": 20}
    assert splitmix64(0) == 0xE220A8397B1DCDAF, "the generator's published first output"
    train, test = opened.split("train")["a"].tolist(), opened.split("test")["a"].tolist()
    assert sorted(train + test) == list(range(100)) and train == sorted(train) and test == sorted(test)
    assert test == sorted(sorted(range(100), key=splitmix64)[:20])
    assert len(set(np.array(test) // 20)) == 5, "from all over the file, which may be sorted"


@pytest.mark.parametrize("test, count", [(0.01, 3), (0.9, 3), (0.5, 1)])
def test_a_fraction_that_leaves_a_split_empty(options, test, count):
    with pytest.raises(DataError) as error:
        table(options, "a\n" + "1\n" * count, test=test)
    assert error.value.diagnostics[0].code == "E0616"


@pytest.mark.parametrize(
    "text, says",
    [
        ("a,b\n1,2\n3,\n", "line 3, column b: expected a finite number, found nothing"),
        ("a,b\n1,2\n3,  \n", 'line 3, column b: expected a finite number, found "  "'),
        ("a,b\n1,2\n\n3,x\n", 'line 4, column b: expected a finite number, found "x"'),
        ("a,b\n1,nan\n", 'line 2, column b: expected a finite number, found "nan"'),
        ("a,b\n1,1_0\n", 'line 2, column b: expected a finite number, found "1_0"'),
        ("a,b\n1,1e400\n", 'line 2, column b: expected a finite number, found "1e400"'),
        ("a,b\n1,1e39\n", 'line 2, column b: expected a finite number, found "1e39"'),
        ("a,b\n1,२\n", 'line 2, column b: expected a finite number, found "२"'),
        ("a,b\n1,2\n3\n", "line 3: expected 2 cells, as in line 1, found 1"),
        ("a,b\n1,2,3\n", "line 2: expected 2 cells, as in line 1, found 3"),
        ("a,a\n1,2\n", "line 1, column a: expected each name once, found it twice"),
        ('a,b\n1,"2\n', "line 2: expected a row of cells, found unexpected end of data"),
        ('a,b\n1,"2"x\n', "line 2: expected a row of cells"),
    ],
)
def test_faults_are_told_with_line_and_column(options, text, says):
    assert fails(options, text).removeprefix("E0615 , ").startswith(says)


def test_a_cell_over_several_lines_does_not_shift_the_count(options):
    assert "line 4, column b" in fails(options, 'a,b\n"x\ny",2\nz,q\n', classes="a")


@pytest.mark.parametrize("text", ["", "a,b\n", "\n\n"])
def test_a_table_without_rows(options, text):
    assert fails(options, text).startswith("E0611")


def test_names_that_a_program_can_not_write(options):
    names = "in,for,test,2nd,größe,-\n"
    fields = table(options, names + "1,2,3,4,5,6\n").header.fields
    assert list(fields) == ["in_", "for_", "test", "_2nd", "gr_e", "_"]


def test_names_that_fall_together(options):
    assert fails(options, "a b,a-b\n1,2\n").startswith("E0617")


@pytest.mark.parametrize(
    "keywords, says",
    [
        ({"sep": ""}, "`sep` must be one character"),
        ({"sep": "\n"}, "`sep` must be one character"),
        ({"test": 1.0}, "`test` must be in [0, 1)"),
        ({"test": float("nan")}, "`test` must be in [0, 1)"),
        ({"classes": "c"}, 'no column "c", there are a, b'),
    ],
)
def test_wrong_settings(options, keywords, says):
    message = fails(options, "a,b\n1,2\n", **keywords)
    assert message.startswith("E0616") and says in message


def test_whole_numbers_too_large_for_i64_are_floats(options):
    opened = table(options, "a\n9223372036854775808\n1\n")
    assert opened.header.fields["a"].dtype == "f32"
    assert table(options, "a\n9223372036854775807\n").split()["a"].tolist() == [2**63 - 1]


def test_what_is_no_text_and_what_is_too_much(options):
    assert fails(options, b"a,b\n1,\xff\n").startswith("E0611")
    small = type(options)(data_dir=options.data_dir, limit_bytes=800)
    assert fails(small, "a\n" + "1\n" * 100).startswith("E0612")


def test_the_header_alone_reads_the_same(options):
    table(options, IRIS, classes="kind")
    call = SourceCall("csv", ("a.csv",), {"classes": "kind"})
    assert describe(call, options) == open_data([call], options).header
