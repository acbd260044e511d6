"""The commands, their words and their exit codes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from gdl.cli import main as main_module
from gdl.cli.settings import Knob
from gdl.errors import Exit
from tests.cli.conftest import ROOT, Said

Gdl = Callable[..., Said]
TINY = ROOT / "tests" / "train" / "tiny.gdl"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "program.gdl") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


# ---- run


def test_run_trains_evaluates_and_says_where_the_weights_are(gdl: Gdl, tmp_path: Path) -> None:
    said = gdl("run", TINY)
    assert (said.code, said.err) == (Exit.OK, "")
    lines = said.out.splitlines()
    assert lines[0] == "training for 10 epochs, 60 steps on 90 examples, 16 at a time"
    assert re.fullmatch(r"epoch 1/10  step  6/60  held_out: loss \d\.\d+  accuracy 0\.\d{4}", lines[1])
    assert re.fullmatch(r"epoch 2/10  step  7/60  loss \d\.\d+  accuracy \d\.\d+", lines[2])
    assert sum("held_out" in line and "step 60/60" in line for line in lines) == 1  # not run twice on the same weights
    assert lines[-2] == "weights: runs/tiny/checkpoints/step-00000060.safetensors"
    assert re.fullmatch(r"sha256:  [0-9a-f]{64}", lines[-1])
    assert (tmp_path / "runs" / "tiny" / "program" / "tiny.gdl").read_bytes() == TINY.read_bytes()
    assert (tmp_path / "runs" / "tiny" / "noise-60.png").is_file()


def test_off_a_terminal_there_is_one_plain_line_per_report(gdl: Gdl) -> None:
    said = gdl("run", TINY)
    assert not CONTROL.search(said.out)
    assert len([line for line in said.out.splitlines() if "loss" in line and ":" not in line]) == 9


def test_every_run_has_a_directory_of_its_own(gdl: Gdl) -> None:
    first, second = gdl("run", TINY, "--steps", 2), gdl("run", TINY, "--steps", 2)
    assert "runs/tiny/" in first.out and "runs/tiny-2/" in second.out
    assert first.out.splitlines()[-1] == second.out.splitlines()[-1]  # one seed, one SHA-256
    named = gdl("run", TINY, "--steps", 2, "--out", "here/there", "--seed", 1)
    assert "weights: here/there/checkpoints" in named.out
    assert named.out.splitlines()[-1] != first.out.splitlines()[-1]
    again = gdl("run", TINY, "--out", "here/there")
    assert again.code == Exit.CHECKPOINT and "E0720" in again.err and "--resume here/there" in again.err


def test_quiet_says_nothing(gdl: Gdl) -> None:
    assert gdl("run", TINY, "--steps", 2, "--quiet") == Said(Exit.OK, "", "")


def test_json_is_one_object_a_line(gdl: Gdl) -> None:
    records = [json.loads(line) for line in gdl("run", TINY, "--json").out.splitlines()]
    kinds = [record["event"] for record in records]
    assert kinds[0] == "start" and kinds[-1] == "end" and {"report", "eval", "epoch", "save", "finish"} <= set(kinds)
    assert len(records[-1]["sha256"]) == 64
    report = next(record for record in records if record["event"] == "report")
    assert report["step"] == 7 and report["epoch"] == 2 and set(report["values"]) == {"loss", "accuracy"}


def test_length_and_settings_come_from_the_command_line(gdl: Gdl) -> None:
    said = gdl("run", TINY, "--epochs", 2, "--set", "width=3", "--set", "kind=plain", "--set", "lr=1e-3")
    assert "training for 2 epochs, 12 steps" in said.out
    config = json.loads(Path("runs/tiny/config.json").read_text())
    assert config["hypers"] == {"lr": 0.001, "width": 3, "kind": "plain"}
    assert config["length"] == ["epochs", 2] and config["seed"] == 0


def test_a_program_without_train_runs_its_evals(gdl: Gdl, tmp_path: Path) -> None:
    said = gdl("run", ROOT / "examples" / "affine.gdl")
    assert said.code == Exit.OK and "show" in said.out and "[3. 4. 5.]" in said.out
    assert not (tmp_path / "runs").exists()


def test_help_of_a_program_lists_its_hypers(gdl: Gdl) -> None:
    said = gdl("run", TINY, "--help")
    assert said.code == Exit.OK
    assert "lr: float = 0.05 in (0, 10)" in said.out and "how far a step goes" in said.out
    assert "width: int = 8 in [1, 64]" in said.out and 'kind: "plain" | "noisy" = "noisy"' in said.out
    assert "--resume" in gdl("run", "--help").out


# ---- what is wrong with the command: exit code 2


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run"], "name a program"),
        (["run", "missing.gdl"], "E0902"),
        (["run", TINY, "--set", "lrr=1"], "did you mean `lr`?"),
        (["run", TINY, "--set", "learning=1"], "lr, width, kind"),
        (["run", TINY, "--set", "lr=fast"], "hyper `lr` must be a float, got fast"),
        (["run", TINY, "--set", "width=2.5"], "hyper `width` must be an int, got 2.5"),
        (["run", TINY, "--set", "lr=nan"], "must be a finite number"),
        (["run", TINY, "--set", "lr=0"], "hyper `lr` is 0.0, outside (0, 10)"),
        (["run", TINY, "--set", "width=65"], "hyper `width` is 65, outside [1, 64]"),
        (["run", TINY, "--set", "kind=noisi"], "did you mean kind=noisy?"),
        (["run", TINY, "--set", "lr"], "--set name=value"),
        (["run", TINY, "--set", "lr=1", "--set", "lr=2"], "given twice"),
        (["run", TINY, "--epochs", "1", "--steps", "1"], "--epochs and --steps"),
        (["run", "--resume", "x", "--set", "lr=1"], "--resume and --set"),
        (["run", TINY, "--epochs", "-1"], "-1"),
        (["run", TINY, "--sed", "1"], "--se"),
        (["rnu", TINY], "Did you mean `run`?"),
        ([TINY], f"gdl run {TINY}"),
        (["eval", TINY, "held"], "did you mean `held_out`?"),
        (["check"], "FILE"),
    ],
)
def test_wrong_commands(gdl: Gdl, args: list, words: str) -> None:
    said = gdl(*args)
    assert said.code == Exit.USAGE and words in said.err and said.out == ""
    assert "Traceback" not in said.err


def test_a_misspelt_file_is_suggested(gdl: Gdl, program: Callable) -> None:
    program(TINY.read_text(), "convnet.gdl")
    assert "did you mean convnet.gdl?" in gdl("run", "convnt.gdl").err


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 100, b""])
def test_files_that_are_no_programs(gdl: Gdl, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "junk.gdl").write_bytes(content)
    said = gdl("run", "junk.gdl")
    assert said.code in (Exit.OK, Exit.USAGE, Exit.PROGRAM) and "bug" not in said.err
    assert gdl("run", tmp_path).code == Exit.USAGE


# ---- the other exit codes


def test_wrong_program(gdl: Gdl, program: Callable) -> None:
    said = gdl("run", program("gdl 1\nx = logit\n"))
    assert said.code == Exit.PROGRAM and "error[E0101]" in said.err and "program.gdl:2:5" in said.err


def test_missing_data(gdl: Gdl, program: Callable) -> None:
    text = 'gdl 1\ndata d = csv("nowhere.csv")\n'
    said = gdl("run", program(text))
    assert said.code == Exit.DATA and "nowhere.csv" in said.err


def test_a_data_folder_that_is_not_there(gdl: Gdl) -> None:
    said = gdl("run", TINY, "--data", "nowhere")
    assert said.code == Exit.USAGE and "nowhere is not there" in said.err


def test_checkpoint_trouble(gdl: Gdl) -> None:
    assert gdl("run", "--resume", "nowhere").code == Exit.CHECKPOINT
    gdl("run", TINY, "--steps", 3)
    path = Path("runs/tiny/checkpoints/step-00000003.safetensors")
    path.write_bytes(path.read_bytes()[:-7])
    said = gdl("run", "--resume", "runs/tiny")
    assert said.code == Exit.CHECKPOINT and "E0722" in said.err
    said = gdl("eval", TINY, "--from", path)
    assert said.code == Exit.CHECKPOINT and "E071" in said.err


def test_failure_while_running(gdl: Gdl, program: Callable) -> None:
    text = """gdl 1
