"""A gradient that can't be, or is zero everywhere: told with the place and the way out."""

from __future__ import annotations

import pytest

from gdl.autodiff import expand, gradient
from gdl.autodiff.blame import untouched_variable
from gdl.diagnostics import Diagnostic
from gdl.errors import ProgramError
from gdl.graph.node import Node
from gdl.graph.scan import Body, make_scan, yields_of
from gdl.ops.table import TABLE, apply
from tests.graph.building import Text, batch, graph, leaf, named, request, variable

TEXT = Text(
    """\
logits = x @ w
pred = argmax(logits, axis=-1)
hit = pred == y
acc = mean(f64(hit))
g = grad(acc, w)
"""
)


def total(x: Node) -> Node:
    return apply("sum", (x,))


def accuracy() -> tuple[Node, Node]:
    x, w, y = leaf("x", batch, 4), leaf("w", 4, 3), leaf("y", batch, dtype="i64")
    logits = named(apply("matmul", (x, w)), "logits", TEXT.at("x @ w"))
    pred = named(apply("argmax", (logits,), {"axis": -1}), "pred", TEXT.at("argmax(logits, axis=-1)"))
    hit = named(apply("equal", (pred, y)), "hit", TEXT.at("pred == y"))
    acc = named(total(apply("cast", (hit,), {"dtype": "f64"})), "acc", TEXT.at("mean(f64(hit))"))
    return acc, w


def error_of(*outputs: Node) -> Diagnostic:
    with pytest.raises(ProgramError) as caught:
        expand(graph(*outputs))
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


