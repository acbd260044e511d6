"""The stages of a pipe: `x |> label: callee(args)`."""

from __future__ import annotations

from typing import Any

from gdl.errors import calls as errors
from gdl.errors import names as name_errors
from gdl.lang.bind import evaluate_arguments
from gdl.lang.calls import apply_instance, bind_name, call_values, calling, make_instance, may_be_tensor
from gdl.lang.context import Context, Frame
from gdl.lang.values import Argument, Function, Instance, InstanceList, Partial, describe
from gdl.syntax import ast


def apply_stage(cx: Context, frame: Frame, value: Argument, stage: ast.Stage) -> Any:
    """`value |> label: callee(args)`"""
    callee = cx.evaluate(frame, stage.callee)
    args = evaluate_arguments(cx, frame, stage.args or ())
    span = stage.callee.span.to(stage.span)
    if isinstance(callee, Partial) and isinstance(callee.callee, Function) and callee.callee.definition.what == "layer":
        args, callee = [*callee.args, *args], callee.callee
    if isinstance(callee, Function) and callee.definition.what == "layer":
        tensors = [value, *[a for a in args if a.name is None and may_be_tensor(a.value)]]
        statics = [a for a in args if a not in tensors[1:]]
        instance = _stage_instance(cx, frame, callee, statics, stage)
        cx.note(stage.label_span, instance)
        return apply_instance(cx, frame, instance, tensors, span)
    if stage.label is not None:
        cx.fail(
            name_errors.misplaced(
                stage.label_span or span,
                f"the label `{stage.label}`",
                f"before {describe(callee)}",
                "a label names a layer's instance; name a value by a binding: y = ...",
            ),
            frame,
        )
    with calling(cx, frame, stage.callee, callee):
        return call_values(cx, frame, callee, [value, *args], span, stage.callee.span)


def _stage_instance(cx: Context, frame: Frame, layer: Function, args: list[Argument], stage: ast.Stage) -> Instance:
    place = stage.label_span or stage.callee.span.to(stage.span)
    if stage.label_index is None:
        return make_instance(cx, frame, layer, args, stage.label, place)
    assert stage.label is not None
    number = cx.evaluate(frame, stage.label_index)
    if not isinstance(number, int) or isinstance(number, bool):
        cx.fail(
            errors.not_static(
                stage.label_index.span, "the number of an instance", describe(number), "use the variable of the `for`"
            ),
            frame,
        )
    instance = make_instance(cx, frame, layer, args, stage.label, place, number)
    known = frame.names.get(stage.label)
    if not isinstance(known, InstanceList):
        known = InstanceList()
        bind_name(frame, stage.label, known, place)
    known.items[number] = instance
    return instance