dim batch
data arms = spiral(points=30, classes=3)
placeholder x: f32[batch, 2]
variable w: f32[2] = ones()
loss = mean(log(x @ w))
train {
  steps 5
  feed x = pos from arms batch 16
  minimize loss with Sgd(0.1)
}
"""
    said = gdl("run", program(text))
    assert said.code == Exit.RUN and "error[E0820]" in said.err and "program.gdl:6:13" in said.err


def test_failing_inline_tests(gdl: Gdl, program: Callable) -> None:
    good, bad = 'test "right" {\n  expect 1 + 1 == 2\n}\n', 'test "wrong" {\n  expect 1.0 + 1.0 ~= 2.5\n}\n'
    said = gdl("test", program(f"gdl 1\n{good}{bad}"))
    assert said.code == Exit.TEST_FAILED
    assert "ok     right" in said.out and "FAILED wrong" in said.out and "1 passed, 1 failed" in said.out
    assert "2.0 is not near 2.5" in said.err
    file = program(f"gdl 1\n{good}")
    assert gdl("test", file) == Said(Exit.OK, f"{file}: ok     right\n1 passed\n", "")
    assert gdl("test", program("gdl 1\nx = 1\n")).code == Exit.USAGE


def test_a_bug_is_no_traceback(gdl: Gdl, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("some bug")

    monkeypatch.setattr(main_module.Commands, "get_command", broken)
    said = gdl("run", TINY)
    assert said.code == Exit.BUG and "This is a bug in GDL" in said.err and "some bug" in said.err
    assert "Traceback" not in said.err
    monkeypatch.setenv("GDL_DEBUG", "1")
    assert "Traceback" in gdl("run", TINY).err


def test_exit_codes_are_documented(gdl: Gdl) -> None:
    said = gdl("--help")
    assert said.code == Exit.OK
    documented = {int(code) for code in re.findall(r"^ +(\d+)  ", said.out, re.MULTILINE)}
    assert documented == {int(code) for code in Exit}


def test_version(gdl: Gdl) -> None:
    assert re.fullmatch(r"gdl \d+\.\d+\.\d+\n", gdl("--version").out)


# ---- check and eval


def test_check(gdl: Gdl, program: Callable) -> None:
    assert gdl("check", TINY) == Said(Exit.OK, f"{TINY}: right\n", "")
    wrong = program("gdl 1\nx = logit\ny = nope\n")
    said = gdl("check", TINY, wrong)
    assert said.code == Exit.PROGRAM and f"{wrong}: 2 errors" in said.err
    records = [json.loads(line) for line in gdl("check", wrong, "--json").out.splitlines()]
    assert [record["code"] for record in records] == ["E0101", "E0101"]
    assert (records[0]["labels"][0]["line"], records[0]["labels"][0]["column"]) == (2, 5)


def test_fmt_writes_checks_and_shows(gdl: Gdl, program: Callable) -> None:
    path = program("gdl   1\nx=1 # one\n")
    path.chmod(0o640)
    assert gdl("fmt", "--check", path) == Said(1, "", f"{path}: not formatted\n")
    assert gdl("fmt", "--diff", path).out.splitlines()[2:] == [
        "@@ -1,2 +1,2 @@", "-gdl   1", "-x=1 # one", "+gdl 1", "+x = 1  # one"
    ]  # fmt: skip
    assert gdl("fmt", "--diff", "--check", path).code == 1
    assert path.read_text() == "gdl   1\nx=1 # one\n"
    assert gdl("fmt", path) == Said(Exit.OK, f"{path}: formatted\n", "")
    assert path.read_text() == "gdl 1\nx = 1  # one\n" and path.stat().st_mode & 0o777 == 0o640
    assert gdl("fmt", path) == gdl("fmt", "--check", path) == Said(Exit.OK, "", "")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_fmt_leaves_wrong_programs_as_they_are(gdl: Gdl, program: Callable) -> None:
    wrong, right = program("x  = (1\n", "wrong.gdl"), program("y  = 2\n", "right.gdl")
    said = gdl("fmt", wrong, right)
    assert said.code == Exit.PROGRAM and "E0003" in said.err and said.out == f"{right}: formatted\n"
    assert wrong.read_text() == "x  = (1\n" and right.read_text() == "y = 2\n"
    assert gdl("fmt", "--check", wrong).code == Exit.PROGRAM
    missing = gdl("fmt", "righ.gdl")
    assert missing.code == Exit.USAGE and "did you mean right.gdl?" in missing.err


def test_fmt_follows_links_and_respects_protection(
    gdl: Gdl, program: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = program("x  = 1\n")
    link = path.with_name("link.gdl")
    link.symlink_to(path)
    assert gdl("fmt", link).code == Exit.OK
    assert link.is_symlink() and path.read_text() == "x = 1\n"
    path.write_text("x  = 1\n")
    monkeypatch.setattr("os.access", lambda _path, mode: mode != os.W_OK)  # root may write everything
    said = gdl("fmt", path)
    way_out = "the file is as it was; make it and its folder writable"
    assert said.code == Exit.USAGE
    assert said.err == f"error[E0905]: I cannot write {path}: it is write-protected\nhelp: {way_out}\n"
    assert path.read_text() == "x  = 1\n"


@pytest.mark.parametrize(
    ("command", "found_by", "what", "extra"),
    [
        (["lsp"], "gdl.cli.lsp.find_spec", "the language server", "lsp"),
        (["graph", "mnist.gdl", "-o", "a.html"], "gdl.cli.graph.distribution", "a page", "graph"),
    ],
)
def test_an_extra_that_is_missing_is_told_with_its_command(
    command: list[str], found_by: str, what: str, extra: str, gdl: Gdl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(name: str) -> None:
        if "graph" in command:
            raise PackageNotFoundError(name)

    monkeypatch.chdir(ROOT / "examples")
    monkeypatch.setattr(found_by, nothing)
    said = gdl(*command)
    told = f"error[E0956]: {what} needs the extra `{extra}`, which is not installed\nhelp: pip install 'gdl[{extra}]'\n"
    assert (said.code, said.out, said.err) == (Exit.USAGE, "", told)


@pytest.mark.parametrize(
    ("given", "code", "out"),
    [(b"x  =1", 0, b"x = 1\n"), (b"x = 1\r\n", 0, b"x = 1\r\n"), (b"x = (", 3, b""), (b"\xff", 2, b"")],
)
def test_fmt_of_standard_input(given: bytes, code: int, out: bytes, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "gdl", "fmt", "-"]
    done = subprocess.run(command, input=given, env=environment, capture_output=True)
    assert (done.returncode, done.stdout) == (code, out)
    assert b"Traceback" not in done.stderr and (code == 0) == (done.stderr == b"")


def test_strict_makes_errors_of_warnings(gdl: Gdl, program: Callable) -> None:
    text = "gdl 1\ndim batch\nplaceholder x: f32[batch, 1]\nplaceholder y: f32[batch]\ne = mean((x - y) ** 2)\n"
    said = gdl("check", program(text))
    assert said.code == Exit.OK and "warning[W0303]" in said.err and "1 warning" in said.out
    said = gdl("check", program(text), "--strict")
    assert said.code == Exit.PROGRAM and "1 error" in said.err


def test_eval_of_a_run_and_of_a_program(gdl: Gdl) -> None:
    trained = gdl("run", TINY)
    last = [line for line in trained.out.splitlines() if "held_out" in line][-1].partition("held_out")[2]
    assert last in gdl("eval", "runs/tiny", "held_out").out
    said = gdl("eval", TINY, "--from", "runs/tiny/checkpoints/step-00000060.safetensors")
    assert last in said.out and "samples" in said.out and "--out" in said.out
    fresh = gdl("eval", TINY, "held_out")
    assert last not in fresh.out and "initial weights" in fresh.out
    other = gdl("eval", ROOT / "examples" / "mnist.gdl", "--from", "runs/tiny/checkpoints/step-00000060.safetensors")
    assert other.code == Exit.CHECKPOINT and "error[E0701]" in other.err and "0 of 2 variables match" in other.err


def test_without_mnist_the_digits_serve_and_the_run_says_so(gdl: Gdl) -> None:
    said = gdl("run", ROOT / "examples" / "mnist.gdl")
    assert said.code == Exit.OK
    assert "note: mnist() is not to be had" in said.out and "digits(size=28) serves" in said.out
    assert "1,437 examples" in said.out
    accuracy = float(re.findall(r"accuracy (0\.\d+)", said.out)[-1])
    assert accuracy > 0.8


def test_knobs_read_what_the_declaration_says() -> None:
    knob = Knob("lr", ("float",), "0.5", low=0, high=10)
    assert (knob.type, knob.range) == ("float", "in (0, 10)")
