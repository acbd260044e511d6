"""Describing and opening in general: arguments, alternatives, places, and what is not imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gdl.errors import DataError
from gdl.errors import data as errors
from gdl.resources import platform_cache
from gdl.source import Source, Span
from gdl.train.data import SOURCES, DataOptions, NotToBeHad, data_options, describe, describe_any, open_data
from gdl.train.data.options import DATA_LIMIT_BYTES
from gdl.types.record import SourceCall


def code_and_text(error) -> tuple[str, str]:
    diagnostic = error.value.diagnostics[0]
    assert diagnostic.helps, "every mistake has a way out"
    return diagnostic.code, diagnostic.message


def test_every_source_of_the_language_is_declared_with_its_parameters():
    assert [str(kind) for kind in SOURCES.values()] == [
        "mnist()",
        "fashion_mnist()",
        "digits(size: int = 8)",
        "idx(field...: string)",
        "npz(file: string)",
        'csv(file: string, sep: string = ",", test: float = 0.0, classes: string = "")',
        "images(folder: string, size: int = 0, grey: bool = false)",
        "chars(file: string, n: int)",
        "spiral(points: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0)",
        "arrays(name: string)",
    ]
    assert all(kind.doc.partition("\nExample: ")[0].rstrip().endswith(".") for kind in SOURCES.values())


@pytest.mark.parametrize(
    "call, says",
    [
        (SourceCall("digit"), "there is no data source `digit`"),
        (SourceCall("digits", (8, 8)), "2 arguments, digits takes 1"),
        (SourceCall("digits", (), {"sise": 8}), "no parameter `sise`"),
        (SourceCall("digits", (8,), {"size": 8}), "`size` is given twice"),
        (SourceCall("digits", ("8",)), "`size` must be of kind int"),
        (SourceCall("digits", (True,)), "`size` must be of kind int"),
        (SourceCall("chars", ("a.txt",)), "`n` is missing"),
        (SourceCall("idx", (), {"image": 3}), "`image` must be of kind string"),
        (SourceCall("idx"), "no file is named"),
        (SourceCall("digits", (7,)), "`size` must be 8 to 256, got 7"),
        (SourceCall("spiral", (0,)), "`points` must be at least 1"),
        (SourceCall("spiral", (10**9,)), "the limit is 10,000,000"),
        (SourceCall("spiral", (), {"noise": float("nan")}), "`noise` must be finite"),
    ],
)
def test_wrong_arguments_are_told_with_what_would_be_right(options, call, says):
    with pytest.raises(DataError) as error:
        describe(call, options)
    code, message = code_and_text(error)
    assert code == "E0616" and says in message


def test_an_int_serves_where_a_float_is_wanted(options):
    assert describe(SourceCall("spiral", (), {"noise": 0}), options).splits == {"": 300}


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../secret.npz",
        "a/../../b.npz",
        "..\\b.npz",
        "C:\\b.npz",
        "c:b.npz",
        "\\\\host\\b.npz",
        "",
        "a\0b",
    ],
)
def test_a_program_reads_nothing_outside_the_folders_that_the_user_named(options, name):
    with pytest.raises(DataError) as error:
        describe(SourceCall("npz", (name,)), options)
    assert code_and_text(error)[0] == "E0613"
    assert not isinstance(error.value, NotToBeHad), "`or` must not pass over it"


def test_a_link_that_came_with_the_program_leads_nowhere_else(options, tmp_path):
    outside = tmp_path / "secret.txt"
    outside.write_text("x" * 100)
    (options.program_dir / "a.txt").symlink_to(outside)
    with pytest.raises(DataError) as error:
        describe(SourceCall("chars", ("a.txt", 4)), options)
    assert code_and_text(error)[0] == "E0613"
    (options.data_dir / "a.txt").symlink_to(outside)  # the user's own
    assert describe(SourceCall("chars", ("a.txt", 4)), options).attributes["vocab"] == 1


def test_the_data_folder_comes_before_the_programs(options):
    (options.program_dir / "a.txt").write_text("xy" * 50)
    assert describe(SourceCall("chars", ("a.txt", 4)), options).attributes["alphabet"] == "xy"
    (options.data_dir / "text").mkdir()
    (options.data_dir / "text" / "a.txt").write_text("xyz" * 50)
    assert describe(SourceCall("chars", ("a.txt", 4)), options).attributes["alphabet"] == "xyz"
    (options.data_dir / "a.txt").write_text("w" * 50)
    assert describe(SourceCall("chars", ("a.txt", 4)), options).attributes["alphabet"] == "w"


def test_a_missing_file_is_told_with_every_place_where_it_was_sought(options):
    with pytest.raises(NotToBeHad) as error:
        describe(SourceCall("npz", ("a.npz",)), options)
    code, message = code_and_text(error)
    assert code == "E0610"
    assert str(options.data_dir) in message and str(options.program_dir) in message
    with pytest.raises(NotToBeHad) as error:
        describe(SourceCall("npz", ("a.npz",)), DataOptions())
    assert "no folder to find" in code_and_text(error)[1]


def test_the_first_that_is_there_serves_and_the_notes_say_why(options):
    calls = [SourceCall("npz", ("a.npz",)), SourceCall("digits"), SourceCall("spiral")]
    opened = open_data(calls, options)
    assert opened.header.name == "digits()"
    (note,) = opened.notes
    assert note.startswith('npz("a.npz") is not to be had (there is no "a.npz" in') and note.endswith(
        "; digits() serves"
    )
    assert open_data(calls[1:], options).notes == ()
    assert [h.name for h in describe_any(calls, options)] == ["digits()", "spiral()"]


def test_a_damaged_file_is_never_passed_over(options):
    (options.data_dir / "a.npz").write_bytes(b"not a zip")
    calls = [SourceCall("npz", ("a.npz",)), SourceCall("digits")]
    for act in (open_data, describe_any):
        with pytest.raises(DataError) as error:
            act(calls, options)
        assert code_and_text(error)[0] == "E0611"


def test_none_of_several_names_each_with_its_reason(options):
    calls = [SourceCall("npz", ("a.npz",)), SourceCall("mnist")]
    for act in (open_data, describe_any):
        if act is describe_any:
            calls = [calls[0], SourceCall("arrays", ("b",))]
        with pytest.raises(NotToBeHad) as error:
            act(calls, options)
        diagnostic = error.value.diagnostics[0]
        assert diagnostic.message == "none of the 2 sources is to be had"
        assert len(diagnostic.details) == 2 and 'npz("a.npz") is not to be had' in diagnostic.details[0]


def test_splits_are_by_name_and_read_only(options):
    digits = open_data([SourceCall("digits")], options)
    assert digits.split("train") is digits.split("train")
    with pytest.raises(ValueError, match="read-only"):
        digits.split("train")["image"][0] = 0
    with pytest.raises(DataError) as error:
        digits.split("valid")
    assert code_and_text(error) == ("E0618", "digits() has no `.valid`")
    with pytest.raises(DataError) as error:
        digits.split()
    assert code_and_text(error) == ("E0618", "digits() comes in parts: `.train`, `.test`")
    with pytest.raises(DataError) as error:
        open_data([SourceCall("spiral")], options).split("train")
    assert code_and_text(error) == ("E0618", "spiral() is not split, it has no `.train`")


def test_an_error_can_be_given_its_place_in_the_program(options):
    source = Source("a.gdl", 'data d = npz("a.npz")')
    span = Span(source, 9, 21)
    with pytest.raises(NotToBeHad) as error:
        describe(SourceCall("npz", ("a.npz",)), options)
    placed = errors.at(error.value, span)
    assert isinstance(placed, NotToBeHad) and placed.diagnostics[0].span == span
    assert placed.reasons == error.value.reasons


def test_options_are_completed_from_the_environment(tmp_path):
    environ = {"GDL_DATA": "d", "GDL_CACHE": "c", "GDL_OFFLINE": "1", "GDL_DATA_LIMIT_BYTES": "77"}
    found = data_options(environ=environ)
    assert (found.data_dir, found.cache_dir, found.offline, found.limit_bytes) == (Path("d"), Path("c"), True, 77)
    assert data_options(tmp_path, environ=environ).data_dir == tmp_path
    plain = data_options(environ={"GDL_OFFLINE": "0", "GDL_DATA": ""})
    assert (plain.data_dir, plain.offline, plain.limit_bytes) == (None, False, DATA_LIMIT_BYTES)


def test_the_cache_is_where_pooch_would_put_it(monkeypatch, tmp_path):
    import pooch

    for value in ("", str(tmp_path)):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert data_options().cache == Path(pooch.os_cache("gdl"))
    assert platform_cache({"LOCALAPPDATA": "L"}, "win32") == Path("L", "gdl", "gdl", "Cache")
    assert platform_cache({}, "darwin").parts[-2:] == ("Caches", "gdl")


def test_headers_are_described_without_numpy_or_pooch(options, mnist_files, make_idx, tmp_path):
    import numpy as np

    for name, content in mnist_files.items():
        (options.data_dir / name).write_bytes(content)
    (options.data_dir / "a.txt").write_text("abc" * 30)
    (options.data_dir / "a.csv").write_text("a,b\n1,2\n")
    (options.data_dir / "a.idx").write_bytes(make_idx(np.zeros((3, 2), np.int16)))
    np.savez(options.data_dir / "a.npz", x=np.zeros((3, 2)))
    program = f"""
import sys
from pathlib import Path
from gdl.train.data import data_options, describe
from gdl.types.record import SourceCall as S
options = data_options(Path({str(options.data_dir)!r}), offline=True)
calls = [S("mnist"), S("fashion_mnist"), S("digits"), S("spiral"), S("idx", (), {{"x": "a.idx"}}), S("npz", ("a.npz",)),
         S("csv", ("a.csv",)), S("chars", ("a.txt", 4))]
for call in calls:
    print(describe(call, options).splits)
heavy = {{"numpy", "pooch", "requests", "PIL"}} & sys.modules.keys()
assert not heavy, heavy
"""
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("{") == 8


def test_a_file_that_changes_between_header_and_reading_is_noticed(options, make_idx):
    import numpy as np

    path = options.data_dir / "a.idx"
    path.write_bytes(make_idx(np.zeros((3, 2), np.uint8)))
    opened = open_data([SourceCall("idx", (), {"x": "a.idx"})], options)
    path.write_bytes(make_idx(np.zeros((4, 2), np.uint8)))
    with pytest.raises(DataError) as error:
        opened.split()
    assert code_and_text(error)[0] == "E0611"
