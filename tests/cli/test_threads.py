"""`--threads` and `--show plan`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import gdl as library
from gdl.errors import Exit
from gdl.runtime import sharing
from tests.cli.conftest import ROOT, Said
from tests.golden import Golden

Gdl = Callable[..., Said]
TINY = ROOT / "tests" / "train" / "tiny.gdl"
PLAN = Path(__file__).parent / "goldens" / "plan.gdl"


@pytest.fixture
def everything_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LEAST_FLOPS", 1)


def sha(said: Said) -> str:
    assert said.code == Exit.OK, said.err
    return said.out.splitlines()[-1]


# ---- threads


@pytest.mark.usefixtures("everything_pays")
def test_one_number_of_threads_gives_one_sha(gdl: Gdl) -> None:
    one, also_one = sha(gdl("run", TINY)), sha(gdl("run", TINY, "--threads", 1))
    two, again = sha(gdl("run", TINY, "--threads", 2)), sha(gdl("run", TINY, "--threads", 2))
    assert one == also_one and two == again
    assert sha(gdl("run", TINY, "--threads", 3, "--out", "three")) == sha(gdl("run", TINY, "--threads", 3))


@pytest.mark.usefixtures("everything_pays")
def test_a_resumed_run_keeps_its_threads(gdl: Gdl) -> None:
    whole = sha(gdl("run", TINY, "--threads", 2, "--out", "whole"))
    gdl("run", TINY, "--threads", 2, "--out", "halves", "--steps", 11)
    assert json.loads(Path("halves/config.json").read_text())["threads"] == 2
    said = gdl("run", "--resume", "halves", "--epochs", 10)
    assert sha(said) == whole and "thread" not in said.out
    shown = json.loads(gdl("run", TINY, "--threads", 2, "--show", "plan", "--json").out.splitlines()[0])
    assert "matmul_shared" in shown["code"]


def test_another_number_of_threads_is_said(gdl: Gdl) -> None:
    gdl("run", TINY, "--steps", 3)
    said = gdl("run", "--resume", "runs/tiny", "--steps", 6, "--threads", 2)
    assert said.code == Exit.OK
    assert "started with 1 thread; from here on its numbers may differ in their last bits" in said.out
    assert "thread" not in gdl("run", "--resume", "runs/tiny", "--steps", 7, "--threads", 1).out


def test_a_run_from_before_threads_were_told_goes_on(gdl: Gdl) -> None:
    gdl("run", TINY, "--steps", 3)
    file = Path("runs/tiny/config.json")
    config = json.loads(file.read_text())
    del config["threads"]
    file.write_text(json.dumps(config))
    assert gdl("run", "--resume", "runs/tiny", "--steps", 6).code == Exit.OK
    assert "started with BLAS as it was set" in gdl("run", "--resume", "runs/tiny", "--steps", 7, "--threads", 1).out
    file.write_text(json.dumps(config | {"threads": "two"}))
    said = gdl("run", "--resume", "runs/tiny")
    assert said.code == Exit.CHECKPOINT and "`threads` in its config.json must be null or a whole number" in said.err


def test_evals_take_threads(gdl: Gdl) -> None:
    gdl("run", TINY, "--steps", 3, "--threads", 2)
    results = {gdl("eval", "runs/tiny", "held_out", *more).out for more in ((), ("--threads", 1), ("--threads", 2))}
    assert len(results) == 1 and "accuracy" in results.pop()
    assert gdl("eval", TINY, "held_out", "--threads", 2).code == Exit.OK


@pytest.mark.parametrize("given", ["0", "-1", "257", "two", "1.5"])
def test_a_wrong_number_of_threads(gdl: Gdl, given: str) -> None:
    for command in (["run", TINY], ["eval", TINY]):
        said = gdl(*command, "--threads", given)
        assert said.code == Exit.USAGE and "'--threads'" in said.err and given in said.err


@pytest.mark.parametrize("wrong", [0, -1, 257, 2.0, True, "2"])
def test_a_wrong_number_of_threads_from_python(wrong: object) -> None:
    with pytest.raises(library.UsageError, match="E0918.*`threads` must be a whole number from 1 to 256"):
        library.load(TINY, threads=wrong)


@pytest.mark.usefixtures("everything_pays")
def test_threads_from_python() -> None:
    weights = []
    for threads in (2, 2, 1, None):
        session = library.load(TINY, threads=threads, kind="plain")
        session.train(steps=20)
        assert session.threads == threads
        weights.append(session.variables["fc1/w"].copy())
    two, again, one, left = weights
    assert two.tobytes() == again.tobytes() and one.tobytes() == left.tobytes()
    np.testing.assert_allclose(two, one, rtol=1e-4, atol=1e-6)


# ---- the plan


def test_the_plan_of_a_small_program(gdl: Gdl, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PLAN.parent)
    said = gdl("run", PLAN.name, "--show", "plan")
    assert (said.code, said.err) == (Exit.OK, "")
    golden(PLAN, said.out)
    assert not Path("runs").exists()


def test_the_plan_as_json_and_from_python(gdl: Gdl) -> None:
    records = [json.loads(line) for line in gdl("run", PLAN, "--show", "plan", "--json").out.splitlines()]
    plans = library.load(PLAN).plans()
    assert [record["of"] for record in records] == list(plans)
    for record, plan in zip(records, plans.values()):
        assert (record["nodes"], record["buffers"]) == (len(plan.order), len(plan.buffers))
        assert record["bytes"] == plan.arena_bytes
        compile(record["code"], "plan", "exec")


def test_what_has_no_plan(gdl: Gdl, tmp_path: Path) -> None:
    (tmp_path / "x.gdl").write_text("gdl 1\nx = 1 + 1\n")
    said = gdl("run", "x.gdl", "--show", "plan")
    assert said.code == Exit.USAGE and "x.gdl has no train or eval block" in said.err
    assert gdl("run", TINY, "--show", "graph").code == Exit.USAGE
    assert "--resume and --show" in gdl("run", "--resume", "x", "--show", "plan").err
