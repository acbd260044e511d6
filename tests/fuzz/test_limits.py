"""Programs that would take forever, or more memory than there is, end at a limit with a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdl.errors import RunError
from gdl.session.checking import check_program
from gdl.session.runs import start
from gdl.source import Source
from gdl.train.data import DataOptions
from tests.fuzz.oracle import time_limit

_CALLS = "\n".join(f"def f{i}(x: f32[]) {{ return f{i + 1}(x) + f{i + 1}(x) }}" for i in range(40))
ENDLESS = {
    "a long loop": ("E0903", "x = ones([3])\nfor i in 0..1000000 { x = x + 1 }"),
    "loops in loops": ("E0903", "for i in 0..1000000 { for j in 0..1000000 { for k in 0..1000000 { } } }"),
    "a list that doubles": ("E0903", "s = [1, 2]\nfor i in 0..100 { s = s + s }"),
    "a list of lists": ("E0903", "s = [1, 2]\nfor i in 0..100 { s = [s, s] }"),
    "a text that doubles": ("E0903", 's = "ab"\nfor i in 0..100 { s = s + s }'),
    "calls that double": ("E0903", f"{_CALLS}\ndef f40(x: f32[]) {{ return x }}\ny = f0(1.0)"),
    "a call of itself": ("E0901", "def f(x: f32[]) { return f(x) }\ny = f(1.0)"),
    "a power": ("E0211", "x = 2**10**9"),
    "numbers that are squared": ("E0211", "x = 3\nfor i in 0..100 { x = x * x }"),
    "sizes that are squared": ("E0904", "dim n, m\ns = n\nfor i in 0..100 { s = (s + m) * (s + 1) }"),
    "sizes that nest": ("E0904", "dim n\ns = n\nfor i in 0..10000 { s = s // 7 + 1 }"),
    "axes without end": ("E0208", "x = ones([3])\nfor i in 0..100 { x = expand(x, axis=0) }"),
    "an axis too long": ("E0208", "x = zeros([2**63])"),
    "a variable too long": ("E0211", "variable w: f32[2**63] = zeros()"),
    "parts without end": ("E0208", "x = split(zeros([10**7]), 10**7)"),
    "gradients of gradients": ("E0507", "x = zeros([2])\ny = exp(sin(x))\nfor i in 0..40 { y = grad(sum(y), x) }"),
}
UNAFFORDABLE = (
    "eval e { report sum(uniform([10**6, 10**9])) }",
    "eval e { report sum(normal([2**40, 2**20])) }",
    "eval e { report sum(one_hot([1], 10**15)) }",
    "eval e { report sum(arange(2**62)) }",
    "variable w: f32[1000000, 1000000000] = normal()\neval e { report sum(w) }",
)


@pytest.mark.parametrize("name", ENDLESS)
def test_a_program_without_end_ends(name: str, options: DataOptions) -> None:
    code, text = ENDLESS[name]
    with time_limit(5.0):
        found = check_program(Source("endless.gdl", text), options).diagnostics
    assert [d.code for d in found if d.is_error] == [code]


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_and_ends_soon_at_the_real_limits(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = ENDLESS[name]
    monkeypatch.setattr("gdl.lang.context.MAX_EVALUATIONS", 1_000_000)
    monkeypatch.setattr("gdl.autodiff.requests.MAX_NODES", 300_000)
    with time_limit(60.0):
        found = check_program(Source("endless.gdl", text), DataOptions(program_dir=tmp_path)).diagnostics
    assert [d.code for d in found if d.is_error] == [code]


@pytest.mark.parametrize("text", UNAFFORDABLE)
def test_more_memory_than_there_is_is_an_error_of_the_run(text: str, options: DataOptions) -> None:
    checked = check_program(Source("large.gdl", text), options)
    with pytest.raises(RunError) as caught:
        list(start(checked, options, hypers={}, keep=False).events())
    assert caught.value.diagnostics[0].code == "E0810"
