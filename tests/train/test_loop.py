"""Training as a stream of events: what happens when, and what it depends on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gdl.errors import RunError
from gdl.session.runs import Length
from gdl.train import loop
from gdl.train.checkpoint import load
from gdl.train.events import EpochEnded, Evaluated, Finished, Reported, Saved, Started, Stopped
from gdl.train.rundir import view_run
from tests.train.running import TINY, Result, StopAt, go_on

Train = Callable[..., Result]


def program(body: str, evals: str = "", batch: int = 16) -> str:
    """A linear regression on the 90 points of a spiral: 6 batches of 16, the last one of 10."""
    return f"""gdl 1
from nn import Dense
dim batch
data arms = spiral(points=30, classes=3)
placeholder x: f32[batch, 2]
placeholder y: i64[batch]
variable w: f32[2] = [0.5, -0.25]
variable v: f32[2] = zeros()
error = (x @ w - f32(y)) ** 2
loss  = mean(error)
other = mean((x @ v - f32(y)) ** 2)
metric wrong = abs(x @ w - f32(y)) > 0.5
train {{
  feed x = pos, y = arm from arms batch {batch} shuffle
  {body}
}}
{evals}
"""


def steps_of(events: list) -> list[int]:
    return [event.at.step for event in events]


def test_events_of_a_run_in_their_order(train: Train) -> None:
    result = train()
    assert steps_of(result.of(Reported)) == [7, 14, 21, 28, 35, 42, 49, 56, 60]  # what is pending at the end, too
    assert steps_of(result.of(Evaluated)) == [*range(6, 61, 6), 60]  # held_out was just run: only samples at the end
    assert [event.eval for event in result.of(Evaluated)][-2:] == ["held_out", "samples"]
    assert [event.at.epoch for event in result.of(EpochEnded)] == list(range(1, 11))
    (started,) = result.of(Started)
    assert (started.steps, started.epochs, started.examples, started.batch) == (60, 10, 90, 16)
    assert [type(event) for event in result.events[-4:]] == [EpochEnded, Saved, Finished, Evaluated]
    assert [record["step"] for record in result.metrics] == sorted(
        steps_of(result.of(Reported)) + steps_of(result.of(Evaluated))
    )


def test_each_minimize_draws_a_batch_of_its_own(train: Train) -> None:
    body = "epochs 2\nrepeat 3 { minimize loss over w with Sgd(0.1) }\n  minimize other over v with Sgd(0.1)"
    result = train(program(body))
    position = result.run.memory.position
    assert (position.step, position.draws, position.ticks) == (3, 12, 12)  # 4 draws a step, 2 epochs of 6 batches
    assert [event.at.step for event in result.of(EpochEnded)] == [2, 3]


def test_reports_are_means_over_all_examples_since_the_last(train: Train) -> None:
    """With steps of length 0 a report over an epoch is the mean over the data, the short batch weighted by its size."""
    evals = "eval all { feed x = pos, y = arm from arms\n report loss, wrong }"
    result = train(program("epochs 3\nminimize loss over w with Sgd(0.0)\nreport loss, wrong every epoch", evals))
    whole = result.of(Evaluated)[-1].values
    assert len(result.of(Reported)) == 3
    for report in result.of(Reported):
        assert report.values["loss"] == pytest.approx(whole["loss"], rel=1e-6)
        assert report.values["wrong"] == whole["wrong"]


@pytest.mark.parametrize("batch", [1, 7, 32, 90, 1000])
def test_evals_are_exact_whatever_the_batch(train: Train, batch: int) -> None:
    evals = f"eval all {{ feed x = pos, y = arm from arms batch {batch}\n report loss, error, wrong }}"
    values = train(program("steps 0\nminimize loss over w with Sgd(0.1)", evals)).of(Evaluated)[0].values
    reference = train(program("steps 0\nminimize loss over w with Sgd(0.1)", evals.replace(f" batch {batch}", "")))
    expected = reference.of(Evaluated)[0].values
    assert values["wrong"] == expected["wrong"] and values["wrong"] * 90 == round(values["wrong"] * 90)
    assert values["error"] == pytest.approx(expected["error"], rel=1e-7)
    assert values["loss"] == pytest.approx(expected["error"], rel=1e-6)


def test_a_run_is_a_function_of_its_seed(train: Train) -> None:
    assert train().sha256 == train().sha256
    assert train(seed=1).sha256 != train(seed=0).sha256


def test_how_often_it_is_evaluated_does_not_change_training(train: Train) -> None:
    often = TINY.replace("run held_out every epoch", "run held_out every 2 steps\n  run samples every 3 steps")
    assert often != TINY
    assert train(often).sha256 == train().sha256


def test_stop_when_ends_the_block_after_the_step(train: Train) -> None:
    body = "steps 1000\nminimize loss over w with Sgd(0.1)\nreport loss every 1000 steps\nstop when loss < 1.6"
    result = train(program(body, batch=90))
    (stopped,) = result.of(Stopped)
    assert 0 < stopped.at.step < 1000 and "loss < 1.6" in stopped.reason
    assert result.of(Reported) and result.of(Reported)[0].at == stopped.at  # what was pending
    assert [type(event) for event in result.events[-2:]] == [Saved, Finished]
    assert not go_on(result).of(Started)  # it is over, a resumed run does not train on


def test_save_best_keeps_the_best_of_the_eval(train: Train) -> None:
    result = train()
    accuracies = {event.at.step: event.values["accuracy"] for event in result.of(Evaluated) if event.values}
    best = max(accuracies, key=lambda step: (accuracies[step], -step))
    assert result.run.directory is not None and result.run.directory.best is not None
    assert result.run.directory.best.name == f"step-{best:08d}.safetensors"


def test_several_train_blocks_run_one_after_the_other(train: Train) -> None:
    text = program("steps 5\nminimize loss over w with Sgd(0.1)").replace("train {", "train first {")
    text += "train second {\n steps 3\n feed x = pos, y = arm from arms batch 16\n"
    text += " minimize other over v with Sgd(0.1)\n}"
    result = train(text)
    assert [(event.at.train, event.steps) for event in result.of(Started)] == [("first", 5), ("second", 3)]
    assert result.run.memory.position.total_steps == 8 and result.run.memory.position.ticks == 8
    for last in (2, 5):
        stopped = train(text, progress=StopAt(last))
        assert go_on(stopped).sha256 == result.sha256


def test_length_from_outside(train: Train) -> None:
    assert train(length=Length("epochs", 2)).run.memory.position.step == 12
    assert train(length=Length("steps", 5)).run.memory.position.step == 5
    assert train(length=Length("steps", 0)).of(Saved)


# ---- resuming


@pytest.mark.parametrize("last", [1, 6, 13, 14, 25, 59, 60])
def test_a_resumed_run_is_the_uninterrupted_one(train: Train, last: int) -> None:
    """Bit for bit in its weights and in what it reports, from the middle of an epoch and of a report."""
    whole, stopped = train(), train(progress=StopAt(last))
    assert stopped.run.memory.position.step == last and isinstance(stopped.events[-1], (Stopped, Finished))
    resumed = go_on(stopped)
    assert resumed.sha256 == whole.sha256
    assert resumed.metrics == whole.metrics


def test_resumed_again_and_again(train: Train) -> None:
    whole, part = train(), train(progress=StopAt(5))
    for last in (11, 12, 31, 44):
        part = go_on(part, progress=StopAt(last))
        assert part.run.memory.position.step == last
    part = go_on(part)
    assert (part.sha256, part.metrics) == (whole.sha256, whole.metrics)


def test_a_longer_run_is_a_run_resumed_with_a_longer_length(train: Train) -> None:
    longer = train(length=Length("epochs", 12))
    assert go_on(train(), length=Length("epochs", 12)).sha256 == longer.sha256


def test_how_often_a_checkpoint_is_written_changes_nothing(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train()
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(loop, "SAVING_SHARE", 1e9)
    often = train()
    assert [event.reason for event in often.of(Saved)].count("time") > 40
    assert (often.sha256, often.metrics) == (whole.sha256, whole.metrics)


# ---- losses that are no number


DIVERGING = program("steps 400\nminimize total over w with Sgd(HOW)\nsave every 2 steps", batch=90)
DIVERGING = DIVERGING.replace("loss  =", "inner = log(4.0 - sum(w * w))\ntotal = -inner\nloss  =")


def test_a_loss_that_is_no_number_is_traced_to_its_place(train: Train, tmp_path: Path) -> None:
    text = DIVERGING.replace("HOW", "-0.1")
    with pytest.raises(RunError) as caught:
        train(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0820" and "`total` became nan in step" in diagnostic.message
    assert diagnostic.span is not None and diagnostic.span.text.startswith("log(")
    assert "`log`" in diagnostic.labels[0].text and "it is nan" in diagnostic.labels[0].text
    assert "minimize total" in diagnostic.labels[1].span.source.line(diagnostic.labels[1].span.line)
    (kept,) = diagnostic.notes
    assert "step-" in kept and Path(kept.rpartition(" ")[2]).is_file()
    assert diagnostic.helps


def test_the_last_good_checkpoint_survives_and_is_finite(train: Train, tmp_path: Path) -> None:
    with pytest.raises(RunError):
        train(DIVERGING.replace("HOW", "-0.1"))
    latest = view_run(tmp_path / "run0").latest
    assert latest is not None and all(np.isfinite(a).all() for a in load(latest).tensors.values())


# ---- images


def test_images_are_written_into_the_run(train: Train) -> None:
    result = train(TINY.replace("run held_out every epoch", "run held_out every epoch\n  run samples every 5 epochs"))
    assert result.run.directory is not None
    files = sorted(path.name for path in result.run.directory.path.glob("*.png"))
    assert files == ["noise-30.png", "noise-60.png"]
    assert [r["files"] for r in result.metrics if r.get("eval") == "samples"] == [["noise-30.png"], ["noise-60.png"]]


@pytest.mark.parametrize("file", ["../x.png", "/x.png", "a/../../x.png", "C:x.png", "x.txt", "{name}.png"])
def test_images_stay_inside_the_run(train: Train, file: str) -> None:
    with pytest.raises(RunError, match="E0823|E0824"):
        train(TINY.replace("noise-{step}.png", file))