def shown(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    return [(label.span.text, label.text) for label in diagnostic.labels]


def test_the_cut_nearest_to_the_variable_is_shown_with_its_reason():
    acc, w = accuracy()
    d = error_of(request("grad", acc, w, span=TEXT.at("grad(acc, w)")))
    assert d.code == "E0501"
    assert d.message == "the gradient of `acc` with respect to `w` is zero: every path between them is cut"
    assert shown(d) == [
        ("grad(acc, w)", ""),
        ("argmax(logits, axis=-1)", f"the path is cut here: {TABLE['argmax'].flat}"),
    ]
    assert d.helps


def test_every_cut_path_is_shown():
    text = Text("y = floor(x) + sign(x)\ngrad(y, x)")
    x = leaf("x")
    a = apply("floor", (x,), origin=(text.at("floor(x)"),))
    b = apply("sign", (x,), origin=(text.at("sign(x)"),))
    d = error_of(request("grad", named(a + b, "y"), x, span=text.at("grad(y, x)")))
    assert [place for place, _ in shown(d)] == ["grad(y, x)", "floor(x)", "sign(x)"]


def test_a_cast_to_integers_cuts():
    x = leaf("x", 3)
    d = error_of(request("grad", total(apply("cast", (apply("cast", (x,), {"dtype": "i64"}),), {"dtype": "f64"})), x))
    assert (d.code, len(d.notes)) == ("E0501", 1) and d.notes[0].startswith("the path is cut by `cast`: ")


def test_stop_gradient_cuts_and_has_its_own_help():
    x = leaf("x")
    d = error_of(request("grad", apply("stop_gradient", (x,)) * 2.0, x))
    assert d.code == "E0501" and "stop_gradient" in d.helps[0]


def test_a_path_cut_twice_is_cut_where_it_is_cut_first():
    x = leaf("x")
    d = error_of(request("grad", apply("floor", (apply("sign", (x,)),)), x))
    assert [n.split(":")[0] for n in d.notes] == ["the path is cut by `sign`"]


def test_a_value_in_a_library_is_shown_where_the_program_calls_it():
    library, program = Text("floor(x * 2)", "nn.gdl"), Text("y = steps(x)\ngrad(y, x)")
    x = leaf("x")
    y = apply("floor", (x,), origin=(library.at("floor(x * 2)"), program.at("steps(x)")))
    d = error_of(request("grad", y, x, span=program.at("grad(y, x)")))
    assert [place for place, _ in shown(d)] == ["grad(y, x)", "steps(x)"]


def test_no_connection_names_what_there_is():
    x, w, other = leaf("x"), variable("model/w"), leaf("other")
    d = error_of(request("grad", named(x * w, "y"), other))
    assert d.code == "E0501"
    assert d.message == "the gradient of `y` with respect to `other` is zero: `y` does not depend on `other`"
    assert d.notes == ("`y` depends on `x`, `model/w`",)


def test_swapped_arguments_are_recognised():
    x = leaf("x")
    y = named(x * x, "y")
    d = error_of(request("grad", x, y))
    assert d.helps == ("`y` depends on `x`: did you mean grad(y, x)?",)


def test_a_rebound_name_is_recognised():
    text = Text("x = raw / 255\ny = x * x\nx = x + 1\ngrad(y, x)")
    raw = leaf("raw")
    first = named(raw * 2.0, "x", text.at("raw / 255"))
    y = named(first * first, "y", text.at("x * x"))
    later = named(first + 1.0, "x", text.at("x + 1"))
    d = error_of(request("grad", y, later, span=text.at("grad(y, x)")))
    assert ("raw / 255", "`y` is computed from this earlier `x`") in shown(d)


def test_only_scalars_have_a_gradient_without_weights():
    x = leaf("x", batch, 3)
    d = error_of(request("grad", named(x * x, "y"), x))
    assert (d.code, d.message) == ("E0502", "`grad` needs a scalar, `y` is f64[batch, 3]")
    assert "mean(y)" in d.helps[0] and "vjp(y, x, v)" in d.helps[0]


def test_an_op_without_a_rule_is_an_error_and_not_a_zero(monkeypatch):
    monkeypatch.setattr(TABLE["exp"], "gradient", None)
    x = leaf("x")
    d = error_of(request("grad", apply("exp", (x,)), x))
    assert (d.code, d.message) == ("E0503", "`exp` has no gradient rule")


def test_nothing_is_differentiated_by_integers():
    n = leaf("n", dtype="i64")
    d = error_of(request("grad", apply("cast", (n,), {"dtype": "f64"}), n))
    assert d.code == "E0504" and "n_float = f32(n)" in d.helps[0]


def test_minimize_speaks_of_the_loss_and_the_variable():
    text = Text("variable w: f64[] = zeros()\nminimize loss with Sgd(0.1)")
    w, x = variable("model/w", span=text.at("w: f64[]")), leaf("x")
    d = error_of(request("grad", named(x * x, "loss"), w, span=text.at("minimize loss"), minimize=True))
    assert (d.code, d.message) == ("E0505", "loss `loss` does not depend on variable `model/w`")
    assert shown(d)[0] == ("minimize loss", "")
    with pytest.raises(ProgramError, match="E0505"):
        gradient(x * x, [w], missing=untouched_variable)


def test_minimize_shows_where_the_path_is_cut():
    acc, w = accuracy()
    d = error_of(request("grad", acc, w, minimize=True))
    assert d.code == "E0505" and "argmax" in shown(d)[0][0]


def test_weights_and_directions_must_fit():
    x, v = leaf("x", 3), leaf("v", 2)
    y = named(x * x, "y")
    vjp, jvp = error_of(request("grad", y, x, v)), error_of(request("jvp", y, x, v))
    assert (vjp.code, jvp.code) == ("E0506", "E0506")
    assert vjp.message == "`vjp` needs a weight for each element of `y`, which is f64[3]; it got f64[2]"
    assert jvp.message == "`jvp` needs a direction of the shape of `x`, which is f64[3]; it got f64[2]"


def test_all_variables_without_a_path_are_told_at_once():
    x, a, b = leaf("x"), leaf("a"), leaf("b")
    y = x * x
    with pytest.raises(ProgramError) as caught:
        expand(graph(request("grad", y, a), request("grad", y, x), request("grad", y, b)))
    assert [d.code for d in caught.value.diagnostics] == ["E0501", "E0501"]


def test_what_rests_on_a_wrong_request_is_not_told_again():
    x, a = leaf("x"), leaf("a")
    lost = request("grad", x * x, a)
    with pytest.raises(ProgramError) as caught:
        expand(graph(request("grad", lost * x, x), request("grad", x + 1.0, leaf("b")), request("jvp", lost, x, x)))
    messages = [d.message.rpartition("respect to ")[2] for d in caught.value.diagnostics]
    assert messages == [
        f"`{name}` is zero: `{of}` does not depend on `{name}`" for name, of in (("a", "multiply"), ("b", "add"))
    ]


def test_a_value_made_in_a_library_is_called_as_the_program_writes_it():
    library, program = Text("sum(x) / size(x)", "losses.gdl"), Text("grad(mean(z), w)")
    mean = apply("exp", (leaf("z"),), origin=(library.at("sum(x) / size(x)"), program.at("mean(z)")))
    d = error_of(request("grad", mean, leaf("w"), span=program.at("grad(mean(z), w)")))
    assert d.message == "the gradient of `mean(z)` with respect to `w` is zero: `mean(z)` does not depend on `w`"


def test_a_scan_whose_body_cuts_the_path_is_the_cut():
    h, x = leaf("h", 3), leaf("x", 3)
    start, xs = leaf("start", 3), leaf("xs", 5, 3)
    stepped = apply("floor", (h,)) + x
    scan = make_scan(Body((x,), (h,), (), (stepped,), (stepped,)), [xs], [start], [], length=5)
    loss = total(yields_of(scan)[0])
    d = error_of(request("grad", loss, start))
    assert d.code == "E0501" and d.notes == (
        "the path is cut by `scan`: no gradient passes through the scan's body to it",
    )
    expand(graph(request("grad", loss, xs)))
